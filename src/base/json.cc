#include "base/json.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/json_text.h"

namespace weir {

std::string_view to_string(JsonFault fault) noexcept {
  switch (fault) {
    case JsonFault::none:
      return "valid JSON";
    case JsonFault::syntax:
      return "invalid JSON";
    case JsonFault::utf8:
      return "invalid UTF-8";
    case JsonFault::depth:
      return "nested too deeply";
    case JsonFault::members:
      return "too many members";
    case JsonFault::duplicate:
      return "duplicate member";
  }
  return "invalid JSON";
}

void JsonCursor::set_fault(JsonFault fault) noexcept {
  if (fault_ == JsonFault::none) fault_ = fault;
  end_ = at_;  // nothing more is found
}

void JsonCursor::skip_space() noexcept {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

char JsonCursor::peek() noexcept {
  skip_space();
  return at_ == end_ ? '\0' : *at_;
}

bool JsonCursor::count_member() noexcept {
  if (++members_ <= limits_.members_max) return true;
  set_fault(JsonFault::members);
  return false;
}

bool JsonCursor::enter_object() noexcept {
  if (peek() != '{') {
    set_fault(JsonFault::syntax);
    return false;
  }
  if (++depth_ > limits_.depth_max) {
    set_fault(JsonFault::depth);
    return false;
  }
  ++at_;
  first_ = true;
  return true;
}

bool JsonCursor::enter_array() noexcept {
  if (peek() != '[') {
    set_fault(JsonFault::syntax);
    return false;
  }
  if (++depth_ > limits_.depth_max) {
    set_fault(JsonFault::depth);
    return false;
  }
  ++at_;
  first_ = true;
  return true;
}

bool JsonCursor::next_member(std::string_view& raw_name) noexcept {
  if (peek() == '}') {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (peek() != ',') {
      set_fault(JsonFault::syntax);
      return false;
    }
    ++at_;
  }
  first_ = false;
  if (peek() != '"') {
    set_fault(JsonFault::syntax);
    return false;
  }
  if (!take_string(raw_name) || !count_member()) return false;
  if (peek() != ':') {
    set_fault(JsonFault::syntax);
    return false;
  }
  ++at_;
  return true;
}

bool JsonCursor::next_element() noexcept {
  if (peek() == ']') {
    ++at_;
    --depth_;
    first_ = false;
    return false;
  }
  if (!first_) {
    if (peek() != ',') {
      set_fault(JsonFault::syntax);
      return false;
    }
    ++at_;
    if (peek() == ']') {
      set_fault(JsonFault::syntax);
      return false;
    }
  }
  first_ = false;
  if (peek() == '\0') {
    set_fault(JsonFault::syntax);
    return false;
  }
  return count_member();
}

bool JsonCursor::take_string(std::string_view& raw) noexcept {
  const char* const start = ++at_;
  const json_text::StringEnd end = json_text::scan_string(start, end_);
  at_ = end.at;
  if (end.fault != JsonFault::none) {
    set_fault(end.fault);
    return false;
  }
  raw = std::string_view(start, static_cast<std::size_t>(at_ - start));
  ++at_;
  return true;
}

bool JsonCursor::take_number() noexcept {
  const char* p = at_;
  const auto digit = [&] { return p != end_ && *p >= '0' && *p <= '9'; };
  const auto digits = [&] {
    if (!digit()) return false;
    while (digit()) ++p;
    return true;
  };
  if (*p == '-') ++p;
  bool good = true;
  if (p != end_ && *p == '0')
    ++p;
  else
    good = digits();
  if (good && p != end_ && *p == '.') {
    ++p;
    good = digits();
  }
  if (good && p != end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    good = digits();
  }
  at_ = p;
  if (!good) set_fault(JsonFault::syntax);
  return good;
}

bool JsonCursor::take_word(std::string_view word) noexcept {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) {
    set_fault(JsonFault::syntax);
    return false;
  }
  at_ += word.size();
  return true;
}

bool JsonCursor::take_scalar() noexcept {
  std::string_view ignored;
  switch (peek()) {
    case '"':
      return take_string(ignored);
    case 't':
      return take_word("true");
    case 'f':
      return take_word("false");
    case 'n':
      return take_word("null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      return take_number();
    default:
      set_fault(JsonFault::syntax);
      return false;
  }
}

std::string_view JsonCursor::take_value() {
  const char kind = peek();
  const char* const start = at_;
  if (kind != '{' && kind != '[') {
    if (!take_scalar()) return {};
    return std::string_view(start, static_cast<std::size_t>(at_ - start));
  }
  // One bit per open container says whether it is an object; the first name of each object marks its place in
  // names_.
  constexpr std::size_t kDepthCap = 512;
  std::bitset<kDepthCap> is_object;
  std::array<std::uint32_t, kDepthCap> names_at;
  const std::size_t most = std::min(limits_.depth_max - std::min(depth_, limits_.depth_max), kDepthCap);
  std::size_t depth = 0;
  names_.clear();
  bool opening = true;  // a value is expected, else what follows one
  while (true) {
    if (opening) {
      const char next = peek();
      if (next == '{' || next == '[') {
        if (depth == most) {
          set_fault(JsonFault::depth);
          return {};
        }
        is_object[depth] = next == '{';
        names_at[depth++] = static_cast<std::uint32_t>(names_.size());
        ++at_;
        const char inner = peek();
        if (inner != (next == '{' ? '}' : ']')) {
          if (next == '[') {
            if (!count_member()) return {};
            continue;
          }
        } else {
          ++at_;
          --depth;
          opening = false;
          if (depth == 0) break;
          continue;
        }
      } else {
        if (!take_scalar()) return {};
        opening = false;
        continue;
      }
    } else {
      const char next = peek();
      if (next == ',') {
        ++at_;
        if (!is_object[depth - 1]) {
          if (!count_member()) return {};
          opening = true;
          continue;
        }
      } else if (next == (is_object[depth - 1] ? '}' : ']')) {
        ++at_;
        --depth;
        if (is_object[depth] && unique_) {
          if (!names_unique(names_at[depth])) return {};
          names_.resize(names_at[depth]);
        }
        if (depth == 0) break;
        continue;
      } else {
        set_fault(JsonFault::syntax);
        return {};
      }
    }
    // A member's name is next.
    std::string_view name;
    if (peek() != '"') {
      set_fault(JsonFault::syntax);
      return {};
    }
    if (!take_string(name) || !count_member()) return {};
    if (unique_) names_.push_back(name);
    if (peek() != ':') {
      set_fault(JsonFault::syntax);
      return {};
    }
    ++at_;
    opening = true;
  }
  return std::string_view(start, static_cast<std::size_t>(at_ - start));
}

bool JsonCursor::names_unique(std::size_t first) {
  const std::size_t count = names_.size() - first;
  if (count < 2) return true;
  std::string_view* const names = names_.data() + first;
  bool escaped = false;
  for (std::size_t i = 0; i < count; ++i)
    escaped = escaped || std::memchr(names[i].data(), '\\', names[i].size()) != nullptr;
  bool repeated = false;
  if (escaped) {
    std::vector<std::string> plain;
    for (std::size_t i = 0; i < count; ++i) plain.push_back(json_unescape(names[i]));
    std::sort(plain.begin(), plain.end());
    repeated = std::adjacent_find(plain.begin(), plain.end()) != plain.end();
  } else if (count <= 8) {
    for (std::size_t i = 1; i < count && !repeated; ++i)
      for (std::size_t j = 0; j < i && !repeated; ++j) repeated = names[i] == names[j];
  } else {
    std::sort(names, names + count);
    repeated = std::adjacent_find(names, names + count) != names + count;
  }
  if (repeated) set_fault(JsonFault::duplicate);
  return !repeated;
}

bool JsonCursor::finish() noexcept {
  if (fault_ != JsonFault::none) return false;
  skip_space();
  if (at_ != end_) set_fault(JsonFault::syntax);
  return fault_ == JsonFault::none;
}

bool JsonNames::add(std::string_view raw_name) {
  std::string name = json_unescape(raw_name);
  if (std::find(seen_.begin(), seen_.end(), name) != seen_.end()) return false;
  seen_.push_back(std::move(name));
  return true;
}

bool json_name_is(std::string_view raw_name, std::string_view plain) {
  if (raw_name == plain) return true;
  return std::memchr(raw_name.data(), '\\', raw_name.size()) != nullptr && json_unescape(raw_name) == plain;
}

}  // namespace weir
