#include "sim/sim_network.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::sim {

/// One connection: two ends, each with what is on its way to it and what has arrived.
struct Wire {
  struct End {
    Shard* shard = nullptr;
    StreamEvents* events = nullptr;
    std::deque<std::string> coming;  // an empty segment is the peer's end
    std::size_t coming_bytes = 0;
    std::string arrived;
    bool ended = false;
    bool reading = false;
    bool waiting = false;
    bool wants_room = false;
    bool open = true;
    TimePoint last_arrival{};
    std::string posted;  // goes out with a later event, as far as there is room
    bool unsent = false;
    bool shutting = false;
  };
  World& world;
  SocketAddress address;
  std::array<End, 2> ends;
  bool lost = false;

  Wire(World& w, SocketAddress a) : world(w), address(std::move(a)) {}
};

namespace {

using WirePtr = std::shared_ptr<Wire>;

void room(const WirePtr& wire, int side);

void deliver(const WirePtr& wire, int side) {
  Wire::End& end = wire->ends[static_cast<std::size_t>(side)];
  if (end.events == nullptr) return;
  const bool something = !end.arrived.empty() || end.ended || wire->lost;
  if (!something) return;
  if (end.waiting) {
    end.waiting = false;
    end.events->on_readable();
    return;
  }
  if (!end.reading) return;
  end.reading = false;
  if (wire->lost) {
    end.events->on_read(IoStatus::failed, 0);
  } else if (!end.arrived.empty()) {
    const std::span<char> into = end.events->read_space();
    const std::size_t most = std::min({into.size(), end.arrived.size(), wire->world.weather().slice_max});
    const std::size_t size = most <= 1 ? most : 1 + wire->world.random()() % most;
    std::memcpy(into.data(), end.arrived.data(), size);
    end.arrived.erase(0, size);
    room(wire, 1 - side);
    end.events->on_read(IoStatus::ok, size);
  } else {
    end.events->on_read(IoStatus::end, 0);
  }
}

void schedule(const WirePtr& wire, int side, TimePoint when) {
  wire->world.at(when, *wire->ends[static_cast<std::size_t>(side)].shard,
                 [wire, side] { deliver(wire, side); });
}

void flush_posted(const WirePtr& wire, int side);

void room(const WirePtr& wire, int side) {
  Wire::End& end = wire->ends[static_cast<std::size_t>(side)];
  if (!end.posted.empty())
    wire->world.at(wire->world.now(), *end.shard, [wire, side] { flush_posted(wire, side); });
  if (!end.wants_room) return;
  end.wants_room = false;
  wire->world.at(wire->world.now(), *end.shard, [wire, side] {
    Wire::End& writer = wire->ends[static_cast<std::size_t>(side)];
    if (!writer.posted.empty()) {
      writer.wants_room = true;  // after what was posted before
      return;
    }
    if (writer.events != nullptr) writer.events->on_writable();
  });
}

void send(const WirePtr& wire, int side, std::string segment) {
  Wire::End& peer = wire->ends[static_cast<std::size_t>(1 - side)];
  const Duration most = wire->world.weather().delay_max;
  const Duration delay = most.count() == 0
                             ? most
                             : Duration(static_cast<Duration::rep>(wire->world.random()() %
                                                                   static_cast<std::uint64_t>(most.count())));
  peer.last_arrival = std::max(peer.last_arrival, wire->world.now() + delay);
  peer.coming_bytes += segment.size();
  peer.coming.push_back(std::move(segment));
  wire->world.at(peer.last_arrival, *peer.shard, [wire, side] {
    Wire::End& to = wire->ends[static_cast<std::size_t>(1 - side)];
    if (to.coming.empty()) return;
    std::string next = std::move(to.coming.front());
    to.coming.pop_front();
    to.coming_bytes -= next.size();
    if (next.empty()) to.ended = true;
    to.arrived += next;
    deliver(wire, 1 - side);
  });
}

// Takes what fits the window and gives its size; -1: the connection is lost.
std::ptrdiff_t put(const WirePtr& wire, int side, std::string_view text) {
  Wire::End& to = wire->ends[static_cast<std::size_t>(1 - side)];
  if (wire->lost || !to.open) return -1;
  const std::size_t used = to.coming_bytes + to.arrived.size();
  const std::size_t window = wire->world.weather().window;
  const std::size_t size = std::min(used >= window ? 0 : window - used, text.size());
  if (size != 0) send(wire, side, std::string(text.substr(0, size)));
  return static_cast<std::ptrdiff_t>(size);
}

void flush_posted(const WirePtr& wire, int side) {
  Wire::End& end = wire->ends[static_cast<std::size_t>(side)];
  if (end.posted.empty()) return;
  const std::ptrdiff_t taken = put(wire, side, end.posted);
  if (taken < 0) {
    end.posted.clear();
    wire->lost = true;
    schedule(wire, side, wire->world.now());
  } else if (taken > 0) {
    end.unsent = false;
    end.posted.erase(0, static_cast<std::size_t>(taken));
  }
  if (end.posted.empty() && end.shutting && !wire->lost) send(wire, side, std::string());
  if (end.posted.empty()) room(wire, side);
}

void lose(const WirePtr& wire) {
  wire->lost = true;
  for (int side : {0, 1}) {
    schedule(wire, side, wire->world.now());
    room(wire, side);
  }
}

class SimStream final : public Stream {
 public:
  SimStream(WirePtr wire, int side) : wire_(std::move(wire)), side_(side) {}
  ~SimStream() override { close(); }
  void bind(StreamEvents& events) noexcept override { me().events = &events; }
  void start_read() noexcept override {
    me().reading = true;
    schedule(wire_, side_, wire_->world.now());
  }
  void start_wait() noexcept override {
    me().waiting = true;
    schedule(wire_, side_, wire_->world.now());
  }
  void cancel_read() noexcept override { me().reading = me().waiting = false; }
  std::ptrdiff_t try_write(std::span<const iovec> pieces) noexcept override {
    flush_posted(wire_, side_);
    if (!me().open) return -1;
    if (!me().posted.empty()) return 0;
    std::string text;  // as much as may fit
    for (const iovec& piece : pieces) {
      const std::size_t room =
          wire_->world.weather().window - std::min(wire_->world.weather().window, text.size());
      text.append(static_cast<const char*>(piece.iov_base), std::min(room, piece.iov_len));
    }
    return put(wire_, side_, text);
  }
  bool post_write(Bytes&& bytes) noexcept override {
    if (wire_->lost || !me().open || !me().posted.empty()) return false;
    me().posted = bytes.view();
    me().unsent = true;
    wire_->world.at(wire_->world.now(), *me().shard,
                    [wire = wire_, side = side_] { flush_posted(wire, side); });
    return true;
  }
  bool take_back() noexcept override {
    if (!me().unsent) return false;
    me().posted.clear();
    return true;
  }
  void start_writable() noexcept override {
    me().wants_room = true;
    const std::size_t used = peer_end().coming_bytes + peer_end().arrived.size();
    if (used < wire_->world.weather().window || wire_->lost || !peer_end().open) room(wire_, side_);
  }
  void shutdown_write() noexcept override {
    if (me().posted.empty()) {
      if (!wire_->lost && me().open) send(wire_, side_, std::string());
      return;
    }
    me().shutting = true;
    flush_posted(wire_, side_);
  }
  void close() noexcept override {
    if (!me().open) return;
    flush_posted(wire_, side_);
    me().open = false;
    me().events = nullptr;
    me().posted.clear();
    if (!wire_->lost) send(wire_, side_, std::string());
    room(wire_, 1 - side_);
  }
  std::string peer() const override {
    return wire_->address.host + ":" + std::to_string(wire_->address.port);
  }
  void reset() { lose(wire_); }

 private:
  Wire::End& me() noexcept { return wire_->ends[static_cast<std::size_t>(side_)]; }
  Wire::End& peer_end() noexcept { return wire_->ends[static_cast<std::size_t>(1 - side_)]; }
  WirePtr wire_;
  int side_;
};

}  // namespace

class SimListener final : public Listener {
 public:
  SimListener(World& world, Shard& shard, SocketAddress address)
      : world_(world), shard_(shard), address_(std::move(address)) {
    world_.ground().listeners[{address_.host, address_.port}].push_back(this);
  }
  ~SimListener() override {
    auto& all = world_.ground().listeners[{address_.host, address_.port}];
    all.erase(std::find(all.begin(), all.end(), this));
  }
  Task<Result<std::unique_ptr<Stream>>> accept(CancelScope& cancel) override {
    while (queue_.empty()) {
      if (co_await waiter_.wait(kForever, &cancel) == Wake::cancelled)
        co_return fail(Error::Kind::cancelled, Error::Side::gateway, Error::Sent::no);
    }
    std::unique_ptr<Stream> stream = std::move(queue_.front());
    queue_.pop_front();
    co_return stream;
  }
  SocketAddress address() const override { return address_; }
  Shard& shard() { return shard_; }
  void offer(std::unique_ptr<Stream> stream) {
    queue_.push_back(std::move(stream));
    if (waiter_.waiting()) waiter_.wake();
  }

 private:
  World& world_;
  Shard& shard_;
  SocketAddress address_;
  std::deque<std::unique_ptr<Stream>> queue_;
  Waiter waiter_;
};

namespace {

class SimNetwork final : public Network {
 public:
  SimNetwork(World& world, Shard& shard) : world_(world), shard_(shard) {}

  Task<Result<std::unique_ptr<Stream>>> connect(SocketAddress address, TimePoint deadline,
                                                CancelScope& cancel) override {
    (void)co_await Sleep(world_.now() + std::chrono::milliseconds(1), &cancel);
    if (cancel.cancelled()) co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no);
    if (deadline <= world_.now())
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no);
    World::Ground& ground = world_.ground();
    const auto key = std::make_pair(address.host, address.port);
    const auto found = ground.listeners.find(key);
    if (ground.down.contains(key) || found == ground.listeners.end() || found->second.empty())
      co_return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "connection refused");
    SimListener* const listener = found->second[world_.random()() % found->second.size()];
    auto wire = std::make_shared<Wire>(world_, address);
    wire->ends[0].shard = &shard_;
    wire->ends[1].shard = &listener->shard();
    ground.wires.push_back(wire);
    // A listener that goes before the event takes the connection with it.
    world_.at(world_.now(), listener->shard(), [wire, listener, key, &ground] {
      const auto& all = ground.listeners[key];
      if (std::find(all.begin(), all.end(), listener) != all.end())
        listener->offer(std::make_unique<SimStream>(wire, 1));
      else
        SimStream(wire, 1).close();
    });
    std::unique_ptr<Stream> stream = std::make_unique<SimStream>(wire, 0);
    co_return stream;
  }

  Result<std::unique_ptr<Listener>> listen(const SocketAddress& address, bool) override {
    SocketAddress bound = address;
    if (bound.port == 0) bound.port = world_.ground().next_port++;
    return std::unique_ptr<Listener>(std::make_unique<SimListener>(world_, shard_, std::move(bound)));
  }

  Result<std::unique_ptr<Stream>> adopt(int, int, std::string name) override {
    return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no,
                name + ": no descriptors in a simulation");
  }

  Task<Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port, TimePoint,
                                                   CancelScope&) override {
    std::vector<SocketAddress> found;
    found.push_back(SocketAddress{host == "localhost" ? "127.0.0.1" : host, port});
    co_return found;
  }

  Task<Result<NameAnswer>> look_up(std::string host, std::string, TimePoint deadline,
                                   CancelScope& cancel) override {
    return world_.look_up(std::move(host), deadline, cancel);
  }

 private:
  World& world_;
  Shard& shard_;
};

}  // namespace

void reset_connection(Stream& stream) { dynamic_cast<SimStream&>(stream).reset(); }

std::unique_ptr<Network> make_sim_network(World& world, Shard& shard) {
  return std::make_unique<SimNetwork>(world, shard);
}

Task<Result<NameAnswer>> World::look_up(std::string host, TimePoint deadline, CancelScope& cancel) {
  looked_up_.emplace_back(host, now_);
  const auto found = ground_->names.find(host);
  const bool known = found != ground_->names.end();
  const std::optional<NameAnswer> answer = known ? found->second : std::nullopt;
  const bool silent = known && !answer;
  const TimePoint answered = silent ? deadline : now_ + std::chrono::milliseconds(1);
  (void)co_await Sleep(answered, &cancel);
  if (cancel.cancelled()) co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no);
  if (silent)
    co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no,
                   "resolving " + host + " timed out");
  if (answer) co_return *answer;
  co_return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                 "cannot resolve " + host + ": no such name");
}

void World::set_name(const std::string& host, std::optional<NameAnswer> answer) {
  ground_->names.insert_or_assign(host, std::move(answer));
}

void World::unset_name(const std::string& host) { ground_->names.erase(host); }

void World::set_down(const SocketAddress& address, bool down) {
  const auto key = std::make_pair(address.host, address.port);
  if (!down) {
    ground_->down.erase(key);
    return;
  }
  ground_->down.insert(key);
  for (const auto& weak : ground_->wires) {
    const auto wire = weak.lock();
    if (wire && wire->address == address) lose(wire);
  }
}

std::size_t World::open_connections(const SocketAddress& address, bool accepting) {
  std::erase_if(ground_->wires, [](const std::weak_ptr<Wire>& wire) { return wire.expired(); });
  std::size_t open = 0;
  for (const auto& weak : ground_->wires) {
    const auto wire = weak.lock();
    if (wire->address == address && wire->ends[accepting ? 1 : 0].open) ++open;
  }
  return open;
}

}  // namespace weir::sim
