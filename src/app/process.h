// The running process: its shards and their threads, the listening addresses, the gateway behind them, and
// how it is told to reload and to end. Lives from `weir run` to its exit code.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "config/load.h"
#include "front/http_entry.h"
#include "gateway/gateway.h"
#include "runtime/epoll_loop.h"

namespace weir {

/// How the process was started.
struct RunOptions {
  std::string file;  // empty: the embedded default
  Config config;
  std::function<LoadOutcome()> load_again;  // reads the file once more, command line over it
};

class Process final : public FrontObserver {
 public:
  explicit Process(RunOptions options);
  ~Process() override;

  /// Serves until it is told to end. The exit code.
  int run();

 private:
  /// What one shard serves with.
  struct Seat {
    std::unique_ptr<EpollShard> loop;
    std::thread thread;
    std::vector<std::unique_ptr<HttpEntry>> entries;
    std::vector<std::unique_ptr<Listener>> listeners;
    HttpServerLimits limits;
    CancelScope stop;
    Nursery fibers;
  };
  Task<void> control();
  Task<bool> open(Seat& seat, bool first);
  Task<void> accept(Seat& seat, Listener& listener, HttpHandler& handler);
  Task<void> serve(Seat& seat, std::unique_ptr<Stream> stream, HttpHandler& handler);
  Task<void> watch_file(CancelScope& stop);
  Task<void> drain();
  bool reload(std::string_view cause);
  void finished(const RequestRecord& record) override;

  RunOptions options_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::unique_ptr<Gateway> gateway_;
  std::vector<SocketAddress> bound_;
  std::atomic<std::uint32_t> connections_{0};
  int exit_code_ = 0;
};

}  // namespace weir
