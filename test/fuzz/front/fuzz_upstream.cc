#include "fuzz/front/fuzz_upstream.h"

#include "runtime/shard.h"

namespace weir::fuzz {
namespace {

constexpr std::string_view kEventsHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

Asked kind_of(std::string_view method) {
  if (method == "server/discover" || method == "initialize") return Asked::introduction;
  if (method.ends_with("/list")) return Asked::list;
  return method == "tools/call" ? Asked::call : Asked::other;
}

std::string raw_id(const PlainJson& body) {
  const PlainJson* const id = body.find("id");
  if (id == nullptr) return {};
  return id->is_string() ? '"' + id->text + '"' : id->text;
}

}  // namespace

FuzzUpstream::FuzzUpstream(sim::World& world, Options options,
                           const std::vector<ServerAnswer> (&answers)[kAskedKinds])
    : SimUpstream(world, options.name, options.address), options_(std::move(options)) {
  for (std::size_t i = 0; i < kAskedKinds; ++i) answers_[i].assign(answers[i].begin(), answers[i].end());
}

// What every request has to be, whatever the client has sent.
bool FuzzUpstream::look_at(const sim::PlainMessage& message, const Request& request) {
  const auto wrong = [&](const std::string& what) {
    blame("was sent a request " + what + ": " + message.start + " <<" + message.body.substr(0, 1000) + ">>");
    return false;
  };
  if (message.field("host") != options_.address.host + ":8080") return wrong("for " + message.field("host"));
  for (const char* const field : {"authorization", "cookie", "transfer-encoding", "origin", "x-api-key"})
    if (!message.field(field).empty()) return wrong(std::string("with ") + field);
  if (!message.start.starts_with("POST /mcp HTTP/1.1")) {
    const bool known = message.start == "GET /mcp HTTP/1.1" || message.start == "DELETE /mcp HTTP/1.1";
    return known && message.body.empty() ? true : wrong("of another kind");
  }
  if (!request.body.is_object()) return wrong("without a message");
  if (message.field("content-type") != "application/json") return wrong("of another type");
  const PlainJson* const version = request.body.find("jsonrpc");
  if (version == nullptr || version->text != "2.0") return wrong("of no version");
  if (message.field("mcp-protocol-version") == "2026-07-28" && message.field("mcp-method") != request.method)
    return wrong("with the method " + message.field("mcp-method"));
  // A call that was answered well is not made again.
  if (request.method == "tools/call" && !request.marks.empty() && answered_well_.contains(request.marks))
    return wrong("a second time");
  return true;
}

Task<bool> FuzzUpstream::take(sim::PlainHttp& http, const sim::PlainMessage& message, CancelScope& stop) {
  Request request{message, {}, {}, {}, {}};
  PlainReader reader;
  if (auto body = reader.read(message.body)) request.body = std::move(*body);
  request.id = raw_id(request.body);
  for (const std::string& mark : sim::nonces_in(message.body)) request.marks += mark + ' ';
  if (const PlainJson* const method = request.body.find("method")) request.method = method->text;
  if (!http.surplus().empty()) blame("was sent more than one request: " + std::string(http.surplus()));
  if (!look_at(message, request)) co_return false;
  const bool is_post = message.start.starts_with("POST");
  // What is said of a call, and what ends one, is not answered as a call is.
  if (is_post && request.id.empty()) co_return co_await http.write(answer(202, ""), &stop);
  const Asked kind = is_post ? kind_of(request.method) : Asked::other;
  auto& answers = answers_[static_cast<std::size_t>(kind)];
  if (answers.empty()) co_return co_await behave(http, request, stop);
  const ServerAnswer next = std::move(answers.front());
  answers.pop_front();
  co_return co_await play(http, next, request, stop);
}

// $I: the request's id; $M: the marks in it.
Task<bool> FuzzUpstream::play(sim::PlainHttp& http, const ServerAnswer& answer, const Request& request,
                              CancelScope& stop) {
  using Form = ServerAnswer::Form;
  std::string text = replaced(answer.text, "$M", request.marks);
  text = replaced(std::move(text), "$I", request.id.empty() ? "null" : request.id);
  if (answer.form == Form::json) co_return co_await http.write(SimUpstream::answer(200, text), &stop);
  if (answer.form == Form::events) {
    const bool begun = co_await http.write(std::string(kEventsHead), &stop);
    if (!begun) co_return false;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find("\n\n", at), text.size());
      const bool sent = co_await http.write(sim::chunk_of(text.substr(at, end - at) + "\n\n"), &stop);
      if (!sent) co_return false;
      at = end + 2;
      (void)co_await Sleep(world_.now() + std::chrono::milliseconds(draw(20)), &stop);
    }
    co_return co_await http.write("0\r\n\r\n", &stop);
  }
  const bool sent = co_await http.write(std::move(text), &stop);
  co_return sent&& answer.form == Form::raw;
}

std::string FuzzUpstream::good_result(const Request& request) const {
  if (request.method == "server/discover")
    return R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":)"
           R"({"subscribe":true},"prompts":{}},"ttlMs":0,"cacheScope":"private"})";
  if (request.method == "initialize")
    return R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true}},)"
           R"("serverInfo":{"name":"s","version":"1"}})";
  const std::string end =
      options_.old_era ? "}" : R"(,"resultType":"complete","ttlMs":0,"cacheScope":"private"})";
  if (request.method == "tools/list")
    return R"({"tools":[{"name":"echo","inputSchema":{"type":"object"}},{"name":"p","inputSchema":{"type":"object",)"
           R"("properties":{"q":{"type":"string","x-mcp-header":"Q"}}}}])" +
           end;
  if (request.method == "resources/list") return R"({"resources":[{"uri":"res://a/1","name":"one"}])" + end;
  if (request.method == "resources/templates/list")
    return R"({"resourceTemplates":[{"uriTemplate":"tpl://{x}","name":"t"}])" + end;
  if (request.method == "prompts/list") return R"({"prompts":[{"name":"ask"}])" + end;
  return R"({"content":[{"type":"text","text":")" + request.marks + "\"}]" +
         (options_.old_era ? "}" : R"(,"resultType":"complete"})");
}

Task<bool> FuzzUpstream::behave(sim::PlainHttp& http, const Request& request, CancelScope& stop) {
  if (request.method.empty()) {
    const bool stream = request.http.start.starts_with("GET ");
    co_return co_await http.write(answer(stream ? 405 : 200, ""), &stop);
  }
  const std::string start = R"({"jsonrpc":"2.0","id":)" + request.id;
  const bool other_era = request.method == (options_.old_era ? "server/discover" : "initialize");
  if (other_era)
    co_return co_await http.write(answer(400, start + R"(,"error":{"code":-32600,"message":"who?"}})"),
                                  &stop);
  std::string fields;
  if (request.method == "initialize") fields = "Mcp-Session-Id: s-" + std::to_string(++sessions_) + "\r\n";
  if (request.method == "tools/call") ++answered_well_[request.marks];
  co_return co_await http.write(answer(200, start + R"(,"result":)" + good_result(request) + "}", fields),
                                &stop);
}

}  // namespace weir::fuzz
