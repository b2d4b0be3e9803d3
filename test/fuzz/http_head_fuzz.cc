// Fuzzes HTTP heads, requests and responses: however the bytes arrive, the outcome is the one that they have
// as a whole, and what was accepted is framed in one way only, and well-formed to a plain reader too. The
// first byte chooses direction and limits.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "http/head.h"

namespace {

struct Outcome {
  weir::HeadState state = weir::HeadState::more;
  weir::HeadRefusal refusal;
  weir::Head head;
  std::string_view first;  // method or nothing
  std::string_view second;
  int status = 0;
};

Outcome parse(std::string_view received, const weir::HeadLimits& limits, bool request) {
  Outcome outcome;
  if (request) {
    weir::RequestHead head;
    outcome.state = weir::parse_request(received, limits, head, outcome.refusal);
    outcome.head = head;
    outcome.first = head.method;
    outcome.second = head.target;
  } else {
    weir::ResponseHead head;
    outcome.state = weir::parse_response(received, limits, head, outcome.refusal);
    outcome.head = head;
    outcome.status = head.status;
  }
  return outcome;
}

bool same_head(const Outcome& a, const Outcome& b) {
  if (a.first != b.first || a.second != b.second || a.status != b.status) return false;
  if (a.head.size() != b.head.size() || a.head.content_length() != b.head.content_length()) return false;
  if (a.head.chunked() != b.head.chunked() || a.head.keep_alive() != b.head.keep_alive()) return false;
  for (std::size_t i = 0; i < static_cast<std::size_t>(weir::Field::count_); ++i) {
    const auto field = static_cast<weir::Field>(i);
    if (a.head.get(field) != b.head.get(field) || a.head.has(field) != b.head.has(field)) return false;
  }
  if (a.head.params().size() != b.head.params().size()) return false;
  for (std::size_t i = 0; i < a.head.params().size(); ++i)
    if (a.head.params()[i].name != b.head.params()[i].name ||
        a.head.params()[i].value != b.head.params()[i].value)
      return false;
  return true;
}

void check_clean(std::string_view value) {
  WEIR_CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
}

// What holds of every head that was accepted.
void check_accepted(const Outcome& outcome, std::string_view text, const weir::HeadLimits& limits,
                    bool request) {
  const weir::Head& head = outcome.head;
  WEIR_CHECK(head.size() <= text.size());
  WEIR_CHECK(text.substr(0, head.size()).ends_with("\r\n\r\n"));
  WEIR_CHECK(!(head.chunked() && head.content_length()));
  WEIR_CHECK(!(head.has(weir::Field::content_length) && head.has(weir::Field::transfer_encoding)));
  for (std::size_t i = 0; i < static_cast<std::size_t>(weir::Field::count_); ++i)
    check_clean(head.get(static_cast<weir::Field>(i)));
  for (const weir::HeaderField& field : head.params()) check_clean(field.value);
  if (!request) {
    WEIR_CHECK(outcome.status >= 100 && outcome.status <= 599);
    return;
  }
  WEIR_CHECK(!outcome.first.empty() && outcome.second.starts_with('/'));
  WEIR_CHECK(outcome.second.size() <= limits.target_max);
  check_clean(outcome.second);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// Line by line, by the grammar of RFC 9112: CRLF alone ends one, names are tokens, and what frames the body
// stands there once.
void check_plainly(std::string_view text, const Outcome& outcome, bool request) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
  if (request && text.starts_with("\r\n")) text.remove_prefix(2);  // which a server ignores: section 2.2
  int hosts = 0;
  std::string length;
  std::string coding;
  for (bool first = true; text != "\r\n"; first = false) {
    const std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(line.size() + 2);
    WEIR_CHECK(!text.empty());
    for (const char c : line) WEIR_CHECK(c == '\t' || static_cast<unsigned char>(c) >= ' ');
    WEIR_CHECK(line.find('\x7F') == std::string_view::npos);
    if (first) {
      if (request)
        WEIR_CHECK(line.starts_with(outcome.first) && line.find(" HTTP/1.") != std::string_view::npos);
      if (!request) WEIR_CHECK(line.starts_with("HTTP/1."));
      continue;
    }
    const std::size_t colon = line.find(':');
    WEIR_CHECK(colon != std::string_view::npos && colon != 0);
    const std::string name = lower(line.substr(0, colon));
    WEIR_CHECK(name.find_first_not_of(marks) == std::string::npos);
    std::string value(line.substr(colon + 1));
    value.erase(0, value.find_first_not_of(" \t"));
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
    if (name == "host") ++hosts;
    if (name == "content-length") {
      WEIR_CHECK(length.empty() || length == value);
      WEIR_CHECK(!value.empty() && value.find_first_not_of("0123456789") == std::string::npos);
      length = value;
    }
    if (name == "transfer-encoding") WEIR_CHECK(std::exchange(coding, lower(value)).empty());
  }
  WEIR_CHECK(hosts == 1 || !request || (hosts == 0 && outcome.head.minor_version() == 0));
  WEIR_CHECK((coding == "chunked") == outcome.head.chunked() || !request);
  WEIR_CHECK(length.empty() || coding.empty());
  if (request && !length.empty())
    WEIR_CHECK(std::to_string(*outcome.head.content_length()) ==
               length.substr(std::min(length.find_first_not_of('0'), length.size() - 1)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 4096) return 0;
  const bool request = data[0] % 2 == 0;
  weir::HeadLimits limits;
  if (data[0] & 2U) limits = weir::HeadLimits{128, 16, 3};
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);

  const Outcome whole = parse(text, limits, request);
  if (whole.state == weir::HeadState::done) {
    check_accepted(whole, text, limits, request);
    check_plainly(text.substr(0, whole.head.size()), whole, request);
  }
  if (whole.state == weir::HeadState::refused)
    WEIR_CHECK(!whole.refusal.reason.empty() && whole.refusal.status >= 400);
  // Byte by byte, each prefix in storage of its own, so that a read behind its end is seen.
  for (std::size_t count = 0; count <= text.size(); ++count) {
    const std::string prefix(text.substr(0, count));
    const Outcome part = parse(prefix, limits, request);
    if (part.state == weir::HeadState::more) {
      WEIR_CHECK(count < text.size() || whole.state == weir::HeadState::more);
      continue;
    }
    WEIR_CHECK(part.state == whole.state);
    if (part.state == weir::HeadState::refused)
      WEIR_CHECK(part.refusal.status == whole.refusal.status && part.refusal.reason == whole.refusal.reason);
    else
      WEIR_CHECK(same_head(part, whole) && part.head.size() == count);
    break;
  }
  return 0;
}
