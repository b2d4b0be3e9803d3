// Strict JSON by RFC 8259 over raw bytes: a cursor that validates all it passes and gives back raw spans, so
// that what the gateway does not own is never written anew. One pass, no recursion, no tree. See
// docs/design/002-json.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_scan.h"

namespace weir {

/// Bounds of one document.
struct JsonLimits {
  std::size_t depth_max = 128;        // containers within containers
  std::size_t members_max = 100'000;  // members and elements in all
};

/// What is wrong with a document.
enum class JsonFault : std::uint8_t { none, syntax, utf8, depth, members, duplicate };
/// One word or phrase for messages: "invalid JSON", "nested too deeply", ...
std::string_view to_string(JsonFault fault) noexcept;

/// Walks one document. A fault is sticky: from then on everything answers false or empty.
class JsonCursor {
 public:
  /// `text` outlives the cursor and all spans it gives. `unique_members`: a repeated member name inside what
  /// take_value() passes is a fault (names are compared after their escapes).
  JsonCursor(std::string_view text, const JsonLimits& limits, bool unique_members) noexcept
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        limits_(limits),
        unique_(unique_members) {}

  /// The first byte of the next value ('{', '"', ...), or 0 where there is none.
  char peek() noexcept {
    at_ = space(at_);
    return at_ == end_ ? '\0' : *at_;
  }
  /// Steps into the object that is next.
  bool enter_object() noexcept {
    if (peek() != '{') return fault_at(at_, JsonFault::syntax);
    if (++depth_ > limits_.depth_max) return fault_at(at_, JsonFault::depth);
    ++at_;
    first_ = true;
    return true;
  }
  /// As if an object's brace had just been passed: its first member is next. False if none is there.
  bool enter_members() noexcept {
    if (peek() != '"') return false;
    ++depth_;
    first_ = true;
    return true;
  }
  /// The next member's raw name (between its quotes, escapes untouched); false at the object's end, which is
  /// passed.
  bool next_member(std::string_view& raw_name) noexcept {
    const char* p = at_;
    // The usual text has no white space between its marks.
    if (!first_ && end_ - p >= 2 && std::memcmp(p, ",\"", 2) == 0) {
      ++p;
    } else if (first_ && p != end_ && *p == '"') {
      // The first one's name.
    } else if (p != end_ && *p == '}') {
      at_ = p + 1;
      --depth_;
      first_ = false;
      return false;
    } else if (!seek_member(p)) {
      return false;
    }
    first_ = false;
    const char* const start = p + 1;
    p = json_text::plain_string_end(start, end_);
    name_plain_ = p != end_ && *p == '"';
    if (name_plain_) {
      raw_name = std::string_view(start, static_cast<std::size_t>(p - start));
      ++p;
    } else {
      at_ = start - 1;
      if (!take_odd_string(raw_name, p)) return false;
      p = at_;
    }
    if (++members_ > limits_.members_max) return fault_at(p, JsonFault::members);
    if (end_ - p >= 2 && *p == ':' && static_cast<unsigned char>(p[1]) > ' ') {
      at_ = p + 1;
      return true;
    }
    return seek_value(p);
  }
  /// True if the name that next_member() gave is ASCII without escapes.
  bool name_plain() const noexcept { return name_plain_; }
  /// Steps into the array that is next.
  bool enter_array() noexcept;
  /// True if there is a next element; false at the array's end, which is passed.
  bool next_element() noexcept;
  /// Validates the next value whole and gives its raw span; empty after a fault.
  std::string_view take_value() {
    if ((at_ == end_ || *at_ != '"') && peek() != '"') return take_other();
    const char* const start = at_;
    std::string_view raw;
    if (!take_string(raw)) return {};
    return std::string_view(start, static_cast<std::size_t>(at_ - start));
  }
  /// True if only white space is left and nothing was wrong.
  bool finish() noexcept;

  /// What was wrong; none as long as all was valid.
  JsonFault fault() const noexcept { return fault_; }
  /// Where the cursor stands, in bytes from the start; after a fault, near it.
  std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  void set_fault(JsonFault fault) noexcept;

 private:
  // To the quote of an object's next name; false at its end, or without one.
  bool seek_member(const char*& p) noexcept;
  // Behind the colon that follows a name.
  bool seek_value(const char* p) noexcept;
  std::string_view take_other();
  std::string_view take_container();
  const char* space(const char* p) const noexcept {
    while (p != end_ && static_cast<unsigned char>(*p) <= ' ' &&
           (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
      ++p;
    return p;
  }
  bool fault_at(const char* p, JsonFault fault) noexcept {
    at_ = p;
    set_fault(fault);
    return false;
  }
  // The usual string has nothing to look at between its quotes.
  bool take_string(std::string_view& raw) noexcept {
    const char* const start = at_ + 1;
    const char* const stop = json_text::plain_string_end(start, end_);
    string_plain_ = stop != end_ && *stop == '"';
    if (!string_plain_) return take_odd_string(raw, stop);
    raw = std::string_view(start, static_cast<std::size_t>(stop - start));
    at_ = stop + 1;
    return true;
  }
  bool take_odd_string(std::string_view& raw, const char* seen) noexcept;
  bool take_number() noexcept;
  bool take_word(std::string_view word) noexcept;
  bool take_scalar() noexcept;
  bool count_member() noexcept {
    if (++members_ <= limits_.members_max) return true;
    set_fault(JsonFault::members);
    return false;
  }
  bool names_unique(std::size_t first);

  const char* begin_;
  const char* at_;
  const char* end_;
  JsonLimits limits_;
  bool unique_;
  bool first_ = true;
  bool string_plain_ = true;  // the string taken last
  bool name_plain_ = true;
  JsonFault fault_ = JsonFault::none;
  std::size_t depth_ = 0;  // containers entered by the caller
  std::size_t members_ = 0;
};

/// True if the raw name equals `plain` after its escapes; cheap where there are none.
bool json_name_is(std::string_view raw_name, std::string_view plain);
/// The text of a raw string (with or without its quotes) that was validated; lone surrogates become U+FFFD.
std::string json_unescape(std::string_view raw);
/// Appends `text` as a JSON string with quotes. `text` is valid UTF-8; control characters are escaped.
void json_append_string(std::string& out, std::string_view text);
/// True if `text` is valid UTF-8 (no surrogates, no overlong forms).
bool utf8_valid(std::string_view text) noexcept;

}  // namespace weir
