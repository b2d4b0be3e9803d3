// POST and DELETE /mcp and /mcp/NAME, and /health: where clients come in over HTTP. One per shard. It turns
// what comes into canonical calls and what the gateway answers into JSON or an event stream.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/random.h"
#include "gateway/gateway.h"
#include "gateway/guard.h"
#include "gateway/router.h"
#include "http/server.h"
#include "obs/trace.h"

namespace weir {

/// What one request came to; for the access log and the metrics.
struct RequestRecord {
  std::string_view method;  // a row's name, or "_OTHER"
  std::string_view server;  // configured name; empty: none
  std::string_view tool;    // as the catalogue has it; empty: none or not known there
  std::string_view outcome = "ok";
  std::string_view client;
  std::string_view session;
  std::optional<SpanIds> span;  // under the client's trace; else whoever needs ids makes them
  Random* random = nullptr;     // to make them with
  Revision client_revision = kNewestOld;
  CallNotes notes;
  Duration duration{};
};

/// What the front tells of itself.
class FrontObserver {
 public:
  virtual ~FrontObserver() = default;
  /// A request has been answered. On its shard, at the end of each; must not wait.
  virtual void finished(const RequestRecord& record) = 0;
};

struct EnvelopeFault;

class HttpEntry final : public HttpHandler {
 public:
  /// How one address lets clients in.
  struct Options {
    bool loopback = true;
    std::vector<std::string> allowed_hosts;  // of this address; empty: the plan's
    bool error_status_http = false;
  };
  HttpEntry(Gateway& gateway, Options options, FrontObserver& observer);

  int admit(const RequestHead& head, std::string& reason) override;
  std::string_view allowed(const RequestHead& head) const override;
  Task<void> handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) override;

 private:
  struct Visit;
  Task<void> post(Visit& visit, const tl::expected<Message, MessageFault>& message);
  static void take_new_client(Visit& visit, const Message& message, const EnvelopeFault& checked);
  Task<void> batch(Visit& visit, const Bytes& body);
  Task<void> message(Visit& visit, const Message& message);
  Task<void> new_request(Visit& visit, const Message& message);
  Task<void> old_message(Visit& visit, const Message& message);
  Task<void> initialize(Visit& visit, const Message& message);
  Task<void> serve(Visit& visit, const Message& message, const MethodRow& row, CancelScope& scope);
  Task<void> relay_large(Visit& visit, ClientCall& call, Answer& answer);
  Task<void> relay(Visit& visit, ClientCall& call, Answer& answer);
  Task<void> end_session(Visit& visit);
  Task<void> health(Visit& visit);
  std::shared_ptr<Session> find_session(Visit& visit);
  int status_of(const Answer& answer) const noexcept;
  Task<void> refuse(Visit& visit, int status, int code, std::string_view sentence, std::string_view raw_id,
                    std::string_view data);
  Task<void> send(Visit& visit, int status, std::string_view json);

  Gateway& gateway_;
  Options options_;
  FrontObserver& observer_;
  Random random_;
};

}  // namespace weir
