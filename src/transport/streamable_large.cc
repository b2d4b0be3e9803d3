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

// The raw id in `behind`, which begins right behind the result and must hold the rest of a response and
// nothing else; empty if it does not.
std::string_view id_behind(std::string_view behind) {
  const std::size_t comma = behind.find_first_not_of(" \t\r\n");
  if (comma == std::string_view::npos || behind[comma] != ',') return {};
  // As if it were an object of its own: the comma is passed like a brace.
  JsonCursor cursor(behind.substr(comma + 1), JsonLimits(), true);
  std::string_view id;
  std::string_view version;
  std::string_view name;
  if (!cursor.enter_members()) return {};
  while (cursor.next_member(name)) {
    const std::string_view value = cursor.take_value();
    std::string_view& slot = name == "id" ? id : version;
    if ((name != "id" && name != "jsonrpc") || !slot.empty() || value.empty()) return {};
    slot = value;
  }
  return cursor.finish() && version == "\"2.0\"" ? id : std::string_view();
}

auto broken(const char* how) {
  return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe, how);
}

}  // namespace

StreamableLarge::Place StreamableLarge::place_of(std::string_view begin, std::string_view id, bool may_ask) {
  const std::optional<FrameHead> head = frame_at_head(begin);
  if (!head || (may_ask && !begins_complete(head->result))) return Place::whole;
  if (head->id.empty()) return Place::tail;
  return head->id == id ? Place::head : Place::whole;
}

Task<Result<std::string_view>> LargeJson::next() {
  Result<std::string_view> part = begun_.view();
  if (!std::exchange(first_, false) || part->empty()) {
    begun_ = Bytes();
    clock_.resume(Shard::current().now());
    part = co_await exchange_.read_some(clock_.deadline(), &cancel_);
    clock_.pause(Shard::current().now());
    if (!part) co_return part;
  }
  if (part->size() > left_)
    co_return fail(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                   "the answer has more than limits.message");
  left_ -= part->size();
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
  pieces_ = {text.substr(0, from), client_id_, text.substr(from + id.size()), {}};
  return std::span<const std::string_view>(pieces_).first(3);
}

void StreamableLarge::look_for_error(std::string_view part) {
  constexpr std::string_view wanted = "\"isError\":true";
  tool_error_ = tool_error_ || part.find(wanted) != std::string_view::npos;
}

// What of it goes out now.
Result<std::span<const std::string_view>> StreamableLarge::pass(std::string_view part, bool first) {
  std::size_t from = 0;
  std::string_view id;
  if (first) {
    const FrameHead head = frame_at_head(part).value_or(FrameHead());
    from = part.size() - head.result.size();
    id = head.id;
  }
  const std::size_t size = scan_.feed(part.substr(from));
  if (size == ResultScan::npos) return broken("its large answer is nested too deeply, or no UTF-8");
  behind_ += part.substr(from + size);
  if (behind_.size() > kTailMax) return broken("too much follows the result of its large answer");
  part = part.substr(0, from + size);
  const bool held = std::exchange(holds_, false);
  given_ = last_;
  // Behind a result that has ended there is more to come: what is held back there is enough.
  if (!scan_.ended() && !part.empty()) {
    last_ = part.back();
    part.remove_suffix(1);
    holds_ = true;
  } else if (held && part.empty() && !scan_.ended()) {
    holds_ = true;
    return std::span<const std::string_view>();
  }
  if (first && place_ == Place::head) return replace_id(part, id);
  pieces_[0] = held ? std::string_view(&given_, 1) : std::string_view();
  pieces_[1] = part;
  return std::span<const std::string_view>(pieces_).first(2);
}

// Behind the result there is the id and the version, or nothing but the last brace: whatever else comes there
// some reader takes for another result.
Result<std::span<const std::string_view>> StreamableLarge::finish() {
  if (!scan_.ended()) return broken("its large answer has no end");
  if (place_ == Place::head) {
    const std::size_t brace = behind_.find_first_not_of(" \t\r\n");
    if (brace == std::string::npos || behind_[brace] != '}' ||
        behind_.find_first_not_of(" \t\r\n", brace + 1) != std::string::npos)
      return broken("something follows the result of its large answer");
    body_->finish();
    pieces_[0] = behind_;
    return std::span<const std::string_view>(pieces_).first(1);
  }
  const std::string_view id = id_behind(behind_);
  if (id != id_) return broken("its large answer does not end with the request's id");
  body_->finish();
  return replace_id(behind_, id);
}

Task<Result<std::span<const std::string_view>>> StreamableLarge::next() {
  while (!ended_) {
    const Result<std::string_view> part = co_await body_->next();
    if (!part) co_return fail(part.error());
    const bool first = !std::exchange(begun_, true);
    if (part->empty()) {
      ended_ = true;
      look_for_error(end_);
      co_return finish();
    }
    if (first) look_for_error(part->substr(0, kLookedAt));
    if (part->size() < kLookedAt && end_.size() > kLookedAt) end_.erase(0, end_.size() - kLookedAt);
    if (part->size() >= kLookedAt) end_.clear();
    end_.append(part->substr(part->size() - std::min(part->size(), kLookedAt)));
    const Result<std::span<const std::string_view>> now = pass(*part, first);
    // All of it may be held back.
    if (!now) co_return now;
    for (const std::string_view piece : *now)
      if (!piece.empty()) co_return now;
  }
  co_return std::span<const std::string_view>();
}

}  // namespace weir
