#include "app/process.h"

#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/json.h"
#include "config/load.h"
#include "config/text_rules.h"
#include "runtime/descriptors.h"
#include "runtime/file_watch.h"
#include "runtime/hop.h"
#include "runtime/signals.h"
#include "runtime/socket_network.h"

// Counts are written at an orderly exit only; ours leaves threads and frames as they are.
#ifdef WEIR_COVERAGE
extern "C" void __gcov_dump();
#endif

namespace weir {

using std::chrono::milliseconds;

namespace {

[[noreturn]] void leave(int code) {
  std::fflush(nullptr);
#ifdef WEIR_COVERAGE
  __gcov_dump();
#endif
  std::_Exit(code);
}

SocketAddress socket_address(const AddressConfig& address) {
  return SocketAddress(address.host == "localhost" ? "127.0.0.1" : address.host, address.port);
}

}  // namespace

Process::Process(RunOptions options) : options_(std::move(options)), log_(STDERR_FILENO) {}
Process::~Process() = default;

int Process::run() {
  raise_descriptor_limit();
  unsigned count = options_.config.threads;
  // One client over one channel is one shard's.
  if (count == 0) count = options_.stdio ? 1U : std::max(1U, std::thread::hardware_concurrency());
  std::vector<Shard*> shards;
  for (unsigned i = 0; i <= count; ++i) {
    seats_.push_back(std::make_unique<Seat>());
    seats_.back()->loop = std::make_unique<EpollShard>(i);
    shards.push_back(&seats_.back()->loop->shard());
  }
  metrics_ = std::make_unique<Metrics>(shards.size());
  observe_ = std::make_unique<Observe>(log_, *metrics_, gateway_now_, shards.size());
  observe_->set_options(options_.config.log);
  Gateway::Observer observer;
  observer.server_changed = [this](const Upstream& upstream) {
    observe_->server_changed(upstream);
    const ServerState state = upstream.status()->state;
    if (state == ServerState::unreachable || state == ServerState::needs_authorization)
      say_server(upstream, -1);
  };
  observer.server_learned = [this](const Upstream& upstream, int tools) { say_server(upstream, tools); };
  observer.child_wrote = [this](const std::string& server, std::string_view line) {
    observe_->child_wrote(server, line);
  };
  observer.tool_withheld = [this](const std::string& server, const std::string& tool,
                                  const std::string& reason) {
    observe_->tool_withheld(server, tool, reason);
  };
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
  if (good && options_.config.admin && !options_.stdio) good = co_await open_admin();
  Result<std::unique_ptr<Signals>> signals =
      Signals::take(own.loop->shard().network(), {SIGTERM, SIGINT, SIGHUP});
  if (!good || !signals) {
    log_.flush();
    leave(1);
  }
  if (!options_.stdio) say_ready();
  CancelScope watching;
  if (!options_.file.empty()) own.fibers.start(watch_file(watching));
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

Task<bool> Process::open_admin() {
  Seat& own = control_seat();
  const AddressConfig& wanted = *options_.config.admin;
  const SocketAddress address = socket_address(wanted);
  Result<std::unique_ptr<Listener>> listener = own.loop->shard().network().listen(address, false);
  if (!listener) {
    std::fprintf(stderr, "weir: cannot listen on %s:%u (admin): %s\n", address.host.c_str(),
                 unsigned{address.port}, listener.error().detail().c_str());
    co_return false;
  }
  admin_address_ = (*listener)->address();
  AdminActions actions;
  actions.reload = [this](std::string& report) { return reload("admin", report); };
  actions.rollback = [this](std::string& report) { return rollback(report); };
  actions.set_draining = [this](bool on) { draining_ = on; };
  actions.draining = [this] { return draining_.load(); };
  actions.read_families = [this] { return observe_->read_families(); };
  actions.endpoint = [this] {
    return "http://" + to_string(AddressConfig{bound_.front().host, bound_.front().port}) + "/mcp";
  };
  admin_ = std::make_unique<AdminApi>(*gateway_, *metrics_, std::move(actions), is_loopback(wanted.host));
  own.fibers.start(accept(own, std::move(*listener), *admin_));
  co_return true;
}

Task<bool> Process::open(Seat& seat, bool first) {
  const Config& config = options_.config;
  Network& network = seat.loop->shard().network();
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const ListenConfig& one = config.listen[i];
    SocketAddress address = socket_address(one.address);
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
    options.streams = streams_;
    options.stop = &seat.stop;
    seat.entries.push_back(std::make_unique<HttpEntry>(*gateway_, std::move(options), *observe_));
    seat.fibers.start(accept(seat, std::move(*listener), *seat.entries.back()));
  }
  co_return true;
}

Task<bool> Process::open_stdio(Seat& seat) {
  Result<std::unique_ptr<Stream>> stream =
      seat.loop->shard().network().adopt(options_.stdio->in, options_.stdio->out, "stdio");
  if (!stream) {
    std::fprintf(stderr, "weir: stdin and stdout can't be used: %s\n", stream.error().detail().c_str());
    co_return false;
  }
  const std::function<void()> left = [this] {
    control_seat().loop->shard().post([this] { client_left_.cancel(); });
  };
  seat.stdio = std::make_unique<StdioEntry>(*gateway_, *observe_, left);
  seat.fibers.start(serve_stdio(seat, std::move(*stream)));
  co_return true;
}

Task<void> Process::serve_stdio(Seat& seat, std::unique_ptr<Stream> stream) {
  observe_->connections.fetch_add(1, std::memory_order_relaxed);
  co_await seat.stdio->run(std::move(stream), seat.stop);
  observe_->connections.fetch_sub(1, std::memory_order_relaxed);
}

// Its listener ends with it: from then on connecting is refused, so that clients go elsewhere.
Task<void> Process::accept(Seat& seat, std::unique_ptr<Listener> listener, HttpHandler& handler) {
  while (!seat.stop.cancelled()) {
    Result<std::unique_ptr<Stream>> stream = co_await listener->accept(seat.stop);
    if (!stream) continue;
    if (observe_->connections.load(std::memory_order_relaxed) >=
        gateway_->plan()->config.limits.connections) {
      (*stream)->close();
      continue;
    }
    seat.fibers.start(serve(seat, std::move(*stream), handler));
  }
}

Task<void> Process::serve(Seat& seat, std::unique_ptr<Stream> stream, HttpHandler& handler) {
  observe_->connections.fetch_add(1, std::memory_order_relaxed);
  co_await serve_http(std::move(stream), handler, seat.limits, seat.stop);
  observe_->connections.fetch_sub(1, std::memory_order_relaxed);
}

Task<void> Process::watch_file(CancelScope& stop) {
  Result<std::unique_ptr<FileWatch>> watch = FileWatch::start(Shard::current().network(), options_.file);
  if (!watch) {
    std::fprintf(stderr, "weir: %s is not watched: %s\n", options_.file.c_str(),
                 watch.error().detail().c_str());
    co_return;
  }
  // It may have changed between its first reading and the watch.
  std::string report;
  reload("file", report);
  while (!stop.cancelled()) {
    const Result<void> changed = co_await (*watch)->next(milliseconds(20), stop);
    if (!changed) break;
    reload("file", report);
  }
}

void Process::note_good_reload() {
  observe_->last_reload_good = true;
  observe_->last_reload_seconds = std::chrono::duration_cast<std::chrono::seconds>(
                                      control_seat().loop->shard().wall_now().time_since_epoch())
                                      .count();
}

// Makes a configuration the running one and remembers it.
void Process::take(const Config& config, std::string_view cause, std::string& report) {
  const Config before = options_.config;
  const ApplyReport done = gateway_->apply(config);
  observe_->set_options(config.log);
  note_good_reload();
  for (const auto& seat : seats_)
    seat->loop->shard().post([&seat, limits = config.limits] {
      seat->limits.body_max = limits.body;
      seat->limits.head.head_max = limits.header;
    });
  std::string restart;
  if (config.threads != before.threads) restart += "\"threads\"";
  if (config.listen != before.listen) restart += restart.empty() ? "\"listen\"" : ",\"listen\"";
  if (config.admin != before.admin) restart += restart.empty() ? "\"admin\"" : ",\"admin\"";
  report = "{\"ok\":true,\"servers\":{\"added\":" + std::to_string(done.added) +
           ",\"removed\":" + std::to_string(done.removed) + ",\"kept\":" + std::to_string(done.kept) +
           "},\"needs_restart\":[" + restart + "]}";
  earlier_.push_back(config);
  while (earlier_.size() > 6) earlier_.pop_front();  // the running one and five before it
  LogLine line(log_, Module::config, restart.empty() ? Severity::info : Severity::warn,
               "configuration taken");
  line.text("cause", cause).number("added", static_cast<std::int64_t>(done.added));
  line.number("removed", static_cast<std::int64_t>(done.removed))
      .number("kept", static_cast<std::int64_t>(done.kept));
  if (!restart.empty()) line.text("needs_restart", restart);
}

bool Process::reload(std::string_view cause, std::string& report) {
  if (!options_.load_again) {
    report = R"({"ok":false,"errors":["no file is served"]})";
    return false;
  }
  const LoadOutcome loaded = options_.load_again();
  ::malloc_trim(0);  // the parser took megabytes for a moment
  if (loaded.config) {
    if (!earlier_.empty() && *loaded.config == earlier_.back()) {
      note_good_reload();
      report = R"({"ok":true,"unchanged":true})";
      return true;
    }
    take(*loaded.config, cause, report);
    return true;
  }
  observe_->last_reload_good = false;
  report = "{\"ok\":false,\"errors\":[";
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity != Diagnostic::Severity::error) continue;
    const std::string text = to_string(diagnostic);
    if (report.back() != '[') report += ',';
    json_append_string(report, text);
    LogLine line(log_, Module::config, Severity::error, text.substr(0, text.find('\n')));
    line.text("cause", cause);
  }
  report += "]}";
  LogLine line(log_, Module::config, Severity::error, "the running configuration stays as it is");
  line.text("cause", cause);
  return false;
}

bool Process::rollback(std::string& report) {
  if (earlier_.size() < 2) {
    report = R"({"ok":false,"errors":["there is no earlier configuration"]})";
    return false;
  }
  earlier_.pop_back();
  const Config config = earlier_.back();
  earlier_.pop_back();
  take(config, "rollback", report);
  return true;
}

void Process::say_ready() {
  std::lock_guard lock(said_lock_);
  ready_said_ = true;
  std::string first;
  for (const SocketAddress& address : bound_) {
    const bool six = address.host.find(':') != std::string::npos;
    const std::string url = "http://" + (six ? "[" + address.host + "]" : address.host) + ":" +
                            std::to_string(address.port) + "/mcp";
    if (first.empty()) first = url;
    std::printf("weir %s  %s\n", WEIR_VERSION, url.c_str());
  }
  if (options_.config.admin)
    std::printf("admin       http://%s:%u\n", admin_address_.host.c_str(), unsigned{admin_address_.port});
  std::printf("paste into a client:\n  {\"mcpServers\": {\"weir\": {\"type\": \"http\", \"url\": \"%s\"}}}\n",
              first.c_str());
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
  for (const auto& seat : seats_) seat->loop->shard().post([&seat] { seat->stop.cancel(); });
  gateway_->end_streams();
  while (observe_->connections.load() != 0 && Shard::current().now() < deadline)
    co_await Sleep(Shard::current().now() + milliseconds(5), nullptr);
  co_await gateway_->close(std::max(deadline, Shard::current().now() + milliseconds(100)));
}

}  // namespace weir
