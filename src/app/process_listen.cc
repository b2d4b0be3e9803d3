// Where a process listens: its addresses on each shard, the admin's, standard input.
#include "app/process.h"
#include "config/text_rules.h"
#include "runtime/hop.h"
#include "runtime/socket_network.h"

namespace weir {
namespace {

SocketAddress socket_address(const AddressConfig& address) {
  return SocketAddress(address.host == "localhost" ? "127.0.0.1" : address.host, address.port);
}

}  // namespace

AdminActions Process::admin_actions() {
  AdminActions actions;
  actions.reload = [this](std::string& report) { return reload("admin", report); };
  actions.rollback = [this](std::string& report) { return rollback(report); };
  actions.set_draining = [this](bool on) {
    if (draining_.exchange(on) == on) return;
    observe_->noted("drain", !on, on ? "not ready by an operator's word: /readyz says so" : "ready again");
  };
  actions.draining = [this] { return draining_.load(); };
  actions.read_families = [this] { return observe_->read_families(); };
  actions.endpoint = [this] {
    const std::string scheme = certificates_.front() ? "https://" : "http://";
    return scheme + to_string(AddressConfig{bound_.front().host, bound_.front().port}) + "/mcp";
  };
  actions.stop = &control_seat().stop;
  return actions;
}

Result<std::unique_ptr<Listener>> Process::open_on_control(const AddressConfig& wanted, const char* what) {
  const SocketAddress address = socket_address(wanted);
  Result<std::unique_ptr<Listener>> listener = control_seat().loop->shard().network().listen(address, false);
  if (!listener)
    std::fprintf(stderr, "weir: cannot listen on %s:%u (%s): %s\n", address.host.c_str(),
                 unsigned{address.port}, what, listener.error().detail().c_str());
  return listener;
}

Task<bool> Process::open_admin() {
  Seat& own = control_seat();
  if (options_.config.admin) {
    const AddressConfig& wanted = options_.config.admin->address;
    Result<std::unique_ptr<Listener>> listener = open_on_control(wanted, "admin");
    if (!listener) co_return false;
    admin_address_ = (*listener)->address();
    admin_ = std::make_unique<AdminApi>(*gateway_, *metrics_, observe_->recent(), admin_actions(),
                                        is_loopback(wanted.host), AdminApi::Serves::all);
    const Door door{admin_.get(), admin_certificate_.get(), &operators_, true};
    own.fibers.start(accept(own, std::move(*listener), door));
  }
  if (options_.config.metrics_listen) {
    const AddressConfig& wanted = *options_.config.metrics_listen;
    Result<std::unique_ptr<Listener>> listener = open_on_control(wanted, "metrics_listen");
    if (!listener) co_return false;
    figures_address_ = (*listener)->address();
    figures_ = std::make_unique<AdminApi>(*gateway_, *metrics_, observe_->recent(), admin_actions(),
                                          is_loopback(wanted.host), AdminApi::Serves::figures);
    const Door door{figures_.get(), nullptr, &scrapers_, true};
    own.fibers.start(accept(own, std::move(*listener), door));
  }
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
    options.budget = &buffers_;
    options.streams = streams_;
    options.stop = &seat.stop;
    seat.entries.push_back(std::make_unique<HttpEntry>(*gateway_, std::move(options), *observe_));
    const Door door{seat.entries.back().get(), certificates_[i].get(), &clients_, false};
    seat.fibers.start(accept(seat, std::move(*listener), door));
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

}  // namespace weir
