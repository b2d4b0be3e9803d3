// Reading single values: types, ranges, units, variables.
#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/units.h"
#include "config/keys.h"

namespace weir::config {
namespace {

// Keys that will come: naming them beats "unknown".
constexpr std::string_view kLater[] = {"load_balancing",
                                       "health_check",
                                       "circuit_breaker",
                                       "retry",
                                       "hedge",
                                       "bulkhead",
                                       "auth",
                                       "metrics_listen",
                                       "endpoints",
                                       "replicas",
                                       "session",
                                       "pin",
                                       "resolve",
                                       "trust_annotations",
                                       "fallback",
                                       "token",
                                       "degradation",
                                       "input",
                                       "safe_to_repeat",
                                       "max_concurrent",
                                       "connections_per_address"};

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row.back();
}

bool is_name(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<const Key> keys) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const Key& key : keys)
    if (const std::size_t far = distance(name, key.name); far < least) {
      least = far;
      best = key.name;
    }
  return best;
}

void Reader::say(const YamlNode& at, Diagnostic::Severity severity, std::string message) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.file = file_;
  diagnostic.line = at.line;
  diagnostic.column = at.column;
  diagnostic.message = std::move(message);
  diagnostic.source_line = line_of(text_, at.line);
  out_.push_back(std::move(diagnostic));
}

void Reader::block(const YamlNode& node, std::span<const Key> keys, void* into,
                   std::span<const std::string_view> foreign) {
  if (node.is_null()) return;
  if (node.kind != YamlNode::Kind::map) return error(node, "expected a block of keys");
  for (std::size_t i = 0; i < node.members.size(); ++i) {
    const auto& [name, value] = node.members[i];
    const bool repeated =
        std::any_of(node.members.begin(), node.members.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const auto& one) { return one.first.text == name.text; });
    if (repeated) {
      error(name, "duplicate key \"" + name.text + "\"");
      continue;
    }
    const auto key =
        std::find_if(keys.begin(), keys.end(), [&](const Key& one) { return one.name == name.text; });
    if (key != keys.end()) {
      key->read(*this, value, into);
    } else if (std::find(foreign.begin(), foreign.end(), name.text) != foreign.end()) {
      warning(name, "\"" + name.text + "\" means nothing to Weir and is left out");
    } else if (std::find(std::begin(kLater), std::end(kLater), name.text) != std::end(kLater)) {
      error(name, "\"" + name.text + "\" is not supported yet");
    } else {
      const std::string_view near = nearest(name.text, keys);
      error(name, "unknown key \"" + name.text + "\"" +
                      (near.empty() ? "" : " (did you mean \"" + std::string(near) + "\"?)"));
    }
  }
}

bool Reader::text(const YamlNode& node, std::string& into) {
  if (node.kind != YamlNode::Kind::scalar || node.is_null()) {
    error(node, "expected a text");
    return false;
  }
  std::string out;
  const std::string& raw = node.text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '$' || i + 1 >= raw.size() || raw[i + 1] != '{') {
      out += raw[i];
      continue;
    }
    const std::size_t close = raw.find('}', i);
    if (close == std::string::npos) {
      error(node, "a variable that does not end: \"}\" is missing");
      return false;
    }
    std::string name = raw.substr(i + 2, close - i - 2);
    std::optional<std::string> fallback;
    if (name.starts_with("env:")) name.erase(0, 4);
    if (const std::size_t dash = name.find(":-"); dash != std::string::npos) {
      fallback = name.substr(dash + 2);
      name.resize(dash);
    }
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name)) {
      error(node, "\"${" + name + "}\" is no variable's name");
      return false;
    }
    std::optional<std::string> value = environment_(name);
    if (!value || (value->empty() && fallback)) value = fallback;
    if (!value) {
      error(node, "the variable " + name + " is not set");
      return false;
    }
    out += *value;
    i = close;
  }
  into = std::move(out);
  return true;
}

bool Reader::texts(const YamlNode& node, std::vector<std::string>& into) {
  if (node.kind != YamlNode::Kind::list) {
    error(node, "expected a list");
    return false;
  }
  into.clear();
  for (const YamlNode& item : node.items) {
    std::string one;
    if (text(item, one)) into.push_back(std::move(one));
  }
  return true;
}

bool Reader::pairs(const YamlNode& node, std::vector<std::pair<std::string, std::string>>& into) {
  if (node.kind != YamlNode::Kind::map) {
    error(node, "expected a block of names and texts");
    return false;
  }
  for (const auto& [name, value] : node.members) {
    std::string one;
    if (!text(value, one)) continue;
    if (one.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      error(value, "a value has no line breaks");
      continue;
    }
    for (const auto& [before, ignored] : into)
      if (before == name.text) error(name, "duplicate key \"" + name.text + "\"");
    into.emplace_back(name.text, std::move(one));
  }
  return true;
}

bool Reader::boolean(const YamlNode& node, bool& into) {
  if (node.kind != YamlNode::Kind::scalar || !node.plain || (node.text != "true" && node.text != "false")) {
    error(node, "expected true or false");
    return false;
  }
  into = node.text == "true";
  return true;
}

bool Reader::number(const YamlNode& node, std::uint64_t low, std::uint64_t high, std::uint64_t& into) {
  std::string raw;
  if (!text(node, raw)) return false;
  std::uint64_t value = 0;
  const auto [end, trouble] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (trouble != std::errc() || end != raw.data() + raw.size() || value < low || value > high) {
    error(node, "expected a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return false;
  }
  into = value;
  return true;
}

bool Reader::duration(const YamlNode& node, std::chrono::milliseconds low, std::chrono::milliseconds& into) {
  std::string raw;
  if (!text(node, raw)) return false;
  const auto value = parse_duration(raw);
  if (!value) {
    error(node, "expected a duration such as 100ms, 30s, 5m or 2h");
    return false;
  }
  if (*value < low) {
    error(node, "at least " + format_duration(low));
    return false;
  }
  into = *value;
  return true;
}

bool Reader::size(const YamlNode& node, std::uint64_t low, std::size_t& into) {
  std::string raw;
  if (!text(node, raw)) return false;
  const auto value = parse_size(raw);
  constexpr std::uint64_t high = 1ULL << 30;
  if (!value) {
    error(node, "expected a size such as 32KB, 4MB or 1GB");
    return false;
  }
  if (*value < low || *value > high) {
    error(node, "from " + format_size(low) + " to " + format_size(high));
    return false;
  }
  into = static_cast<std::size_t>(*value);
  return true;
}

bool Reader::address(const YamlNode& node, AddressConfig& into) {
  std::string raw;
  if (!text(node, raw)) return false;
  const auto value = parse_address(raw);
  if (!value) {
    error(node, "expected an address such as 127.0.0.1:8080 or [::1]:8080");
    return false;
  }
  into = *value;
  return true;
}

int Reader::word(const YamlNode& node, std::span<const std::string_view> words) {
  std::string raw;
  if (!text(node, raw)) return -1;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == raw) return static_cast<int>(i);
  std::string list;
  for (const std::string_view one : words) list += (list.empty() ? "" : ", ") + std::string(one);
  error(node, "expected one of: " + list);
  return -1;
}

}  // namespace weir::config
