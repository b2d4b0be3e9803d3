// Fuzzes what clients bring back: a requestState opens for the caller and the request that it was sealed for,
// and in no other way; an event's id reads back as it was written. The first bytes choose the place of an
// edit and a number.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "front/sink.h"
#include "gateway/request_state.h"

namespace {

weir::Message request_for(std::string_view name, std::string_view argument) {
  std::string text = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":)";
  weir::json_append_string(text, name);
  text += R"(,"arguments":{"a":)";
  weir::json_append_string(text, argument);
  text += "}}}";
  auto message =
      weir::Message::index(weir::Bytes::copy_of(text), weir::JsonLimits(), weir::Message::From::client);
  WEIR_CHECK(message.has_value());
  return std::move(*message);
}

void check_event_id(std::string_view text, std::uint64_t stream, std::uint64_t number) {
  std::uint64_t read_stream = 0;
  std::uint64_t read_number = 0;
  (void)weir::read_event_id(text, read_stream, read_number);
  WEIR_CHECK(weir::read_event_id(weir::event_id(stream, number), read_stream, read_number));
  WEIR_CHECK(read_stream == stream && read_number == number);
  WEIR_CHECK(!weir::read_event_id(weir::event_id(stream, number) + "x", read_stream, read_number));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 10 || size > 4096) return 0;
  static const weir::RequestStates states;
  std::uint64_t number = 0;
  std::memcpy(&number, data, sizeof number);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 10), size - 10);
  check_event_id(bytes, number, number >> (data[8] % 64));
  const std::string_view name = weir::utf8_valid(bytes) ? bytes : std::string_view("tool");
  const weir::Message request = request_for(name, "x");
  WEIR_CHECK(!states.open(bytes, "caller", request));

  weir::RequestState state;
  if (data[8] % 2 == 0) {
    state.kind = weir::RequestState::Kind::parked;
    state.shard = static_cast<std::uint16_t>(number);
    state.number = number;
  } else {
    state.server = "server";
    state.raw.assign(bytes.substr(0, 512));
  }
  const std::string sealed = states.seal(state, "caller", request);
  const auto opened = states.open(sealed, "caller", request);
  WEIR_CHECK(opened && opened->kind == state.kind && opened->server == state.server);
  WEIR_CHECK(opened->raw == state.raw && opened->number == state.number && opened->shard == state.shard);
  WEIR_CHECK(!states.open(sealed, "another", request));
  WEIR_CHECK(!states.open(sealed, "caller", request_for(std::string(name) + "2", "x")));
  WEIR_CHECK(!states.open(sealed, "caller", request_for(name, "y")));
  std::string changed = sealed;
  char& letter = changed[(data[9] * 257U) % changed.size()];
  letter = letter == 'A' ? 'B' : 'A';
  WEIR_CHECK(!states.open(changed, "caller", request));
  WEIR_CHECK(!states.open(sealed.substr(0, sealed.size() - 1), "caller", request));
  WEIR_CHECK(!states.open(sealed + "A", "caller", request));
  return 0;
}
