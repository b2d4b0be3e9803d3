#include "transport/demo_content.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "mcp/merge.h"
#include "mcp/splice.h"

namespace weir {
namespace {

constexpr std::string_view kTools =
    R"({"resultType":"complete","tools":[)"
    R"({"name":"echo","title":"Echo","description":"Gives back the text it is sent.","inputSchema":{"type":"object","properties":{"text":{"type":"string","description":"Any text"}},"required":["text"]},"outputSchema":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]},"annotations":{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}},)"
    R"({"name":"add","title":"Add","description":"Adds two numbers.","inputSchema":{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"number"}},"required":["a","b"]},"outputSchema":{"type":"object","properties":{"sum":{"type":"number"}},"required":["sum"]},"annotations":{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}},)"
    R"({"name":"time","title":"Time","description":"Tells the present time in UTC.","inputSchema":{"type":"object","properties":{}},"outputSchema":{"type":"object","properties":{"utc":{"type":"string"}},"required":["utc"]},"annotations":{"readOnlyHint":true,"openWorldHint":false}},)"
    R"({"name":"countdown","title":"Countdown","description":"Counts down slowly and reports progress on the way.","inputSchema":{"type":"object","properties":{"from":{"type":"integer","minimum":1,"maximum":100,"default":5},"pause_ms":{"type":"integer","minimum":0,"maximum":10000,"default":200}}},"outputSchema":{"type":"object","properties":{"counted":{"type":"integer"}},"required":["counted"]},"annotations":{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}}],)"
    R"("ttlMs":60000,"cacheScope":"public"})";
constexpr std::string_view kResources =
    R"({"resultType":"complete","resources":[{"uri":"demo://welcome","name":"welcome","title":"Welcome","description":"What this server is for","mimeType":"text/plain"}],"ttlMs":60000,"cacheScope":"public"})";
constexpr std::string_view kTemplates =
    R"({"resultType":"complete","resourceTemplates":[{"uriTemplate":"demo://greeting/{name}","name":"greeting","description":"A greeting for somebody","mimeType":"text/plain"}],"ttlMs":60000,"cacheScope":"public"})";
constexpr std::string_view kPrompts =
    R"({"resultType":"complete","prompts":[{"name":"introduce","title":"Introduce","description":"Asks for an introduction to a topic","arguments":[{"name":"topic","description":"What to introduce","required":true}]}],"ttlMs":60000,"cacheScope":"public"})";
constexpr std::string_view kDiscover =
    R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":{},"prompts":{},"completions":{}},"instructions":"A demonstration: echo, add, time and a slow countdown, one resource, one template, one prompt.","ttlMs":60000,"cacheScope":"public"})";
constexpr std::array<std::string_view, 6> kTopics = {"breakers",       "gateways", "hedging",
                                                     "load balancing", "retries",  "tools"};

DemoAnswer invalid(std::string_view sentence) {
  DemoAnswer answer;
  answer.error = R"({"code":-32602,"message":)";
  json_append_string(answer.error, sentence);
  answer.error += '}';
  return answer;
}

bool is_text(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"'; }

// A tool's result with the same content as text and as structure.
DemoAnswer structured(std::string_view text, std::string structure) {
  DemoAnswer answer;
  answer.result = R"({"resultType":"complete","content":[{"type":"text","text":)";
  json_append_string(answer.result, text);
  answer.result += R"(}],"structuredContent":)" + structure + ",\"isError\":false}";
  return answer;
}

DemoAnswer tool_error(std::string_view text) {
  DemoAnswer answer;
  answer.result = R"({"resultType":"complete","content":[{"type":"text","text":)";
  json_append_string(answer.result, text);
  answer.result += "}],\"isError\":true}";
  return answer;
}

std::optional<double> number(std::string_view raw) {
  double value = 0;
  const auto [end, trouble] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (trouble != std::errc() || end != raw.data() + raw.size() || raw.empty()) return std::nullopt;
  return value;
}

std::string number_text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return std::string(digits.data(), end);
}

std::string utc(std::int64_t unix_seconds) {
  const std::time_t seconds = unix_seconds;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

RawMembers members(std::string_view raw) {
  return raw.empty() || raw.front() != '{' ? RawMembers() : members_of(raw);
}

int bounded(std::string_view raw, int fallback, int low, int high) {
  const std::optional<double> value = raw.empty() ? std::optional<double>(fallback) : number(raw);
  if (!value || *value != std::floor(*value) || *value < low || *value > high) return low - 1;
  return static_cast<int>(*value);
}

}  // namespace

std::string_view demo_list(std::string_view method) noexcept {
  if (method == "tools/list") return kTools;
  if (method == "resources/list") return kResources;
  if (method == "resources/templates/list") return kTemplates;
  if (method == "prompts/list") return kPrompts;
  if (method == "server/discover") return kDiscover;
  return {};
}

DemoAnswer demo_call(std::string_view tool, std::string_view arguments, std::int64_t unix_seconds) {
  const RawMembers given = members(arguments);
  if (tool == "echo") {
    const std::string_view text = given.find("text");
    if (!is_text(text)) return tool_error("echo needs a text");
    return structured(json_unescape(text), "{\"text\":" + std::string(text) + "}");
  }
  if (tool == "add") {
    const std::optional<double> a = number(given.find("a"));
    const std::optional<double> b = number(given.find("b"));
    if (!a || !b || !std::isfinite(*a + *b)) return tool_error("add needs two numbers, a and b");
    const std::string sum = number_text(*a + *b);
    return structured(sum, "{\"sum\":" + sum + "}");
  }
  if (tool == "time") {
    const std::string now = utc(unix_seconds);
    return structured(now, "{\"utc\":\"" + now + "\"}");
  }
  if (tool == "countdown") {
    DemoCountdown countdown;
    countdown.steps = bounded(given.find("from"), 5, 1, 100);
    countdown.pause_ms = bounded(given.find("pause_ms"), 200, 0, 10'000);
    if (countdown.steps < 1) return tool_error("from is a whole number from 1 to 100");
    if (countdown.pause_ms < 0) return tool_error("pause_ms is a whole number from 0 to 10000");
    const std::string counted = std::to_string(countdown.steps);
    DemoAnswer answer = structured("counted down from " + counted, "{\"counted\":" + counted + "}");
    answer.countdown = countdown;
    return answer;
  }
  return invalid("unknown tool: " + std::string(tool));
}

DemoAnswer demo_read(std::string_view uri) {
  constexpr std::string_view kGreeting = "demo://greeting/";
  std::string text;
  if (uri == "demo://welcome") {
    text = "This is Weir's demonstration server. Name your own servers in weir.yaml to see them here.";
  } else if (uri.starts_with(kGreeting) && uri.size() > kGreeting.size()) {
    text = "Hello, " + std::string(uri.substr(kGreeting.size())) + "!";
  } else {
    return invalid("resource not found: " + std::string(uri));
  }
  DemoAnswer answer;
  answer.result = R"({"resultType":"complete","contents":[{"uri":)";
  json_append_string(answer.result, uri);
  answer.result += R"(,"mimeType":"text/plain","text":)";
  json_append_string(answer.result, text);
  answer.result += R"(}],"ttlMs":60000,"cacheScope":"public"})";
  return answer;
}

DemoAnswer demo_prompt(std::string_view name, std::string_view arguments) {
  if (name != "introduce") return invalid("unknown prompt: " + std::string(name));
  const std::string_view topic = members(arguments).find("topic");
  if (!is_text(topic)) return invalid("introduce needs the argument topic");
  DemoAnswer answer;
  answer.result =
      R"({"resultType":"complete","description":"An introduction","messages":[{"role":"user","content":{"type":"text","text":)";
  json_append_string(answer.result,
                     "Introduce me to this topic in three short paragraphs: " + json_unescape(topic));
  answer.result += "}}]}";
  return answer;
}

DemoAnswer demo_complete(std::string_view ref, std::string_view argument) {
  const RawMembers about = members(ref);
  const std::string_view value = members(argument).find("value");
  if (!is_text(value)) return invalid("argument needs a value");
  const std::string begun = json_unescape(value);
  const bool known =
      about.find("name") == "\"introduce\"" || about.find("uri") == "\"demo://greeting/{name}\"";
  if (!known) return invalid("nothing to complete there");
  DemoAnswer answer;
  answer.result = R"({"resultType":"complete","completion":{"values":[)";
  int count = 0;
  for (const std::string_view topic : kTopics) {
    if (about.find("name").empty() || !topic.starts_with(begun)) continue;
    if (count++ != 0) answer.result += ',';
    json_append_string(answer.result, topic);
  }
  answer.result += "],\"total\":" + std::to_string(count) + ",\"hasMore\":false}}";
  return answer;
}

}  // namespace weir
