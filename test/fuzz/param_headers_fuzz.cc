// Arguments mirrored into headers as a server's schema asks for it: the schema's annotations are found as a
// plain walk finds them, each header stands for its argument, and a client's that stands for anything else is
// refused. The input is a schema, arguments, and a client's header lines.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "http/head.h"
#include "mcp/header_value.h"
#include "mcp/param_headers.h"

namespace {

using weir::fuzz::PlainJson;

// Counts the annotations that only `properties` lead to, and checks that each is among the rules.
std::size_t annotated(const PlainJson& schema, std::vector<std::string>& path,
                      const weir::ParamRules& rules) {
  if (!schema.is_object()) return 0;
  std::size_t count = 0;
  if (const PlainJson* const name = schema.find("x-mcp-header")) {
    ++count;
    bool found = false;
    for (const weir::ParamHeader& param : rules.params)
      found = found || (param.path == path && name->is_string() && param.name == name->text);
    WEIR_CHECK(found);
  }
  const PlainJson* const inner = schema.find("properties");
  if (inner == nullptr || !inner->is_object()) return count;
  for (std::size_t i = 0; i < inner->names.size(); ++i) {
    path.push_back(inner->names[i]);
    count += annotated(inner->values[i], path, rules);
    path.pop_back();
  }
  return count;
}

void check_rules(const PlainJson& schema, const weir::ParamRules& rules) {
  WEIR_CHECK(weir::fuzz::plain_utf8(rules.fault) && (rules.fault.empty() || rules.params.empty()));
  std::vector<std::string> path;
  if (rules.fault.empty()) WEIR_CHECK(annotated(schema, path, rules) == rules.params.size());
  for (const weir::ParamHeader& param : rules.params) {
    WEIR_CHECK(!param.name.empty() && !param.path.empty());
    for (const char c : param.name)
      WEIR_CHECK(c > ' ' && c <= '~' &&
                 std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos);
    for (const weir::ParamHeader& other : rules.params)
      WEIR_CHECK(&other == &param ||
                 weir::lower_header_name(other.name) != weir::lower_header_name(param.name));
  }
}

const PlainJson* argument(const PlainJson& arguments, const weir::ParamHeader& param) {
  const PlainJson* at = &arguments;
  for (const std::string& step : param.path) at = at != nullptr && at->is_object() ? at->find(step) : nullptr;
  const bool null = at != nullptr && at->kind == PlainJson::Kind::word && at->text == "null";
  return null ? nullptr : at;
}

// The line of this parameter among those that were made; empty: there is none.
std::string line_of(std::string_view lines, const weir::ParamHeader& param) {
  const std::string begin = "Mcp-Param-" + param.name + ": ";
  for (std::string_view rest = lines; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find("\r\n") + 2);
    if (line.starts_with(begin)) return std::string(line);
    rest.remove_prefix(line.size());
  }
  return {};
}

void check_made(const weir::ParamRules& rules, std::string_view raw, const PlainJson& arguments) {
  std::string lines;
  weir::append_param_headers(lines, rules, raw, "");
  WEIR_CHECK(weir::check_param_headers(rules, raw, lines).empty());
  std::size_t total = 0;
  for (const weir::ParamHeader& param : rules.params) {
    const PlainJson* const value = argument(arguments, param);
    const std::string line = line_of(lines, param);
    total += line.size();
    if (value == nullptr || !value->values.empty()) WEIR_CHECK(line.empty());
    if (line.empty()) continue;
    const std::size_t begin = param.name.size() + 12;
    const std::string said = line.substr(begin, line.size() - begin - 2);
    for (const char c : said) WEIR_CHECK(c >= ' ' && c <= '~');
    const auto meant = weir::decode_header_value(said);
    WEIR_CHECK(meant && (!value->is_string() || meant == value->text));
    // Without it, or with anything else in it, the same line is refused.
    std::string other = lines;
    const std::size_t place = other.find(line);
    WEIR_CHECK(!weir::check_param_headers(rules, raw, other.erase(place, line.size())).empty());
    other = lines;
    other.replace(place + begin, said.size(), weir::encode_header_value(*meant + "x"));
    WEIR_CHECK(!weir::check_param_headers(rules, raw, other).empty());
  }
  WEIR_CHECK(total == lines.size());
}

// A client's lines as the front gives them: of a head that was taken.
void check_sent(const weir::ParamRules& rules, std::string_view raw, const PlainJson& arguments,
                std::string_view fields) {
  const std::string text = "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n";
  weir::RequestHead head;
  weir::HeadRefusal refusal;
  if (weir::parse_request(text, weir::HeadLimits(), head, refusal) != weir::HeadState::done) return;
  std::string lines;
  for (const weir::HeaderField& field : head.params())
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  if (weir::check_param_headers(rules, raw, lines).empty()) {
    for (const weir::ParamHeader& param : rules.params) {
      const PlainJson* const value = argument(arguments, param);
      for (const weir::HeaderField& field : head.params()) {
        if (weir::lower_header_name(field.name) != weir::lower_header_name("mcp-param-" + param.name))
          continue;
        WEIR_CHECK(value != nullptr && weir::decode_header_value(field.value));
        if (value->is_string()) WEIR_CHECK(weir::decode_header_value(field.value) == value->text);
        break;
      }
    }
  }
  std::string made;
  weir::append_param_headers(made, rules, raw, lines);
  WEIR_CHECK(weir::check_param_headers(rules, raw, made).empty());
  WEIR_CHECK(made.find("\r\n\r\n") == std::string::npos && (made.empty() || made.ends_with("\r\n")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  weir::fuzz::Input input(data, size);
  const std::string_view raw_schema = input.text();
  const std::string_view raw_arguments = input.text();
  weir::fuzz::PlainReader reader;
  const auto schema = reader.read(raw_schema);
  if (!schema) return 0;
  const bool plain = !reader.twice();  // of two members of one name either may count
  const weir::ParamRules rules = weir::read_param_rules(raw_schema);
  if (plain) check_rules(*schema, rules);
  const auto arguments = reader.read(raw_arguments);
  if (!arguments || !arguments->is_object() || reader.twice()) return 0;
  check_made(rules, raw_arguments, *arguments);
  check_sent(rules, raw_arguments, *arguments, input.rest());
  return 0;
}
