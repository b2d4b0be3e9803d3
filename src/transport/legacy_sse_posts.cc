#include "transport/legacy_sse_posts.h"

#include "transport/transport.h"

namespace weir {
namespace {

constexpr std::size_t kHeldMax = 64 * 1024 * 1024;
constexpr std::size_t kWorkersMax = 256;
constexpr Duration kSendTime = std::chrono::seconds(30);
constexpr Duration kNoteTime = std::chrono::seconds(5);  // for the answer to a POST that no call waits for
constexpr Duration kStep = std::chrono::seconds(1);
constexpr std::size_t kBodyMax = 65536;
// Its answer comes by the stream, to an id that nobody knows, and is dropped there.
constexpr std::string_view kPing = R"({"jsonrpc":"2.0","id":"weir-ping","method":"ping"})";

auto upstream_fault(Error::Kind kind, Error::Sent sent, std::string detail) {
  return fail(kind, Error::Side::upstream, sent, std::move(detail));
}

// 404 by the specification of later revisions, 400 in the SDK's own examples.
bool may_mean_forgotten(int status) { return status == 400 || status == 404 || status == 410; }

}  // namespace

void LegacySsePosts::add_field(std::string_view name, std::string_view value) {
  head_.append(name).append(": ").append(value).append("\r\n");
}

bool LegacySsePosts::put(std::string_view message, std::string_view about) {
  if (stop_.cancelled() || held_ + message.size() > kHeldMax) return false;
  ++puts_;
  if (!about.empty() && talk_->awaits(about)) {
    auto post = std::make_shared<Post>();
    post->id = about;
    post->text = message;
    held_ += message.size();
    open_.emplace(post->id, post);
    waiting_.push_back(std::move(post));
    if (workers_ < kWorkersMax) fibers_.start(work());
    return true;
  }
  if (const auto open = open_.find(about); open != open_.end()) {
    open->second->cancel = message;
    return true;
  }
  held_ += message.size();
  notes_.emplace_back(message);
  if (!noting_) fibers_.start(work_notes());
  return true;
}

Task<void> LegacySsePosts::work() {
  ++workers_;
  while (!waiting_.empty() && !stop_.cancelled()) {
    const std::shared_ptr<Post> post = std::move(waiting_.front());
    waiting_.pop_front();
    const bool wanted = post->cancel.empty();
    if (wanted) co_await serve(*post);
    open_.erase(post->id);
    held_ -= post->text.size();
    if (wanted && !post->cancel.empty()) put(post->cancel, post->id);
  }
  --workers_;
}

Task<void> LegacySsePosts::work_notes() {
  noting_ = true;
  while (!notes_.empty() && !stop_.cancelled()) {
    const std::string note = std::move(notes_.front());
    notes_.pop_front();
    bool sent = false;
    const Result<Answer> answer = co_await bring(note, {}, sent);
    (void)answer.has_value();  // nobody waits for it, and its failure has no remedy
    held_ -= note.size();
  }
  noting_ = false;
}

Task<void> LegacySsePosts::serve(Post& post) {
  const Result<Answer> answer = co_await bring(post.text, post.id, post.sent);
  if (!answer) co_return talk_->refuse(post.id, answer.error());
  if (answer->status < 300) co_return;
  const bool forgotten = co_await has_forgotten(answer->status);
  if (!forgotten)
    co_return talk_->refuse(post.id,
                            error_of_status(answer->status, answer->retry_after, Error::Sent::maybe));
  talk_->refuse(post.id, Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                               "the server has ended its session"));
  if (!stop_.cancelled()) forgotten_();
}

// Is it the message that is refused, or the session? A stream whose session has gone may never end by itself.
Task<bool> LegacySsePosts::has_forgotten(int status) {
  if (!may_mean_forgotten(status)) co_return false;
  bool sent = false;
  const Result<Answer> answer = co_await bring(kPing, {}, sent);
  co_return answer&& may_mean_forgotten(answer->status);
}

Task<Result<void>> LegacySsePosts::say(std::string_view message) {
  bool sent = false;
  const Result<Answer> answer = co_await bring(message, {}, sent);
  if (!answer) co_return fail(answer.error());
  if (answer->status >= 300)
    co_return fail(error_of_status(answer->status, answer->retry_after, Error::Sent::maybe));
  co_return Result<void>();
}

// One POST and what the server says to it. `id`: the request that it is; a POST that nobody waits for any
// more is let go.
Task<Result<LegacySsePosts::Answer>> LegacySsePosts::bring(std::string_view text, std::string_view id,
                                                           bool& sent) {
  std::string head = head_ + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n";
  const iovec pieces[2] = {iovec{head.data(), head.size()},
                           iovec{const_cast<char*>(text.data()), text.size()}};
  while (true) {
    PooledConnection connection = pool_.take_idle();
    const bool fresh = !connection;
    if (fresh) {
      Result<PooledConnection> opened = co_await pool_.open(shard_.now() + connect_time_, stop_);
      if (!opened && opened.error().kind() == Error::Kind::deadline_exceeded)
        co_return upstream_fault(Error::Kind::unreachable, Error::Sent::no, "connecting took too long");
      if (!opened) co_return fail(opened.error());
      connection = std::move(*opened);
    }
    HttpExchange exchange(std::move(connection));
    sent = true;
    const Result<void> went = co_await exchange.send(pieces, shard_.now() + kSendTime, &stop_);
    if (went) co_return co_await read_answer(std::move(exchange), id);
    sent = went.error().sent() != Error::Sent::no;
    // A resting connection that the server has closed fails before a byte is taken: the next one is tried.
    if (fresh || sent) co_return fail(went.error());
  }
}

Task<Result<LegacySsePosts::Answer>> LegacySsePosts::read_answer(HttpExchange exchange, std::string_view id) {
  const TimePoint limit = shard_.now() + kNoteTime;
  std::string reason;
  HeadState state = exchange.parse_head(reason);
  while (state == HeadState::more) {
    const Result<std::size_t> got = co_await exchange.fill(shard_.now() + kStep, &stop_);
    const bool wanted = id.empty() ? shard_.now() < limit : talk_->awaits(id);
    if (wanted && !got && got.error().kind() == Error::Kind::deadline_exceeded) continue;
    const Result<void> good = exchange.filled(got);
    if (!good) co_return fail(good.error());
    state = exchange.parse_head(reason);
    // However it drips. A call's own answer may overtake this one.
    if (state == HeadState::more && !wanted && shard_.now() >= limit)
      co_return upstream_fault(Error::Kind::deadline_exceeded, Error::Sent::maybe,
                               "what it says to a message did not come in time");
  }
  if (state == HeadState::refused)
    co_return upstream_fault(Error::Kind::upstream_protocol, Error::Sent::maybe, reason);
  Answer answer;
  answer.status = exchange.head().status;
  answer.retry_after = exchange.head().get(Field::retry_after);
  // Its body says nothing; read, the connection is good for the next message.
  const TimePoint body_limit = shard_.now() + kStep;
  std::size_t seen = 0;
  while (seen < kBodyMax) {
    const Result<std::string_view> part = co_await exchange.read_some(body_limit, &stop_);
    if (!part) co_return answer;
    if (part->empty()) break;
    seen += part->size();
  }
  exchange.finish();
  co_return answer;
}

void LegacySsePosts::stop(std::string_view how) {
  for (const auto& [id, post] : open_)
    if (!post->sent)
      talk_->refuse(
          id, Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, std::string(how)));
  stop_.cancel();
}

}  // namespace weir
