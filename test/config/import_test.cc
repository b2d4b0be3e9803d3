#include "config/import.h"

#include <gtest/gtest.h>

#include "config/config_test_support.h"
#include "config/yaml.h"
#include "config/yaml_text.h"

namespace weir {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + '\n';
  return out;
}

ImportOutcome imported(const std::string& text) {
  const ImportFile file{"c.json", text};
  return import_configs({&file, 1});
}

TEST(ConfigImport, MergesClientsFiles) {
  const ImportFile files[] = {{"claude.json", R"({
  // mine
  "mcpServers": {
    "files": {"command": "npx", "args": ["-y", "@x/y", "a: b", "5"], "env": {"T": "${TOKEN}", "N": 1}, "autoApprove": ["a"]},
    "web": {"url": "https://h/mcp?a=b", "headers": {"Authorization": "Bearer ${env:TOKEN}"}, "disabled": true}
  }})"},
                              {"mcp.json", R"({"inputs": [], "servers": {
    "files": {"type": "stdio", "command": "other", "cwd": "/srv"},
    "web": {"type": "http", "url": "https://h/mcp?a=b", "disabled": true, "headers": {"Authorization": "Bearer ${env:TOKEN}"}},
    "my server__x": {"command": "x", "env": {"K": "${input:api-key}"}},
    "old": {"type": "sse", "url": "http://h/sse", "headers": {"A": "b"}},
    "older": {"transport": "SSE", "url": "http://h/2"}
  }})"}};
  const ImportOutcome outcome = import_configs(files);
  EXPECT_EQ(outcome.servers, 6u);
  EXPECT_EQ(outcome.yaml,
            "# yaml-language-server: $schema=./weir.schema.json\n"
            "# Made by weir import; `weir check` looks it over.\n"
            "# set the environment variable API_KEY: VS Code asked for ${input:api-key}\n"
            "servers:\n"
            "  files:\n"
            "    command: npx\n"
            "    args: [\"-y\", \"@x/y\", \"a: b\", \"5\"]\n"
            "    env:\n"
            "      T: \"${TOKEN}\"\n"
            "      \"N\": \"1\"\n"
            "  web:\n"
            "    url: \"https://h/mcp?a=b\"\n"
            "    headers:\n"
            "      Authorization: \"Bearer ${env:TOKEN}\"\n"
            "    disabled: true\n"
            "  files-2:\n"
            "    command: other\n"
            "    cwd: \"/srv\"\n"
            "  my-server_x:\n"
            "    command: x\n"
            "    env:\n"
            "      K: \"${API_KEY}\"\n"
            "  old:\n"
            "    url: \"http://h/sse\"\n"
            "    type: sse\n"
            "    headers:\n"
            "      A: b\n"
            "  older:\n"
            "    url: \"http://h/2\"\n"
            "    type: sse\n");
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    return name == "API_KEY" ? std::optional<std::string>("k") : config_test::environment(name);
  };
  const LoadOutcome loaded = load_config(outcome.yaml, "weir.yaml", environment);
  ASSERT_TRUE(loaded.config) << to_string(loaded.diagnostics);
  EXPECT_EQ(loaded.config->servers.size(), 6u);
  EXPECT_EQ(loaded.config->servers[0].args, (std::vector<std::string>{"-y", "@x/y", "a: b", "5"}));
  EXPECT_EQ(loaded.config->servers[3].env.at(0).second, "k");
  EXPECT_EQ(loaded.config->servers[4].type, ServerConfig::Type::sse);
  EXPECT_EQ(loaded.config->servers[5].type, ServerConfig::Type::sse);
}

TEST(ConfigImport, EqualServersAreOne) {
  const ImportFile file{"a.json", R"({"mcpServers": {"a": {"command": "x"}}})"};
  const ImportFile files[] = {file, {"b.json", file.text}};
  const ImportOutcome outcome = import_configs(files);
  EXPECT_EQ(outcome.servers, 1u);
  EXPECT_EQ(joined(outcome.notes), "b.json:1: \"a\" is there already\n");
}

TEST(ConfigImport, SaysWhatWasLeftOut) {
  const std::pair<std::string, std::string> cases[] = {
      {"{", "c.json:2: not valid YAML: did not find expected key\nc.json: skipped, it cannot be read\n"},
      {"{}", "c.json: no servers in it\n"},
      {R"({"mcpServers": []})", "c.json: no servers in it\n"},
      {R"({"mcpServers": {"a": 5}})", "c.json:1: \"a\" was skipped: it is no block of keys\n"},
      {R"({"mcpServers": {"a": {}}})", "c.json:1: \"a\" was skipped: it has neither a url nor a command\n"},
      {R"({"mcpServers": {"a": {"url": "x"}}})",
       "c.json:1: \"a\" was skipped: its url must start with http:// or https://\n"},
      {R"({"mcpServers": {"a": {"url": "http://h", "command": "x"}}})",
       "c.json:1: \"a\" was skipped: it has a url and a command\n"},
      {R"({"mcpServers": {"a": {"command": "x", "timeout": 5, "disabled": false, "env": {}}}})",
       "c.json:1: \"a\": the key \"timeout\" was left out\n"},
      {R"({"mcpServers": {"a": {"command": "x", "env": {"A B": "c", "D": null}}}})",
       "c.json:1: \"a\": \"A B\" is no name for an environment variable and was left out\n"
       "c.json:1: \"a\": \"D\" has no text and was left out\n"},
      {R"({"mcpServers": {"a": {"url": "http://h", "headers": {"Host": "x"}}}})",
       "c.json:1: \"a\": \"Host\" is set by Weir itself and was left out\n"},
  };
  for (const auto& [text, expected] : cases) {
    const ImportOutcome outcome = imported(text);
    if (text == "{")
      EXPECT_EQ(outcome.notes.back(), "c.json: skipped, it cannot be read");
    else
      EXPECT_EQ(joined(outcome.notes), expected) << text;
    EXPECT_NE(load_config(outcome.yaml, "weir.yaml", config_test::environment).config, std::nullopt)
        << outcome.yaml;
  }
}

TEST(ConfigImport, OtherShapesAndReferences) {
  EXPECT_EQ(imported(R"({"mcp": {"servers": {"a": {"command": "x"}}}})").servers, 1u);
  EXPECT_NE(
      imported(R"({"mcpServers": {"a": {"serverUrl": "http://h/mcp"}}})").yaml.find("url: \"http://h/mcp\""),
      std::string::npos);
  const std::string yaml =
      imported(R"({"mcpServers": {"a": {"command": "x", "args": ["${a b}", "${X", "${Y:-z}"]}}})").yaml;
  EXPECT_NE(yaml.find(R"(args: ["$${a b}", "$${X", "${Y:-z}"])"), std::string::npos) << yaml;
  const Config config = config_test::loaded(yaml);
  EXPECT_EQ(config.servers.at(0).args, (std::vector<std::string>{"${a b}", "${X", "z"}));
}

TEST(ConfigImport, TextsReadBack) {
  for (const std::string& text :
       {std::string("plain"), std::string(), std::string("yes"), std::string("# x"), std::string("a: b"),
        std::string("- a"), std::string("1"), std::string("a\nb\t\"\\"), std::string("\xC3\xA9"),
        std::string("\x7F\xC2\x85 \xC2\xA0"), std::string("x // y"), std::string("*a"), std::string(" pad "),
        std::string("null"), std::string("@x"), std::string("\xE2\x80\xA8"), std::string(300, 'a')}) {
    const std::string source = "k: [" + yaml_text(text) + ", x]\n";
    Diagnostics diagnostics(source, "f");
    const auto root = parse_yaml(source, {}, diagnostics);
    ASSERT_TRUE(root) << to_string(diagnostics.take());
    EXPECT_EQ(root->find("k")->items.at(0).text, text) << source;
    EXPECT_TRUE(root->find("k")->items.at(0).is_scalar()) << source;
  }
}

TEST(ConfigImport, TheStarterLoads) {
  const std::string text = starter_config();
  EXPECT_EQ(text.find("# yaml-language-server: $schema=./weir.schema.json\n"), 0u);
  EXPECT_EQ(config_test::loaded(text), default_config());
}

}  // namespace
}  // namespace weir
