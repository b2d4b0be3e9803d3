// Subscriptions to single resources: which server has one, and how it is asked to tell of updates. In a
// session of the client's own as the client asked it; else counted, once for all who want it. Source: MCP
// 2025-11-25 server/resources, "Subscriptions"; MCP 2026-07-28 basic/patterns/subscriptions.
#pragma once

#include <string>

#include "gateway/router.h"

namespace weir {

/// Waits until the servers have said what resources they have, where nothing is known of `uri` yet: as soon
/// as the gateway is there its clients may subscribe, and most servers take a subscription to anything.
Task<void> know_resource(const Plan& plan, std::size_t only, const std::string& uri, CancelScope& cancel);
/// Where a URI leads for subscriptions: the server's place, and in `target` what the server calls it; kAll:
/// nowhere.
std::size_t resource_owner(const Plan& plan, std::size_t only, const std::string& uri, std::string& target);

/// Answers resources/subscribe and resources/unsubscribe in call.session.
Task<void> route_subscription(ClientCall& call, Call& leaf, std::string& target, Answer& answer);

}  // namespace weir
