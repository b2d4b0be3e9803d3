// What all ways in share: a client's message, however it came, becomes a canonical call, and what the gateway
// answers goes to the sink that the way in gave. One per shard and address.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "front/visit.h"
#include "gateway/gateway.h"
#include "gateway/router.h"
#include "obs/trace.h"

namespace weir {

struct EnvelopeFault;
struct EventListener;

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

class Serving {
 public:
  /// `error_status_http`: overload, no healthy endpoint and shutdown are 503 over HTTP. `budget`: of large
  /// answers, by client; null: not counted.
  Serving(Gateway& gateway, FrontObserver& observer, bool error_status_http, BufferBudget* budget);

  /// What it serves from.
  Gateway& gateway() noexcept { return gateway_; }
  /// Whether the client would be let in now: a stream that it opened outlives configurations.
  bool still_admits(const Visit& visit) const;
  /// Answers one request of a row that the client's era knows; visit.client_view is filled in. `scope` ends
  /// it.
  Task<void> serve(Visit& visit, const Message& message, const MethodRow& row, CancelScope& scope);
  /// One message of an old client within visit.session.
  Task<void> in_session(Visit& visit, const Message& message);
  /// A batch of an old client within visit.session, its messages in turn: one array of answers.
  Task<void> in_batch(Visit& visit, const Bytes& body);
  /// `initialize`: opens a session and answers. Null: refused, and answered so. `scope`: ends it; may be
  /// null.
  Task<std::shared_ptr<Session>> initialize(Visit& visit, const Message& message,
                                            CancelScope* scope = nullptr);
  /// Ends a session and the calls in it; false if `owner` has none such at `path`.
  bool end_session(std::string_view id, std::string_view owner, std::string_view path);
  /// Answers with an error of the specification.
  static Task<void> refuse(Visit& visit, const EnvelopeFault& fault, std::string_view raw_id);
  static Task<void> refuse(Visit& visit, int status, int code, std::string_view sentence,
                           std::string_view raw_id, std::string_view data = {});

 private:
  Task<void> old_request(Visit& visit, const Message& message, const MethodRow* row);
  Task<void> serve_call(Visit& visit, const Message& message, const MethodRow& row, CancelScope& scope);
  Task<void> serve_listen(Visit& visit, const Message& message, const MethodRow& row, CancelScope& scope);
  void record_listen(const Visit& visit, const Message& message, const MethodRow& row, TimePoint begun);
  Task<void> listen(Visit& visit, ClientCall& call);
  Task<bool> begin_listening(Visit& visit, ClientCall& call, const std::string& hearer_id,
                             EventListener& listener, std::shared_ptr<void>& share, std::string& first);
  static Task<void> end_listening(Visit& visit, const EventListener& listener, Feed::Reader::Came came);
  void old_notification(Visit& visit, const Message& message, const MethodRow* row);
  Task<void> relay_large(Visit& visit, ClientCall& call, Answer& answer);
  int status_of(const Answer& answer) const noexcept;

  Gateway& gateway_;
  FrontObserver& observer_;
  const bool error_status_http_;
  BufferBudget* const budget_;
  Random random_;
};

}  // namespace weir
