// JSON read the plain way, by a recursive reader that makes a tree: written apart from base/json, so that the
// two share no mistakes. What fuzz targets judge by. Source: RFC 8259.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/plain_utf8.h"

namespace weir::fuzz {

/// One value and all in it.
struct PlainJson {
  enum class Kind : std::uint8_t { word, number, string, array, object };
  Kind kind = Kind::word;
  std::string text;                // a string's text; of a number or a word, how it is written
  std::vector<std::string> names;  // an object's, as texts
  std::vector<PlainJson> values;   // an object's or an array's
  bool operator==(const PlainJson&) const = default;

  bool is_object() const noexcept { return kind == Kind::object; }
  bool is_string() const noexcept { return kind == Kind::string; }
  /// The first member of this name; null without one.
  const PlainJson* find(std::string_view name) const {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return &values[i];
    return nullptr;
  }
};

/// One reading.
class PlainReader {
 public:
  std::size_t depth_max = 128;
  std::size_t members_max = 100'000;

  /// The tree of a whole document; nothing for what is none, or breaks a bound.
  std::optional<PlainJson> read(std::string_view text) {
    left_ = text;
    members_ = 0;
    twice_ = false;
    PlainJson out;
    if (!value(out, 0)) return std::nullopt;
    space();
    if (!left_.empty()) return std::nullopt;
    return out;
  }
  /// True if some object had a name twice.
  bool twice() const noexcept { return twice_; }

 private:
  void space() {
    while (!left_.empty() && std::string_view(" \t\r\n").find(left_[0]) != std::string_view::npos)
      left_.remove_prefix(1);
  }
  bool eat(std::string_view word) {
    if (!left_.starts_with(word)) return false;
    left_.remove_prefix(word.size());
    return true;
  }
  bool value(PlainJson& out, std::size_t depth) {
    space();
    for (const std::string_view word : {"true", "false", "null"})
      if (eat(word)) {
        out.text = word;
        return true;
      }
    if (left_.empty()) return false;
    if (left_[0] == '"') {
      out.kind = PlainJson::Kind::string;
      return string(out.text);
    }
    if (left_[0] != '{' && left_[0] != '[') return number(out);
    if (depth + 1 > depth_max) return false;
    return container(out, depth + 1);
  }
  bool container(PlainJson& out, std::size_t depth) {
    out.kind = left_[0] == '{' ? PlainJson::Kind::object : PlainJson::Kind::array;
    const std::string_view close = out.is_object() ? "}" : "]";
    left_.remove_prefix(1);
    space();
    if (eat(close)) return true;
    std::set<std::string> seen;
    do {
      if (out.is_object()) {
        space();
        std::string name;
        if (left_.empty() || left_[0] != '"' || !string(name)) return false;
        space();
        if (!eat(":")) return false;
        twice_ = !seen.insert(name).second || twice_;
        out.names.push_back(std::move(name));
      }
      if (++members_ > members_max) return false;
      if (!value(out.values.emplace_back(), depth)) return false;
      space();
    } while (eat(","));
    return eat(close);
  }
  bool digits() {
    const std::size_t count = std::min(left_.find_first_not_of("0123456789"), left_.size());
    left_.remove_prefix(count);
    return count != 0;
  }
  bool number(PlainJson& out) {
    out.kind = PlainJson::Kind::number;
    const std::string_view begin = left_;
    eat("-");
    if (!eat("0") && !digits()) return false;
    if (eat(".") && !digits()) return false;
    if (eat("e") || eat("E")) {
      if (!eat("+")) eat("-");
      if (!digits()) return false;
    }
    out.text = begin.substr(0, begin.size() - left_.size());
    return true;
  }
  std::optional<std::uint32_t> four_digits() {
    if (left_.size() < 4) return std::nullopt;
    std::uint32_t out = 0;
    for (const char c : left_.substr(0, 4)) {
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      out = out << 4 | static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
    }
    left_.remove_prefix(4);
    return out;
  }
  bool escape(std::string& out) {
    constexpr std::string_view marks = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (left_.empty()) return false;
    const char mark = left_[0];
    left_.remove_prefix(1);
    if (const std::size_t at = marks.find(mark); at != std::string_view::npos) {
      out += meanings[at];
      return true;
    }
    std::optional<std::uint32_t> unit = mark == 'u' ? four_digits() : std::nullopt;
    if (!unit) return false;
    if (*unit >> 10 == 0xD800 >> 10 && left_.starts_with("\\u")) {
      const std::string_view before = left_;
      left_.remove_prefix(2);
      const std::optional<std::uint32_t> low = four_digits();
      if (!low) return false;
      if (*low >> 10 == 0xDC00 >> 10)
        unit = 0x10000 + ((*unit & 0x3FF) << 10) + (*low & 0x3FF);
      else
        left_ = before;
    }
    // One half without the other stands for no character.
    put_character(out, *unit >= 0xD800 && *unit <= 0xDFFF ? 0xFFFD : *unit);
    return true;
  }
  bool string(std::string& out) {
    left_.remove_prefix(1);
    while (!left_.empty()) {
      if (eat("\"")) return true;
      if (eat("\\")) {
        if (!escape(out)) return false;
        continue;
      }
      const std::optional<std::uint32_t> c = take_character(left_);
      if (!c || *c < 0x20) return false;
      put_character(out, *c);
    }
    return false;
  }

  std::string_view left_;
  std::size_t members_ = 0;
  bool twice_ = false;
};

/// The tree of what may be JSON.
inline std::optional<PlainJson> maybe_json(std::string_view text) { return PlainReader().read(text); }

}  // namespace weir::fuzz
