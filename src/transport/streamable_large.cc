#include "transport/streamable_large.h"

#include <algorithm>

#include "base/json.h"
#include "mcp/response_frame.h"

namespace weir {
namespace {
constexpr std::size_t kLookedAt = 512;  // bytes at either end in which `isError` is looked for
}

namespace {

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

}  // namespace

StreamableLarge::Place StreamableLarge::place_of(std::string_view begin, std::string_view id, bool may_ask) {
  const std::optional<FrameHead> head = frame_at_head(begin);
  if (!head || (may_ask && !begins_complete(head->result))) return Place::whole;
  if (head->id.empty()) return Place::tail;
  return head->id == id ? Place::head : Place::whole;
}

StreamableLarge::StreamableLarge(HttpExchange exchange, Place place, std::string id,
                                 std::string_view client_id, TimePoint deadline, CancelScope& cancel)
    : exchange_(std::move(exchange)),
      place_(place),
      id_(std::move(id)),
      client_id_(client_id),
      deadline_(deadline),
      cancel_(cancel),
      length_(exchange_.head().content_length().value_or(0) - id_.size() + client_id_.size()) {}

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

void StreamableLarge::look_for_error(std::string_view part, bool last) {
  constexpr std::string_view wanted = "\"isError\":true";
  const std::string_view looked_at =
      last ? part.substr(part.size() - std::min(part.size(), kLookedAt)) : part.substr(0, kLookedAt);
  tool_error_ = tool_error_ || looked_at.find(wanted) != std::string_view::npos;
}

Task<Result<std::span<const std::string_view>>> StreamableLarge::next() {
  if (ended_) co_return std::span<const std::string_view>();
  const Result<std::string_view> part = co_await exchange_.read_some(deadline_, &cancel_);
  if (!part) co_return fail(part.error());
  const bool first = !std::exchange(begun_, true);
  if (first || exchange_.complete()) look_for_error(*part, !first);
  if (place_ == Place::head) {
    if (first) co_return replace_id(*part, frame_at_head(*part).value_or(FrameHead()).id);
    ended_ = part->empty();
    if (ended_) exchange_.finish();
    if (ended_) co_return std::span<const std::string_view>();
    pieces_[0] = *part;
    co_return std::span<const std::string_view>(pieces_).first(1);
  }
  if (!part->empty()) co_return hold_tail(*part);
  ended_ = true;
  const std::string_view id = frame_at_tail(tail_);
  if (id != id_)
    co_return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                   "its large answer does not end with the request's id");
  exchange_.finish();
  co_return replace_id(tail_, id);
}

}  // namespace weir
