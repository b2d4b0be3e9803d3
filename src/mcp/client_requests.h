// What servers ask of clients: elicitation, sampling, roots. As requests in the revisions with sessions, as
// `input_required` results in 2026-07-28. Pure.
// Source: MCP 2025-11-25 client/*; MCP 2026-07-28 basic/patterns/mrtr.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/message.h"

namespace weir {

/// True if the capabilities (raw object) declare anything that a server may ask for.
bool declares_input(std::string_view capabilities);
/// True if a client with these capabilities may be asked this: the method is one of the three, and it and its
/// mode were declared.
bool may_be_asked(std::string_view capabilities, const Message& request);

/// One thing that a server wants to know. Raw JSON but for the method.
struct InputRequest {
  std::string key;     // the server's name for it, text
  std::string method;  // "elicitation/create", ...
  std::string params;  // raw object; empty: none
};
/// An `input_required` result.
struct InputRequired {
  std::vector<InputRequest> requests;
  std::string request_state;  // raw string; empty: none
};
/// True for a result that says it is whole: nothing is asked, and no task stands for it.
bool is_complete(const Message& response);
/// True if a response is an `input_required` result.
bool is_input_required(const Message& response);
/// Its content. Nothing if it is malformed.
std::optional<InputRequired> read_input_required(const Message& response);
/// A whole response (its id is 0) that asks for these; `request_state` is text.
std::string write_input_required(const std::vector<InputRequest>& requests, std::string_view request_state);

/// What error -32042 of an old server asks for, as requests of the new revision; empty if it is none.
std::vector<InputRequest> urls_required(const Message& response);

/// A whole JSON-RPC request with a raw id.
std::string write_request(std::string_view raw_id, const InputRequest& request);
/// A whole response to `raw_id` with the raw result.
std::string write_result(std::string_view raw_id, std::string_view result);
/// A server's request as the client gets it: `id` (raw) in the place of the server's, and of its progress
/// token.
std::string renumbered(const Message& request, std::string_view id);
/// The same response under another id.
std::string with_id(const Message& response, std::string_view raw_id);

}  // namespace weir
