#include "base/json_canonical.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir {
namespace {

constexpr char kHex[] = "0123456789abcdef";

/// A value as it was read; views into the text.
struct Member;
struct Value {
  std::string_view raw;         // of a scalar
  char kind = 0;                // '{', '[', or 0: a scalar
  std::vector<Member> members;  // elements have no names
};
struct Member {
  std::string name;
  Value value;
};

// The bounds of one document hold here, so the recursion is no deeper than they say.
Value read(JsonCursor& cursor) {
  Value value;
  const char first = cursor.peek();
  if (first == '{' && cursor.enter_object()) {
    value.kind = first;
    std::string_view name;
    while (cursor.next_member(name)) {
      std::string plain = json_unescape(name);
      Value inner = read(cursor);
      value.members.push_back({std::move(plain), std::move(inner)});
    }
    const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    std::sort(value.members.begin(), value.members.end(), by_name);
    const auto alike = [](const auto& a, const auto& b) { return a.name == b.name; };
    if (std::adjacent_find(value.members.begin(), value.members.end(), alike) != value.members.end())
      cursor.set_fault(JsonFault::duplicate);
  } else if (first == '[' && cursor.enter_array()) {
    value.kind = first;
    while (cursor.next_element()) value.members.push_back({std::string(), read(cursor)});
  } else {
    value.raw = cursor.take_value();
  }
  return value;
}

// Source: RFC 8785, section 3.2.2.2.
void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kShort = "\b\t\n\f\r\"\\";
  constexpr std::string_view kLetters = "btnfr\"\\";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const std::size_t at = kShort.find(c); at != std::string_view::npos)
      out.append(1, '\\').append(1, kLetters[at]);
    else if (byte < 0x20)
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    else
      out += c;
  }
  out += '"';
}

// False: it is longer than `most`.
bool append(std::string& out, const Value& value, std::size_t most) {
  if (value.kind == 0) {
    if (value.raw.starts_with('"'))
      append_string(out, json_unescape(value.raw));
    else
      out += value.raw;
    return out.size() <= most;
  }
  out += value.kind;
  for (std::size_t i = 0; i < value.members.size(); ++i) {
    if (i != 0) out += ',';
    if (value.kind == '{') {
      append_string(out, value.members[i].name);
      out += ':';
    }
    if (!append(out, value.members[i].value, most)) return false;
  }
  out += value.kind == '{' ? '}' : ']';
  return out.size() <= most;
}

void append_unit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (const int shift : {12, 8, 4, 0}) out += kHex[(unit >> shift) & 15];
}

}  // namespace

// Source: Unicode, general categories Cc, Cf and the like, as far as texts for models have been found to hide
// behind them.
bool is_invisible(std::uint32_t c) noexcept {
  constexpr std::pair<std::uint32_t, std::uint32_t> kRanges[] = {
      {0x00, 0x1F},     {0x7F, 0x9F},      {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},
      {0x115F, 0x1160}, {0x17B4, 0x17B5},  {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E},
      {0x2060, 0x206F}, {0x3164, 0x3164},  {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},
      {0xFFF0, 0xFFFB}, {0xE0000, 0xE0FFF}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto& range) { return c >= range.first && c <= range.second; });
}

JsonFault json_canonical(std::string& out, std::string_view raw, std::size_t bytes_max) {
  JsonCursor cursor(raw, JsonLimits(), true);
  const Value value = read(cursor);
  if (!cursor.finish()) return cursor.fault() == JsonFault::none ? JsonFault::syntax : cursor.fault();
  const std::size_t before = out.size();
  if (append(out, value, before + bytes_max)) return JsonFault::none;
  out.resize(before);
  return JsonFault::members;
}

void append_visible(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t c = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k)
      c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    if (!is_invisible(c)) {
      out += text.substr(i, length);
    } else if (c < 0x10000) {
      append_unit(out, c);
    } else {
      append_unit(out, 0xD800 + ((c - 0x10000) >> 10));
      append_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
    i += length;
  }
}

}  // namespace weir
