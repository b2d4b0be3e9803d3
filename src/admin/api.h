// The operators' API: health, servers, tools, configuration, metrics, reload and drain; the dashboard and
// what it is fed with. On the control shard, off every request's way. Host and Origin are checked as in
// front, and before anything else is told the operators' token.
#pragma once

#include <functional>
#include <string>

#include "admin/live_feed.h"
#include "admin/report.h"
#include "gateway/gateway.h"
#include "gateway/guard.h"
#include "http/server.h"
#include "obs/metrics.h"

namespace weir {

/// What the API asks of the process.
struct AdminActions {
  /// Reads the file once more. False: refused; `report` is JSON either way.
  std::function<bool(std::string& report)> reload;
  /// Brings the configuration before this one back.
  std::function<bool(std::string& report)> rollback;
  /// Refuses or takes new clients' health checks: load balancers in front look at /readyz.
  std::function<void(bool)> set_draining;
  std::function<bool()> draining;
  std::function<std::vector<ReadFamily>()> read_families;
  /// The URL of the first MCP address, its port resolved. May be left out: /servers does not name it then.
  std::function<std::string()> endpoint;
  /// The process ends: streams do, too. Outlives the API.
  CancelScope* stop = nullptr;
};

/// The handler of the admin address, or of the one that tells figures only. One per shard that serves it.
class AdminApi final : public HttpHandler {
 public:
  /// What an address serves: all, to operators; or /metrics, /livez and /readyz, to whoever asks.
  enum class Serves : std::uint8_t { all, figures };
  AdminApi(Gateway& gateway, Metrics& metrics, RecentEvents& recent, AdminActions actions, bool loopback,
           Serves serves);
  int admit(const RequestHead& head, std::string& reason) override;
  std::string refusal_fields(int status, const RequestHead& head) const override;
  Task<void> handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) override;

 private:
  Task<bool> reset_breaker(const RequestHead& head, const Plan& plan, std::string& body);
  Task<void> serve_feed(HttpResponder& responder, CancelScope& gone);

  Gateway& gateway_;
  Metrics& metrics_;
  AdminActions actions_;
  bool loopback_;
  Serves serves_;
  LiveFeed feed_;
};

}  // namespace weir
