// What nobody waits for: notes, answers to the server's questions, streams read to their end.
#include "runtime/shard.h"
#include "transport/streamable.h"

namespace weir {
namespace {

constexpr Duration kAsideTime = std::chrono::seconds(5);
constexpr Duration kFarewellTime = std::chrono::seconds(1);  // for what is under way when all is let go

Task<void> drain(HttpExchange exchange, TimePoint deadline, CancelScope& cancel) {
  std::size_t seen = 0;
  while (seen < 65536) {
    const Result<std::string_view> part = co_await exchange.read_some(deadline, &cancel);
    if (!part) co_return;
    if (part->empty()) break;
    seen += part->size();
  }
  exchange.finish();
}

// Nothing hangs on how far a client has come with an answer.
AsideQueue::Lane lane_of(const std::string& message) {
  const auto parsed = Message::index(Bytes::copy_of(message), JsonLimits(), Message::From::client);
  const bool note = parsed && !parsed->is_response() && parsed->method() != "notifications/cancelled";
  return note ? AsideQueue::Lane::notes : AsideQueue::Lane::answers;
}

}  // namespace

/// Answers go to the session that asked, each as a POST of its own.
class Streamable::Link final : public ServerLink {
 public:
  Link(std::shared_ptr<Streamable*> to, std::shared_ptr<const Peer> peer)
      : to_(std::move(to)), peer_(std::move(peer)) {}
  void send(std::string message) override {
    if (*to_ == nullptr) return;
    const AsideQueue::Lane lane = lane_of(message);
    (*to_)->tell(*peer_, std::move(message), lane);
  }

 private:
  std::shared_ptr<Streamable*> to_;
  std::shared_ptr<const Peer> peer_;
};

std::shared_ptr<ServerLink> Streamable::link_to(const Peer& peer) {
  return std::make_shared<Link>(self_, peer.shared_from_this());
}

Task<void> Streamable::close() {
  closing_.cancel();
  co_await aside_.join();
  const TimePoint until = shard_.now() + kFarewellTime;
  while (farewells_.running() != 0 && shard_.now() < until)
    co_await Sleep(shard_.now() + std::chrono::milliseconds(5), nullptr);
  hurry_.cancel();
  co_await farewells_.join();
}

void Streamable::tell(const Peer& peer, std::string message, AsideQueue::Lane lane) {
  if (closing_.cancelled()) return;
  AsideQueue::Aside one;
  one.session = &peer;
  one.lane = lane;
  append_old_head(one.head, &peer, message.size());
  one.message = std::move(message);
  if (asides_.put(std::move(one))) aside_.start(tell_all());
}

// Whoever has told something looks for more: what may not be sent yet is not forgotten.
Task<void> Streamable::tell_all() {
  while (!closing_.cancelled()) {
    std::optional<AsideQueue::Aside> one = asides_.take();
    if (!one) co_return;
    const Result<Plain> answered =
        co_await post(std::move(one->head), std::move(one->message), shard_.now() + kAsideTime, closing_);
    (void)answered.has_value();  // a notification has no answer, and its failure no remedy
    asides_.done(one->session, one->lane);
  }
}

void Streamable::read_away(HttpExchange exchange) {
  if (closing_.cancelled()) return;
  aside_.start(drain(std::move(exchange), shard_.now() + std::chrono::seconds(1), closing_));
}

}  // namespace weir
