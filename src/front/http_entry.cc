#include "front/http_entry.h"

#include "front/envelope.h"
#include "front/visit.h"
#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::size_t kBatchMax = 100;

bool accepts_json(std::string_view accept) {
  if (accept == "application/json, text/event-stream") return true;  // what clients send
  return accept.empty() || accept.find("*/*") != std::string_view::npos ||
         accept.find("application/json") != std::string_view::npos ||
         accept.find("application/*") != std::string_view::npos;
}

// "127.0.0.1:4711" without its port: whom shares and owners are counted by.
std::string_view address_of(std::string_view peer) { return peer.substr(0, peer.rfind(':')); }

std::string_view path_of(const RequestHead& head) { return head.target.substr(0, head.target.find('?')); }

bool is_endpoint(std::string_view path) {
  return path == "/mcp" || (path.starts_with("/mcp/") && path.find('/', 5) == std::string_view::npos);
}

}  // namespace

HttpEntry::HttpEntry(Gateway& gateway, Options options, FrontObserver& observer)
    : gateway_(gateway), options_(std::move(options)), observer_(observer), random_(Random::from_system()) {}

int HttpEntry::admit(const RequestHead& head, std::string& reason) {
  const Config& config = gateway_.plan()->config;
  const GuardRules rules{options_.loopback,
                         options_.allowed_hosts.empty() ? config.allowed_hosts : options_.allowed_hosts,
                         config.allowed_origins};
  if (const int status = check_entry(rules, head, reason); status != 0) return status;
  const std::string_view path = path_of(head);
  if (path == "/health") {
    if (head.method == "GET") return 0;
    reason = "only GET";
    return 405;
  }
  if (!is_endpoint(path)) {
    reason = "nothing is here; the endpoint is /mcp";
    return 404;
  }
  if (head.method == "POST") {
    const std::string_view type = head.get(Field::content_type);
    const std::string_view bare = type == kJson ? type : type.substr(0, type.find(';'));
    if (type != kJson && !equals_ignoring_case(bare.substr(0, bare.find(' ')), kJson)) {
      reason = "Content-Type must be application/json";
      return 415;
    }
    if (!accepts_json(head.get(Field::accept))) {
      reason = "Accept must list application/json and text/event-stream";
      return 406;
    }
    if (head.has(Field::content_encoding) &&
        !equals_ignoring_case(head.get(Field::content_encoding), "identity")) {
      reason = "encoded bodies are not taken";
      return 415;
    }
    return 0;
  }
  if (head.method == "DELETE" || head.method == "OPTIONS") return 0;
  reason = "only POST and DELETE";
  return 405;
}

std::string_view HttpEntry::allowed(const RequestHead& head) const {
  return path_of(head) == "/health" ? "GET" : "POST, DELETE, OPTIONS";
}

Task<void> HttpEntry::send(Visit& visit, int status, std::string_view json) {
  if (visit.batch != nullptr) {
    if (!json.empty()) visit.batch->emplace_back(json);
    co_return;
  }
  const Result<void> sent = co_await visit.responder.respond(
      status, json.empty() ? std::string_view() : kJson, visit.fields, std::span(&json, 1));
  (void)sent.has_value();  // a client that has gone is noticed by its connection
}

Task<void> HttpEntry::refuse(Visit& visit, int status, int code, std::string_view sentence,
                             std::string_view raw_id, std::string_view data) {
  std::string out;
  append_error(out, raw_id, code, sentence, data);
  co_await send(visit, status, out);
}

Task<void> HttpEntry::handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) {
  const std::shared_ptr<const Plan> plan = gateway_.plan();
  Visit visit(request, responder, gone, *plan);
  visit.path = path_of(request.head);
  visit.client = address_of(request.peer);
  visit.fields = cors_lines(request.head, request.head.method == "OPTIONS");
  if (visit.path == "/health") {
    co_await health(visit);
    co_return;
  }
  if (request.head.method == "OPTIONS") {
    co_await send(visit, 204, {});
    co_return;
  }
  if (visit.path != "/mcp") {
    visit.only = plan->find(visit.path.substr(5));
    if (visit.only == Plan::kAll) {
      const auto asked = Message::index(request.body_bytes(), JsonLimits(), Message::From::client);
      co_await refuse(visit, 404, -32600, "no server of this name is configured",
                      asked ? asked->raw_id() : std::string_view(), {});
      co_return;
    }
  }
  if (request.head.method == "DELETE") {
    co_await end_session(visit);
    co_return;
  }
  auto message = Message::index(request.body_bytes(), JsonLimits(), Message::From::client);
  // The usual request of the new era: no coroutine between this one and serve().
  const MethodRow* row = nullptr;
  EnvelopeFault fault;
  if (message && message->is_request() && is_new_request(request.head, *message)) {
    row = find_method(message->method());
    fault = check_new_request(request.head, *message, row);
    if (fault.status == 0) {
      take_new_client(visit, *message, fault);
      co_await serve(visit, *message, *row, gone);
    } else {
      co_await refuse(visit, fault.status, fault.code, fault.sentence, message->raw_id(), fault.data);
    }
    co_return;
  }
  co_await post(visit, message);
}

void HttpEntry::take_new_client(Visit& visit, const Message& message, const EnvelopeFault& checked) {
  visit.client_view.revision = Revision::v2026_07_28;
  visit.client_view.client_info = checked.client_info;
  visit.client_view.capabilities = checked.capabilities;
  if (message.meta_text(kMetaLogLevel, visit.log_level)) visit.client_view.log_level = visit.log_level;
  for (const HeaderField& field : visit.request.head.params())
    visit.param_headers.append(field.name).append(": ").append(field.value).append("\r\n");
  visit.client_view.param_headers = visit.param_headers;
}

Task<void> HttpEntry::health(Visit& visit) {
  bool any = visit.plan.servers.empty();
  for (const auto& server : visit.plan.servers) {
    const ServerState state = server->status()->state;
    any = any || state == ServerState::ready || state == ServerState::starting;
  }
  co_await send(visit, any ? 200 : 503, any ? R"({"status":"healthy"})" : R"({"status":"unhealthy"})");
}

Task<void> HttpEntry::end_session(Visit& visit) {
  const std::string_view id = visit.request.head.get(Field::mcp_session_id);
  if (id.empty()) {
    co_await refuse(visit, 400, -32600, "the header Mcp-Session-Id is missing", {}, {});
    co_return;
  }
  const bool ended = gateway_.sessions().close(id, visit.client, visit.path, Shard::current().now());
  if (ended) {
    gateway_.cancel(id, {});
    co_await send(visit, 200, {});
    co_return;
  }
  co_await refuse(visit, 404, -32001, "no such session", {}, {});
}

Task<void> HttpEntry::post(Visit& visit, const tl::expected<Message, MessageFault>& message) {
  if (!message) {
    const Bytes body = visit.request.body_bytes();
    const std::size_t first = body.view().find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && body.view()[first] == '[') {
      co_await batch(visit, body);
      co_return;
    }
    const MessageFault& fault = message.error();
    co_await refuse(visit, 400, fault.code, fault.reason, fault.raw_id, {});
    co_return;
  }
  co_await this->message(visit, *message);
}

// Only sessions of 2025-03-26 know batches. Each message is served in turn, the answers go out as one array.
Task<void> HttpEntry::batch(Visit& visit, const Bytes& body) {
  const auto session = find_session(visit);
  if (!session || session->revision != Revision::v2025_03_26) {
    co_await refuse(visit, 400, -32600, "batches exist in sessions of 2025-03-26 only", {}, {});
    co_return;
  }
  const auto parts = split_batch(body, JsonLimits(), kBatchMax);
  if (!parts) {
    co_await refuse(visit, 400, parts.error().code, parts.error().reason, {}, {});
    co_return;
  }
  std::vector<std::string> answers;
  visit.batch = &answers;
  for (const Bytes& part : *parts) {
    auto message = Message::index(part, JsonLimits(), Message::From::client);
    if (message)
      co_await old_message(visit, *message);
    else
      co_await refuse(visit, 400, message.error().code, message.error().reason, message.error().raw_id, {});
  }
  visit.batch = nullptr;
  if (answers.empty()) {
    co_await send(visit, 202, {});
    co_return;
  }
  std::string out = "[";
  for (const std::string& answer : answers) {
    if (out.size() > 1) out += ',';
    out += answer;
  }
  out += ']';
  co_await send(visit, 200, out);
}

Task<void> HttpEntry::message(Visit& visit, const Message& message) {
  if (is_new_request(visit.request.head, message)) return new_request(visit, message);
  return old_message(visit, message);
}

Task<void> HttpEntry::new_request(Visit& visit, const Message& message) {
  // Closing the stream is the cancel of this era. Without a session nothing tells whose call an id means, and
  // another's must not be cancelled: the notification is taken and changes nothing.
  if (message.kind() == Message::Kind::notification)
    co_await send(visit, 202, {});
  else
    co_await refuse(visit, 400, -32600, "clients send requests and notifications only", {}, {});
}

std::shared_ptr<Session> HttpEntry::find_session(Visit& visit) {
  const std::string_view id = visit.request.head.get(Field::mcp_session_id);
  if (id.empty()) return nullptr;
  return gateway_.sessions().find(id, visit.client, visit.path, Shard::current().now());
}

Task<void> HttpEntry::old_message(Visit& visit, const Message& message) {
  const EnvelopeFault fault = check_old_version(visit.request.head);
  if (fault.status != 0) {
    co_await refuse(visit, fault.status, fault.code, fault.sentence, message.raw_id(), fault.data);
    co_return;
  }
  const MethodRow* row = message.is_response() ? nullptr : find_method(message.method());
  if (row != nullptr && row->route == Route::initialize && message.is_request()) {
    if (visit.batch != nullptr) {
      co_await refuse(visit, 400, -32600, "initialize is no part of a batch", message.raw_id(), {});
      co_return;
    }
    co_await initialize(visit, message);
    co_return;
  }
  const std::string_view id = visit.request.head.get(Field::mcp_session_id);
  const std::shared_ptr<Session> session = find_session(visit);
  if (!session) {
    const bool absent = id.empty();
    co_await refuse(
        visit, absent ? 400 : 404, absent ? -32600 : -32001,
        absent ? "begin with initialize: the header Mcp-Session-Id is missing" : "no such session",
        message.raw_id(), {});
    co_return;
  }
  if (message.is_response() || !message.is_request()) {
    const std::string_view cancelled = message.param().find("requestId");
    if (row != nullptr && row->route == Route::cancelled && !cancelled.empty())
      gateway_.cancel(session->id, cancelled);
    co_await send(visit, 202, {});
    co_return;
  }
  visit.client_view.revision = session->revision;
  visit.client_view.client_info = session->client_info;
  visit.client_view.capabilities = session->capabilities;
  visit.client_view.session = session->id;
  visit.log_level = session->log_level();
  visit.client_view.log_level = visit.log_level;
  const bool known = row != nullptr && row->request && row->old_clients;
  if (!known) {
    co_await refuse(visit, 200, -32601, "Method not found", message.raw_id(), {});
  } else if (row->route == Route::ping) {
    co_await send(visit, 200,
                  R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id()) + R"(,"result":{}})");
  } else if (row->route == Route::set_level) {
    std::string level;
    if (!message.param_text("level", level) || !is_log_level(level)) {
      co_await refuse(visit, 200, -32602, "params.level is no log level", message.raw_id(), {});
      co_return;
    }
    session->set_log_level(level);
    co_await send(visit, 200,
                  R"({"jsonrpc":"2.0","id":)" + std::string(message.raw_id()) + R"(,"result":{}})");
  } else {
    // A broken connection cancels nothing here: only the session's own word does.
    CancelScope scope;
    Gateway::Cancellable cancellable(gateway_, session->id, message.raw_id(), scope);
    co_await serve(visit, message, *row, scope);
  }
}

Task<void> HttpEntry::initialize(Visit& visit, const Message& message) {
  std::string wanted;
  if (!message.param_text("protocolVersion", wanted)) {
    co_await refuse(visit, 200, -32602, "params.protocolVersion must be a string", message.raw_id(), {});
    co_return;
  }
  const Revision agreed = negotiate_old(wanted);
  visit.client_view.revision = agreed;
  CancelScope scope;
  ClientCall call(message, *find_method("initialize"), visit.plan, scope);
  call.only = visit.only;
  call.client = visit.client_view;
  const Result<std::string> text = co_await answer_introduction(call, agreed);
  if (!text) {
    std::string out;
    append_fault(out, message.raw_id(), text.error(), {});
    co_await send(visit, 200, out);
    co_return;
  }
  auto draft = std::make_shared<Session>();
  draft->revision = agreed;
  draft->client_info = message.param().find("clientInfo");
  draft->capabilities = message.param().find("capabilities");
  draft->path = visit.path;
  draft->owner = visit.client;
  const auto session = gateway_.sessions().open(std::move(draft), Shard::current().now());
  if (!session) {
    co_await refuse(visit, 503, 1004, "too many sessions are open", message.raw_id(), {});
    co_return;
  }
  visit.fields += "Mcp-Session-Id: " + session->id + "\r\n";
  co_await send(visit, 200, *text);
}

}  // namespace weir
