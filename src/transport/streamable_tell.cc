// What nobody waits for: notes, answers to the server's questions, streams read to their end.
#include "runtime/shard.h"
#include "transport/streamable.h"

namespace weir {
namespace {

constexpr Duration kAsideTime = std::chrono::seconds(5);
constexpr std::size_t kTellersMax = 32;   // messages under way that nobody waits for
constexpr std::size_t kAsidesMax = 1024;  // of these that wait
constexpr std::size_t kAsideBytesMax = 16 * 1024 * 1024;
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

}  // namespace

/// Answers go to the session that asked, each as a POST of its own.
class Streamable::Link final : public ServerLink {
 public:
  Link(std::shared_ptr<Streamable*> to, std::shared_ptr<const Peer> peer)
      : to_(std::move(to)), peer_(std::move(peer)) {}
  void send(std::string message) override {
    if (*to_ != nullptr) (*to_)->tell(*peer_, std::move(message));
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

void Streamable::tell(const Peer& peer, std::string message) {
  if (closing_.cancelled() || tells_too_much()) return;
  Aside one;
  append_old_head(one.head, &peer, message.size());
  one.message = std::move(message);
  aside_bytes_ += one.message.size();
  asides_.push_back(std::move(one));
  if (tellers_ < kTellersMax) aside_.start(tell_all());
}

bool Streamable::tells_too_much() const noexcept {
  return asides_.size() >= kAsidesMax || aside_bytes_ >= kAsideBytesMax;
}

Task<void> Streamable::tell_all() {
  ++tellers_;
  while (!asides_.empty() && !closing_.cancelled()) {
    Aside one = std::move(asides_.front());
    asides_.pop_front();
    aside_bytes_ -= one.message.size();
    const Result<Plain> answered =
        co_await post(std::move(one.head), std::move(one.message), shard_.now() + kAsideTime, closing_);
    (void)answered.has_value();  // a notification has no answer, and its failure no remedy
  }
  --tellers_;
}

void Streamable::read_away(HttpExchange exchange) {
  if (closing_.cancelled()) return;
  aside_.start(drain(std::move(exchange), shard_.now() + std::chrono::seconds(1), closing_));
}

}  // namespace weir
