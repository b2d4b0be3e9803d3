#include "http/head.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <cstring>

namespace weir {
namespace {

enum : std::uint8_t { kToken = 1, kValue = 2, kTarget = 4 };

// What a byte may be part of: a field's or method's name (RFC 9110 tchar), a field's value, a request target.
constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 0x21; c < 0x7F; ++c) classes[static_cast<std::size_t>(c)] = kValue | kTarget;
  for (int c = 0x80; c < 0x100; ++c) classes[static_cast<std::size_t>(c)] = kValue;
  classes[' '] = kValue;
  classes['\t'] = kValue;
  for (int c = '0'; c <= '9'; ++c) classes[static_cast<std::size_t>(c)] |= kToken;
  for (int c = 'a'; c <= 'z'; ++c) classes[static_cast<std::size_t>(c)] |= kToken;
  for (int c = 'A'; c <= 'Z'; ++c) classes[static_cast<std::size_t>(c)] |= kToken;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) classes[static_cast<unsigned char>(c)] |= kToken;
  for (const char c : std::string_view("#\"<>\\^`{|}"))
    classes[static_cast<unsigned char>(c)] &= static_cast<std::uint8_t>(~kTarget);
  return classes;
}
constexpr auto kClasses = make_classes();

bool all_of_class(std::string_view text, std::uint8_t wanted) noexcept {
  for (const char c : text)
    if ((kClasses[static_cast<unsigned char>(c)] & wanted) == 0) return false;
  return true;
}

// No control character but the tab.
bool value_clean(std::string_view text) noexcept {
  std::size_t at = 0;
#ifdef __SSE2__
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    if (_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)) != 0) return false;
  }
#endif
  return all_of_class(text.substr(at), kValue);
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

struct Known {
  std::string_view name;  // lower case
  Field field;
  bool list;  // may be repeated; only the first is kept
};
constexpr Known kKnown[] = {
    {"content-length", Field::content_length, false},
    {"transfer-encoding", Field::transfer_encoding, false},
    {"connection", Field::connection, false},
    {"host", Field::host, false},
    {"origin", Field::origin, false},
    {"content-type", Field::content_type, false},
    {"accept", Field::accept, true},
    {"accept-encoding", Field::accept_encoding, true},
    {"content-encoding", Field::content_encoding, false},
    {"expect", Field::expect, false},
    {"authorization", Field::authorization, false},
    {"retry-after", Field::retry_after, false},
    {"www-authenticate", Field::www_authenticate, true},
    {"last-event-id", Field::last_event_id, false},
    {"traceparent", Field::traceparent, false},
    {"tracestate", Field::tracestate, true},
    {"mcp-session-id", Field::mcp_session_id, false},
    {"mcp-protocol-version", Field::mcp_protocol_version, false},
    {"mcp-method", Field::mcp_method, false},
    {"mcp-name", Field::mcp_name, false},
    {"access-control-request-method", Field::access_control_request_method, false},
    {"access-control-request-headers", Field::access_control_request_headers, false},
    {"location", Field::location, false},
};

// Names are told apart by their length first: few share one.
constexpr std::size_t kLengths = 32;
struct ByLength {
  std::array<std::array<const Known*, 3>, kLengths> rows{};
};
constexpr ByLength make_by_length() {
  ByLength table;
  for (const Known& known : kKnown) {
    auto& row = table.rows[known.name.size()];
    std::size_t at = 0;
    while (row[at] != nullptr) ++at;  // a fourth of one length fails to compile
    row[at] = &known;
  }
  return table;
}
constexpr ByLength kByLength = make_by_length();

const Known* find_known(std::string_view name) noexcept {
  if (name.size() >= kLengths) return nullptr;
  for (const Known* known : kByLength.rows[name.size()]) {
    if (known == nullptr) return nullptr;
    if (known->name[0] == lower(name[0]) && equals_ignoring_case(known->name, name)) return known;
  }
  return nullptr;
}

constexpr std::string_view kParamPrefix = "mcp-param-";

}  // namespace

/// Fills a Head from its lines.
class HeadParser {
 public:
  HeadParser(Head& head, HeadRefusal& refusal, const HeadLimits& limits)
      : head_(head), refusal_(refusal), limits_(limits) {}

  HeadState refuse(int status, std::string_view reason) noexcept {
    refusal_ = HeadRefusal{status, reason};
    return HeadState::refused;
  }

  // The line at `at` without its CRLF; `at` moves behind it. `more` if it is not whole.
  HeadState line(std::string_view received, std::size_t& at, std::string_view& out, std::size_t line_max,
                 int too_long, std::string_view too_long_reason) noexcept {
    const std::string_view rest = received.substr(at);
    const std::size_t length = rest.find('\n');
    if (length == std::string_view::npos) {
      if (rest.size() > line_max) return refuse(too_long, too_long_reason);
      // A bare CR or NUL need not wait for the line's end, but it costs nothing to find it then.
      return HeadState::more;
    }
    if (length > line_max) return refuse(too_long, too_long_reason);
    if (length == 0 || rest[length - 1] != '\r') return refuse(400, "a line ends in CRLF");
    out = rest.substr(0, length - 1);
    at += length + 1;
    return HeadState::done;
  }

  HeadState fields(std::string_view received, std::size_t at) {
    std::size_t count = 0;
    while (true) {
      if (at > limits_.head_max) return refuse(431, "header block too large");
      std::string_view text;
      const HeadState state = line(received, at, text, limits_.head_max - at, 431, "header block too large");
      if (state != HeadState::done) return state;
      if (text.empty()) break;
      if (++count > limits_.fields_max) return refuse(431, "too many header fields");
      const void* colon = std::memchr(text.data(), ':', text.size());
      if (text[0] == ' ' || text[0] == '\t') return refuse(400, "folded header lines are not accepted");
      if (colon == nullptr) return refuse(400, "a header field needs a colon");
      const auto name_size = static_cast<std::size_t>(static_cast<const char*>(colon) - text.data());
      const std::string_view name = text.substr(0, name_size);
      const Known* known = name.empty() ? nullptr : find_known(name);
      if (name.empty() || (known == nullptr && !all_of_class(name, kToken)))
        return refuse(400, "invalid header field name");
      std::string_view value = text.substr(name_size + 1);
      while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
      while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
      if (!value_clean(value)) return refuse(400, "invalid byte in a header field");
      if (!keep(known, name, value)) return HeadState::refused;
    }
    head_.size_ = at;
    return HeadState::done;
  }

  bool keep(const Known* known, std::string_view name, std::string_view value) noexcept {
    if (known != nullptr) {
      std::string_view& slot = head_.known_[static_cast<std::size_t>(known->field)];
      if (slot.data() != nullptr && !known->list) {
        refuse(400, "repeated header field");
        return false;
      }
      if (slot.data() == nullptr) slot = value;
      return true;
    }
    if (name.size() > kParamPrefix.size() &&
        equals_ignoring_case(name.substr(0, kParamPrefix.size()), kParamPrefix)) {
      for (const HeaderField& field : head_.params_) {
        if (equals_ignoring_case(field.name, name)) {
          refuse(400, "repeated header field");
          return false;
        }
      }
      if (head_.params_.size() == Head::kParamsMax) {
        refuse(431, "too many Mcp-Param fields");
        return false;
      }
      head_.params_.push_back(HeaderField{name, value});
    }
    return true;
  }

  // Length and coding of the body; both at once, or anything odd, is how requests are smuggled.
  HeadState framing() {
    const std::string_view length = head_.get(Field::content_length);
    if (head_.has(Field::content_length)) {
      if (head_.has(Field::transfer_encoding))
        return refuse(400, "both Content-Length and Transfer-Encoding");
      if (length.empty() || length.size() > 18) return refuse(400, "invalid Content-Length");
      std::uint64_t value = 0;
      for (const char c : length) {
        if (c < '0' || c > '9') return refuse(400, "invalid Content-Length");
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
      }
      head_.length_ = value;
    }
    if (head_.has(Field::transfer_encoding)) {
      if (head_.minor_version_ == 0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
      if (!equals_ignoring_case(head_.get(Field::transfer_encoding), "chunked"))
        return refuse(501, "unknown transfer coding");
      head_.chunked_ = true;
    }
    const std::string_view connection = head_.get(Field::connection);
    head_.keep_alive_ = head_.minor_version_ == 1 ? connection.empty() || !list_has_token(connection, "close")
                                                  : list_has_token(connection, "keep-alive");
    return HeadState::done;
  }

  void set_minor_version(int version) noexcept { head_.minor_version_ = version; }
  void set_no_body() noexcept {
    head_.length_ = 0;
    head_.chunked_ = false;
  }

 private:
  Head& head_;
  HeadRefusal& refusal_;
  const HeadLimits& limits_;
};

HeadState parse_request(std::string_view received, const HeadLimits& limits, RequestHead& head,
                        HeadRefusal& refusal) {
  HeadParser parser(head, refusal, limits);
  std::size_t at = 0;
  std::string_view line;
  // One empty line before a request is tolerated by the RFC (section 2.2); nothing else is.
  if (received.starts_with("\r\n")) at = 2;
  const HeadState state =
      parser.line(received, at, line, limits.target_max + 64, 414, "request line too long");
  if (state != HeadState::done) return state;
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos || line.find(' ', second + 1) != std::string_view::npos)
    return parser.refuse(400, "invalid request line");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (head.method.empty() || !all_of_class(head.method, kToken)) return parser.refuse(400, "invalid method");
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[5] < '0' || version[5] > '9' ||
      version[6] != '.' || version[7] < '0' || version[7] > '9')
    return parser.refuse(400, "invalid HTTP version");
  if (version[5] != '1' || version[7] > '1') return parser.refuse(505, "HTTP/1.1 and HTTP/1.0 are served");
  parser.set_minor_version(version[7] - '0');
  if (head.target.size() > limits.target_max) return parser.refuse(414, "request target too long");
  if (head.target.empty() || head.target[0] != '/' || !all_of_class(head.target, kTarget))
    return parser.refuse(400, "the request target is a path");
  const HeadState rest = parser.fields(received, at);
  if (rest != HeadState::done) return rest;
  if (head.get(Field::host).empty() && (head.minor_version() == 1 || head.has(Field::host)))
    return parser.refuse(400, "a request needs one Host");
  return parser.framing();
}

HeadState parse_response(std::string_view received, const HeadLimits& limits, ResponseHead& head,
                         HeadRefusal& refusal) {
  HeadParser parser(head, refusal, limits);
  std::size_t at = 0;
  std::string_view line;
  const HeadState state = parser.line(received, at, line, limits.target_max, 502, "status line too long");
  if (state == HeadState::refused) refusal.status = 502;
  if (state != HeadState::done) return state;
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || (line[7] != '0' && line[7] != '1') ||
      line[8] != ' ' || (line.size() > 12 && line[12] != ' '))
    return parser.refuse(502, "invalid status line");
  parser.set_minor_version(line[7] - '0');
  head.status = 0;
  for (std::size_t i = 9; i < 12; ++i) {
    if (line[i] < '0' || line[i] > '9') return parser.refuse(502, "invalid status code");
    head.status = head.status * 10 + (line[i] - '0');
  }
  if (head.status < 100 || head.status > 599) return parser.refuse(502, "invalid status code");
  HeadState rest = parser.fields(received, at);
  if (rest == HeadState::done) rest = parser.framing();
  if (rest == HeadState::refused) refusal.status = 502;
  if (rest == HeadState::done && (head.status < 200 || head.status == 204 || head.status == 304))
    parser.set_no_body();
  return rest;
}

namespace {

// Eight bytes with A to Z in lower case. Source: the usual carry-free comparison of bytes within a word.
std::uint64_t lower_word(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  const std::uint64_t low = word & (ones * 0x7F);
  const std::uint64_t above_z = low + ones * (0x7F - 'Z');
  const std::uint64_t from_a = low + ones * (0x80 - 'A');
  const std::uint64_t upper = ~word & (from_a ^ above_z) & (ones * 0x80);
  return word | (upper >> 2);
}

std::uint64_t load(const char* at, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, size);
  return word;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  std::size_t at = 0;
  if (a.data() == b.data()) return true;
  for (; at + 8 <= a.size(); at += 8)
    if (lower_word(load(a.data() + at, 8)) != lower_word(load(b.data() + at, 8))) return false;
  const std::size_t rest = a.size() - at;
  return rest == 0 || lower_word(load(a.data() + at, rest)) == lower_word(load(b.data() + at, rest));
}

bool list_has_token(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (equals_ignoring_case(item, token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace weir
