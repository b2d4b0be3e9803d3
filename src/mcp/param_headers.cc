#include "mcp/param_headers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/json.h"
#include "mcp/header_value.h"
#include "mcp/splice.h"

namespace weir {
namespace {

constexpr std::string_view kPrefix = "Mcp-Param-";
constexpr double kSafeMax = 9007199254740991.0;  // of integers: what JavaScript tells apart

/// One line of a client's, without its prefix.
struct Line {
  std::string name;  // in lower case
  std::string_view value;
  std::string_view whole;  // with its CRLF
};

std::vector<Line> split_lines(std::string_view lines) {
  std::vector<Line> out;
  for (std::size_t end = lines.find("\r\n"); end != std::string_view::npos; end = lines.find("\r\n")) {
    const std::size_t colon = lines.find(": ");
    Line line;
    line.name = lower_header_name(lines.substr(kPrefix.size(), colon - kPrefix.size()));
    line.value = lines.substr(colon + 2, end - colon - 2);
    line.whole = lines.substr(0, end + 2);
    out.push_back(std::move(line));
    lines.remove_prefix(end + 2);
  }
  return out;
}

/// The values at the parameters' paths. Parameters come in the schema's order: an object is walked once for
/// all that lie in it, however large the arguments are.
class Arguments {
 public:
  explicit Arguments(std::string_view raw) : root_(raw) {}

  /// The raw value at this path; empty if there is none, or null.
  std::string_view find(const std::vector<std::string>& path) {
    std::size_t same = 0;
    while (same < open_.size() && same + 1 < path.size() && open_[same].step == path[same]) ++same;
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(same), open_.end());
    for (std::size_t i = same; i + 1 < path.size(); ++i) {
      const std::string_view inner = value_in(i, path[i]);
      open_.emplace_back(path[i], inner);
    }
    const std::string_view raw = value_in(path.size() - 1, path.back());
    return raw == "null" ? std::string_view() : raw;
  }

 private:
  struct Open {
    Open(std::string name, std::string_view raw) : step(std::move(name)), members(members_in(raw)) {}
    std::string step;
    RawMembers members;
  };
  static RawMembers members_in(std::string_view raw) {
    return !raw.empty() && raw.front() == '{' ? members_of(raw) : RawMembers();
  }
  std::string_view value_in(std::size_t depth, std::string_view name) const {
    return (depth == 0 ? root_members_ : open_[depth - 1].members).find(name);
  }

  std::string_view root_;
  RawMembers root_members_ = members_in(root_);
  std::vector<Open> open_;
};

// The value of a raw JSON number; nothing where it is too large for any reader.
std::optional<double> number_of(std::string_view raw) {
  double value = 0;
  if (std::from_chars(raw.data(), raw.data() + raw.size(), value).ec != std::errc()) return std::nullopt;
  return value;
}

// A number written by decimal digits alone (no exponent, no blanks), without the zeros that change nothing.
// By the digits: a double would take what differs far behind the point for the same. Empty: it is none.
std::string shortest(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  const bool minus = text.starts_with('-');
  if (minus) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  std::string_view whole = text.substr(0, point);
  std::string_view fraction = point == std::string_view::npos ? "0" : text.substr(point + 1);
  if (whole.empty() || whole.find_first_not_of(kDigits) != std::string_view::npos) return {};
  if (fraction.empty() || fraction.find_first_not_of(kDigits) != std::string_view::npos) return {};
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size() - 1));
  fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
  std::string out(whole);
  if (!fraction.empty()) out.append(".").append(fraction);
  return minus && out != "0" ? '-' + out : out;
}

bool is_number(std::string_view raw) {
  return raw.front() == '-' || (raw.front() >= '0' && raw.front() <= '9');
}

/// What a header says of a value.
struct Mirror {
  bool possible = false;  // objects, arrays, half pairs and numbers beyond the safe range have no header
  std::string text;       // not encoded
};

Mirror mirror_of(std::string_view raw) {
  Mirror out;
  if (raw.front() == '{' || raw.front() == '[') return out;
  out.possible = true;
  if (raw.front() == '"') {
    out.possible = !has_lone_surrogate(raw);
    out.text = json_unescape(raw);
  } else if (!is_number(raw)) {
    out.text = raw;  // true or false
  } else {
    const std::optional<double> value = number_of(raw);
    out.possible = value && std::fabs(*value) <= kSafeMax;
    // A fraction is not what the schema wants, which the server will say.
    if (out.possible && *value == std::floor(*value))
      out.text = std::to_string(static_cast<std::int64_t>(*value));
    else
      out.text = raw;
  }
  return out;
}

// Visible ASCII, blanks and tabs are all that a field may hold.
bool field_text(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

std::string header_of(const ParamHeader& param) { return "the header Mcp-Param-" + param.name; }

std::string check_one(const ParamHeader& param, std::string_view raw, const Line* line) {
  if (raw.empty()) return line == nullptr ? "" : header_of(param) + " mirrors an argument that is not there";
  const Mirror mirror = mirror_of(raw);
  if (line == nullptr) return mirror.possible ? header_of(param) + " is missing" : "";
  const std::optional<std::string> said =
      field_text(line->value) ? decode_header_value(line->value) : std::nullopt;
  if (!said) return header_of(param) + " is no valid encoding";
  if (mirror.possible && *said == mirror.text) return {};
  if (mirror.possible && param.type == ParamHeader::Type::integer && is_number(raw)) {
    const std::string number = shortest(*said);
    if (!number.empty() && number == shortest(mirror.text)) return {};
  }
  return header_of(param) + " does not match the body";
}

}  // namespace

std::string check_param_headers(const ParamRules& rules, std::string_view raw_arguments,
                                std::string_view lines) {
  const std::vector<Line> given = split_lines(lines);
  Arguments arguments(raw_arguments);
  for (const ParamHeader& param : rules.params) {
    const std::string name = lower_header_name(param.name);
    const auto line =
        std::find_if(given.begin(), given.end(), [&](const Line& one) { return one.name == name; });
    std::string wrong = check_one(param, arguments.find(param.path), line == given.end() ? nullptr : &*line);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

void append_param_headers(std::string& out, const ParamRules& rules, std::string_view raw_arguments,
                          std::string_view lines) {
  Arguments arguments(raw_arguments);
  std::vector<std::string> known;
  for (const ParamHeader& param : rules.params) {
    known.push_back(lower_header_name(param.name));
    const std::string_view raw = arguments.find(param.path);
    if (raw.empty()) continue;
    const Mirror mirror = mirror_of(raw);
    if (!mirror.possible) continue;
    out.append(kPrefix).append(param.name).append(": ");
    out.append(encode_header_value(mirror.text)).append("\r\n");
  }
  for (const Line& line : split_lines(lines))
    if (std::find(known.begin(), known.end(), line.name) == known.end()) out.append(line.whole);
}

}  // namespace weir
