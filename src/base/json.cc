#include "base/json.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/json_text.h"

namespace weir {
namespace {

// The names of the objects that a take_value() of this thread is inside of; it calls nothing that walks too.
std::vector<std::string_view>& walked_names() {
  // Never freed: one small block a thread, and no destructor whose order would matter.
  static thread_local std::vector<std::string_view>* names = nullptr;
  if (names == nullptr) names = new std::vector<std::string_view>();
  return *names;
}

}  // namespace

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

bool JsonCursor::seek_member(const char*& p) noexcept {
  p = space(p);
  if (p == end_) return fault_at(p, JsonFault::syntax);
  if (*p == ',' && !first_) {
    p = space(p + 1);
  } else if (*p == '}') {
    at_ = p + 1;
    --depth_;
    first_ = false;
    return false;
  } else if (!first_) {
    return fault_at(p, JsonFault::syntax);
  }
  return p != end_ && *p == '"' ? true : fault_at(p, JsonFault::syntax);
}

bool JsonCursor::seek_value(const char* p) noexcept {
  p = space(p);
  if (p == end_ || *p != ':') return fault_at(p, JsonFault::syntax);
  at_ = space(p + 1);
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

bool JsonCursor::take_odd_string(std::string_view& raw, const char* seen) noexcept {
  const char* const start = at_ + 1;
  const json_text::StringEnd end = json_text::scan_string(seen, end_);
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
  // The usual number is a small integer.
  if (*p >= '1' && *p <= '9') {
    do ++p;
    while (p != end_ && *p >= '0' && *p <= '9');
    if (p == end_ || (*p != '.' && (*p | 0x20) != 'e')) {
      at_ = p;
      return true;
    }
    p = at_;
  }
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

std::string_view JsonCursor::take_other() {
  const char kind = peek();
  const char* const start = at_;
  if (kind == '{' || kind == '[') {
    const bool empty = end_ - start >= 2 && start[1] == kind + 2 && depth_ < limits_.depth_max;
    if (!empty) return take_container();
    at_ += 2;
    return std::string_view(start, 2);
  }
  const bool digit = kind >= '0' && kind <= '9';
  if (!(digit ? take_number() : take_scalar())) return {};
  return std::string_view(start, static_cast<std::size_t>(at_ - start));
}

// The walk keeps its place in a local variable and gives it back to the cursor for the rare parts.
std::string_view JsonCursor::take_container() {
  const char* const start = at_;
  // One bit per open container says whether it is an object; the first name of each object marks its place in
  // the names.
  constexpr std::size_t kDepthCap = 512;
  std::array<std::uint64_t, kDepthCap / 64> objects;
  std::array<std::uint32_t, kDepthCap> names_at;
  std::vector<std::string_view>& names = walked_names();
  names.clear();
  const std::size_t most = std::min(limits_.depth_max - std::min(depth_, limits_.depth_max), kDepthCap);
  const char* const end = end_;
  const char* p = at_;
  std::size_t depth = 0;
  std::size_t members = members_;
  bool in_object = false;
  std::string_view text;
  const auto space = [&] {
    while (p != end && static_cast<unsigned char>(*p) <= ' ' &&
           (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
      ++p;
  };
  const auto stop = [&](JsonFault fault) {
    at_ = p;
    set_fault(fault);
    return std::string_view();
  };
  const auto string = [&] {
    const char* const from = ++p;
    p = json_text::plain_string_end(from, end);
    if (p == end || *p != '"') [[unlikely]] {
      const json_text::StringEnd found = json_text::scan_string(p, end);
      p = found.at;
      if (found.fault != JsonFault::none) {
        at_ = p;
        set_fault(found.fault);
        return false;
      }
    }
    text = std::string_view(from, static_cast<std::size_t>(p - from));
    ++p;
    return true;
  };

value:
  space();
  if (p == end) return stop(JsonFault::syntax);
  switch (*p) {
    case '"':
      if (!string()) return {};
      break;
    case '{':
    case '[': {
      if (depth == most) return stop(JsonFault::depth);
      in_object = *p == '{';
      const std::uint64_t bit = std::uint64_t{1} << (depth % 64);
      std::uint64_t& word = objects[depth / 64];
      word = in_object ? word | bit : word & ~bit;
      names_at[depth++] = static_cast<std::uint32_t>(names.size());
      ++p;
      space();
      if (p != end && *p == (in_object ? '}' : ']')) goto close;
      if (in_object) goto name;
      if (++members > limits_.members_max) return stop(JsonFault::members);
      goto value;
    }
    default:
      at_ = p;
      if (!take_scalar()) return {};
      p = at_;
  }
after:
  space();
  if (p == end) return stop(JsonFault::syntax);
  if (*p == ',') {
    ++p;
    if (in_object) {
      space();
      goto name;
    }
    if (++members > limits_.members_max) return stop(JsonFault::members);
    goto value;
  }
  if (*p != (in_object ? '}' : ']')) return stop(JsonFault::syntax);
close:
  ++p;
  --depth;
  if (in_object && unique_) {
    at_ = p;
    if (!names_unique(names_at[depth])) return {};
    names.resize(names_at[depth]);
  }
  if (depth == 0) {
    at_ = p;
    members_ = members;
    return std::string_view(start, static_cast<std::size_t>(p - start));
  }
  in_object = (objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1) != 0;
  goto after;
name:
  if (p == end || *p != '"') return stop(JsonFault::syntax);
  if (!string()) return {};
  if (++members > limits_.members_max) return stop(JsonFault::members);
  if (unique_) names.push_back(text);
  space();
  if (p == end || *p != ':') return stop(JsonFault::syntax);
  ++p;
  goto value;
}

bool JsonCursor::names_unique(std::size_t first) {
  std::vector<std::string_view>& all = walked_names();
  const std::size_t count = all.size() - first;
  if (count < 2) return true;
  std::string_view* const names = all.data() + first;
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
  peek();
  if (at_ != end_) set_fault(JsonFault::syntax);
  return fault_ == JsonFault::none;
}

bool json_name_is(std::string_view raw_name, std::string_view plain) {
  if (raw_name == plain) return true;
  // An escape takes at least one byte more than what it stands for.
  if (raw_name.size() <= plain.size()) return false;
  return std::memchr(raw_name.data(), '\\', raw_name.size()) != nullptr && json_unescape(raw_name) == plain;
}

}  // namespace weir
