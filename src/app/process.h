// The running process: its shards and their threads (one more than `threads`, for control), the listening
// addresses, the gateway behind them, and how it is told to reload and to end. Lives from `weir run` to its
// exit code.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/api.h"
#include "app/certificate.h"
#include "app/connection_book.h"
#include "app/observe.h"
#include "config/load.h"
#include "front/http_entry.h"
#include "front/stdio_entry.h"
#include "gateway/gateway.h"
#include "runtime/epoll_loop.h"
#include "runtime/standard_streams.h"

namespace weir {

/// How the process was started.
struct RunOptions {
  std::string file;  // empty: the embedded default
  Config config;
  std::function<LoadOutcome()> load_again;  // reads the file once more, command line over it
  std::optional<StandardStreams> stdio;     // one client over these instead of the addresses
};

class Process {
 public:
  explicit Process(RunOptions options);
  ~Process();

  /// Serves until it is told to end. The exit code.
  int run();

 private:
  /// What one shard serves with.
  struct Seat {
    std::unique_ptr<EpollShard> loop;
    std::thread thread;
    std::vector<std::unique_ptr<HttpEntry>> entries;
    std::unique_ptr<StdioEntry> stdio;
    HttpServerLimits limits;
    IdleList idle;
    std::size_t refusing = 0;  // connections that are being told that they are too many
    CancelScope stop;
    CancelScope cut;  // of clients that do not read, at the end of drain_timeout
    Nursery fibers;
  };
  Task<void> control();
  Task<bool> open(Seat& seat, bool first);
  Task<bool> open_stdio(Seat& seat);
  Task<void> serve_stdio(Seat& seat, std::unique_ptr<Stream> stream);
  /// Whom an address lets in, and how it is served.
  struct Door {
    HttpHandler* handler = nullptr;
    Certificate* certificate = nullptr;  // null: without TLS
    ConnectionBook* book = nullptr;
    bool operators = false;
  };
  Task<void> accept(Seat& seat, std::unique_ptr<Listener> listener, Door door);
  bool make_room(Seat& seat, const Door& door, std::string_view address);
  Task<void> serve(Seat& seat, std::unique_ptr<Stream> stream, Door door, std::string address);
  Task<void> refuse(Seat& seat, std::unique_ptr<Stream> stream);
  bool load_certificates();
  void reload_certificates(std::string_view cause);
  Task<void> watch_certificate(std::string file, CancelScope& stop);
  void watch_certificates(CancelScope& stop);
  std::string unsafe_change(const Config& config) const;
  Result<std::unique_ptr<Listener>> open_on_control(const AddressConfig& wanted, const char* what);
  AdminActions admin_actions();
  Task<void> watch_file(CancelScope& stop);
  Task<void> drain();
  Task<bool> open_admin();
  bool reload(std::string_view cause, std::string& report);
  bool rollback(std::string& report);
  void note_good_reload();
  void take(const Config& config, std::string_view cause, std::string& report);
  void say_ready();
  void say_server(const Upstream& upstream, int tools);
  Seat& control_seat() { return *seats_.back(); }

  RunOptions options_;
  Log log_;
  std::unique_ptr<Metrics> metrics_;
  std::vector<std::unique_ptr<Seat>> seats_;  // one per worker, then the control shard's
  Gateway* gateway_now_ = nullptr;
  std::unique_ptr<Observe> observe_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<AdminApi> admin_;
  std::unique_ptr<AdminApi> figures_;
  SocketAddress admin_address_;
  SocketAddress figures_address_;
  std::vector<std::unique_ptr<Certificate>> certificates_;  // of `listen`, in its order; null: no TLS
  std::unique_ptr<Certificate> admin_certificate_;
  ConnectionBook clients_;
  ConnectionBook operators_;
  ConnectionBook scrapers_;  // of metrics_listen
  BufferBudget buffers_;
  std::size_t descriptor_room_ = 0;  // connections that descriptors are left for
  std::deque<Config> earlier_;       // the last five configurations, newest last; the control shard
  std::atomic<bool> draining_{false};
  CancelScope client_left_;  // the one client of stdio; the control shard
  std::shared_ptr<OpenStreams> streams_ = std::make_shared<OpenStreams>();
  std::vector<SocketAddress> bound_;
  std::mutex said_lock_;
  bool ready_said_ = false;
  std::map<std::string, std::string> said_;  // what was printed of each server last
  int exit_code_ = 0;
};

}  // namespace weir
