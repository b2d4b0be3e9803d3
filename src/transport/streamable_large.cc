#include "transport/streamable_large.h"

#include <algorithm>

#include "base/json.h"
#include "mcp/response_frame.h"
#include "runtime/shard.h"

namespace weir {
namespace {
constexpr std::size_t kLookedAt = 512;  // bytes at either end in which `isError` is looked for

// Whether a result that begins so can be nothing but complete. Not with `_meta`, which both may begin with.
bool begins_complete(std::string_view result) {
  constexpr std::array<std::string_view, 6> complete = {"content",  "structuredContent", "isError",
                                                        "contents", "messages",          "description"};
  JsonCursor cursor(result, JsonLimits(), false);
  std::string_view name;
  if (!cursor.enter_object() || !cursor.next_member(name)) return false;
  if (name == "resultType") return cursor.take_value() == "\"complete\"";
  return std::find(complete.begin(), complete.end(), name) != complete.end();
}

// Nothing but the braces of result and message: what else comes there could be read as another result.
bool ends_with_result(std::string_view end) {
  const auto take = [&end] {
    while (!end.empty() && std::string_view(" \t\r\n").find(end.back()) != std::string_view::npos)
      end.remove_suffix(1);
    if (end.empty() || end.back() != '}') return false;
    end.remove_suffix(1);
    return true;
  };
  return take() && take();
}

}  // namespace

StreamableLarge::Place StreamableLarge::place_of(std::string_view begin, std::string_view id, bool may_ask) {
  const std::optional<FrameHead> head = frame_at_head(begin);
  if (!head || (may_ask && !begins_complete(head->result))) return Place::whole;
  if (head->id.empty()) return Place::tail;
  return head->id == id ? Place::head : Place::whole;
}

Task<Result<std::string_view>> LargeJson::next() {
  clock_.resume(Shard::current().now());
  Result<std::string_view> part = co_await exchange_.read_some(clock_.deadline(), &cancel_);
  clock_.pause(Shard::current().now());
  co_return part;
}

bool StreamableLarge::may_pass(const Call& call) noexcept {
  return call.takes_large && is_new(call.client.revision) == is_new(call.peer->facts.revision);
}

StreamableLarge::StreamableLarge(std::unique_ptr<LargeBody> body, Place place, std::string id,
                                 std::string_view client_id)
    : body_(std::move(body)), place_(place), id_(std::move(id)), client_id_(client_id) {}

std::optional<std::uint64_t> StreamableLarge::length() const noexcept {
  const std::optional<std::uint64_t> length = body_->length();
  if (!length) return length;
  return *length - id_.size() + client_id_.size();
}

std::span<const std::string_view> StreamableLarge::replace_id(std::string_view text, std::string_view id) {
  const auto from = static_cast<std::size_t>(id.data() - text.data());
  pieces_ = {text.substr(0, from), client_id_, text.substr(from + id.size())};
  return pieces_;
}

std::span<const std::string_view> StreamableLarge::hold_tail(std::string_view part) {
  sent_.swap(tail_);
  if (part.size() >= kTailMax) {
    tail_.assign(part.substr(part.size() - kTailMax));
    pieces_ = {sent_, part.substr(0, part.size() - kTailMax), {}};
  } else {
    sent_ += part;
    tail_.assign(sent_, sent_.size() - std::min(sent_.size(), kTailMax));
    pieces_ = {std::string_view(sent_).substr(0, sent_.size() - tail_.size()), {}, {}};
  }
  return std::span<const std::string_view>(pieces_).first(2);
}

void StreamableLarge::look_for_error(std::string_view part) {
  constexpr std::string_view wanted = "\"isError\":true";
  tool_error_ = tool_error_ || part.find(wanted) != std::string_view::npos;
}

Task<Result<std::span<const std::string_view>>> StreamableLarge::next() {
  if (ended_) co_return std::span<const std::string_view>();
  const Result<std::string_view> part = co_await body_->next();
  if (!part) co_return fail(part.error());
  const bool first = !std::exchange(begun_, true);
  if (first) look_for_error(part->substr(0, kLookedAt));
  if (!part->empty()) {
    if (part->size() < kLookedAt && end_.size() > kLookedAt) end_.erase(0, end_.size() - kLookedAt);
    if (part->size() >= kLookedAt) end_.clear();
    end_.append(part->substr(part->size() - std::min(part->size(), kLookedAt)));
    if (place_ == Place::tail) co_return hold_tail(*part);
    if (first) co_return replace_id(*part, frame_at_head(*part).value_or(FrameHead()).id);
    pieces_[0] = *part;
    co_return std::span<const std::string_view>(pieces_).first(1);
  }
  ended_ = true;
  look_for_error(end_);
  if (place_ == Place::head && !ends_with_result(end_))
    co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                   "something follows the result of its large answer");
  std::span<const std::string_view> last;
  if (place_ == Place::tail) {
    const std::string_view id = frame_at_tail(tail_);
    if (id != id_)
      co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                     "its large answer does not end with the request's id");
    last = replace_id(tail_, id);
  }
  body_->finish();
  co_return last;
}

}  // namespace weir
