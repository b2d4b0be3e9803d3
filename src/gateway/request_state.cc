#include "gateway/request_state.h"

#include <charconv>

#include "base/digest.h"

namespace weir {
namespace {

constexpr std::string_view kPurpose = "request state";
constexpr std::size_t kMark = 8;

// What tells one request from another, retries apart: its method, what it names and what it gives along.
// Callers are told apart by little more than an address, so the name alone would let one go on with another's
// call.
std::string mark_of(const Message& request) {
  std::string text(request.method());
  for (const std::string_view member : {"name", "uri", "arguments"}) {
    text += '\0';
    text += request.param().find(member);
  }
  const Digest digest = sha256(text);
  return std::string(reinterpret_cast<const char*>(digest.data()), kMark);
}

std::string number_text(std::uint64_t number) { return std::to_string(number); }

}  // namespace

RequestStates::RequestStates() : sealer_(secret_bytes(32), 1) {}

std::string RequestStates::seal(const RequestState& state, std::string_view caller,
                                const Message& request) const {
  Sealed content;
  content.shard = state.shard;
  content.payload = mark_of(request);
  const bool parked = state.kind == RequestState::Kind::parked;
  content.payload += parked ? 'p' : 's';
  content.payload += parked ? number_text(state.number) : state.server;
  if (!parked) content.payload.append(1, '\n').append(number_text(state.endpoint));
  content.payload += '\0';
  content.payload += state.raw;
  return sealer_.seal(kPurpose, caller, content);
}

std::optional<RequestState> RequestStates::open(std::string_view text, std::string_view caller,
                                                const Message& request) const {
  const std::optional<Sealed> content = sealer_.open(kPurpose, caller, text);
  if (!content || content->payload.size() < kMark + 2) return std::nullopt;
  const std::string_view payload = content->payload;
  if (payload.substr(0, kMark) != mark_of(request)) return std::nullopt;
  const std::string_view rest = payload.substr(kMark + 1);
  const std::size_t end = rest.find('\0');
  RequestState state;
  state.kind = payload[kMark] == 'p' ? RequestState::Kind::parked : RequestState::Kind::server;
  state.shard = content->shard;
  if (state.kind == RequestState::Kind::parked) {
    state.number = std::stoull(std::string(rest.substr(0, end)));
  } else {
    const std::string_view who = rest.substr(0, end);
    const std::size_t line = who.rfind('\n');
    if (line == std::string_view::npos) return std::nullopt;
    state.server = who.substr(0, line);
    std::from_chars(who.data() + line + 1, who.data() + who.size(), state.endpoint);
  }
  state.raw = rest.substr(end + 1);
  return state;
}

}  // namespace weir
