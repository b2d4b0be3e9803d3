#include "config/yaml.h"

#include <libfyaml.h>

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "config/yaml_guard.h"

namespace weir {
namespace {

struct ParserDelete {
  void operator()(fy_parser* parser) const noexcept { fy_parser_destroy(parser); }
};
struct DiagDelete {
  void operator()(fy_diag* diag) const noexcept { fy_diag_destroy(diag); }
};

// `behind`: the mark stands behind the value's first character, as for quoted texts (the quote) and aliases
// (the star).
Position place_of(const fy_mark* mark, bool behind, Position fallback) noexcept {
  if (mark == nullptr || mark->line < 0) return fallback;
  return {mark->line + 1, std::max(mark->column + (behind ? 0 : 1), 1)};
}

std::string_view text_of(fy_token* token) noexcept {
  std::size_t size = 0;
  const char* text = token == nullptr ? nullptr : fy_token_get_text(token, &size);
  return text == nullptr ? std::string_view() : std::string_view(text, size);
}

bool is_null_word(std::string_view text) noexcept {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

bool like_comment(std::string_view text) noexcept {
  return text.starts_with("//") || text.starts_with("/*") || text.find(" //") != std::string_view::npos;
}

// Turns events into the tree. `false` from a member function means: an error was added, stop.
class Builder {
 public:
  Builder(std::string_view text, const YamlLimits& limits, Diagnostics& diagnostics)
      : text_(text), limits_(limits), diagnostics_(diagnostics) {
    fy_diag_cfg settings;
    fy_diag_cfg_default(&settings);
    settings.fp = nullptr;
    diag_.reset(fy_diag_create(&settings));
    fy_diag_set_collect_errors(diag_.get(), true);
    fy_parse_cfg config{};
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
                                                   FYPCF_ALLOW_DUPLICATE_KEYS);
    config.diag = diag_.get();
    parser_.reset(fy_parser_create(&config));
    fy_parser_set_string(parser_.get(), text_.data(), text_.size());
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;
  ~Builder() { drop(); }

  std::optional<YamlNode> document() {
    YamlNode root;
    bool seen = false;
    while (next()) {
      if (event_->type != FYET_DOCUMENT_START) continue;
      if (seen) {
        fail(place({}), "a second YAML document starts here; a configuration is one document");
        return std::nullopt;
      }
      seen = true;
      if (next() && value(root, 0)) continue;
      if (event_ != nullptr) return std::nullopt;
      break;
    }
    if (!fy_parser_get_stream_error(parser_.get())) return root;
    syntax_error();
    return std::nullopt;
  }

 private:
  bool next() {
    drop();
    event_ = fy_parser_parse(parser_.get());
    return event_ != nullptr;
  }
  void drop() noexcept {
    if (event_ != nullptr) fy_parser_event_free(parser_.get(), event_);
    event_ = nullptr;
  }
  bool fail(Position at, std::string message) {
    diagnostics_.error(at, std::move(message));
    return false;
  }
  Position place(Position fallback) const { return place_of(fy_event_start_mark(event_), false, fallback); }

  bool charge(Position at, std::size_t nodes, std::size_t bytes) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ <= limits_.nodes_max && bytes_ <= limits_.text_max) return true;
    return fail(at, "the configuration has too many values (aliases are counted each time they are used)");
  }
  bool charge_copy(Position at, const YamlNode& node) {
    if (!charge(at, 1, node.text.size() + node.key.size())) return false;
    return std::all_of(node.items.begin(), node.items.end(),
                       [&](const YamlNode& item) { return charge_copy(at, item); });
  }

  // The event is a value's first; `out` has its key and its key's place as a fallback.
  bool value(YamlNode& out, std::size_t depth) {
    out.at = place_of(fy_event_start_mark(event_), event_->type == FYET_ALIAS, out.at);
    if (depth > limits_.depth_max)
      return fail(out.at, "nested too deeply (more than " + std::to_string(limits_.depth_max) + " levels)");
    if (event_->type == FYET_ALIAS) return alias(out);
    if (!charge(out.at, 1, 0)) return false;
    fy_token* anchor = nullptr;
    fy_token* tag = nullptr;
    if (event_->type == FYET_SCALAR) anchor = event_->scalar.anchor, tag = event_->scalar.tag;
    if (event_->type == FYET_SEQUENCE_START)
      anchor = event_->sequence_start.anchor, tag = event_->sequence_start.tag;
    if (event_->type == FYET_MAPPING_START)
      anchor = event_->mapping_start.anchor, tag = event_->mapping_start.tag;
    if (tag != nullptr)
      return fail(place_of(fy_token_start_mark(tag), false, out.at),
                  "YAML tags are not supported; quote a text that starts with !");
    const std::string name(text_of(anchor));
    if (!content(out, depth)) return false;
    if (name.empty()) return true;
    if (!charge_copy(out.at, out)) return false;
    anchors_[name] = out;
    return true;
  }

  bool content(YamlNode& out, std::size_t depth) {
    if (event_->type == FYET_SEQUENCE_START) return list(out, depth);
    if (event_->type == FYET_MAPPING_START) return map(out, depth);
    return event_->type == FYET_SCALAR ? scalar(out) : fail(out.at, "a value is missing");
  }

  bool scalar(YamlNode& out) {
    fy_token* token = event_->scalar.value;
    const fy_scalar_style style = fy_token_scalar_style(token);
    out.plain = style == FYSS_PLAIN;
    out.at = place_of(fy_token_start_mark(token), style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED,
                      out.at);
    out.text = text_of(token);
    if (out.text.find('\0') != std::string::npos)
      return fail(out.at, "a text must not contain the character NUL");
    if (out.plain && like_comment(out.text))
      return fail(out.at, "// starts no comment in YAML: write # instead, or quote the text");
    out.kind = out.plain && is_null_word(out.text) ? YamlNode::Kind::null : YamlNode::Kind::scalar;
    if (out.is_null()) out.text.clear();
    return charge(out.at, 0, out.text.size());
  }

  bool alias(YamlNode& out) {
    const std::string name(text_of(event_->alias.anchor));
    const auto found = anchors_.find(name);
    if (found == anchors_.end())
      return fail(out.at, "unknown alias \"*" + name + "\"; quote a text that starts with *");
    if (!charge_copy(out.at, found->second)) return false;
    YamlNode copy = found->second;
    copy.key = std::move(out.key);
    copy.key_at = out.key_at;
    out = std::move(copy);
    return true;
  }

  bool list(YamlNode& out, std::size_t depth) {
    out.kind = YamlNode::Kind::list;
    Position last = out.at;
    while (next() && event_->type != FYET_SEQUENCE_END) {
      YamlNode item;
      item.at = item.key_at = last;
      if (!value(item, depth + 1)) return false;
      last = item.at;
      out.items.push_back(std::move(item));
    }
    return event_ != nullptr;
  }

  bool map(YamlNode& out, std::size_t depth) {
    out.kind = YamlNode::Kind::map;
    std::unordered_map<std::string, Position> seen;
    while (next() && event_->type != FYET_MAPPING_END) {
      YamlNode item;
      if (event_->type != FYET_SCALAR) return fail(place(out.at), "a key must be a text");
      YamlNode name;
      name.at = out.at;
      if (!value(name, depth + 1)) return false;
      if (name.plain && name.text == "<<") return fail(name.at, "merge keys (<<) are not supported");
      item.key = std::move(name.text);
      item.key_at = item.at = name.at;
      if (!next() || !value(item, depth + 1)) return false;
      const auto [first, added] = seen.emplace(item.key, item.key_at);
      if (added)
        out.items.push_back(std::move(item));
      else
        fail(item.key_at,
             "duplicate key \"" + item.key + "\" (first on line " + std::to_string(first->second.line) + ')');
    }
    return event_ != nullptr;
  }

  void syntax_error() {
    void* cursor = nullptr;
    const fy_diag_error* found = nullptr;
    while (const fy_diag_error* each = fy_diag_errors_iterate(diag_.get(), &cursor))
      if (found == nullptr && each->type == FYET_ERROR) found = each;
    if (found == nullptr || found->msg == nullptr) {
      diagnostics_.error({1, 1}, "not valid YAML");
      return;
    }
    const int line = std::max(found->line, 1);
    diagnostics_.error({line, std::max(found->column, 1)},
                       "not valid YAML: " + std::string(found->msg) + hint(line));
  }

  // What most likely led to a syntax error on this line.
  std::string hint(int line) const {
    const auto starts = [&](int number, std::string_view with) {
      std::string_view text = diagnostics_.line_text(number);
      text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
      return text.starts_with(with);
    };
    const std::string_view text = diagnostics_.line_text(line);
    if (starts(line, "//") || starts(line, "/*") || (line > 1 && starts(line - 1, "//")))
      return " (comments start with # in YAML)";
    if (text.find("${") != std::string_view::npos) return " (quote it: \"${VAR}\")";
    if (text.find("[:") != std::string_view::npos) return " (quote the address)";
    if (text.substr(0, text.find_first_not_of(" \t")).find('\t') != std::string_view::npos)
      return " (indent with spaces)";
    return {};
  }

  std::string_view text_;
  YamlLimits limits_;
  Diagnostics& diagnostics_;
  std::unique_ptr<fy_diag, DiagDelete> diag_;
  std::unique_ptr<fy_parser, ParserDelete> parser_;
  fy_event* event_ = nullptr;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::map<std::string, YamlNode> anchors_;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const YamlNode& item) { return item.key == name; });
  return kind == Kind::map && found != items.end() ? &*found : nullptr;
}

std::optional<YamlNode> parse_yaml(std::string_view text, const YamlLimits& limits,
                                   Diagnostics& diagnostics) {
  if (text.empty()) return YamlNode{};
  if (!yaml_guard(text, limits.bytes_max, diagnostics)) return std::nullopt;
  return Builder(text, limits, diagnostics).document();
}

}  // namespace weir
