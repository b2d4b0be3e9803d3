#include "mcp/outgoing.h"

#include <charconv>

#include "mcp/splice.h"
#include "mcp/task_ids.h"

namespace weir {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  json_append_string(out, text);
  return out;
}

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }
bool is_text(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"'; }

// `"name":value,` in front of an object's first member, or alone in an empty one.
void insert_members(Splices& splices, std::string_view raw_object, std::string members, bool object_empty) {
  if (members.empty()) return;
  if (!object_empty) members += ',';
  splices.insert(splices.offset_of(raw_object) + 1, std::move(members));
}

void add_member(std::string& out, std::string_view name, std::string_view raw) {
  if (!out.empty()) out += ',';
  out += '"';
  out += name;
  out += "\":";
  out += raw;
}

// The `_meta` members of the new era, as a comma-separated run, without those that `there` has.
std::string era_members(const OutgoingRequest& request, const RawMembers& there) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view raw) {
    if (there.find(name).empty()) add_member(out, name, raw);
  };
  add(kMetaVersion, quoted(to_string(request.upstream)));
  add(kMetaClientInfo, request.client_info.empty() ? own_client_info() : request.client_info);
  // An old client's word for the extension counts for nothing: it would not understand what it gets.
  add(kMetaCapabilities, request.capabilities.empty() ? "{}" : without_tasks(request.capabilities));
  if (!request.log_level.empty()) add(kMetaLogLevel, quoted(request.log_level));
  return out;
}

void edit_trace(Splices& splices, const Message& message, const OutgoingRequest& request,
                std::string& to_insert) {
  const auto put = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    const std::string_view there = message.meta().find(name);
    if (there.empty())
      add_member(to_insert, name, quoted(value));
    else
      splices.replace(there, quoted(value));
  };
  put("traceparent", request.traceparent);
  put("tracestate", request.tracestate);
}

void drop(std::vector<bool>& dropped, const RawMembers& members, std::string_view name) {
  dropped.resize(members.size());
  for (std::size_t i = 0; i < members.size(); ++i)
    dropped[i] = dropped[i] || json_name_is(members[i].name, name);
}

// `dropped_params` takes note of members of params that are to go.
void edit_meta(Splices& splices, const Message& message, const OutgoingRequest& request,
               std::vector<bool>& dropped_params) {
  const RawMembers& meta = message.meta();
  std::string to_insert;
  edit_trace(splices, message, request, to_insert);
  const std::string_view token = meta.find("progressToken");
  if (!token.empty()) splices.replace_view(token, request.id);
  if (request.time_left_ms != 0)
    if (const std::string_view time = meta.find(kMetaTimeout); !time.empty())
      splices.replace(time, std::to_string(request.time_left_ms));
  bool left_empty = meta.size() == 0;
  if (is_new(request.upstream)) {
    if (!is_new(request.client)) {
      const std::string era = era_members(request, meta);
      if (!era.empty()) to_insert += (to_insert.empty() ? "" : ",") + era;
    }
  } else if (is_new(request.client)) {
    std::vector<bool> dropped(meta.size());
    std::size_t drops = 0;
    for (std::size_t i = 0; i < meta.size(); ++i) {
      const auto is = [&](std::string_view name) { return json_name_is(meta[i].name, name); };
      dropped[i] = is(kMetaVersion) || is(kMetaClientInfo) || is(kMetaCapabilities) || is(kMetaLogLevel);
      drops += dropped[i] ? 1 : 0;
    }
    if (drops != 0 && drops == meta.size() && to_insert.empty()) {
      // `_meta` would be left empty: it goes as a whole.
      drop(dropped_params, message.param(), "_meta");
      return;
    }
    splices.erase_members(meta, dropped);
    left_empty = drops == meta.size();
  }
  if (to_insert.empty()) return;
  const std::string_view raw_meta = message.param().find("_meta");
  if (!raw_meta.empty()) {
    insert_members(splices, raw_meta, std::move(to_insert), left_empty);
  } else {
    std::string whole = "\"_meta\":{" + to_insert + "}";
    if (message.params().empty()) {
      const std::string_view text = message.text();
      splices.insert(text.rfind('}'), ",\"params\":{" + whole + "}");
    } else {
      insert_members(splices, message.params(), std::move(whole), message.param().size() == 0);
    }
  }
}

}  // namespace

std::string_view own_client_info() noexcept {
  static const std::string info = std::string(R"({"name":"weir","version":")") + WEIR_VERSION + "\"}";
  return info;
}

std::string_view raw_target(const Message& message, const MethodRow& row) {
  std::string_view raw;
  switch (row.route) {
    case Route::by_name:
      raw = message.param().find("name");
      break;
    case Route::by_uri:
    case Route::subscribe:
    case Route::unsubscribe:
      raw = message.param().find("uri");
      break;
    case Route::task:
      raw = message.param().find("taskId");
      break;
    case Route::by_ref: {
      const std::string_view ref = message.param().find("ref");
      if (!is_object(ref)) return {};
      const RawMembers members = members_of(ref);
      raw = members.find("type") == "\"ref/resource\"" ? members.find("uri") : members.find("name");
      break;
    }
    default:
      return {};
  }
  return is_text(raw) ? raw : std::string_view();
}

namespace {
// A retry of the new revision carries the server's own state again. Where there was none (the client has
// opened an URL), or no such thing is known, the call begins anew.
void edit_answers(Splices& splices, const Message& message, const OutgoingRequest& request,
                  std::vector<bool>& dropped_params) {
  const RawMembers& params = message.param();
  const std::string_view state = params.find("requestState");
  const bool answers = !params.find("inputResponses").empty();
  if ((state.empty() && !answers) || !is_new(request.client)) return;
  if (is_new(request.upstream) && (state.empty() || !request.request_state.empty())) {
    if (!state.empty()) splices.replace_view(state, request.request_state);
    return;
  }
  drop(dropped_params, params, "requestState");
  drop(dropped_params, params, "inputResponses");
}
}  // namespace

void append_request(std::string& out, const Message& message, const MethodRow& row,
                    const OutgoingRequest& request) {
  request_edits(message, row, request).append_to(out);
}

Splices request_edits(const Message& message, const MethodRow& row, const OutgoingRequest& request) {
  Splices splices(message.text());
  splices.replace_view(message.raw_id(), request.id);
  if (!request.target.empty()) {
    const std::string_view raw = raw_target(message, row);
    if (!raw.empty()) splices.replace(raw, quoted(request.target));
  }
  std::vector<bool> dropped_params;
  edit_meta(splices, message, request, dropped_params);
  edit_answers(splices, message, request, dropped_params);
  // In 2026-07-28 this member means nothing, and its client would not understand what it means to an old
  // server.
  if (row.kind == ListKind::tools && is_new(request.client) && !is_new(request.upstream) &&
      !message.param().find("task").empty())
    drop(dropped_params, message.param(), "task");
  if (!dropped_params.empty()) splices.erase_members(message.param(), dropped_params);
  return splices;
}

namespace {

// Weir's URI for the upstream's own one, in the contents of a read.
void edit_uris(Splices& splices, const RawMembers& result, const OutgoingAnswer& answer) {
  const std::string_view contents = result.find("contents");
  if (contents.empty() || contents.front() != '[') return;
  JsonCursor cursor(contents, JsonLimits(), false);
  if (!cursor.enter_array()) return;
  while (cursor.next_element()) {
    const std::string_view entry = cursor.take_value();
    if (!is_object(entry)) continue;
    const std::string_view uri = members_of(entry).find("uri");
    if (is_text(uri) && json_unescape(uri) == answer.uri_from) splices.replace(uri, quoted(answer.uri_to));
  }
}

void edit_result(Splices& splices, const Message& response, const MethodRow& row,
                 const OutgoingAnswer& answer) {
  const bool to_new = is_new(answer.client) && !is_new(answer.upstream);
  const bool to_old = !is_new(answer.client) && is_new(answer.upstream);
  if (!to_new && !to_old && answer.uri_to.empty() && answer.task_to.empty() && answer.request_state.empty() &&
      answer.fallback.empty())
    return;
  const std::string_view result = response.result();
  const RawMembers& members = response.result_member();
  if (!answer.request_state.empty()) {
    const std::string_view state = members.find("requestState");
    if (!state.empty()) splices.replace(state, quoted(answer.request_state));
  }
  if (!answer.uri_to.empty()) edit_uris(splices, members, answer);
  if (!answer.task_to.empty()) edit_task_ids(splices, response, answer.task_from, answer.task_to);
  std::string added;
  if (!answer.fallback.empty()) {
    const std::string mark = "\"weir/fallback\":" + std::string(answer.fallback);
    const std::string_view meta = members.find("_meta");
    if (is_object(meta))
      insert_members(splices, meta, mark, members_of(meta).size() == 0);
    else
      add_member(added, "_meta", '{' + mark + '}');
  }
  if (to_new) {
    const auto add = [&](std::string_view name, std::string_view raw) {
      if (members.find(name).empty()) add_member(added, name, raw);
    };
    add("resultType", "\"complete\"");
    if (row.cacheable) {
      add("ttlMs", "0");
      add("cacheScope", "\"private\"");
    }
  }
  std::size_t left = members.size();
  std::vector<bool> dropped;
  if (to_old) {
    dropped.resize(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto is = [&](std::string_view name) { return json_name_is(members[i].name, name); };
      dropped[i] = is("resultType") || (row.cacheable && (is("ttlMs") || is("cacheScope")));
      left -= dropped[i] ? 1 : 0;
    }
  }
  // Of edits at one place the insertion comes first.
  if (!added.empty()) insert_members(splices, result, std::move(added), left == 0);
  if (to_old) splices.erase_members(members, dropped);
}

}  // namespace

Splices response_edits(const Message& response, const MethodRow& row, const OutgoingAnswer& answer) {
  Splices splices(response.text());
  splices.replace_view(response.raw_id(), answer.client_id);
  if (is_object(response.result())) edit_result(splices, response, row, answer);
  // "Resource not found" changed its code with the new revision.
  if (!response.error().empty() && row.route == Route::by_uri && is_new(answer.client) &&
      !is_new(answer.upstream)) {
    const std::string_view code = members_of(response.error()).find("code");
    if (code == "-32002") splices.replace(code, "-32602");
  }
  return splices;
}

void append_response(std::string& out, const Message& response, const MethodRow& row,
                     const OutgoingAnswer& answer) {
  response_edits(response, row, answer).append_to(out);
}

void append_notification(std::string& out, const Message& notification, std::string_view client_token) {
  Splices splices(notification.text());
  const std::string_view token = notification.param().find("progressToken");
  if (!token.empty() && !client_token.empty()) splices.replace(token, std::string(client_token));
  splices.append_to(out);
}

int error_code(std::string_view raw_error) {
  if (!is_object(raw_error)) return 0;
  const std::string_view raw = members_of(raw_error).find("code");
  int code = 0;
  const auto [end, trouble] = std::from_chars(raw.data(), raw.data() + raw.size(), code);
  return trouble == std::errc() && end == raw.data() + raw.size() ? code : 0;
}

bool is_tool_error(const Message& response) { return response.result_member().find("isError") == "true"; }

}  // namespace weir
