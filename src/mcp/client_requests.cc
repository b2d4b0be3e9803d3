#include "mcp/client_requests.h"

#include "mcp/splice.h"

namespace weir {
namespace {

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }
bool is_text(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"'; }

constexpr std::string_view kElicitation = "elicitation/create";
constexpr std::string_view kSampling = "sampling/createMessage";
constexpr std::string_view kRoots = "roots/list";

constexpr std::size_t kUrlsMax =
    100;  // of one error; visited, the client's next try shows what else there is

// The capability that a method needs; empty for what servers may not ask.
std::string_view capability_of(std::string_view method) noexcept {
  if (method == kElicitation) return "elicitation";
  if (method == kSampling) return "sampling";
  return method == kRoots ? std::string_view("roots") : std::string_view();
}

}  // namespace

bool declares_input(std::string_view capabilities) {
  if (!is_object(capabilities) || capabilities == "{}") return false;
  const RawMembers members = members_of(capabilities);
  return !members.find("elicitation").empty() || !members.find("sampling").empty() ||
         !members.find("roots").empty();
}

bool may_be_asked(std::string_view capabilities, const Message& request) {
  const std::string_view needed = capability_of(request.method());
  if (needed.empty() || !is_object(capabilities)) return false;
  const RawMembers members = members_of(capabilities);
  const std::string_view declared = members.find(needed);
  if (declared.empty()) return false;
  if (needed != "elicitation" || !is_object(declared)) return true;
  // Without modes it means forms.
  const RawMembers modes = members_of(declared);
  const bool url = request.param().find("mode") == "\"url\"";
  return url ? !modes.find("url").empty() : modes.find("url").empty() || !modes.find("form").empty();
}

bool is_complete(const Message& response) {
  return response.result_member().find("resultType") == "\"complete\"";
}

bool is_input_required(const Message& response) {
  return response.result_member().find("resultType") == "\"input_required\"";
}

std::optional<InputRequired> read_input_required(const Message& response) {
  InputRequired out;
  const RawMembers& result = response.result_member();
  if (const std::string_view state = result.find("requestState"); is_text(state)) out.request_state = state;
  const std::string_view requests = result.find("inputRequests");
  if (requests.empty()) return out.request_state.empty() ? std::nullopt : std::optional(std::move(out));
  if (!is_object(requests)) return std::nullopt;
  const RawMembers members = members_of(requests);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!is_object(members[i].value)) return std::nullopt;
    const RawMembers request = members_of(members[i].value);
    const std::string_view method = request.find("method");
    const std::string_view params = request.find("params");
    if (!is_text(method) || (!params.empty() && !is_object(params))) return std::nullopt;
    InputRequest one;
    one.key = json_unescape(members[i].name);
    one.method = json_unescape(method);
    one.params = params;
    out.requests.push_back(std::move(one));
  }
  return out;
}

namespace {
void append_method_and_params(std::string& out, const InputRequest& request) {
  out += "\"method\":";
  json_append_string(out, request.method);
  if (!request.params.empty()) out += ",\"params\":" + request.params;
}
}  // namespace

std::string write_input_required(const std::vector<InputRequest>& requests, std::string_view request_state) {
  std::string out = R"({"jsonrpc":"2.0","id":0,"result":{"resultType":"input_required","inputRequests":{)";
  for (const InputRequest& request : requests) {
    if (out.back() == '}') out += ',';
    json_append_string(out, request.key);
    out += ":{";
    append_method_and_params(out, request);
    out += '}';
  }
  out += R"(},"requestState":)";
  json_append_string(out, request_state);
  out += "}}";
  return out;
}

std::vector<InputRequest> urls_required(const Message& response) {
  std::vector<InputRequest> out;
  if (!is_object(response.error())) return out;
  const RawMembers error = members_of(response.error());
  const std::string_view data = error.find("data");
  if (error.find("code") != "-32042" || !is_object(data)) return out;
  const RawMembers members = members_of(data);
  JsonCursor cursor(members.find("elicitations"), JsonLimits(), false);
  if (!cursor.enter_array()) return out;
  while (out.size() < kUrlsMax && cursor.next_element()) {
    const std::string_view one = cursor.take_value();
    if (!is_object(one)) continue;
    const RawMembers fields = members_of(one);
    const std::string_view url = fields.find("url");
    const std::string_view message = fields.find("message");
    if (!is_text(url) || !is_text(message)) continue;
    InputRequest request;
    request.key = "url-" + std::to_string(out.size() + 1);
    request.method = kElicitation;
    request.params =
        R"({"mode":"url","message":)" + std::string(message) + ",\"url\":" + std::string(url) + '}';
    out.push_back(std::move(request));
  }
  return out;
}

std::string write_request(std::string_view raw_id, const InputRequest& request) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += raw_id;
  out += ',';
  append_method_and_params(out, request);
  out += '}';
  return out;
}

std::string write_result(std::string_view raw_id, std::string_view result) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  out += raw_id;
  out += ",\"result\":";
  out += result;
  out += '}';
  return out;
}

std::string renumbered(const Message& request, std::string_view id) {
  Splices splices(request.text());
  splices.replace_view(request.raw_id(), id);
  const std::string_view token = request.meta().find("progressToken");
  if (!token.empty()) splices.replace_view(token, id);
  std::string out;
  splices.append_to(out);
  return out;
}

std::string with_id(const Message& response, std::string_view raw_id) {
  Splices splices(response.text());
  splices.replace_view(response.raw_id(), raw_id);
  std::string out;
  splices.append_to(out);
  return out;
}

}  // namespace weir
