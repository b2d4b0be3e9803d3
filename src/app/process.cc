#include "app/process.h"

#include <csignal>
#include <cstdio>

#include "config/load.h"
#include "runtime/file_watch.h"
#include "runtime/hop.h"
#include "runtime/signals.h"
#include "runtime/socket_network.h"

namespace weir {

using std::chrono::milliseconds;

Process::Process(RunOptions options) : options_(std::move(options)) {}
Process::~Process() = default;

void Process::finished(const RequestRecord& record) { (void)record; }

int Process::run() {
  unsigned count = options_.config.threads;
  if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
  std::vector<Shard*> shards;
  for (unsigned i = 0; i < count; ++i) {
    seats_.push_back(std::make_unique<Seat>());
    seats_.back()->loop = std::make_unique<EpollShard>(i);
    shards.push_back(&seats_.back()->loop->shard());
  }
  Gateway::Observer observer;
  observer.child_wrote = [](const std::string& server, std::string_view line) {
    std::fprintf(stderr, "%s: %.*s\n", server.c_str(), static_cast<int>(line.size()), line.data());
  };
  gateway_ = std::make_unique<Gateway>(shards, observer);
  for (unsigned i = 1; i < count; ++i)
    seats_[i]->thread = std::thread([loop = seats_[i]->loop.get()] { loop->run(); });
  Seat& first = *seats_[0];
  shards[0]->post([this, &first] { first.fibers.start(control()); });
  first.loop->run();
  for (unsigned i = 1; i < count; ++i) {
    seats_[i]->loop->stop();
    seats_[i]->thread.join();
  }
  return exit_code_;
}

// Shard 0: everything that is not a request.
Task<void> Process::control() {
  Seat& first = *seats_[0];
  gateway_->apply(options_.config);
  bool good = co_await open(first, true);
  CancelScope never;
  for (std::size_t i = 1; good && i < seats_.size(); ++i) {
    Seat& seat = *seats_[i];
    std::function<Task<bool>(CancelScope&)> work = [this, &seat](CancelScope&) { return open(seat, false); };
    good = co_await on_shard<bool>(seat.loop->shard(), never, std::move(work));
  }
  Result<std::unique_ptr<Signals>> signals =
      Signals::take(first.loop->shard().network(), {SIGTERM, SIGINT, SIGHUP});
  if (!good || !signals) {
    exit_code_ = 1;
    first.loop->stop();
    co_return;
  }
  for (const SocketAddress& address : bound_)
    std::fprintf(stderr, "weir: serving http://%s:%u/mcp\n", address.host.c_str(), unsigned{address.port});
  CancelScope watching;
  if (!options_.file.empty()) first.fibers.start(watch_file(watching));
  while (true) {
    const Result<int> signal = co_await (*signals)->next(never);
    if (!signal) break;
    if (*signal != SIGHUP) break;
    reload("SIGHUP");
  }
  watching.cancel();
  // The second one ends at once.
  struct Impatient {
    static Task<void> wait(Signals& from, CancelScope& scope) {
      const Result<int> again = co_await from.next(scope);
      if (again) std::_Exit(1);
    }
  };
  CancelScope patient;
  first.fibers.start(Impatient::wait(**signals, patient));
  co_await drain();
  patient.cancel();
  std::fflush(nullptr);
  std::_Exit(0);
}

Task<bool> Process::open(Seat& seat, bool first) {
  const Config& config = options_.config;
  Network& network = seat.loop->shard().network();
  seat.limits.body_max = config.limits.body;
  seat.limits.head.head_max = config.limits.header;
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const ListenConfig& one = config.listen[i];
    SocketAddress address(one.address.host, one.address.port);
    if (first) {
      // A listener that does not share tells whether somebody else has the port.
      const auto alone = network.listen(address, false);
      if (!alone) {
        std::fprintf(stderr, "weir: cannot listen on %s:%u: %s\n", address.host.c_str(),
                     unsigned{address.port}, alone.error().detail().c_str());
        co_return false;
      }
    } else {
      address.port = bound_[i].port;
    }
    Result<std::unique_ptr<Listener>> listener = network.listen(address, true);
    if (!listener) {
      std::fprintf(stderr, "weir: cannot listen on %s:%u: %s\n", address.host.c_str(), unsigned{address.port},
                   listener.error().detail().c_str());
      co_return false;
    }
    if (first) bound_.push_back((*listener)->address());
    HttpEntry::Options options;
    options.loopback = is_loopback(one.address.host);
    options.allowed_hosts = one.allowed_hosts;
    options.error_status_http = one.error_status_http;
    seat.entries.push_back(std::make_unique<HttpEntry>(*gateway_, std::move(options), *this));
    seat.listeners.push_back(std::move(*listener));
    seat.fibers.start(accept(seat, *seat.listeners.back(), *seat.entries.back()));
  }
  co_return true;
}

Task<void> Process::accept(Seat& seat, Listener& listener, HttpHandler& handler) {
  while (!seat.stop.cancelled()) {
    Result<std::unique_ptr<Stream>> stream = co_await listener.accept(seat.stop);
    if (!stream) continue;
    if (connections_.load(std::memory_order_relaxed) >= gateway_->plan()->config.limits.connections) {
      (*stream)->close();
      continue;
    }
    seat.fibers.start(serve(seat, std::move(*stream), handler));
  }
}

Task<void> Process::serve(Seat& seat, std::unique_ptr<Stream> stream, HttpHandler& handler) {
  connections_.fetch_add(1, std::memory_order_relaxed);
  co_await serve_http(std::move(stream), handler, seat.limits, seat.stop);
  connections_.fetch_sub(1, std::memory_order_relaxed);
}

Task<void> Process::watch_file(CancelScope& stop) {
  Result<std::unique_ptr<FileWatch>> watch = FileWatch::start(Shard::current().network(), options_.file);
  if (!watch) {
    std::fprintf(stderr, "weir: %s is not watched: %s\n", options_.file.c_str(),
                 watch.error().detail().c_str());
    co_return;
  }
  while (!stop.cancelled()) {
    const Result<void> changed = co_await (*watch)->next(milliseconds(20), stop);
    if (!changed) break;
    reload("file");
  }
}

bool Process::reload(std::string_view cause) {
  const LoadOutcome loaded = options_.load_again();
  for (const Diagnostic& diagnostic : loaded.diagnostics) std::fputs(to_string(diagnostic).c_str(), stderr);
  if (!loaded.config) return false;
  const ApplyReport report = gateway_->apply(*loaded.config);
  std::fprintf(stderr, "weir: reloaded (%s): %zu servers added, %zu removed, %zu kept\n",
               std::string(cause).c_str(), report.added, report.removed, report.kept);
  return true;
}

// Stop accepting, finish what is in flight, end the servers.
Task<void> Process::drain() {
  const TimePoint deadline = Shard::current().now() + gateway_->plan()->config.drain_timeout;
  for (const auto& seat : seats_) seat->loop->shard().post([&seat] { seat->stop.cancel(); });
  while (connections_.load() != 0 && Shard::current().now() < deadline)
    co_await Sleep(Shard::current().now() + milliseconds(5), nullptr);
  co_await gateway_->close(std::max(deadline, Shard::current().now() + milliseconds(100)));
}

}  // namespace weir
