// POST, GET and DELETE /mcp and /mcp/NAME, /sse with /messages, and /health: where clients come in over HTTP.
// One per shard and address. Source: MCP 2025-11-25 and 2026-07-28 basic/transports, "Streamable HTTP".
#pragma once

#include <string>
#include <vector>

#include "front/serving.h"
#include "front/sse_entry.h"
#include "gateway/guard.h"
#include "http/server.h"

namespace weir {

class HttpEntry final : public HttpHandler {
 public:
  /// How one address lets clients in.
  struct Options {
    bool loopback = true;
    std::vector<std::string> allowed_hosts;  // of this address; empty: the plan's
    bool error_status_http = false;
    BufferBudget* budget = nullptr;        // of large answers; null: not counted
    std::shared_ptr<OpenStreams> streams;  // of the process; null: this entry's own
    CancelScope* stop = nullptr;           // the process ends, on this shard
  };
  HttpEntry(Gateway& gateway, Options options, FrontObserver& observer);

  int admit(const RequestHead& head, std::string& reason) override;
  std::string refusal_fields(int status, const RequestHead& head) const override;
  Task<void> handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) override;

 private:
  static void take_params(Visit& visit);
  Task<void> post(Visit& visit, HttpSink& sink, const Message& message);
  Task<void> batch(Visit& visit, const Bytes& body);
  Task<void> old_message(Visit& visit, HttpSink& sink, const Message& message);
  Task<void> events(Visit& visit, HttpSink& sink, CancelScope& gone);
  Task<void> end_session(Visit& visit);
  Task<void> health(Visit& visit);
  std::shared_ptr<Session> find_session(const Visit& visit);
  Task<void> refuse_session(Visit& visit, std::string_view raw_id);
  Task<void> refuse_name(Visit& visit, Bytes body);

  Serving serving_;
  Gateway& gateway_;
  Options options_;
  SseEntry sse_;
};

}  // namespace weir
