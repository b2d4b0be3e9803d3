#include "config/schema.h"

#include <algorithm>
#include <initializer_list>

#include "base/json.h"
#include "base/units.h"
#include "config/describe.h"

namespace weir {
namespace {

// A variable may stand wherever a text does.
constexpr std::string_view kVariable = R"({"type":"string","pattern":"\\$\\{"})";

std::string quoted(std::string_view text) {
  std::string out;
  json_append_string(out, text);
  return out;
}

std::string any_of(std::initializer_list<std::string> alternatives) {
  std::string out = R"({"anyOf":[)";
  for (const std::string& each : alternatives) {
    if (out.back() != '[') out += ',';
    out += each;
  }
  return out + "]}";
}

std::string pattern(std::string_view expression) {
  return R"({"type":"string","pattern":)" + quoted(expression) + '}';
}

std::string words(std::span<const std::string_view> choices) {
  std::string out = R"({"enum":[)";
  for (const std::string_view word : choices) {
    if (out.back() != '[') out += ',';
    out += quoted(word);
  }
  return out + "]}";
}

std::string integer(const Shape& shape) {
  return R"({"type":"integer","minimum":)" + std::to_string(shape.min) + R"(,"maximum":)" +
         std::to_string(shape.max) + '}';
}

std::string share_text(std::uint64_t percent) { return format_decimal(static_cast<double>(percent) / 100); }

std::string map_of(const std::string& value) {
  return R"({"type":["object","null"],"additionalProperties":)" + value + '}';
}

std::string block_schema(const Block& block, bool with_foreign);

std::string schema_of(const Field& field) {
  const Shape& shape = field.shape;
  const std::string variable(kVariable);
  const std::string text = R"({"type":["string","number","boolean"]})";
  switch (shape.kind) {
    case Shape::Kind::ignored:
      return "{}";
    case Shape::Kind::flag:
      return any_of({R"({"type":"boolean"})", variable});
    case Shape::Kind::count:
      return any_of({integer(shape), variable});
    case Shape::Kind::auto_count:
      return any_of({R"({"const":"auto"})", integer(shape), variable});
    case Shape::Kind::duration:
      return any_of({pattern("^[0-9]+(ms|s|m|h)$"), variable});
    case Shape::Kind::auto_duration:
      return any_of({R"({"const":"auto"})", pattern("^[0-9]+(ms|s|m|h)$"), variable});
    case Shape::Kind::size:
      return any_of({pattern("^[0-9]+(B|KB|MB|GB)$"), variable});
    case Shape::Kind::share:
      return any_of({R"({"type":"number","minimum":)" + share_text(shape.min) + R"(,"maximum":)" +
                         share_text(shape.max) + '}',
                     pattern(R"(^[0-9]+(\.[0-9]+)?%?$)"), variable});
    case Shape::Kind::factor:
      return any_of({R"({"const":0})",
                     R"({"type":"number","minimum":)" + std::to_string(shape.min) + R"(,"maximum":)" +
                         std::to_string(shape.max) + '}',
                     variable});
    case Shape::Kind::text:
      return text;
    case Shape::Kind::choice:
      return any_of({words(shape.choices), variable});
    case Shape::Kind::address:
      return any_of({pattern("^.+:[0-9]{1,5}$"), variable});
    case Shape::Kind::percentile:
      return any_of({pattern("^(p[0-9]{2}|[0-9]+(ms|s|m|h))$"), variable});
    case Shape::Kind::hash_key:
      return any_of({words(shape.choices), pattern("^header:.+$"), variable});
    case Shape::Kind::resolver:
      return any_of({words(shape.choices), pattern("^dns://.+$"), variable});
    case Shape::Kind::texts:
      return R"({"type":["array","null"],"items":)" + text + '}';
    case Shape::Kind::statuses: {
      const std::string one = any_of({integer(shape), variable});
      return any_of({one, R"({"type":"array","minItems":1,"items":)" + one + '}'});
    }
    case Shape::Kind::text_map:
      return map_of(text);
    case Shape::Kind::count_map:
      return map_of(any_of({integer(shape), variable}));
    case Shape::Kind::choice_map:
      return map_of(any_of({words(shape.choices), variable}));
    case Shape::Kind::block:
      return shape.switchable ? any_of({R"({"const":false})", block_schema(*shape.block, false)})
                              : block_schema(*shape.block, false);
    case Shape::Kind::block_list:
      return R"({"type":["array","null"],"items":)" + block_schema(*shape.block, false) + '}';
    case Shape::Kind::block_map:
      if (shape.block == &server_block())
        return map_of(field.name == "mcpServers" ? R"({"$ref":"#/definitions/client_server"})"
                                                 : R"({"$ref":"#/definitions/server"})");
      return map_of(block_schema(*shape.block, false));
    case Shape::Kind::listen: {
      const std::string one =
          any_of({pattern("^.+:[0-9]{1,5}$"), variable, block_schema(*shape.block, false)});
      return any_of({one, R"({"type":"array","minItems":1,"items":)" + one + '}'});
    }
    case Shape::Kind::admin:
      return any_of(
          {pattern("^.+:[0-9]{1,5}$"), variable, R"({"const":false})", block_schema(*shape.block, false)});
    case Shape::Kind::off_address:
      return any_of({pattern("^.+:[0-9]{1,5}$"), variable, R"({"const":false})"});
    case Shape::Kind::endpoints:
      return R"({"type":"array","minItems":1,"items":)" +
             any_of({R"({"type":"string"})", block_schema(*shape.block, false)}) + '}';
  }
  return "{}";
}

std::string description(const Field& field) {
  std::string out(field.doc);
  if (!field.fallback.empty()) out.append(" Default: ").append(field.fallback).append(".");
  return out;
}

// The schema with a description in front: {"description":...,REST}.
std::string described(const Field& field) {
  const std::string inner = schema_of(field);
  const std::string head = R"({"description":)" + quoted(description(field));
  return inner == "{}" ? head + '}' : head + ',' + inner.substr(1);
}

std::string properties(const Block& block, bool with_foreign) {
  std::string out = "{";
  const auto add = [&](std::string_view name, const std::string& schema) {
    if (out.back() != '{') out += ',';
    out += quoted(name) + ':' + schema;
  };
  for (const Field& field : block.fields) {
    // A client's own meaning of a key of ours is let through.
    const bool ours_too = with_foreign && std::find(block.foreign.begin(), block.foreign.end(), field.name) !=
                                              block.foreign.end();
    add(field.name, ours_too ? "{}" : described(field));
  }
  const std::string ignored = R"({"description":"The client's own; ignored."})";
  if (with_foreign)
    for (const std::string_view name : block.foreign)
      if (block.find(name) == nullptr) add(name, ignored);
  for (const std::string_view name : block.foreign_anywhere) add(name, ignored);
  return out + '}';
}

std::string block_schema(const Block& block, bool with_foreign) {
  std::string out = R"({"type":["object","null"],"additionalProperties":false)";
  if (&block == &listen_block() || &block == &admin_block())
    out = R"({"type":"object","required":["address"],"additionalProperties":false)";
  if (&block == &listen_tls_block())
    out = R"({"type":"object","required":["cert","key"],"additionalProperties":false)";
  if (&block == &endpoint_block())
    out = R"({"type":"object","required":["url"],"additionalProperties":false)";
  if (&block == &degradation_block())
    out = R"({"type":"object","required":["when"],"additionalProperties":false)";
  if (&block == &server_block())
    out =
        R"({"type":"object","oneOf":[{"required":["url"]},{"required":["endpoints"]},{"required":["command"]},{"required":["builtin"]}],"additionalProperties":false)";
  return out + R"(,"properties":)" + properties(block, with_foreign) + '}';
}

std::string escaped_cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

void append_table(std::string& out, const Block& block) {
  out.append("## ")
      .append(block.title)
      .append("\n\n| Key | Value | Default | Meaning |\n| --- | --- | --- | --- |\n");
  for (const Field& field : block.fields) {
    std::string meaning(field.doc);
    if (field.goes == Field::Goes::with_url) meaning += " With `url` or `endpoints`.";
    if (field.goes == Field::Goes::with_command) meaning += " With `command`.";
    if (!field.when.key.empty())
      meaning.append(" With `").append(field.when.key).append(": ").append(field.when.value).append("`.");
    const std::string fallback = field.fallback.empty() ? "" : '`' + std::string(field.fallback) + '`';
    out += "| `" + std::string(field.name) + "` | " + escaped_cell(expected(field.shape)) + " | " +
           escaped_cell(fallback) + " | " + escaped_cell(meaning) + " |\n";
  }
  out += '\n';
}

}  // namespace

std::string config_json_schema() {
  std::string root = block_schema(root_block(), true);
  root.pop_back();
  return R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Weir's configuration",)" +
         root.substr(1) + R"(,"definitions":{"server":)" + block_schema(server_block(), false) +
         R"(,"client_server":)" + block_schema(server_block(), true) + "}}\n";
}

std::string config_reference() {
  std::string out =
      "# Configuration reference\n\nOne YAML or JSON file. `${VAR}`, `${VAR:-default}` and `${env:VAR}` "
      "stand for environment variables"
      " inside values; `$${` is a literal `${`.\n\n";
  for (const Block* block : {&root_block(),
                             &listen_block(),
                             &admin_block(),
                             &listen_tls_block(),
                             &auth_block(),
                             &limits_block(),
                             &log_block(),
                             &names_block(),
                             &timeout_block(),
                             &load_balancing_block(),
                             &health_check_block(),
                             &outlier_detection_block(),
                             &circuit_breaker_block(),
                             &retry_block(),
                             &hedge_block(),
                             &bulkhead_block(),
                             &degradation_block(),
                             &server_block(),
                             &endpoint_block(),
                             &tls_block(),
                             &tool_block(),
                             &fallback_block()})
    append_table(out, *block);
  out.pop_back();
  return out;
}

}  // namespace weir
