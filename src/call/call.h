// One request on its way through the gateway, in the canonical (newest) form, and what comes back. The front
// makes the Call, leaf services answer it; layers between read it, narrow its deadline and attach leases to
// the reply. One shard: a call never changes its thread; what must run elsewhere goes there as mail and its
// reply comes back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer_budget.h"
#include "base/error.h"
#include "call/permit.h"
#include "mcp/handshake.h"
#include "mcp/message.h"
#include "mcp/methods.h"
#include "runtime/task.h"
#include "runtime/time.h"

namespace weir {

class CancelScope;
class RequestHead;

/// What a call is told of its client. Views live as long as the call.
struct ClientView {
  std::string_view identity;  // whom shares and owners are counted by: the bearer token's name or the address
  Revision revision = Revision::v2026_07_28;
  std::string_view client_info;    // raw JSON of its clientInfo; empty: none given
  std::string_view capabilities;   // raw JSON of what it declared, for this request
  std::string_view log_level;      // empty: no log messages wanted
  std::string_view session;        // an old client's session; empty: none
  std::string_view link_key;       // of ClientLinks, where one request makes many calls; empty: not made yet
  std::string_view param_headers;  // Mcp-Param-* lines, each ended by CRLF: its own, or made for the server
  const RequestHead* head = nullptr;  // over HTTP, while the request is served
  bool has_headers = true;  // false: it came over a channel, where nothing can be mirrored into them
};

/// What the upstream is told of the trace: headers' values, empty for none.
struct CallTrace {
  std::string_view parent;  // the attempt's traceparent
  std::string_view state;   // the client's tracestate, sent on
};

/// An upstream as it introduced itself. Immutable but for `lost`; shared by the calls made under it.
struct Peer : std::enable_shared_from_this<Peer> {
  ServerFacts facts;
  std::string session;                     // of an old server over HTTP; empty: none
  mutable std::atomic<bool> lost = false;  // it knows the session no more: ask again who it is
  mutable std::atomic<int> log_rank = -1;  // what logging/setLevel said last in the session; -1: nothing
};

/// What layers learn on the way, for logs and metrics; written by them, read when the request has ended.
struct CallNotes {
  std::string_view server;    // configured name; static for the life of the plan
  std::string_view endpoint;  // its address; lives as long as the server does
  Revision upstream_revision = Revision::v2026_07_28;
  std::uint32_t attempts = 0;
  Duration upstream_time{};
  /// An attempt that failed and was followed by another one, or that another one was quicker than.
  struct Failed {
    std::string_view endpoint;
    Error::Kind kind;
    std::string_view server;  // whose endpoint it is
    bool answered = false;    // by an error of the server's own: `kind` says nothing
  };
  /// In their order; no more than `attempts`.
  std::vector<Failed> failed;
  /// Notes one at `server`, unless nobody was asked.
  void note_failed(std::string_view where, Error::Kind how, bool answered = false) {
    if (attempts > failed.size()) failed.push_back({where, how, server, answered});
  }
};

/// How urgent a client says that a call is (`weir/priority`): what is shed first where there is too much.
enum class Priority : std::uint8_t { low, normal, high };

/// Whether a call may be sent again though its server may have seen it. Asked only where it matters.
class RepeatRule {
 public:
  virtual ~RepeatRule() = default;
  /// True if it may.
  virtual bool may_repeat() const = 0;
};

/// The endpoints that a call was sent to in vain, by number; of very many the first.
class Tried {
 public:
  /// Notes one; does nothing if it is there already.
  void add(std::uint32_t endpoint) noexcept {
    if (count_ < kMost && !has(endpoint)) endpoints_[count_++] = endpoint;
  }
  /// True if it was noted.
  bool has(std::uint32_t endpoint) const noexcept {
    for (std::uint32_t i = 0; i < count_; ++i)
      if (endpoints_[i] == endpoint) return true;
    return false;
  }
  /// True if none was.
  bool empty() const noexcept { return count_ == 0; }

 private:
  static constexpr std::uint32_t kMost = 10;
  std::uint32_t count_ = 0;
  std::uint32_t endpoints_[kMost];  // the first count_ are set
};

class ServerLink;

/// Where a request of the server's is put that came outside of every call's stream, but can only be for the
/// client of this one. On the shard of the call.
class QuestionBox : public std::enable_shared_from_this<QuestionBox> {
 public:
  virtual ~QuestionBox() = default;
  /// The server is answered in any case.
  virtual void put(Message request, std::shared_ptr<ServerLink> asker) = 0;
};

/// One request. Layers do not change the message; they pass on a Call of their own with a nearer deadline.
struct Call {
  Call(const Message& request, const MethodRow& method, CancelScope& scope) noexcept
      : message(request), row(method), cancel(scope) {}
  /// One more attempt at the same call, which may be given up by itself.
  Call(const Call& other, CancelScope& scope) noexcept
      : message(other.message),
        row(other.row),
        cancel(scope),
        deadline(other.deadline),
        due(other.due),
        connect_by(other.connect_by),
        target(other.target),
        name(other.name),
        client(other.client),
        trace(other.trace),
        at(other.at),
        at_only(other.at_only),
        notes(other.notes),
        takes_large(other.takes_large),
        takes_requests(other.takes_requests),
        questions(other.questions),
        in_shared(other.in_shared),
        own_session(other.own_session),
        input_time(other.input_time),
        request_state(other.request_state),
        repeats(other.repeats),
        priority(other.priority),
        timed(other.timed),
        permit(other.permit),
        tried(other.tried),
        room(other.room),
        budget(other.budget) {}

  /// The request as the client sent it, and its row in the table of methods.
  const Message& message;
  const MethodRow& row;
  CancelScope& cancel;            // cancelled when the client goes (new revision) or says so
  TimePoint deadline = kForever;  // of the whole call; only ever nearer
  TimePoint due =
      kForever;  // where whoever reads the reply keeps the deadline, as it may stand still: what it is
  TimePoint connect_by = kForever;  // until when to wait for a new connection: another endpoint may be had
  std::string_view target;          // the upstream's own name or URI; empty: as the message has it
  std::string_view name;            // what the client calls it, if it is told without escapes
  ClientView client;
  CallTrace trace;
  const Peer* peer = nullptr;  // set by the upstream's layer; kept alive by the reply's owner
  std::uint32_t at = 0;        // the number of the endpoint that it is for; 0: any
  bool at_only = false;        // no other one can answer it
  CallNotes* notes = nullptr;
  bool takes_large = false;             // the caller relays a LargeResult; else responses come whole
  bool takes_requests = false;          // the caller brings the server's own requests to its client
  TimePoint first_by = kForever;        // from then on the reply may begin with an event without a message
  QuestionBox* questions = nullptr;     // null: what the server asks outside of its stream is not for it
  bool in_shared = false;               // it belongs in the session that all clients share
  bool own_session = false;             // it goes in a session that is no other client's
  Duration input_time{};                // how long the client may take to answer one
  std::string_view request_state;       // the server's own, raw, where the client brought it back; else empty
  const RepeatRule* repeats = nullptr;  // of a call that does more than read; null: it may not be repeated
  Priority priority = Priority::normal;
  bool outrun = false;  // another attempt that began later was answered first: this one is given up
  bool timed = false;   // its client said how long it may take: the server is told what is left of that
  /// Of the whole call: its own, or that of the call which it is an attempt at, or a round of.
  Permit own_permit;
  Permit* permit = &own_permit;
  Tried tried;
  BufferBudget::Lease* room = nullptr;  // of answers that come whole; null: not counted
  BufferBudget* budget =
      nullptr;  // of what waits to be read before the answer, as the client's; null: the same

  /// What answers it, kept until it is over, whatever is configured meanwhile.
  std::shared_ptr<const void> stack;

  /// When it is over, as far as is known now: what is left is told on, and waited for by parts.
  TimePoint ends_by() const noexcept { return deadline < due ? deadline : due; }
  /// True if it may be sent again though its server may have seen it. What goes on with a server's own state,
  /// or begins a task, may not.
  bool may_repeat() const {
    const RawMembers& params = message.param();
    return (row.safe_to_repeat || (repeats != nullptr && repeats->may_repeat())) && request_state.empty() &&
           params.find("inputResponses").empty() && params.find("task").empty();
  }
};

/// Something held until a reply has ended: a permit, a count in flight, a span. Released in reverse order.
class Lease {
 public:
  virtual ~Lease() = default;
  /// The reply has ended whole (`failed` null) or by this error. Called at most once, before destruction.
  virtual void ended(const Error* failed) noexcept { (void)failed; }

 private:
  friend class Leases;
  std::unique_ptr<Lease> before_;
};

/// The leases of one reply, released last first. One word, since replies are moved often.
class Leases {
 public:
  Leases() = default;
  Leases(Leases&&) noexcept = default;
  Leases& operator=(Leases&& other) noexcept {
    last_.swap(other.last_);
    return *this;
  }
  ~Leases() {
    while (last_) last_ = std::move(last_->before_);
  }
  /// Holds one more until the reply has ended.
  void add(std::unique_ptr<Lease> lease) {
    lease->before_ = std::move(last_);
    last_ = std::move(lease);
  }
  /// Tells all, last first, how the reply ended (null: whole).
  void ended(const Error* failed) noexcept {
    for (Lease* lease = last_.get(); lease != nullptr; lease = lease->before_.get()) lease->ended(failed);
  }

 private:
  std::unique_ptr<Lease> last_;
};

/// A count that is up by one while this lives: requests in flight. Moves with what it counts.
class Counted {
 public:
  Counted() = default;
  explicit Counted(std::atomic<std::uint32_t>& count) noexcept : count_(&count) {
    count.fetch_add(1, std::memory_order_relaxed);
  }
  Counted(Counted&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Counted& operator=(Counted&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~Counted() {
    if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_release);
  }

 private:
  std::atomic<std::uint32_t>* count_ = nullptr;
};

/// The way back to a server that asked for something: it outlives the call, since an answer may come after
/// the call has ended. On the shard where it was given out.
class ServerLink {
 public:
  virtual ~ServerLink() = default;
  /// Sends a whole JSON-RPC message: the answer to the server's request, or what belongs to it (progress,
  /// cancelled). Dropped if the server has gone meanwhile: it waits for nothing then.
  virtual void send(std::string message) = 0;
  /// The call that `request` of the server's was brought to has ended without waiting for its answer. Where
  /// calls share a wire it was another's and goes there; else the server is told `answer`.
  virtual void pass_on(std::string request, std::string answer) {
    (void)request;
    send(std::move(answer));
  }
};

/// One message of a reply: a notification on the way, a request of the server's, or the response that ends
/// it.
struct ReplyEvent {
  ReplyEvent() = default;
  ReplyEvent(Message json, bool is_last)
      : message(std::make_unique<Message>(std::move(json))), last(is_last) {}
  ReplyEvent(std::unique_ptr<Message> json, bool is_last) : message(std::move(json)), last(is_last) {}
  /// As the upstream sent it, ids and tokens still ours. Null: nothing came before the time given to next().
  std::unique_ptr<Message> message;
  bool last = false;                  // the response
  std::shared_ptr<ServerLink> asker;  // of a request: where its answer goes
};

/// The events after the first. Reading on is what lets the upstream send on: nothing is buffered without
/// bound.
class ReplyStream {
 public:
  virtual ~ReplyStream() = default;
  /// The next event, or one without a message when none came until `until`. After the last one, or an Error,
  /// it is not called again.
  virtual Task<Result<ReplyEvent>> next(TimePoint until) = 0;
  /// The client is asked for something: until resume() the call's deadline stands still. Not nested.
  virtual void pause() {}
  virtual void resume() {}
  /// True if the stream owns all that it needs: it may go on after the call it was made for, under the scope
  /// given to attach().
  virtual bool can_detach() const noexcept { return false; }
  virtual void detach() {}
  virtual void attach(CancelScope& cancel) { (void)cancel; }
};

/// The time that a reply may take: progress starts it anew, and it stands still while the client is asked.
class ReplyClock {
 public:
  ReplyClock(TimePoint deadline, TimePoint now) noexcept : deadline_(deadline), patience_(deadline - now) {}
  /// Until when to wait at present.
  TimePoint deadline() const noexcept { return paused_ ? kForever : deadline_; }
  void progress(TimePoint now) noexcept {
    if (deadline_ != kForever) deadline_ = now + patience_;
  }
  void pause(TimePoint now) noexcept {
    paused_ = true;
    since_ = now;
  }
  void resume(TimePoint now) noexcept {
    if (paused_ && deadline_ != kForever) deadline_ += now - since_;
    paused_ = false;
  }

 private:
  TimePoint deadline_;
  Duration patience_;
  TimePoint since_{};
  bool paused_ = false;
};

/// A result that is passed on while it comes, because it is large. The client's id is in it already.
class LargeResult {
 public:
  virtual ~LargeResult() = default;
  /// Bytes of the whole text, as the client gets it; nothing where only its end will tell.
  virtual std::optional<std::uint64_t> length() const noexcept = 0;
  /// The next pieces of the text, good until the next call; none at its end. Reading on is what lets the
  /// upstream send on. After an Error it is not called again.
  virtual Task<Result<std::span<const std::string_view>>> next() = 0;
  /// True if what has passed so far says `isError: true` near its beginning or end.
  virtual bool tool_error() const noexcept = 0;
};

/// What a service gives back: its first event, and the rest if the first is not the last.
struct Reply {
  Reply() = default;
  explicit Reply(ReplyEvent event) : first(std::move(event)) {}
  ReplyEvent first;
  std::shared_ptr<const Peer> peer;  // under which it was made
  std::uint32_t endpoint = 0;        // that made it, by its number; 0: none
  Counted in_flight;
  Leases leases;                      // outlive what they are of
  std::unique_ptr<ReplyStream> rest;  // null when `first` is the response
  std::unique_ptr<LargeResult>
      large;  // the response instead of `first.message`; only where the call takes it
};

}  // namespace weir
