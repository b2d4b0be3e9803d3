#include "admin/api.h"

#include <optional>

#include "admin/approve.h"
#include "admin/explain.h"
#include "admin/query.h"
#include "admin/web.h"
#include "base/json.h"
#include "config/redact.h"

namespace weir {
namespace {

constexpr std::string_view kReads[] = {"/livez", "/readyz", "/health", "/metrics", "/servers",
                                       "/tools", "/config", "/events", "/explain"};
constexpr std::string_view kFigures[] = {"/livez", "/readyz", "/metrics"};
constexpr std::string_view kActions[] = {"/reload",  "/rollback",      "/drain",
                                         "/undrain", "/reset-breaker", "/approve"};

std::string_view path_of(const RequestHead& head) { return head.target.substr(0, head.target.find('?')); }

std::string trouble(const std::string& text) {
  std::string out = R"({"error":)";
  json_append_string(out, text);
  return out + '}';
}

// Nothing from elsewhere, nothing inline: what servers say of themselves is shown here.
constexpr std::string_view kPageFields =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n";

template <std::size_t N>
bool one_of(const std::string_view (&paths)[N], std::string_view path) {
  for (const std::string_view one : paths)
    if (one == path) return true;
  return false;
}

bool is_read(std::string_view path) { return one_of(kReads, path) || web_file(path) != nullptr; }

}  // namespace

AdminApi::AdminApi(Gateway& gateway, Metrics& metrics, RecentEvents& recent, AdminActions actions,
                   bool loopback, Serves serves)
    : gateway_(gateway),
      metrics_(metrics),
      actions_(std::move(actions)),
      loopback_(loopback),
      serves_(serves),
      feed_(gateway, metrics, recent, {actions_.read_families, actions_.draining, actions_.stop}) {}

int AdminApi::admit(const RequestHead& head, std::string& reason) {
  const std::shared_ptr<const Plan> plan = gateway_.plan();
  const Config& config = plan->config;
  static const std::vector<std::string> no_origins;
  const GuardRules rules{loopback_, config.allowed_hosts, no_origins};
  if (const int status = check_entry(rules, head, reason); status != 0) return status;
  const bool figures = serves_ == Serves::figures;
  if (!figures && !plan->operators.admit(head.get(Field::authorization))) {
    reason = head.has(Field::authorization) ? "this is not the operators' token"
                                            : "the operators' token is needed (admin.token)";
    return 401;
  }
  const bool read = figures ? one_of(kFigures, path_of(head)) : is_read(path_of(head));
  if (!read && (figures || !one_of(kActions, path_of(head)))) {
    reason = "nothing is here";
    return 404;
  }
  if (head.method != (read ? "GET" : "POST")) {
    reason = read ? "only GET" : "only POST";
    return 405;
  }
  return read ? 0 : check_action(head, reason);
}

std::string AdminApi::refusal_fields(int status, const RequestHead& head) const {
  if (status == 401) return gateway_.plan()->operators.challenge(head.get(Field::authorization));
  if (status != 405) return {};
  return is_read(path_of(head)) ? "Allow: GET\r\n" : "Allow: POST\r\n";
}

Task<bool> AdminApi::reset_breaker(const RequestHead& head, const Plan& plan, std::string& body) {
  const std::optional<std::string> server = query_of(head.target, "server");
  const std::size_t place = server ? plan.find(*server) : Plan::kAll;
  if (place == Plan::kAll) {
    body = trouble(server ? "no server is named " + *server : "say which: ?server=NAME");
    co_return false;
  }
  const std::optional<std::string> address = query_of(head.target, "endpoint");
  const std::shared_ptr<Upstream> upstream = plan.servers[place];
  const std::size_t count = co_await upstream->reset_breakers(address.value_or(std::string()));
  if (count == 0) {
    body = trouble("no endpoint of it has the address " + address.value_or("(any)"));
    co_return false;
  }
  body = "{\"reset\":" + std::to_string(count) + '}';
  co_return true;
}

Task<void> AdminApi::serve_feed(HttpResponder& responder, CancelScope& gone) {
  if (!feed_.full()) co_return co_await feed_.serve(responder, gone);
  const std::string_view body = R"({"error":"16 listen already: close a dashboard, or come back later"})";
  const Result<void> sent =
      co_await responder.respond(503, "application/json", "Retry-After: 5\r\n", std::span(&body, 1));
  (void)sent.has_value();
}

Task<void> AdminApi::handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) {
  if (path_of(request.head) == "/events") co_return co_await serve_feed(responder, gone);
  const std::shared_ptr<const Plan> plan = gateway_.plan();
  const std::string_view path = path_of(request.head);
  std::string body;
  int status = 200;
  std::string_view type = "application/json";
  std::string_view fields;
  const WebFile* file = web_file(path);
  if (file != nullptr) {
    type = file->type;
    fields = kPageFields;
  } else if (path == "/livez") {
    body = R"({"status":"alive"})";
  } else if (path == "/readyz") {
    std::string word;
    health_json(gateway_, *plan, word);
    const bool ready = !actions_.draining() && (word != "unhealthy" || plan->servers.empty());
    status = ready ? 200 : 503;
    body = ready ? R"({"status":"ready"})" : R"({"status":"not ready"})";
  } else if (path == "/health") {
    std::string word;
    body = health_json(gateway_, *plan, word);
  } else if (path == "/servers") {
    body = servers_json(*plan, actions_.endpoint ? actions_.endpoint() : std::string());
  } else if (path == "/tools") {
    body = tools_json(*plan);
  } else if (path == "/config") {
    body = redacted_json(plan->config);
  } else if (path == "/explain") {
    const std::optional<std::string> tool = query_of(request.head.target, "tool");
    status = explain(*plan, tool.value_or(std::string()), body);
  } else if (path == "/metrics") {
    const bool open = wants_openmetrics(request.head.get(Field::accept));
    type = open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                : "text/plain; version=0.0.4; charset=utf-8";
    body = metrics_.expose(open, actions_.read_families());
  } else if (path == "/reload") {
    status = actions_.reload(body) ? 200 : 422;
  } else if (path == "/rollback") {
    status = actions_.rollback(body) ? 200 : 409;
  } else if (path == "/reset-breaker") {
    const bool done = co_await reset_breaker(request.head, *plan, body);
    status = done ? 200 : 404;
  } else if (path == "/approve") {
    const bool dry = query_of(request.head.target, "dry_run").value_or("0") != "0";
    std::optional<std::string> server = query_of(request.head.target, "server");
    if (!server && names_member(request.head.target, "server")) {
      // Not all of them: one was meant.
      status = 404;
      body = trouble("no server has such a name");
    } else {
      status = co_await approve(gateway_, *plan, std::move(server), dry,
                                query_of(request.head.target, "digest").value_or(std::string()), body);
    }
  } else {
    actions_.set_draining(path == "/drain");
    body = path == "/drain" ? R"({"draining":true})" : R"({"draining":false})";
  }
  const std::string_view piece = file == nullptr ? std::string_view(body) : file->body;
  const Result<void> sent = co_await responder.respond(status, type, fields, std::span(&piece, 1));
  (void)sent.has_value();
}

}  // namespace weir
