// One client connection: reads requests within bounds and absolute deadlines, hands each to a handler, writes
// its answer in one piece. Requests of one connection are handled one after the other; a resting connection
// holds no buffer. While a request is handled the connection is read ahead, so that a client's leaving is
// known at once.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/buffer_budget.h"
#include "base/bytes.h"
#include "http/head.h"
#include "http/idle_list.h"
#include "runtime/channel.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

/// Bounds of a connection. Deadlines are for the whole of a thing, never for one read.
struct HttpServerLimits {
  HeadLimits head;
  std::size_t body_max = 4 * 1024 * 1024;
  Duration head_time = std::chrono::seconds(10);  // from its first byte
  Duration body_time = std::chrono::seconds(30);
  Duration idle_time = std::chrono::seconds(60);
  Duration write_time = std::chrono::seconds(10);  // for a client that does not read
  BufferBudget* budget = nullptr;                  // of all connections; null: bodies are not counted
  Duration rest_after = std::chrono::seconds(1);   // idle for so long, a connection gives its buffer back
  CancelScope* cut = nullptr;  // ends writes, however long they may take; null: nothing does
};

/// One request, whole. Views live as long as it does.
class HttpRequest {
 public:
  HttpRequest() = default;
  /// `budget`: of its body, counted as `block`'s; may be null.
  HttpRequest(std::string_view from, std::string_view from_address, BufferBudget* budget,
              std::string_view block) noexcept
      : peer(from), address(from_address), lease_(budget, block) {}
  /// Head and body, without transfer coding.
  RequestHead head;
  std::string_view body;
  /// The body as shared bytes that may outlive the request.
  Bytes body_bytes() const { return (keeps_body_.empty() ? keeps_head_ : keeps_body_).narrowed(body); }
  /// The connection's other side, "127.0.0.1:4711".
  std::string_view peer;
  std::string_view address;  // the peer's without its port: whom shares and owners are counted by

 private:
  friend class HttpServerConnection;
  BufferBudget::Lease lease_;  // of a body that came slowly
  Bytes keeps_head_;           // the storage of head's and body's views
  Bytes keeps_body_;
};

/// Writes the answer to one request: respond() once, or begin_events(), event()... and end_events().
class HttpResponder {
 public:
  /// Sends a whole answer. `fields`: further header lines, each ended by CRLF. The pieces are joined.
  /// Errors: the client has gone or does not read; the connection is closed then.
  Task<Result<void>> respond(int status, std::string_view content_type, std::string_view fields,
                             std::span<const std::string_view> body);
  /// The same as far as the socket takes it at once: true if that was all. Else co_await finish(), until
  /// which pieces over 16 KB in all stay valid.
  bool respond_now(int status, std::string_view content_type, std::string_view fields,
                   std::span<const std::string_view> body);
  /// Sends what respond_now() left.
  Task<Result<void>> finish();
  /// Prepares an answer of `length` bytes that body_now() sends piece by piece, the head with the first.
  void begin_sized(std::string_view content_type, std::string_view fields, std::uint64_t length);
  /// Sends pieces of it as far as the socket takes them: true if that was all, else co_await finish(). At
  /// most 4.
  bool body_now(std::span<const std::string_view> pieces);
  /// Begins an answer with status 200 whose length is not known.
  Task<Result<void>> begin_unsized(std::string_view content_type, std::string_view fields);
  /// False where such an answer ends with the connection (HTTP/1.0): nothing tells then that it was cut.
  bool tells_end() const noexcept { return chunked_; }
  /// Sends pieces of it, at most 4; waits while the client does not read.
  Task<Result<void>> part(std::span<const std::string_view> pieces);
  /// Begins an event stream: an answer without a length.
  Task<Result<void>> begin_events(std::string_view fields);
  /// Sends one event; waits while the client does not read. `type` empty: "message".
  Task<Result<void>> event(std::string_view json, std::string_view id, std::string_view type = {});
  /// Sends an event without data: an id to resume from and how long to wait before that.
  Task<Result<void>> prime(std::string_view id);
  /// Sends a comment, which keeps a quiet stream alive.
  Task<Result<void>> comment();
  /// Ends an answer without a length; the connection goes on.
  Task<Result<void>> end();
  /// What is sent from now on waits for the client no longer than until `scope` is cancelled, which outlives
  /// this; null: as long as usual.
  void stop_with(CancelScope* scope) noexcept { stop_ = scope; }
  /// Leaves the answer without its end: the connection closes, which tells the client.
  void cut() noexcept {
    begun_ = true;
    keep_alive_ = false;
  }
  /// True once anything was sent.
  bool begun() const noexcept { return begun_; }

 private:
  friend class HttpServerConnection;
  HttpResponder(Channel& channel, const HttpServerLimits& limits) noexcept
      : channel_(channel), limits_(limits) {}  // pieces_ stays unset: most answers use one
  Task<Result<void>> send(std::span<const iovec> pieces);
  Task<Result<void>> send_part(std::string text);

  void write_head(int status, std::string_view content_type, std::string_view fields, std::uint64_t length,
                  std::size_t room);
  bool push();

  static constexpr std::size_t kPiecesMax = 15;
  Channel& channel_;
  const HttpServerLimits& limits_;
  Buffer wire_;                               // an answer's head, and its body if small
  std::array<iovec, kPiecesMax + 1> pieces_;  // what is to be sent; the first count_ are set
  std::size_t count_ = 0;
  std::uint64_t left_ = 0;  // of a sized answer
  CancelScope* stop_ = nullptr;
  bool keep_alive_ = true;
  bool chunked_ = false;    // how events are framed: HTTP/1.0 has no chunks
  bool head_only_ = false;  // the request was HEAD: no body follows
  bool begun_ = false;
  bool ended_ = false;
  bool lost_ = false;  // some of it could not be sent
};

/// What stands behind the connections of an address.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// Looks at a head before the body is read: 0 to go on, or the status to refuse with; `reason` is then set.
  virtual int admit(const RequestHead& head, std::string& reason) = 0;
  /// Further head lines of a refusal with this status, each ended by CRLF: Allow with 405, WWW-Authenticate
  /// with 401 (RFC 9110, sections 15.5.6 and 15.5.2), what a browser needs to read it.
  virtual std::string refusal_fields(int status, const RequestHead& head) const = 0;
  /// Answers one request. `gone` is cancelled when the client leaves meanwhile.
  virtual Task<void> handle(HttpRequest& request, HttpResponder& responder, CancelScope& gone) = 0;
};

/// Serves one connection until it ends, fails, or `stop` is cancelled (then after the present request). While
/// it waits for a request it is in `idle`, which may end it.
Task<void> serve_http(std::unique_ptr<Stream> stream, HttpHandler& handler, const HttpServerLimits& limits,
                      CancelScope& stop, IdleList& idle);
/// Answers a connection that is not served, whatever it asks for: 503 with Retry-After. Ends within a second.
Task<void> refuse_http(std::unique_ptr<Stream> stream, std::string_view reason);

/// "OK", "Not Found", ...
std::string_view reason_phrase(int status) noexcept;

}  // namespace weir
