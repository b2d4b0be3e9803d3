#include "config/reader.h"

#include <algorithm>

#include "base/units.h"
#include "config/suggest.h"
#include "config/text_rules.h"

namespace weir {
namespace {

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

}  // namespace

void Reader::error(const YamlNode& node, const Field& field, const std::string& what) {
  diagnostics_.error(node.at, quoted(field.name) + ' ' + what);
}

bool Reader::is_block(const YamlNode& node, const Field& field) {
  if (node.is_map() || node.is_null()) return true;
  wrong(node, field);
  return false;
}

// Where `part` of the node's text stands in the file, as far as it can be told.
Position Reader::place_in(const YamlNode& node, std::string_view part) const {
  const std::string_view line = diagnostics_.line_text(node.at.line);
  std::size_t byte = 0;
  int column = 1;
  const auto step = [&] {
    ++byte;
    while (byte < line.size() && (static_cast<unsigned char>(line[byte]) & 0xC0) == 0x80) ++byte;
    ++column;
  };
  while (byte < line.size() && column < node.at.column) step();
  const std::size_t found = line.find(part, byte);
  if (found == std::string_view::npos) return node.at;
  while (byte < found) step();
  return {node.at.line, column};
}

// A text with its variables replaced.
std::optional<std::string> Reader::text(const YamlNode& node, const Field& field) {
  if (!node.is_scalar()) {
    if (node.is_null())
      error(node, field, "has no value (quote an empty text: \"\")");
    else
      wrong(node, field);
    return std::nullopt;
  }
  Substitution result = substitute(node.text, environment_);
  if (!result.fault.empty()) {
    const std::string_view rest = std::string_view(node.text).substr(result.offset);
    diagnostics_.error(place_in(node, rest.substr(0, rest.find('}'))), std::move(result.fault));
    return std::nullopt;
  }
  if (result.text.find('\0') == std::string::npos) return std::move(result.text);
  error(node, field, "must not contain the character NUL");
  return std::nullopt;
}

// A quantity, quoted or not; or a number or truth value, which are not quoted unless variables want it.
std::optional<std::string> Reader::word(const YamlNode& node, const Field& field) {
  const Shape::Kind kind = field.shape.kind;
  const bool quantity = kind == Shape::Kind::duration || kind == Shape::Kind::auto_duration ||
                        kind == Shape::Kind::size || kind == Shape::Kind::share ||
                        kind == Shape::Kind::percentile;
  const bool automatic = kind == Shape::Kind::auto_count && node.text == "auto";
  const bool quotable = quantity || automatic || node.text.find("${") != std::string::npos;
  if (node.is_scalar() && (node.plain || quotable)) return text(node, field);
  wrong(node, field);
  return std::nullopt;
}

std::optional<std::size_t> Reader::choice(const YamlNode& node, const Field& field) {
  if (!node.is_scalar()) {
    wrong(node, field);
    return std::nullopt;
  }
  const auto found = text(node, field);
  if (!found) return std::nullopt;
  const auto& choices = field.shape.choices;
  const auto at = std::find(choices.begin(), choices.end(), *found);
  if (at != choices.end()) return static_cast<std::size_t>(at - choices.begin());
  const bool secret = *found != node.text;
  error(node, field, "must be " + either(choices) + (secret ? "" : did_you_mean(*found, choices)));
  return std::nullopt;
}

void Reader::value(const YamlNode& node, const Field& field, bool& out) {
  if (field.shape.kind == Shape::Kind::choice) {
    if (const auto index = choice(node, field)) out = *index == 1;
    return;
  }
  const auto found = word(node, field);
  if (!found) return;
  if (*found != "true" && *found != "false") return wrong(node, field);
  out = *found == "true";
}

void Reader::value(const YamlNode& node, const Field& field, unsigned& out) {
  const auto found = word(node, field);
  if (!found) return;
  if (field.shape.kind == Shape::Kind::auto_count && *found == "auto") {
    out = 0;
    return;
  }
  const auto number = parse_count(*found);
  if (!number || *number < field.shape.min || *number > field.shape.max) return wrong(node, field);
  out = static_cast<unsigned>(*number);
}

void Reader::value(const YamlNode& node, const Field& field, std::size_t& out) {
  const auto found = word(node, field);
  if (!found) return;
  const auto number = field.shape.kind == Shape::Kind::size ? parse_size(*found) : parse_count(*found);
  if (!number || *number < field.shape.min || *number > field.shape.max) return wrong(node, field);
  out = static_cast<std::size_t>(*number);
}

void Reader::value(const YamlNode& node, const Field& field, std::chrono::milliseconds& out) {
  const auto found = word(node, field);
  if (!found) return;
  const auto time = parse_duration(*found);
  const auto count = time ? static_cast<std::uint64_t>(time->count()) : 0;
  if (!time || count < field.shape.min || count > field.shape.max) return wrong(node, field);
  out = *time;
}

void Reader::value(const YamlNode& node, const Field& field, std::string& out) {
  auto found = field.shape.kind == Shape::Kind::choice ? std::optional<std::string>() : text(node, field);
  if (field.shape.kind == Shape::Kind::choice)
    if (const auto index = choice(node, field)) found = std::string(field.shape.choices[*index]);
  if (!found) return;
  const std::string fault = field.shape.rule == nullptr ? std::string() : field.shape.rule(*found);
  if (!fault.empty()) return error(node, field, fault);
  out = std::move(*found);
}

void Reader::value(const YamlNode& node, const Field& field, AddressConfig& out) {
  const auto found = text(node, field);
  if (!found) return;
  const std::string fault = address_fault(*found, out);
  if (!fault.empty()) error(node, field, fault);
}

void Reader::value(const YamlNode& node, const Field& field, std::vector<std::string>& out) {
  if (!node.is_list() && !node.is_null()) return wrong(node, field);
  std::vector<std::string> texts;
  for (const YamlNode& item : node.items) {
    const auto found = text(item, field);
    if (!found) continue;
    const std::string fault = field.shape.rule == nullptr ? std::string() : field.shape.rule(*found);
    if (!fault.empty()) error(item, field, fault);
    texts.push_back(*found);
  }
  out = std::move(texts);
}

// The name of a map's item.
bool Reader::name_fits(const YamlNode& item, const Field& field) {
  const std::string fault =
      field.shape.name_rule == nullptr ? std::string() : field.shape.name_rule(item.key);
  if (!fault.empty()) diagnostics_.error(item.key_at, quoted(item.key) + ' ' + fault);
  return fault.empty();
}

void Reader::value(const YamlNode& node, const Field& field,
                   std::vector<std::pair<std::string, std::string>>& out) {
  if (!is_block(node, field)) return;
  std::vector<std::pair<std::string, std::string>> pairs;
  const bool fold = field.name == "headers";
  for (const YamlNode& item : node.items) {
    name_fits(item, field);
    Field inner = field;
    inner.name = item.key;
    inner.shape.kind = Shape::Kind::text;
    std::string value_text;
    value(item, inner, value_text);
    const bool twice = fold && std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) {
                         return lower_case(pair.first) == lower_case(item.key);
                       });
    if (twice)
      diagnostics_.error(item.key_at, "duplicate header " + quoted(item.key) + " (case does not count)");
    pairs.emplace_back(item.key, std::move(value_text));
  }
  out = std::move(pairs);
}

void Reader::value(const YamlNode& node, const Field& field, std::map<std::string, LogLevel>& out) {
  if (!is_block(node, field)) return;
  for (const YamlNode& item : node.items) {
    name_fits(item, field);
    Field inner = field;
    inner.name = item.key;
    if (const auto index = choice(item, inner)) out[item.key] = static_cast<LogLevel>(*index);
  }
}

void Reader::value(const YamlNode& node, const Field& field, std::map<std::string, ToolConfig>& out) {
  if (!is_block(node, field)) return;
  for (const YamlNode& item : node.items) {
    name_fits(item, field);
    Field inner = field;
    inner.name = item.key;
    inner.shape.kind = Shape::Kind::block;
    value(item, inner, out[item.key]);
  }
}

void Reader::keys(const YamlNode& node, const Block& block, void* owner) {
  for (const bool late : {false, true})
    for (const YamlNode& item : node.items) key(item, block, owner, late);
  for (const YamlNode& item : node.items)
    if (const Field* field = block.find(item.key)) check_condition(item, block, *field, owner);
}

void Reader::check_condition(const YamlNode& item, const Block& block, const Field& field,
                             const void* owner) {
  const auto& [choice, wanted] = field.when;
  if (applies(block, field, owner)) return;
  if (std::find(refused_.begin(), refused_.end(), block.find(choice)) != refused_.end()) return;
  diagnostics_.error(item.key_at, quoted(field.name) + " belongs to " + std::string(choice) + ' ' +
                                      std::string(wanted) + ", but the " + std::string(choice) + " here is " +
                                      choice_of(block, choice, owner));
}

void Reader::key(const YamlNode& item, const Block& block, void* owner, bool late) {
  const Field* field = block.find(item.key);
  if (field == nullptr) {
    if (!late) unknown(item, block);
    return;
  }
  if (field->late != late) return;
  const bool keyed = field->shape.kind == Shape::Kind::block || field->shape.kind == Shape::Kind::block_map;
  if (keyed && !item.is_map() && !item.is_null() && foreign(item, block)) return;
  field->read(*this, item, *field, owner);
}

// True, with a warning, for a key that a client wrote for itself.
bool Reader::foreign(const YamlNode& item, const Block& block) {
  const auto among = [&](std::span<const std::string_view> keys) {
    return std::find(keys.begin(), keys.end(), item.key) != keys.end();
  };
  const bool of_client = &block == &root_block() ? client_file_ : lenient_;
  if (!among(block.foreign_anywhere) && !(of_client && among(block.foreign))) return false;
  diagnostics_.warning(item.key_at, "the client's own key " + quoted(item.key) + " is ignored");
  return true;
}

void Reader::unknown(const YamlNode& item, const Block& block) {
  if (foreign(item, block)) return;
  if (std::find(block.planned.begin(), block.planned.end(), item.key) != block.planned.end())
    return diagnostics_.error(item.key_at, quoted(item.key) + " is not supported yet");
  std::vector<std::string_view> names;
  for (const Field& field : block.fields) names.push_back(field.name);
  const std::string hint = did_you_mean(item.key, names);
  if (&block == &root_block() && client_file_ && hint.empty())
    return diagnostics_.warning(item.key_at, "the client's own key " + quoted(item.key) + " is ignored");
  diagnostics_.error(item.key_at, "unknown key " + quoted(item.key) + hint);
}

}  // namespace weir
