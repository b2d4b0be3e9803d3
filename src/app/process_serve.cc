// From a listening address to a served connection: who is let in, who makes room, and TLS in front.
#include <algorithm>

#include "app/process.h"
#include "http/address_block.h"

namespace weir {
namespace {

constexpr std::size_t kOperatorsMax = 256;       // connections to what the control shard serves
constexpr std::size_t kRefusingMax = 64;         // of a shard; who comes then finds a closed door
constexpr std::chrono::milliseconds kPause{50};  // while descriptors have run out

std::string_view without_port(std::string_view peer) { return peer.substr(0, peer.rfind(':')); }

}  // namespace

// Its listener ends with it: from then on connecting is refused, so that clients go elsewhere.
Task<void> Process::accept(Seat& seat, std::unique_ptr<Listener> listener, Door door) {
  while (!seat.stop.cancelled()) {
    Result<std::unique_ptr<Stream>> stream = co_await listener->accept(seat.stop);
    if (!stream) {
      if (stream.error().kind() != Error::Kind::overloaded) continue;
      // The kernel's queue waits meanwhile.
      observe_->connections_refused[Observe::kDescriptors].fetch_add(1, std::memory_order_relaxed);
      (void)seat.idle.shed_oldest();
      co_await Sleep(Shard::current().now() + kPause, &seat.stop);
      continue;
    }
    std::string address = address_block(without_port((*stream)->peer()));
    if (make_room(seat, door, address)) {
      seat.fibers.start(serve(seat, std::move(*stream), door, std::move(address)));
    } else if (!door.certificate && seat.refusing < kRefusingMax) {
      seat.fibers.start(refuse(seat, std::move(*stream)));
    } else {
      (*stream)->close();
    }
  }
}

// Counts the connection if there is room, or somebody idle leaves for it.
bool Process::make_room(Seat& seat, const Door& door, std::string_view address) {
  std::size_t most = kOperatorsMax;
  std::size_t most_of_address = kOperatorsMax;
  if (!door.operators) {
    const LimitsConfig& limits = gateway_->plan()->config.limits;
    most = std::min(limits.connections, descriptor_room_);
    most_of_address = limits.connections_per_address.value_or(std::max<std::size_t>(most / 2, 1));
  }
  const ConnectionBook::Room room = door.book->enter(address, most, most_of_address);
  if (room == ConnectionBook::Room::yes) return true;
  const bool of_address = room == ConnectionBook::Room::none_for_address;
  if (of_address ? seat.idle.shed_oldest_of(address) : seat.idle.shed_oldest()) return true;
  // This one comes too early: another shard's oldest makes room for the next.
  for (const auto& other : seats_)
    if (other.get() != &seat && !door.operators && other.get() != seats_.back().get())
      other->loop->shard().post([&other, of_address, address = std::string(address)] {
        (void)(of_address ? other->idle.shed_oldest_of(address) : other->idle.shed_oldest());
      });
  door.book->leave(address);
  observe_->connections_refused[of_address ? Observe::kAddressLimit : Observe::kLimit].fetch_add(
      1, std::memory_order_relaxed);
  return false;
}

Task<void> Process::serve(Seat& seat, std::unique_ptr<Stream> stream, Door door, std::string address) {
  observe_->connections.fetch_add(1, std::memory_order_relaxed);
  if (door.certificate != nullptr) {
    // Held to the end of the handshake: a renewed certificate may take its place meanwhile.
    const std::shared_ptr<TlsContext> context = door.certificate->context();
    const TimePoint deadline = Shard::current().now() + seat.limits.head_time;
    // Whoever does not go on makes room, as without TLS.
    CancelScope ends(seat.stop);
    IdleList::Place place(address, ends);
    place.enter(seat.idle);
    Result<std::unique_ptr<Stream>> secured =
        co_await context->wrap(std::move(stream), std::string(), deadline, ends);
    place.leave();
    if (secured)
      stream = std::move(*secured);
    else
      observe_->handshakes_failed.fetch_add(1, std::memory_order_relaxed);
  }
  if (stream) co_await serve_http(std::move(stream), *door.handler, seat.limits, seat.stop, seat.idle);
  observe_->connections.fetch_sub(1, std::memory_order_relaxed);
  door.book->leave(address);
}

Task<void> Process::refuse(Seat& seat, std::unique_ptr<Stream> stream) {
  ++seat.refusing;
  co_await refuse_http(std::move(stream), "too many connections are open: come back later");
  --seat.refusing;
}

}  // namespace weir
