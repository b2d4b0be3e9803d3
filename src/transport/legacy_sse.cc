#include "transport/legacy_sse.h"

namespace weir {
namespace {

auto upstream_fault(Error::Kind kind, std::string detail) {
  return fail(kind, Error::Side::upstream, Error::Sent::no, std::move(detail));
}

}  // namespace

LegacySse::LegacySse(Shard& shard, LegacySseOptions options, TransportHooks hooks)
    : shard_(shard),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      pool_(shard, options_.http.origin, Pool::Options()) {}

LegacySse::~LegacySse() = default;

Task<Result<Reply>> LegacySse::call(Call& call) {
  if (!life_ || life_->dead || life_->peer.get() != call.peer) {
    call.peer->lost = true;
    co_return upstream_fault(Error::Kind::unreachable, "its event stream has gone");
  }
  const std::string id = std::to_string(next_id_++);
  co_return co_await life_->talk->call(call, id);
}

// A line for the log, within its quota.
void LegacySse::note(std::string_view line) {
  if (!options_.wrote || !quota_.admit(shard_.now())) return;
  if (const std::uint64_t dropped = quota_.take_dropped(); dropped != 0)
    options_.wrote(std::to_string(dropped) + " lines were left out: it sends too many");
  options_.wrote(line);
}

// The next event, or one that was too large.
Task<Result<SseDecoder::State>> LegacySse::next(Life& life, TimePoint deadline, CancelScope& cancel) {
  while (true) {
    const SseDecoder::State state = life.decoder.next(life.unread);
    if (state != SseDecoder::State::more) co_return state;
    const Result<std::string_view> part = co_await life.stream->read_some(deadline, &cancel);
    if (!part) co_return fail(part.error());
    if (part->empty()) co_return upstream_fault(Error::Kind::unreachable, "its event stream ended");
    life.unread = *part;
  }
}

// One event of the stream.
void LegacySse::take(Life& life) {
  const SseEvent& event = life.decoder.event();
  if (!event.type.empty() && event.type != "message") return;
  auto message = Message::index(Bytes::copy_of(event.data), JsonLimits(), Message::From::upstream);
  if (message) {
    life.talk->take(std::move(*message));
    if (const std::uint64_t logs = life.talk->take_logs_left_out(); logs != 0)
      note(std::to_string(logs) + " log messages were left out: it logs faster than the client reads");
    return;
  }
  note("sent an event that is no JSON-RPC message: " + message.error().reason);
  life.talk->take_broken(message.error());
}

// For the life of the stream. It may be silent for as long as it likes.
void LegacySse::notify(const Peer& peer, std::string message) {
  if (life_ && life_->peer.get() == &peer) life_->talk->put(message);
}

Task<void> LegacySse::read(Life& life) {
  std::string how;
  while (how.empty()) {
    const Result<SseDecoder::State> state = co_await next(life, kForever, life.stop);
    if (!state) {
      how = state.error().kind() == Error::Kind::upstream_protocol ? state.error().detail()
                                                                   : "its event stream ended";
    } else if (*state == SseDecoder::State::event) {
      take(life);
    } else {
      note("sent an event larger than limits.message; it is left out");
      life.talk->take_overlong(life.decoder.overlong_begin());
    }
  }
  life.stream.reset();
  lose(life, how);
}

// The session is over: all its calls end, and the next greeting begins another.
void LegacySse::lose(Life& life, std::string_view how) {
  if (std::exchange(life.dead, true)) return;
  if (life.peer) life.peer->lost = true;
  if (life.posts) {
    life.posts->stop(how);
    life.talk->end(how);
  }
  life.stop.cancel();
  if (life.peer) hooks_.lost();
}

Task<void> LegacySse::end_life() {
  if (!life_) co_return;
  lose(*life_, "it is stopped");
  if (life_->posts) co_await life_->posts->join();
  co_await life_->fibers.join();
  life_.reset();
}

Task<Result<std::shared_ptr<const Peer>>> LegacySse::greet(const Introduction& as, TimePoint deadline,
                                                           CancelScope& cancel) {
  co_await end_life();
  life_ = std::make_unique<Life>(options_.http.message_max);
  Life& life = *life_;
  Result<std::shared_ptr<const Peer>> peer;
  const Result<void> opened = co_await open_life(life, deadline, cancel);
  if (opened) {
    const ScopeLink link(cancel, life.stop);
    life.fibers.start(read(life));
    peer = co_await shake_hands(life, as, deadline, cancel);
  } else {
    peer = fail(opened.error());
  }
  if (peer && !life.dead) {
    life.peer = *peer;
    co_return peer;
  }
  if (peer) peer = upstream_fault(Error::Kind::unreachable, "its event stream ended");
  co_await end_life();
  co_return peer;
}

}  // namespace weir
