#include "front/http_entry.h"

#include "front/client_identity.h"
#include "front/envelope.h"
#include "gateway/health_sum.h"
#include "http/accept.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::string_view kJson = "application/json";

bool accepts_type(const RequestHead& head, std::string_view type) {
  if (head.get(Field::accept) == "application/json, text/event-stream") return true;  // what clients send
  std::string joined;
  return accepts(head.all(Field::accept, "accept", joined), type);
}

std::string_view path_of(const RequestHead& head) { return head.target.substr(0, head.target.find('?')); }

bool is_json(std::string_view type) {
  if (type == kJson) return true;
  return equals_ignoring_case(bare_type(type), kJson);
}

bool says_new(const RequestHead& head) {
  return head.get(Field::mcp_protocol_version) == to_string(Revision::v2026_07_28);
}

bool is_endpoint(std::string_view path) {
  return path == "/mcp" || (path.starts_with("/mcp/") && path.find('/', 5) == std::string_view::npos);
}

}  // namespace

HttpEntry::HttpEntry(Gateway& gateway, Options options, FrontObserver& observer)
    : serving_(gateway, observer, options.error_status_http, options.budget),
      gateway_(gateway),
      options_(std::move(options)),
      sse_(serving_, options_.streams ? options_.streams : std::make_shared<OpenStreams>(), options_.stop) {}

int HttpEntry::admit(const RequestHead& head, std::string& reason) {
  const std::shared_ptr<const Plan> plan = gateway_.plan();
  const Config& config = plan->config;
  const GuardRules rules{options_.loopback,
                         options_.allowed_hosts.empty() ? config.allowed_hosts : options_.allowed_hosts,
                         config.allowed_origins};
  if (const int status = check_entry(rules, head, reason); status != 0) return status;
  const std::string_view path = path_of(head);
  // Before anything is told of what is here. A preflight brings nothing by its nature, a load balancer in
  // front asks for one word.
  const bool open = path == "/health" || (head.method == "OPTIONS" && head.has(Field::origin));
  if (!open && !plan->clients.admit(head.get(Field::authorization))) {
    reason = head.has(Field::authorization) ? "this bearer token is not known here"
                                            : "a bearer token is needed: Authorization: Bearer TOKEN";
    return 401;
  }
  if (path == "/health") {
    if (head.method == "GET") return 0;
    reason = "only GET";
    return 405;
  }
  const bool stream = path == SseEntry::kStreamPath;
  const bool message = path == SseEntry::kPostPath;
  if (!stream && !message && !is_endpoint(path)) {
    reason = "nothing is here; the endpoint is /mcp";
    return 404;
  }
  if (head.method == "OPTIONS") return 0;
  if (head.method == "POST" && !stream) {
    if (!is_json(head.get(Field::content_type))) {
      reason = "Content-Type must be application/json";
      return 415;
    }
    if (!message && !accepts_type(head, kJson)) {
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
  if (head.method == "DELETE" && !stream && !message) return 0;
  if (head.method == "GET" && !message) {
    if (!stream && (!head.has(Field::mcp_session_id) || says_new(head))) {
      reason = "only sessions have a GET stream; from 2026-07-28 on there is subscriptions/listen";
      return 405;
    }
    if (accepts_type(head, "text/event-stream")) return 0;
    reason = "Accept must list text/event-stream";
    return 406;
  }
  reason = stream ? "only GET" : message ? "only POST" : "only POST, GET and DELETE";
  return 405;
}

std::string HttpEntry::refusal_fields(int status, const RequestHead& head) const {
  // Whoever may not come in is told nothing more.
  std::string out = status == 403 ? std::string() : cors_lines(head, false);
  if (status == 401) out += gateway_.plan()->clients.challenge(head.get(Field::authorization));
  if (status != 405) return out;
  const std::string_view path = path_of(head);
  return out + (path == "/health"               ? "Allow: GET\r\n"
                : path == SseEntry::kStreamPath ? "Allow: GET, OPTIONS\r\n"
                : path == SseEntry::kPostPath   ? "Allow: POST, OPTIONS\r\n"
                                                : "Allow: POST, GET, DELETE, OPTIONS\r\n");
}

Task<void> HttpEntry::handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) {
  HttpSink sink(responder, cors_lines(request.head, request.head.method == "OPTIONS"));
  Visit visit(sink, gateway_.plan());
  visit.http = &sink;
  visit.head = &request.head;
  visit.client_view.head = &request.head;
  visit.path = path_of(request.head);
  std::string by_token;
  visit.client = client_of(request.head, request.address, by_token);
  if (visit.path == "/health") {
    co_await health(visit);
    co_return;
  }
  if (request.head.method == "OPTIONS") {
    co_await sink.finish(204, {});
    co_return;
  }
  if (visit.path == SseEntry::kStreamPath) {
    co_await sse_.stream(visit, sink, gone);
    co_return;
  }
  if (visit.path == SseEntry::kPostPath) {
    co_await sse_.post(visit, request.body_bytes());
    co_return;
  }
  if (visit.path != "/mcp") {
    visit.only = visit.plan->find(visit.path.substr(5));
    if (visit.only == Plan::kAll) {
      co_await refuse_name(visit, request.body_bytes());
      co_return;
    }
  }
  if (request.head.method == "DELETE") {
    co_await end_session(visit);
    co_return;
  }
  if (request.head.method == "GET") {
    co_await events(visit, sink, gone);
    co_return;
  }
  Message message;
  const std::optional<MessageFault> broken =
      Message::index_at(message, request.body_bytes(), JsonLimits(), Message::From::client);
  // The usual request of the new era: no coroutine between this one and serve().
  if (!broken && message.is_request() && is_new_request(request.head, message)) {
    const MethodRow* row = find_method(message.method());
    ClientWord word;
    const std::optional<EnvelopeFault> fault = check_new_request(request.head, message, row, word);
    if (fault) {
      co_await Serving::refuse(visit, *fault, message.raw_id());
      co_return;
    }
    take_new_client(visit, message, word);
    take_params(visit);
    co_await serving_.serve(visit, message, *row, gone);
    co_return;
  }
  if (!broken) {
    co_await post(visit, sink, message);
    co_return;
  }
  const Bytes body = request.body_bytes();
  const std::size_t first = body.view().find_first_not_of(" \t\r\n");
  constexpr int kParseError = -32700;
  if (first != std::string_view::npos && body.view()[first] == '[' && broken->code != kParseError) {
    co_await batch(visit, body);
    co_return;
  }
  co_await Serving::refuse(visit, 400, broken->code, broken->reason, broken->raw_id);
}

// A coroutine of its own: what it needs would lie in the frame of every request else.
Task<void> HttpEntry::refuse_name(Visit& visit, Bytes body) {
  const auto asked = Message::index(std::move(body), JsonLimits(), Message::From::client);
  co_await Serving::refuse(visit, 404, -32600, "no server of this name is configured",
                           asked ? asked->raw_id() : std::string_view());
}

void HttpEntry::take_params(Visit& visit) {
  for (const HeaderField& field : visit.head->params())
    visit.param_headers.append(field.name).append(": ").append(field.value).append("\r\n");
  visit.client_view.param_headers = visit.param_headers;
}

Task<void> HttpEntry::health(Visit& visit) {
  HealthSum sum;
  bool starting = false;
  for (const auto& server : visit.plan->servers) {
    const auto status = server->status();
    sum.add(status->health);
    starting = starting || status->state == ServerState::starting;
  }
  Health health = sum.health();
  // Of whom nothing is known, and who is not on the way either, there is nothing to be had.
  if (health == Health::unknown && !starting) health = Health::unhealthy;
  co_await visit.sink.finish(health == Health::unhealthy ? 503 : 200,
                             R"({"status":")" + std::string(to_string(health)) + "\"}");
}

std::shared_ptr<Session> HttpEntry::find_session(const Visit& visit) {
  const std::string_view id = visit.head->get(Field::mcp_session_id);
  if (id.empty()) return nullptr;
  return gateway_.sessions().find(id, visit.client, visit.path, Shard::current().now());
}

// Without an id, or with one that is not known.
Task<void> HttpEntry::refuse_session(Visit& visit, std::string_view raw_id) {
  const bool absent = visit.head->get(Field::mcp_session_id).empty();
  return Serving::refuse(
      visit, absent ? 400 : 404, absent ? -32600 : -32001,
      absent ? "begin with initialize: the header Mcp-Session-Id is missing" : "no such session", raw_id);
}

Task<void> HttpEntry::end_session(Visit& visit) {
  if (const std::optional<EnvelopeFault> fault = check_old_version(*visit.head)) {
    co_await Serving::refuse(visit, *fault, {});
    co_return;
  }
  // To the new revision the header means nothing.
  const bool sessionless = says_new(*visit.head);
  const std::string_view id = visit.head->get(Field::mcp_session_id);
  if (sessionless)
    co_await Serving::refuse(visit, 400, -32600, "2026-07-28 has no sessions to end", {});
  else if (!id.empty() && serving_.end_session(id, visit.client, visit.path))
    co_await visit.sink.finish(200, {});
  else
    co_await refuse_session(visit, {});
}

Task<void> HttpEntry::post(Visit& visit, HttpSink& sink, const Message& message) {
  if (!is_new_request(*visit.head, message)) {
    co_await old_message(visit, sink, message);
    co_return;
  }
  // Closing the stream is the cancel of this era. Without a session nothing tells whose call an id means, and
  // another's must not be cancelled: the notification is taken and changes nothing.
  if (message.kind() == Message::Kind::notification)
    co_await sink.finish(202, {});
  else
    co_await Serving::refuse(visit, 400, -32600, "clients send requests and notifications only", {});
}

Task<void> HttpEntry::batch(Visit& visit, const Bytes& body) {
  visit.session = find_session(visit);
  if (!visit.session && !visit.head->get(Field::mcp_session_id).empty()) {
    co_await refuse_session(visit, {});
    co_return;
  }
  co_await serving_.in_batch(visit, body);
}

Task<void> HttpEntry::old_message(Visit& visit, HttpSink& sink, const Message& message) {
  if (const std::optional<EnvelopeFault> fault = check_old_version(*visit.head)) {
    co_await Serving::refuse(visit, *fault, message.raw_id());
    co_return;
  }
  if (message.is_request() && message.method() == "initialize") {
    co_await serving_.initialize(visit, message);
    co_return;
  }
  visit.session = find_session(visit);
  if (!visit.session) {
    co_await refuse_session(visit, message.raw_id());
    co_return;
  }
  sink.in_session(visit.session);
  co_await serving_.in_session(visit, message);
}

}  // namespace weir
