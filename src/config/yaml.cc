#include "config/yaml.h"

#include <libfyaml.h>

#include <map>
#include <memory>

#include "base/json.h"

namespace weir {
namespace {

constexpr std::size_t kSizeMax = 4 * 1024 * 1024;
constexpr std::size_t kNodesMax = 100'000;
constexpr int kDepthMax = 64;

// Comments in the JSON files of clients become spaces, so that places stay.
std::string without_comments(std::string_view text) {
  std::string out(text);
  bool in_string = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (in_string) {
      if (out[i] == '\\')
        ++i;
      else if (out[i] == '"')
        in_string = false;
      continue;
    }
    if (out[i] == '"') in_string = true;
    if (out[i] != '/' || i + 1 == out.size()) continue;
    if (out[i + 1] == '/') {
      while (i < out.size() && out[i] != '\n') out[i++] = ' ';
    } else if (out[i + 1] == '*') {
      while (i < out.size() && !(out[i] == '*' && i + 1 < out.size() && out[i + 1] == '/')) {
        if (out[i] != '\n') out[i] = ' ';
        ++i;
      }
      for (int end = 0; end < 2 && i < out.size(); ++end) out[i++] = ' ';
    }
  }
  return out;
}

class Builder {
 public:
  Builder(fy_parser* parser, std::vector<Diagnostic>& diagnostics, std::string_view text,
          const std::string& file)
      : parser_(parser), diagnostics_(diagnostics), text_(text), file_(file) {}

  bool build(YamlNode& root) {
    int documents = 0;
    while (fy_event* event = fy_parser_parse(parser_)) {
      const std::unique_ptr<fy_event, Free> held(event, Free{parser_});
      if (event->type == FYET_STREAM_START || event->type == FYET_STREAM_END ||
          event->type == FYET_DOCUMENT_END)
        continue;
      if (event->type == FYET_DOCUMENT_START) {
        if (++documents > 1) return refuse(event, "a second document begins here; one is all that is read");
        continue;
      }
      if (event->type == FYET_NONE || !node(event, root, 0)) return false;
    }
    return true;
  }

 private:
  struct Free {
    fy_parser* parser;
    void operator()(fy_event* event) const { fy_parser_event_free(parser, event); }
  };

  bool refuse(fy_event* event, std::string message) {
    Diagnostic diagnostic;
    diagnostic.file = file_;
    if (const fy_mark* mark = fy_event_start_mark(event); mark != nullptr) {
      diagnostic.line = mark->line + 1;
      diagnostic.column = mark->column + 1;
    }
    diagnostic.message = std::move(message);
    diagnostic.source_line = line_of(text_, diagnostic.line);
    diagnostics_.push_back(std::move(diagnostic));
    return false;
  }

  static std::string text_of(fy_token* token) {
    std::size_t size = 0;
    const char* text = token == nullptr ? nullptr : fy_token_get_text(token, &size);
    return text == nullptr ? std::string() : std::string(text, size);
  }

  static std::size_t weight(const YamlNode& node) {
    std::size_t count = 1;
    for (const YamlNode& item : node.items) count += weight(item);
    for (const auto& [key, value] : node.members) count += 1 + weight(value);
    return count;
  }

  // The node that begins with `event`; reads on to its end.
  bool node(fy_event* event, YamlNode& into, int depth) {
    if (depth > kDepthMax) return refuse(event, "nested too deeply");
    if (++nodes_ > kNodesMax) return refuse(event, "too many nodes");
    if (const fy_mark* mark = fy_event_start_mark(event); mark != nullptr) {
      into.line = mark->line + 1;
      into.column = mark->column + 1;
    }
    fy_token* anchor = nullptr;
    switch (event->type) {
      case FYET_SCALAR:
        into.kind = YamlNode::Kind::scalar;
        into.text = text_of(event->scalar.value);
        into.plain =
            event->scalar.value == nullptr || fy_scalar_token_get_style(event->scalar.value) == FYSS_PLAIN;
        anchor = event->scalar.anchor;
        break;
      case FYET_ALIAS: {
        const auto found = anchors_.find(text_of(event->alias.anchor));
        if (found == anchors_.end()) return refuse(event, "no such anchor");
        nodes_ += weight(found->second);
        if (nodes_ > kNodesMax) return refuse(event, "too many nodes");
        const int line = into.line;
        const int column = into.column;
        into = found->second;
        into.line = line;
        into.column = column;
        return true;
      }
      case FYET_MAPPING_START: {
        into.kind = YamlNode::Kind::map;
        const std::string name = text_of(event->mapping_start.anchor);
        while (true) {
          const std::unique_ptr<fy_event, Free> key(fy_parser_parse(parser_), Free{parser_});
          if (!key) return false;
          if (key->type == FYET_MAPPING_END) break;
          into.members.emplace_back();
          if (!node(key.get(), into.members.back().first, depth + 1)) return false;
          if (into.members.back().first.kind != YamlNode::Kind::scalar)
            return refuse(key.get(), "a key is a text; if this is a variable, quote it: \"${NAME}\"");
          const std::unique_ptr<fy_event, Free> value(fy_parser_parse(parser_), Free{parser_});
          if (!value) return false;
          YamlNode held;
          if (!node(value.get(), held, depth + 1)) return false;
          into.members.back().second = std::move(held);
        }
        if (!name.empty()) anchors_[name] = into;
        return true;
      }
      case FYET_SEQUENCE_START: {
        into.kind = YamlNode::Kind::list;
        const std::string name = text_of(event->sequence_start.anchor);
        while (true) {
          const std::unique_ptr<fy_event, Free> item(fy_parser_parse(parser_), Free{parser_});
          if (!item) return false;
          if (item->type == FYET_SEQUENCE_END) break;
          YamlNode held;
          if (!node(item.get(), held, depth + 1)) return false;
          into.items.push_back(std::move(held));
        }
        if (!name.empty()) anchors_[name] = into;
        return true;
      }
      default:
        return refuse(event, "this is no YAML");
    }
    if (const std::string name = text_of(anchor); !name.empty()) anchors_[name] = into;
    return true;
  }

  fy_parser* parser_;
  std::vector<Diagnostic>& diagnostics_;
  std::string_view text_;
  const std::string& file_;
  std::map<std::string, YamlNode> anchors_;
  std::size_t nodes_ = 0;
};

// What the library must not see, and what it would take in silence.
bool prescan(std::string_view text, const std::string& file, bool json, std::vector<Diagnostic>& out) {
  const auto refuse = [&](int line, int column, const char* message) {
    Diagnostic diagnostic;
    diagnostic.file = file;
    diagnostic.line = line;
    diagnostic.column = column;
    diagnostic.message = message;
    diagnostic.source_line = utf8_valid(line_of(text, line)) ? line_of(text, line) : std::string_view();
    out.push_back(std::move(diagnostic));
  };
  if (text.size() > kSizeMax) refuse(1, 1, "the file is larger than 4 MB");
  if (!utf8_valid(text)) refuse(1, 1, "the file is not valid UTF-8");
  int line = 1;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size() && out.empty(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const int column = static_cast<int>(i - begin) + 1;
    if (c == '\n') {
      ++line;
      begin = i + 1;
    } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
      refuse(line, column, "a control character");
    } else if (c == '%' && column == 1) {
      refuse(line, column, "directives are not read");
    } else if (!json && c == '\t' &&
               text.substr(begin, i - begin).find_first_not_of(" \t") == std::string_view::npos) {
      refuse(line, column, "a tab; YAML indents with spaces");
    } else if (!json && c == '/' && text.substr(i).starts_with("//") &&
               text.substr(begin, i - begin).find_first_not_of(' ') == std::string_view::npos) {
      refuse(line, column, "a comment begins with #, not with //");
    }
  }
  return out.empty();
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const noexcept {
  for (const auto& [name, value] : members)
    if (name.text == key) return &value;
  return nullptr;
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string out = diagnostic.file + ":" + std::to_string(diagnostic.line) + ":" +
                    std::to_string(diagnostic.column) + ": ";
  if (diagnostic.severity == Diagnostic::Severity::warning) out += "warning: ";
  out += diagnostic.message + "\n";
  if (!diagnostic.source_line.empty()) {
    out += "  " + diagnostic.source_line + "\n  ";
    out.append(static_cast<std::size_t>(diagnostic.column) - 1, ' ');
    out += "^\n";
  }
  return out;
}

std::string_view line_of(std::string_view text, int line) noexcept {
  for (int at = 1; at < line; ++at) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  return text.ends_with('\r') ? text.substr(0, text.size() - 1) : text;
}

bool parse_yaml(std::string_view given, const std::string& file, bool json, YamlNode& root,
                std::vector<Diagnostic>& diagnostics) {
  if (!prescan(given, file, json, diagnostics)) return false;
  const std::string text = json ? without_comments(given) : std::string(given);
  const std::unique_ptr<fy_diag, void (*)(fy_diag*)> diag(fy_diag_create(nullptr), fy_diag_destroy);
  fy_diag_set_collect_errors(diag.get(), true);
  fy_parse_cfg settings{};
  settings.flags =
      static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS);
  settings.diag = diag.get();
  const std::unique_ptr<fy_parser, void (*)(fy_parser*)> parser(fy_parser_create(&settings),
                                                                fy_parser_destroy);
  fy_parser_set_string(parser.get(), text.data(), text.size());
  const bool built = Builder(parser.get(), diagnostics, given, file).build(root);
  void* at = nullptr;
  while (const fy_diag_error* error = fy_diag_errors_iterate(diag.get(), &at)) {
    if (!diagnostics.empty()) break;
    Diagnostic diagnostic;
    diagnostic.file = file;
    diagnostic.line = error->line > 0 ? error->line : 1;
    diagnostic.column = error->column > 0 ? error->column : 1;
    diagnostic.message = error->msg == nullptr ? "this is no YAML" : error->msg;
    diagnostic.source_line = line_of(given, diagnostic.line);
    if (diagnostic.source_line.find("{") != std::string::npos &&
        diagnostic.source_line.find("${") != std::string::npos)
      diagnostic.message += "; quote a variable: \"${NAME}\"";
    diagnostics.push_back(std::move(diagnostic));
  }
  if (!built && diagnostics.empty()) {
    Diagnostic diagnostic;
    diagnostic.file = file;
    diagnostic.message = "this is no YAML";
    diagnostics.push_back(std::move(diagnostic));
  }
  return diagnostics.empty();
}

}  // namespace weir
