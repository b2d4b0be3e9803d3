#include "app/process.h"

#include <malloc.h>

#include <csignal>
#include <cstdio>

#include "config/text_rules.h"
#include "runtime/descriptors.h"
#include "runtime/hop.h"
#include "runtime/signals.h"

// Counts are written at an orderly exit only; ours leaves threads and frames as they are.
#ifdef WEIR_COVERAGE
extern "C" void __gcov_dump();
#endif

namespace weir {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t kControlBodyMax = 64 * 1024;  // operators' actions take none

[[noreturn]] void leave(int code) {
  std::fflush(nullptr);
#ifdef WEIR_COVERAGE
  __gcov_dump();
#endif
  std::_Exit(code);
}

}  // namespace

Process::Process(RunOptions options) : options_(std::move(options)), log_(STDERR_FILENO) {}
Process::~Process() = default;

int Process::run() {
  raise_descriptor_limit();
  // Large blocks go back to the system when they are let go, whatever came before: else a burst of large
  // bodies stays for ever.
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  descriptor_room_ = descriptor_room();
  if (!options_.stdio && !load_certificates()) return 1;
  unsigned count = options_.config.threads;
  // One client over one channel is one shard's.
  if (count == 0) count = options_.stdio ? 1U : std::max(1U, std::thread::hardware_concurrency());
  std::vector<Shard*> shards;
  for (unsigned i = 0; i <= count; ++i) {
    seats_.push_back(std::make_unique<Seat>());
    seats_.back()->loop = std::make_unique<EpollShard>(i);
    // The control shard serves operators, who come in when nothing else does.
    seats_.back()->limits.cut = &seats_.back()->cut;
    if (i < count)
      seats_.back()->limits.budget = &buffers_;
    else
      seats_.back()->limits.body_max = kControlBodyMax;
    shards.push_back(&seats_.back()->loop->shard());
  }
  metrics_ = std::make_unique<Metrics>(shards.size());
  observe_ = std::make_unique<Observe>(log_, *metrics_, gateway_now_, shards.size());
  observe_->set_options(options_.config.log);
  for (const auto& seat : seats_) seat->idle.count_in(observe_->connections_shed);
  if (!options_.stdio && descriptor_room_ < options_.config.limits.connections) {
    LogLine line(
        log_, Module::app, Severity::warn,
        "fewer connections are taken than limits.connections says, for lack of descriptors (ulimit -n)");
    line.number("connections", static_cast<std::int64_t>(descriptor_room_));
  }
  Gateway::Observer observer;
  observer.degradation_changed = [this](const std::string& rule, const std::string& server, bool acts) {
    observe_->degradation_changed(rule, server, acts);
  };
  observer.server_changed = [this](const Upstream& upstream) {
    observe_->server_changed(upstream);
    const ServerState state = upstream.status()->state;
    if (state == ServerState::unreachable || state == ServerState::needs_authorization)
      say_server(upstream, -1);
  };
  observer.endpoint_changed = [this](const Upstream& upstream, const Endpoint& endpoint) {
    observe_->endpoint_changed(upstream, endpoint);
  };
  observer.breaker_changed = [this](const Upstream& upstream, const Endpoint& endpoint,
                                    const BreakerChange& change) {
    observe_->breaker_changed(upstream, endpoint, change);
  };
  observer.name_changed = [this](const Upstream& upstream, const std::string& host,
                                 const std::string& reason) {
    observe_->name_changed(upstream, host, reason);
  };
  observer.server_learned = [this](const Upstream& upstream, int tools) { say_server(upstream, tools); };
  observer.child_wrote = [this](const std::string& server, std::string_view line) {
    observe_->child_wrote(server, line);
  };
  observer.tool_withheld = [this](const std::string& server, const std::string& tool,
                                  const std::string& reason) {
    observe_->tool_withheld(server, tool, reason);
  };
  observer.not_remembered = [this](const std::string& server, const std::string& what) {
    observe_->not_remembered(server, what);
  };
  observer.pin_news = [this](const PinNews& news) { observe_->pin_news(news); };
  gateway_ = std::make_unique<Gateway>(shards, count, observer);
  gateway_now_ = gateway_.get();
  for (unsigned i = 0; i < count; ++i)
    seats_[i]->thread = std::thread([loop = seats_[i]->loop.get()] { loop->run(); });
  shards.back()->post([this] { control_seat().fibers.start(control()); });
  control_seat().loop->run();
  for (unsigned i = 0; i < count; ++i) {
    seats_[i]->loop->stop();
    seats_[i]->thread.join();
  }
  return exit_code_;
}

// The control shard: everything that is not a request.
Task<void> Process::control() {
  Seat& own = control_seat();
  CancelScope never;
  // Before the first client can come in.
  std::string report;
  take(options_.config, "start", report);
  bool good = true;
  const std::size_t served = options_.stdio ? 1 : seats_.size() - 1;
  for (std::size_t i = 0; good && i < served; ++i) {
    Seat& seat = *seats_[i];
    std::function<Task<bool>(CancelScope&)> work = [this, &seat, i](CancelScope&) {
      return options_.stdio ? open_stdio(seat) : open(seat, i == 0);
    };
    good = co_await on_shard<bool>(seat.loop->shard(), never, std::move(work));
  }
  if (good && !options_.stdio) good = co_await open_admin();
  Result<std::unique_ptr<Signals>> signals =
      Signals::take(own.loop->shard().network(), {SIGTERM, SIGINT, SIGHUP});
  if (!good || !signals) {
    log_.flush();
    leave(1);
  }
  if (!options_.stdio) say_ready();
  CancelScope watching;
  if (!options_.file.empty()) own.fibers.start(watch_file(watching));
  if (!options_.stdio) watch_certificates(watching);
  while (true) {
    const Result<int> signal = co_await (*signals)->next(client_left_);
    if (!signal) break;
    if (*signal != SIGHUP) break;
    reload("SIGHUP", report);
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
  own.fibers.start(Impatient::wait(**signals, patient));
  co_await drain();
  patient.cancel();
  log_.flush();
  leave(0);
}

void Process::say_ready() {
  std::lock_guard lock(said_lock_);
  ready_said_ = true;
  std::string first;
  const auto where = [](const SocketAddress& address, bool tls) {
    return (tls ? "https://" : "http://") + to_string(AddressConfig{address.host, address.port});
  };
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    const std::string url = where(bound_[i], certificates_[i] != nullptr) + "/mcp";
    if (first.empty()) first = url;
    std::printf("weir %s  %s\n", WEIR_VERSION, url.c_str());
  }
  if (options_.config.admin)
    std::printf("admin       %s\n", where(admin_address_, admin_certificate_ != nullptr).c_str());
  if (options_.config.metrics_listen)
    std::printf("metrics     %s/metrics\n", where(figures_address_, false).c_str());
  const bool asks = !options_.config.auth.bearer_tokens.empty();
  std::printf(
      "paste into a client:\n  {\"mcpServers\": {\"weir\": {\"type\": \"http\", \"url\": \"%s\"%s}}}\n",
      first.c_str(), asks ? ", \"headers\": {\"Authorization\": \"Bearer TOKEN\"}" : "");
  for (const auto& [server, text] : said_) std::printf("  %-16s %s\n", server.c_str(), text.c_str());
  std::fflush(stdout);
}

void Process::say_server(const Upstream& upstream, int tools) {
  const auto now = upstream.status();
  const std::string text =
      now->state == ServerState::ready ? std::to_string(std::max(tools, 0)) + " tools, MCP " +
                                             std::string(to_string(now->peer->facts.revision))
      : now->state == ServerState::needs_authorization
          ? "needs authorization: set servers." + upstream.name() + ".headers.Authorization"
          : now->error.detail();
  std::lock_guard lock(said_lock_);
  std::string& before = said_[upstream.name()];
  if (before == text) return;
  before = text;
  if (!ready_said_ || options_.stdio) return;
  std::printf("  %-16s %s\n", upstream.name().c_str(), text.c_str());
  std::fflush(stdout);
}

// Stop accepting, finish what is in flight, end the servers.
Task<void> Process::drain() {
  const TimePoint deadline = Shard::current().now() + gateway_->plan()->config.drain_timeout;
  draining_ = true;
  observe_->noted("drain", false, "the process ends");
  for (const auto& seat : seats_) seat->loop->shard().post([&seat] { seat->stop.cancel(); });
  gateway_->end_streams();
  while (observe_->connections.load() != 0 && Shard::current().now() < deadline)
    co_await Sleep(Shard::current().now() + milliseconds(5), nullptr);
  // Calls whose clients do not read are waited for no longer, either.
  for (const auto& seat : seats_) seat->loop->shard().post([&seat] { seat->cut.cancel(); });
  co_await gateway_->close(std::max(deadline, Shard::current().now() + milliseconds(100)));
}

}  // namespace weir
