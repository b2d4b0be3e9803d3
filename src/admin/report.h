// How things stand, as JSON for operators and their tools.
#pragma once

#include <string>
#include <string_view>

#include "gateway/gateway.h"

namespace weir {

/// The aggregate that GET /health shows, and its status word.
std::string health_json(const Gateway& gateway, const Plan& plan, std::string& status);
/// The status word alone, and since when.
std::string_view overall_health(const Plan& plan, WallTime& since);
/// The servers; with `endpoint`, unless it is empty, as the URL of the gateway itself.
std::string servers_json(const Plan& plan, const std::string& endpoint);
/// One of them, an object.
void append_server(std::string& out, const Plan& plan, const Catalogue& catalogue, std::size_t place);
/// One endpoint of a server, an object.
void append_endpoint(std::string& out, const SetMember& member);
/// Appends `,"name":` and the text.
void append_member(std::string& out, std::string_view name, std::string_view text);
std::string tools_json(const Plan& plan);

}  // namespace weir
