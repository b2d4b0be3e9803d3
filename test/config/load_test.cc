#include "config/load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "config/config_test_support.h"

namespace weir {
namespace {

using config_test::findings;
using config_test::loaded;

TEST(ConfigLoad, SaysExactlyWhatIsWrongAndWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"lsiten: 127.0.0.1:1\n",
       "weir.yaml:1:1: unknown key \"lsiten\" (did you mean \"listen\"?)\n"
       "lsiten: 127.0.0.1:1\n"
       "^\n"},
      {"limits:\n  conections: 5\n",
       "weir.yaml:2:3: unknown key \"conections\" (did you mean \"connections\"?)\n"
       "  conections: 5\n"
       "  ^\n"},
      {"zebra: 1\n", "weir.yaml:1:1: unknown key \"zebra\"\nzebra: 1\n^\n"},
      {"servers: {a: {url: http://a, auth: x}}\n",
       "weir.yaml:1:30: \"auth\" is not supported yet\nservers: {a: {url: http://a, auth: x}}\n"
       "                             ^\n"},
      {"auth: {bearer_tokens: []}\n",
       "weir.yaml:1:7: \"auth\" needs \"bearer_tokens\", at least one: without the block nobody is asked\n"
       "auth: {bearer_tokens: []}\n"
       "      ^\n"},
      {"threads: 0\n",
       "weir.yaml:1:10: \"threads\" must be auto or a whole number from 1 to 1024\nthreads: 0\n         ^\n"},
      {"threads: -1\n",
       "weir.yaml:1:10: \"threads\" must be auto or a whole number from 1 to 1024\nthreads: -1\n         "
       "^\n"},
      {"threads: \"4\"\n",
       "weir.yaml:1:10: \"threads\" must be auto or a whole number from 1 to 1024\nthreads: \"4\"\n         "
       "^\n"},
      {"threads:\n",
       "weir.yaml:1:1: \"threads\" must be auto or a whole number from 1 to 1024\nthreads:\n^\n"},
      {"limits: {body: 4mb}\n",
       "weir.yaml:1:16: \"body\" must be a size from 1KB to 1GB, such as 32KB or 4MB\n"
       "limits: {body: 4mb}\n"
       "               ^\n"},
      {"limits: {body: 2GB}\n",
       "weir.yaml:1:16: \"body\" must be a size from 1KB to 1GB, such as 32KB or 4MB\n"
       "limits: {body: 2GB}\n"
       "               ^\n"},
      {"limits: {connections: 99999999999999999999}\n",
       "weir.yaml:1:23: \"connections\" must be a whole number from 1 to 1000000\n"
       "limits: {connections: 99999999999999999999}\n"
       "                      ^\n"},
      {"limits: 5\n", "weir.yaml:1:9: \"limits\" must be a block of keys\nlimits: 5\n        ^\n"},
      {"log: {level: wran}\n",
       "weir.yaml:1:14: \"level\" must be debug, info, warn or error (did you mean \"warn\"?)\n"
       "log: {level: wran}\n"
       "             ^\n"},
      {"log: {modules: {health: loud}}\n",
       "weir.yaml:1:25: \"health\" must be debug, info, warn or error\n"
       "log: {modules: {health: loud}}\n"
       "                        ^\n"},
      {"log: {modules: {a b: info}}\n",
       "weir.yaml:1:17: \"a b\" is no module: app, config, front, gateway, health, child, access and admin "
       "are\nlog: {modules: {a b: info}}\n                ^\n"},
      {"timeout: {request: 30}\n",
       "weir.yaml:1:20: \"request\" must be a duration from 1ms to 24h, such as 100ms, 30s or 5m\n"
       "timeout: {request: 30}\n"
       "                   ^\n"},
      {"drain_timeout: -5s\n",
       "weir.yaml:1:16: \"drain_timeout\" must be a duration from 0s to 1h, such as 100ms, 30s or 5m\n"
       "drain_timeout: -5s\n"
       "               ^\n"},
      {"allow_unauthenticated: yes\n",
       "weir.yaml:1:24: \"allow_unauthenticated\" must be true or false\n"
       "allow_unauthenticated: yes\n"
       "                       ^\n"},
      {"allowed_origins: http://a\n",
       "weir.yaml:1:18: \"allowed_origins\" must be a list of texts\n"
       "allowed_origins: http://a\n"
       "                 ^\n"},
      {"allowed_hosts: [a, \"b:1\"]\n",
       "weir.yaml:1:20: \"allowed_hosts\" must be a host name without a port, such as mcp.example.com\n"
       "allowed_hosts: [a, \"b:1\"]\n"
       "                   ^\n"},
      {"names: {separator: \"\"}\n",
       "weir.yaml:1:20: \"separator\" must be 1 to 8 letters, digits, underscores, hyphens or points\n"
       "names: {separator: \"\"}\n"
       "                   ^\n"},
      {"drain_timeout: ${NONE}\n",
       "weir.yaml:1:16: the environment variable \"NONE\" is not set (${NONE:-default} gives a default)\n"
       "drain_timeout: ${NONE}\n"
       "               ^\n"},
      {"[]\n", "weir.yaml:1:1: a configuration is a block of keys, such as servers\n[]\n^\n"},
      {"hello\n", "weir.yaml:1:1: a configuration is a block of keys, such as servers\nhello\n^\n"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(findings(text), expected) << text;
}

TEST(ConfigLoad, ChecksAddresses) {
  const std::pair<std::string, std::string> cases[] = {
      {"listen: 8080\n",
       "weir.yaml:1:9: \"listen\" must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080\nlisten: 8080\n    "
       "    ^\n"},
      {"listen: :8080\n",
       "weir.yaml:1:9: \"listen\" must name the address to listen on: 127.0.0.1 for this machine only, "
       "0.0.0.0 for all\n"
       "listen: :8080\n"
       "        ^\n"},
      {"listen: example.com:1\n",
       "weir.yaml:1:9: \"listen\" must have an IP address or localhost in front of its port\n"
       "listen: example.com:1\n"
       "        ^\n"},
      {"listen: 127.0.0.1:70000\n",
       "weir.yaml:1:9: \"listen\" must end in a port from 0 to 65535\nlisten: 127.0.0.1:70000\n        ^\n"},
      {"listen: []\n", "weir.yaml:1:9: \"listen\" needs at least one address\nlisten: []\n        ^\n"},
      {"listen:\n", "weir.yaml:1:1: \"listen\" needs at least one address\nlisten:\n^\n"},
      {"listen: {allowed_hosts: [a]}\n",
       "weir.yaml:1:9: \"listen\" needs an address\nlisten: {allowed_hosts: [a]}\n        ^\n"},
      {"listen: [[127.0.0.1:1]]\n",
       "weir.yaml:1:10: \"listen\" must be HOST:PORT, a block with an address, or a list of these\n"
       "listen: [[127.0.0.1:1]]\n"
       "         ^\n"},
      {"listen: {address: 127.0.0.1:1, tls: {cert: c}}\n",
       "weir.yaml:1:37: \"tls\" needs \"key\", the file of the certificate's key\n"
       "listen: {address: 127.0.0.1:1, tls: {cert: c}}\n"
       "                                    ^\n"},
      {"admin: {address: 127.0.0.1:1, tls: {key: c}}\n",
       "weir.yaml:1:36: \"tls\" needs \"cert\", the file of the certificate\n"
       "admin: {address: 127.0.0.1:1, tls: {key: c}}\n"
       "                                   ^\n"},
      {"admin: {address: 127.0.0.1:1, token: \"a b\"}\n",
       "weir.yaml:1:38: \"token\" must be a token of letters, digits and -._~+/ (RFC 6750)\n"
       "admin: {address: 127.0.0.1:1, token: \"* *\"}\n"
       "                                     ^\n"},
      {"auth: {bearer_tokens: [a, \"\"]}\n",
       "weir.yaml:1:27: \"bearer_tokens\" must be a token of letters, digits and -._~+/ (RFC 6750)\n"
       "auth: {bearer_tokens: [*, \"\"]}\n"
       "                          ^\n"},
      {"listen: 0.0.0.0:80\nauth: {bearer_tokens: ['${NONE}']}\n",
       "weir.yaml:2:25: the environment variable \"NONE\" is not set (${NONE:-default} gives a default)\n"
       "auth: {bearer_tokens: ['${NONE}']}\n"
       "                        ^\n"},
      {"admin: {address: \"[::]:80\", token: '${NONE}'}\n",
       "weir.yaml:1:37: the environment variable \"NONE\" is not set (${NONE:-default} gives a default)\n"
       "admin: {address: \"[::]:80\", token: '${NONE}'}\n"
       "                                    ^\n"},
      {"metrics_listen: true\n",
       "weir.yaml:1:17: \"metrics_listen\" must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080\n"
       "metrics_listen: true\n"
       "                ^\n"},
      {"metrics_listen: 127.0.0.1:8080\n",
       "weir.yaml:1:17: 127.0.0.1:8080 is used twice (listen and admin need addresses of their own)\n"
       "metrics_listen: 127.0.0.1:8080\n"
       "                ^\n"},
      {"admin: {}\n", "weir.yaml:1:8: \"admin\" needs an address\nadmin: {}\n       ^\n"},
      {"admin: []\n",
       "weir.yaml:1:8: \"admin\" must be HOST:PORT, a block with an address, or false\nadmin: []\n       "
       "^\n"},
      {"admin: true\n",
       "weir.yaml:1:8: \"admin\" must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080\nadmin: true\n      "
       " ^\n"},
      {"admin: 127.0.0.1:8080\n",
       "weir.yaml:1:8: 127.0.0.1:8080 is used twice (listen and admin need addresses of their own)\n"
       "admin: 127.0.0.1:8080\n"
       "       ^\n"},
      {"listen: [127.0.0.1:1, {address: 127.0.0.1:1}]\n",
       "weir.yaml:1:33: 127.0.0.1:1 is used twice (listen and admin need addresses of their own)\n"
       "listen: [127.0.0.1:1, {address: 127.0.0.1:1}]\n"
       "                                ^\n"},
      {"listen: 0.0.0.0:80\n",
       "weir.yaml:1:9: 0.0.0.0:80 can be reached from other machines, and nothing asks callers who they are: "
       "set auth.bearer_tokens, or listen on"
       " 127.0.0.1, or set allow_unauthenticated: true if something in front of Weir checks them\n"
       "listen: 0.0.0.0:80\n"
       "        ^\n"},
      {"admin: \"[::]:80\"\n",
       "weir.yaml:1:8: [::]:80 can be reached from other machines, and nothing asks callers who they are: "
       "set admin.token, or listen on"
       " 127.0.0.1, or set allow_unauthenticated: true if something in front of Weir checks them\n"
       "admin: \"[::]:80\"\n"
       "       ^\n"},
      {"listen: 0.0.0.0:80\nallow_unauthenticated: true\n",
       "weir.yaml:1:9: warning: 0.0.0.0:80 can be reached from other machines, and nothing asks callers who "
       "they are\n"
       "listen: 0.0.0.0:80\n"
       "        ^\n"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(findings(text), expected) << text;
  EXPECT_EQ(findings("listen: [127.0.0.1:0, 127.0.0.1:0]\nadmin: 127.0.0.1:0\n"), "");
}

TEST(ConfigLoad, ChecksServers) {
  const std::pair<std::string, std::string> cases[] = {
      {"servers: {s: {}}", "1:11: the server \"s\" needs a url, endpoints, a command or a builtin"},
      {"servers: {s: }", "1:11: the server \"s\" needs a url, endpoints, a command or a builtin"},
      {"servers: {s: http://h}", "1:14: \"s\" must be a block of keys"},
      {"servers: [s]", "1:10: \"servers\" must be a block of names, each with a block of keys"},
      {"servers: {s: {url: 'http://h', command: x}}",
       "1:32: a server has a url, endpoints, a command or a builtin; \"s\" has url and command"},
      {"servers: {s: {url: h}}", "1:20: \"url\" must start with http:// or https://"},
      {"servers: {s: {url: 'http://h:0'}}", "1:20: \"url\" has a malformed port"},
      {"servers: {s: {command: ''}}", "1:24: \"command\" must not be empty"},
      {"servers: {s: {builtin: dmeo}}", "1:24: \"builtin\" must be demo (did you mean \"demo\"?)"},
      {"servers: {s: {ulr: 'http://h'}}", "1:15: unknown key \"ulr\" (did you mean \"url\"?)"},
      {"servers: {s: {builtin: demo, max_concurrent: 3}}", "1:30: \"max_concurrent\" is not supported yet"},
      {"servers: {s: {command: x, type: sse}}",
       "1:33: this type needs a url, but the server \"s\" has a command"},
      {"servers: {s: {url: 'http://h', type: sse, args: [a]}}",
       "1:43: \"args\" goes with a command, but the server \"s\" has a url"},
      {"servers: {s: {url: 'http://h', type: sse, tls: {ca: /a}}}",
       "1:43: \"tls\" needs a url that starts with https://"},
      {"servers: {s: {url: 'http://h', type: stdio}}",
       "1:38: this type needs a command, but the server \"s\" has a url"},
      {"servers: {s: {command: x, type: http}}",
       "1:33: this type needs a url, but the server \"s\" has a command"},
      {"servers: {s: {url: 'http://h', type: htpp}}",
       "1:38: \"type\" must be http, stdio, sse, streamable-http or streamableHttp (did you mean \"http\"?)"},
      {"servers: {s: {url: 'http://h', args: [a]}}",
       "1:32: \"args\" goes with a command, but the server \"s\" has a url"},
      {"servers: {s: {command: x, headers: {A: b}}}",
       "1:27: \"headers\" goes with a url, but the server \"s\" has a command"},
      {"servers: {s: {builtin: demo, env: {A: b}}}",
       "1:30: \"env\" goes with a command, but the server \"s\" has a builtin"},
      {"servers: {s: {url: 'http://h', tls: {ca: x}}}",
       "1:32: \"tls\" needs a url that starts with https://"},
      {"servers: {s: {command: x, args: -y}}", "1:33: \"args\" must be a list of texts"},
      {"servers: {s: {command: x, args: [[a]]}}", "1:34: \"args\" must be a list of texts"},
      {"servers: {s: {command: x, env: [a]}}", "1:32: \"env\" must be a block of names with texts"},
      {"servers: {s: {command: x, env: {A B: c}}}", "1:33: \"A B\" is no name for an environment variable"},
      {"servers: {s: {command: x, env: {A: [b]}}}", "1:36: \"A\" must be a text"},
      {"servers: {s: {command: x, env: {A: }}}", "1:33: \"A\" has no value (quote an empty text: \"\")"},
      {"servers: {s: {url: 'http://h', headers: {A B: c}}}", "1:42: \"A B\" is no name for a header"},
      {"servers: {s: {url: 'http://h', headers: {Host: c}}}", "1:42: \"Host\" is set by Weir itself"},
      {"servers: {s: {url: 'http://h', headers: {A: '${EVIL}'}}}",
       "1:45: \"A\" must not contain line ends or control characters"},
      {"servers: {s: {url: 'http://h', headers: {A: b, a: c}}}",
       "1:48: duplicate header \"a\" (case does not count)"},
      {"servers: {s: {builtin: demo, tools: {t: {timeout: 1}}}}",
       "1:51: \"timeout\" must be a duration from 1ms to 24h, such as 100ms, 30s or 5m"},
      {"servers: {s: {builtin: demo, max_concurrent: 3}}", "1:30: \"max_concurrent\" is not supported yet"},
      {"servers: {s: {builtin: demo, autoApprove: []}}", "1:30: unknown key \"autoApprove\""},
      {"servers: {s: {builtin: demo}, s: {builtin: demo}}", "1:31: duplicate key \"s\" (first on line 1)"},
      {"servers: {a b: {builtin: demo}}",
       "1:11: the server name \"a b\" must be 1 to 32 letters, digits, underscores or hyphens"},
      {"servers: {a__b: {builtin: demo}}",
       "1:11: the server name \"a__b\" must not contain or run into the separator \"__\" of names.separator: "
       "it would"
       " not be clear where a prefixed tool name splits"},
      {"servers: {s: {command: '${EVIL', args: ['${input:x}']}}",
       "1:25: ${ without its }; $${ is a literal ${"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string all = findings(text);
    EXPECT_EQ(all.substr(0, all.find('\n')), "weir.yaml:" + expected) << text;
  }
  EXPECT_EQ(findings("servers:\n  s: {builtin: demo}\nmcpServers:\n  s: {builtin: demo}\n"),
            "weir.yaml:4:3: duplicate server \"s\" (first on line 2)\n  s: {builtin: demo}\n  ^\n");
}

TEST(ConfigLoad, ReportsEverythingAtOnceInOrder) {
  EXPECT_EQ(findings("servers:\n"
                     "  a: {url: x}\n"
                     "  b:\n"
                     "    command: y\n"
                     "    args: ${NONE}\n"
                     "    foo: 1\n"
                     "threads: many\n"),
            "weir.yaml:2:12: \"url\" must start with http:// or https://\n"
            "  a: {url: x}\n"
            "           ^\n"
            "weir.yaml:5:11: \"args\" must be a list of texts\n"
            "    args: ${NONE}\n"
            "          ^\n"
            "weir.yaml:6:5: unknown key \"foo\"\n"
            "    foo: 1\n"
            "    ^\n"
            "weir.yaml:7:10: \"threads\" must be auto or a whole number from 1 to 1024\n"
            "threads: many\n"
            "         ^\n");
}

TEST(ConfigLoad, ReadsClientsFiles) {
  const std::string claude = R"({
  // what a client wrote
  "mcpServers": {
    "files": {"command": "npx", "args": ["-y", "x"], "env": {"T": "${TOKEN}"}, "disabled": true,
              "autoApprove": ["read"], "timeout": 60, /* a comment */ "tools": ["*"]},
    "web": {"type": "http", "url": "https://h/mcp", "env": {}}
  },
  "globalShortcut": "x",
  "theme": "dark"
})";
  const LoadOutcome outcome = load_config(claude, ".mcp.json", config_test::environment);
  ASSERT_TRUE(outcome.config) << to_string(outcome.diagnostics);
  ASSERT_EQ(outcome.config->servers.size(), 2u);
  EXPECT_TRUE(outcome.config->servers[0].disabled);
  EXPECT_EQ(outcome.config->servers[0].env.at(0).second, "t0ken");
  EXPECT_EQ(outcome.config->servers[0].timeout, TimeoutConfig{});
  EXPECT_TRUE(outcome.config->servers[1].env.empty());
  std::string messages;
  for (const Diagnostic& each : outcome.diagnostics)
    messages += std::to_string(each.line) + ' ' + each.message + '\n';
  EXPECT_EQ(messages,
            "5 the client's own key \"autoApprove\" is ignored\n"
            "5 the client's own key \"timeout\" is ignored\n"
            "5 the client's own key \"tools\" is ignored\n"
            "6 \"env\" goes with a command and is ignored\n"
            "8 the client's own key \"globalShortcut\" is ignored\n"
            "9 the client's own key \"theme\" is ignored\n");
}

TEST(ConfigLoad, ReadsVisualStudioCodesFile) {
  const std::string text =
      R"({"inputs": [], "servers": {"a": {"type": "stdio", "command": "x", "gallery": true}}})";
  const LoadOutcome outcome = load_config(text, "mcp.json", config_test::environment);
  ASSERT_TRUE(outcome.config);
  EXPECT_EQ(outcome.diagnostics.size(), 2u);
  EXPECT_EQ(outcome.config->servers.at(0).command, "x");
}

TEST(ConfigLoad, KeysOfVisualStudioCodeAreIgnoredInWeirsFileToo) {
  const std::string text =
      "inputs: [{id: key, type: promptString}]\n"
      "servers:\n"
      "  a: {command: x, envFile: .env, gallery: true, version: 1.0.0, dev: {watch: '*'}}\n";
  const LoadOutcome outcome = load_config(text, "weir.yaml", config_test::environment);
  ASSERT_TRUE(outcome.config) << to_string(outcome.diagnostics);
  std::string ignored;
  for (const Diagnostic& each : outcome.diagnostics) {
    EXPECT_EQ(each.severity, Diagnostic::warning);
    ignored += std::to_string(each.line) + ' ' + each.message + '\n';
  }
  EXPECT_EQ(ignored,
            "1 the client's own key \"inputs\" is ignored\n"
            "3 the client's own key \"envFile\" is ignored\n"
            "3 the client's own key \"gallery\" is ignored\n"
            "3 the client's own key \"version\" is ignored\n"
            "3 the client's own key \"dev\" is ignored\n");
}

TEST(ConfigLoad, AllElseStaysAnErrorBesideKeysOfVisualStudioCode) {
  const std::string all = findings(
      "inputs: []\n"
      "frob: 1\n"
      "servers:\n"
      "  a: {command: x, env: {K: '${input:key}'}, envFiles: y, autoApprove: []}\n");
  EXPECT_NE(all.find("weir.yaml:2:1: unknown key \"frob\"\n"), std::string::npos) << all;
  EXPECT_NE(all.find("weir.yaml:4:29: ${input:key} is asked for by VS Code; set an environment variable"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("weir.yaml:4:45: unknown key \"envFiles\""), std::string::npos) << all;
  EXPECT_NE(all.find("weir.yaml:4:58: unknown key \"autoApprove\"\n"), std::string::npos) << all;
}

TEST(ConfigLoad, RefusesWhatNoClientIsKnownToWrite) {
  const std::string text =
      R"({"mcpServers": {"a": {"command": "x", "commnad": "y"}}, "listn": 1, "auth": {}})";
  EXPECT_EQ(findings(text, "mcp.json"),
            "mcp.json:1:39: unknown key \"commnad\" (did you mean \"command\"?)\n" + text + "\n" +
                std::string(38, ' ') + "^\n" +
                "mcp.json:1:57: unknown key \"listn\" (did you mean \"listen\"?)\n" + text + "\n" +
                std::string(56, ' ') + "^\n" +
                "mcp.json:1:77: \"auth\" needs \"bearer_tokens\", at least one: without the block nobody is "
                "asked\n" +
                text + "\n" + std::string(76, ' ') + "^\n");
}

TEST(ConfigLoad, CommentsOfJsonAreNotForYaml) {
  const std::string text = "{\"threads\": 2, // two\n \"admin\": false}";
  EXPECT_EQ(findings(text, "weir.json"), "");
  EXPECT_EQ(findings(text, "weir.jsonc"), "");
  EXPECT_NE(findings(text, "weir.yaml").find("// starts no comment in YAML"), std::string::npos);
}

TEST(ConfigLoad, SkipsAByteOrderMark) { EXPECT_EQ(loaded("\xEF\xBB\xBFthreads: 2\n").threads, 2u); }

TEST(ConfigLoad, NeverPrintsTheValueOfAVariable) {
  const std::string all = findings(
      "servers: {a: {url: '${TOKEN}', headers: {'X y': '${TOKEN}'}, type: '${TOKEN}'}}\nthreads: "
      "'${TOKEN}'\nlisten: '${TOKEN}'\n");
  EXPECT_NE(all, "");
  EXPECT_EQ(all.find("t0ken"), std::string::npos) << all;
}

TEST(ConfigLoad, ReadsFiles) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("weir_config_" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const std::string path = directory / "weir.yaml";
  EXPECT_EQ(to_string(load_config_file(path, config_test::environment).diagnostics),
            path + ": cannot read the file: No such file or directory\n");
  EXPECT_EQ(to_string(load_config_file(directory, config_test::environment).diagnostics),
            directory.string() + ": cannot read the file: Is a directory\n");
  std::ofstream(path) << "threads: 3\n";
  EXPECT_EQ(load_config_file(path, config_test::environment).config.value().threads, 3u);
  std::ofstream(path) << std::string(5 << 20, '#');
  EXPECT_EQ(load_config_file(path, config_test::environment).diagnostics.at(0).message,
            "the file is larger than 4MB");
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace weir
