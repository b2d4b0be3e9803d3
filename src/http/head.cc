#include "http/head.h"

#include <algorithm>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <cstring>

namespace weir {
namespace {

enum : std::uint8_t { kToken = 1, kValue = 2, kTarget = 4, kHost = 8 };

// What a byte may be part of: a field's or method's name (RFC 9110 tchar), a field's value, a request target,
// a host's name (RFC 3986 reg-name).
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
  for (int c = '0'; c <= 'z'; ++c)
    if ((classes[static_cast<std::size_t>(c)] & kToken) != 0 && c != '^' && c != '`')
      classes[static_cast<std::size_t>(c)] |= kHost;
  for (const char c : std::string_view("-.~!$&'()*+,;=%")) classes[static_cast<unsigned char>(c)] |= kHost;
  for (const char c : std::string_view("#\"<>\\^`{|}"))
    classes[static_cast<unsigned char>(c)] &= static_cast<std::uint8_t>(~kTarget);
  return classes;
}
constexpr auto kClasses = make_classes();

std::size_t first_not_of_class(std::string_view text, std::uint8_t wanted) noexcept {
  std::size_t at = 0;
  while (at != text.size() && (kClasses[static_cast<unsigned char>(text[at])] & wanted) != 0) ++at;
  return at;
}

bool all_of_class(std::string_view text, std::uint8_t wanted) noexcept {
  return first_not_of_class(text, wanted) == text.size();
}

// The first byte at or after `at` that no field value may hold: a control character but the tab.
const char* value_end(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    const int found = _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
    if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
  }
#endif
  while (at != end && (kClasses[static_cast<unsigned char>(*at)] & kValue) != 0) ++at;
  return at;
}

// The colon behind a field's name, or the line's end, whichever comes first; `end` if neither is there.
const char* name_end(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  const __m128i colon = _mm_set1_epi8(':');
  const __m128i feed = _mm_set1_epi8('\n');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int found =
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, colon), _mm_cmpeq_epi8(bytes, feed)));
    if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
  }
#endif
  while (at != end && *at != ':' && *at != '\n') ++at;
  return at;
}

// Eight bytes with A to Z in lower case. Source: the usual carry-free comparison of bytes within a word.
constexpr std::uint64_t lower_word(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  const std::uint64_t low = word & (ones * 0x7F);
  const std::uint64_t above_z = low + ones * (0x7F - 'Z');
  const std::uint64_t from_a = low + ones * (0x80 - 'A');
  const std::uint64_t upper = ~word & (from_a ^ above_z) & (ones * 0x80);
  return word | (upper >> 2);
}

std::uint64_t load_word(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Up to seven bytes, the rest zero.
std::uint64_t load_part(const char* at, std::size_t size) noexcept {
  std::uint64_t word = 0;
  if (size >= 4) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + size - 4, 4);
    return low | static_cast<std::uint64_t>(high) << (8 * (size - 4));
  }
  for (std::size_t i = 0; i < size; ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  return word;
}

struct Known {
  std::string_view name;  // lower case
  Field field;
  bool list;  // may be repeated; only the first is kept
};
constexpr Known kKnown[] = {
    {"content-length", Field::content_length, false},
    {"transfer-encoding", Field::transfer_encoding, false},
    {"connection", Field::connection, true},
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
    {"user-agent", Field::user_agent, false},
};

constexpr std::string_view kMethods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                         "CONNECT", "OPTIONS", "TRACE", "PATCH"};

// Names are told apart by their length first: few share one.
constexpr std::size_t kLengths = 32;
// A name's words: eight bytes each, the last one overlapping the one before; of a short name its bytes alone.
// `letters` has the bit of case set where the name has a letter: a byte of either case, and no other, is then
// the name's.
struct Row {
  const Known* known = nullptr;
  std::array<std::uint64_t, 4> words{};
  std::array<std::uint64_t, 4> letters{};
};
constexpr void set_word(Row& row, std::size_t word, std::string_view part) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto byte = static_cast<std::uint64_t>(static_cast<unsigned char>(part[i]));
    row.words[word] |= byte << (8 * i);
    if (byte >= 'a' && byte <= 'z') row.letters[word] |= std::uint64_t{0x20} << (8 * i);
  }
}
struct ByLength {
  std::array<std::array<Row, 4>, kLengths> rows{};
};
constexpr ByLength make_by_length() {
  ByLength table;
  for (const Known& known : kKnown) {
    auto& row = table.rows[known.name.size()];
    std::size_t place = 0;
    while (row[place].known != nullptr) ++place;  // a fifth of one length fails to compile
    row[place].known = &known;
    const std::size_t size = known.name.size();
    std::size_t word = 0;
    for (std::size_t at = 0; at + 8 < size; at += 8) set_word(row[place], word++, known.name.substr(at, 8));
    set_word(row[place], 3, size < 8 ? known.name : known.name.substr(size - 8));
  }
  return table;
}
constexpr ByLength kByLength = make_by_length();

bool same_name(const Row& row, const char* name, std::size_t size) noexcept {
  const auto differs = [&](std::size_t word, std::uint64_t there) {
    return (there | row.letters[word]) != row.words[word];
  };
  if (size < 8) return !differs(3, load_part(name, size));
  if (differs(3, load_word(name + size - 8))) return false;
  if (size > 8 && differs(0, load_word(name))) return false;
  if (size > 16 && differs(1, load_word(name + 8))) return false;
  return size <= 24 || !differs(2, load_word(name + 16));
}

const Known* find_known(std::string_view name) noexcept {
  if (name.size() >= kLengths) return nullptr;
  for (const Row& row : kByLength.rows[name.size()]) {
    if (row.known == nullptr) return nullptr;
    if (same_name(row, name.data(), name.size())) return row.known;
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
    if (rest.empty()) return HeadState::more;
    // What can't begin a line of HTTP may never end one.
    if ((kClasses[static_cast<unsigned char>(rest[0])] & kToken) == 0 && rest[0] != '\r' && rest[0] != '\n')
        [[unlikely]]
      return refuse(too_long == 502 ? 502 : 400, "this is not HTTP");
    const std::size_t length = rest.find('\n');
    if (length == std::string_view::npos)
      return rest.size() > line_max ? refuse(too_long, too_long_reason) : HeadState::more;
    if (length > line_max) return refuse(too_long, too_long_reason);
    if (length == 0 || rest[length - 1] != '\r') return refuse(400, "a line ends in CRLF");
    out = rest.substr(0, length - 1);
    at += length + 1;
    return HeadState::done;
  }

  // From left to right, so that a refusal does not depend on how much has come.
  HeadState fields(std::string_view received, std::size_t begin) {
    head_.touched_ = true;
    if (begin > limits_.head_max) return refuse(431, "header block too large");
    const bool all = received.size() > limits_.head_max;
    const char* const base = received.data();
    const char* const end = base + (all ? limits_.head_max : received.size());
    const auto more = [&] { return all ? refuse(431, "header block too large") : HeadState::more; };
    const char* at = base + begin;
    std::size_t left = limits_.fields_max;
    while (true) {
      if (at == end) return more();
      if (static_cast<unsigned char>(*at) <= ' ') {
        if (*at == '\r') {
          if (end - at < 2) return more();
          if (at[1] != '\n') return refuse(400, "a line ends in CRLF");
          head_.size_ = static_cast<std::size_t>(at + 2 - base);
          head_.text_ = base;
          return HeadState::done;
        }
        if (*at == ' ' || *at == '\t') return refuse(400, "folded header lines are not accepted");
      }
      if (left-- == 0) return refuse(431, "too many header fields");
      const char* const colon = name_end(at, end);
      const std::string_view name(at, static_cast<std::size_t>(colon - at));
      const bool named = colon != end && *colon == ':';
      const Known* const known = named ? find_known(name) : nullptr;
      if (known == nullptr) [[unlikely]] {
        const std::size_t bad = first_not_of_class(name, kToken);
        if (bad != name.size() && name[bad] == '\r') {
          if (bad + 1 == name.size() && colon == end) return more();
          return refuse(400, "a header field needs a colon");
        }
        if (bad != name.size()) return refuse(400, "invalid header field name");
        if (colon == end) return more();
        if (!named) return refuse(400, "a header field needs a colon");
        if (name.empty()) return refuse(400, "invalid header field name");
      }
      const char* from = colon + 1;
      if (end - from >= 2 && *from == ' ' && static_cast<unsigned char>(from[1]) > ' ') [[likely]]
        ++from;  // the usual one
      else
        while (from != end && (*from == ' ' || *from == '\t')) ++from;
      const char* const stop = value_end(from, end);
      if (end - stop < 2 || std::memcmp(stop, "\r\n", 2) != 0) [[unlikely]] {
        if (stop == end) return more();
        if (*stop == '\n') return refuse(400, "a line ends in CRLF");
        if (*stop == '\r' && end - stop < 2) return more();
        return refuse(400, "invalid byte in a header field");
      }
      const char* to = stop;
      while (to != from && static_cast<unsigned char>(to[-1]) <= ' ')
        --to;  // white space: the rest was refused
      const std::string_view value(from, static_cast<std::size_t>(to - from));
      if (known != nullptr) [[likely]] {
        std::string_view& slot = head_.known_[static_cast<std::size_t>(known->field)];
        if (slot.data() == nullptr)
          slot = value;
        else if (known->list)
          head_.repeated_ |= 1U << static_cast<unsigned>(known->field);
        else if (known->field == Field::origin)
          return refuse(403, "repeated Origin");
        else
          return refuse(400, "repeated header field");
      } else if (!keep_param(name, value)) {
        return HeadState::refused;
      }
      at = stop + 2;
    }
  }

  bool keep_param(std::string_view name, std::string_view value) {
    if (name.size() <= kParamPrefix.size() ||
        !equals_ignoring_case(name.substr(0, kParamPrefix.size()), kParamPrefix))
      return true;
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
      const std::string_view codings = head_.get(Field::transfer_encoding);
      if (!equals_ignoring_case(codings, "chunked"))
        return names_other_coding(codings) ? refuse(501, "unknown transfer coding")
                                           : refuse(400, "invalid Transfer-Encoding");
      head_.chunked_ = true;
    }
    head_.keep_alive_ = head_.minor_version_ == 1;
    if (!head_.has(Field::connection)) return HeadState::done;
    std::string joined;
    const std::string_view options = head_.all(Field::connection, "connection", joined);
    if (list_has_token(options, "close"))
      head_.keep_alive_ = false;
    else if (list_has_token(options, "keep-alive"))
      head_.keep_alive_ = true;
    return HeadState::done;
  }

  // A list of codings, all well-formed, one of which is not chunked.
  static bool names_other_coding(std::string_view codings) noexcept {
    bool other = false;
    while (true) {
      const std::size_t comma = codings.find(',');
      std::string_view one = codings.substr(0, comma);
      while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
      while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
      if (one.empty() || !all_of_class(one, kToken)) return false;
      other = other || !equals_ignoring_case(one, "chunked");
      if (comma == std::string_view::npos) return other;
      codings.remove_prefix(comma + 1);
    }
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

namespace {

bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Two hexadecimal digits behind each percent sign. Source: RFC 3986, section 2.1.
bool percents_whole(std::string_view text) noexcept {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
    if (text.size() - at < 3 || !is_hex(text[at + 1]) || !is_hex(text[at + 2])) return false;
  return true;
}

// uri-host [ ":" port ]; a colon within brackets is an address's. Source: RFC 9110, section 7.2; RFC 3986,
// section 3.2.2.
bool host_valid(std::string_view host) noexcept {
  std::size_t end;
  if (host.starts_with('[')) {
    end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string_view inside = host.substr(1, end - 1);
    const bool address = inside.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
                         inside.find(':') != std::string_view::npos;
    if (!address) return false;
    ++end;
  } else {
    bool percent = false;
    for (end = 0; end != host.size() && (kClasses[static_cast<unsigned char>(host[end])] & kHost) != 0; ++end)
      percent = percent || host[end] == '%';
    if (end == 0 || (percent && !percents_whole(host.substr(0, end)))) return false;
  }
  if (end == host.size()) return true;
  if (host[end] != ':') return false;
  for (++end; end != host.size(); ++end)
    if (host[end] < '0' || host[end] > '9') return false;
  return true;
}

bool is_method(std::string_view method) noexcept {
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

}  // namespace

HeadState parse_request(std::string_view received, const HeadLimits& limits, RequestHead& head,
                        HeadRefusal& refusal) {
  HeadParser parser(head, refusal, limits);
  std::size_t at = 0;
  std::string_view line;
  // One empty line before a request is tolerated by the RFC (section 2.2); nothing else is.
  if (received.starts_with("\r\n")) at = 2;
  const HeadState state =
      parser.line(received, at, line, limits.target_max + 64, 414, "request line too long");
  // No space within it: its method alone is longer than any.
  if (state == HeadState::refused && refusal.status == 414 &&
      received.substr(at, limits.target_max).find(' ') == std::string_view::npos)
    return parser.refuse(501, "unknown method");
  if (state != HeadState::done) return state;
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return parser.refuse(400, "invalid request line");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  const bool known = version == "HTTP/1.1";
  if (!known && version.find(' ') != std::string_view::npos)
    return parser.refuse(400, "invalid request line");
  if (head.method != "POST" && (head.method.empty() || !all_of_class(head.method, kToken)))
    return parser.refuse(400, "invalid method");
  if (known) {
    // The usual one.
  } else if (version.size() != 8 || !version.starts_with("HTTP/") || version[5] < '0' || version[5] > '9' ||
             version[6] != '.' || version[7] < '0' || version[7] > '9') {
    return parser.refuse(400, "invalid HTTP version");
  } else if (version[5] != '1') {
    return parser.refuse(505, "HTTP/1.1 and HTTP/1.0 are served");
  }
  // A higher minor version is served as the highest that is known (RFC 9110, section 2.5).
  parser.set_minor_version(version[7] == '0' ? 0 : 1);
  if (head.target.size() > limits.target_max) return parser.refuse(414, "request target too long");
  if (head.target.empty() || head.target[0] != '/' || !all_of_class(head.target, kTarget))
    return parser.refuse(400, "the request target is a path");
  if (!percents_whole(head.target)) return parser.refuse(400, "invalid percent encoding in the target");
  if (head.method != "POST" && !is_method(head.method)) return parser.refuse(501, "unknown method");
  const HeadState rest = parser.fields(received, at);
  if (rest != HeadState::done) return rest;
  if (head.get(Field::host).empty() && (head.minor_version() == 1 || head.has(Field::host)))
    return parser.refuse(400, "a request needs one Host");
  if (head.has(Field::host) && !host_valid(head.get(Field::host))) return parser.refuse(400, "invalid Host");
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
  if (!all_of_class(line.substr(12), kValue)) return parser.refuse(502, "invalid status line");
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

std::string_view Head::all(Field field, std::string_view name, std::string& storage) const {
  if ((repeated_ & 1U << static_cast<unsigned>(field)) == 0) return get(field);
  std::string_view rest(text_, size_);
  storage.clear();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.size() <= name.size() + 1 || line[name.size()] != ':' ||
        !equals_ignoring_case(line.substr(0, name.size()), name))
      continue;
    if (!storage.empty()) storage += ',';
    storage += line.substr(name.size() + 1, line.size() - name.size() - 2);
  }
  return storage;
}

std::string_view Head::find(std::string_view name) const noexcept {
  std::string_view rest = text_ == nullptr ? std::string_view() : std::string_view(text_, size_);
  rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()));
  while (rest.size() > name.size()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!equals_ignoring_case(line.substr(0, name.size()), name)) continue;
    line.remove_prefix(name.size() + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
      line.remove_suffix(1);
    return line;
  }
  return {};
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  if (a.data() == b.data()) return true;
  const std::size_t size = a.size();
  if (size < 8) return lower_word(load_part(a.data(), size)) == lower_word(load_part(b.data(), size));
  for (std::size_t at = 0; at + 8 < size; at += 8)
    if (lower_word(load_word(a.data() + at)) != lower_word(load_word(b.data() + at))) return false;
  // The last word overlaps the one before.
  return lower_word(load_word(a.data() + size - 8)) == lower_word(load_word(b.data() + size - 8));
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
