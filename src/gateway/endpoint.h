// One endpoint of a server: an address or a child process, whether it is there, how well, and how each shard
// reaches it. Its home shard gets to know it, again after every loss, and judges it; the others read what was
// learned. Shared by all shards; a call never leaves its shard but for endpoints that are single by nature
// (children).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "balance/picker.h"
#include "call/call.h"
#include "call/endpoint_facts.h"
#include "config/config.h"
#include "gateway/client_links.h"
#include "gateway/endpoint_health.h"
#include "gateway/watch.h"
#include "runtime/nursery.h"
#include "runtime/published.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"
#include "transport/plain_probe.h"
#include "transport/restart_pause.h"
#include "transport/transport.h"

namespace weir {

/// What an endpoint, or a server, is good for now.
enum class ServerState : std::uint8_t { starting, ready, needs_authorization, unreachable, stopped };
/// As the admin endpoints write it.
std::string_view to_string(ServerState state) noexcept;

/// A snapshot of how an endpoint, or a server, stands.
struct ServerStatus {
  ServerState state = ServerState::starting;
  std::shared_ptr<const Peer> peer;  // set while ready
  Error error;                       // why it is not, where it is not
  WallTime since{};                  // that it is in this state
  Health health = Health::unknown;
  bool absent = false;         // nothing is there, for certain
  bool failing = false;        // it is there, but its calls fail
  bool silent = false;         // neither probes nor calls are answered
  bool wants_witness = false;  // probes are not answered, and of calls nothing is known yet
  std::string reason;          // why it is not healthy
  WallTime health_since{};
};

/// Makes a shard's transport.
using TransportFactory = std::function<std::unique_ptr<Transport>(Shard&, TransportHooks)>;

/// How an endpoint was chosen for a call; what it teaches goes back there.
struct Picked {
  Picked() = default;
  Picked(std::shared_ptr<Picker> by, std::size_t at, std::uint64_t what, Breaker::Permit leave = {})
      : picker(std::move(by)), place(at), kind(what), permit(std::move(leave)) {}
  std::shared_ptr<Picker> picker;  // null: there was no choice
  std::size_t place = 0;
  std::uint64_t kind = 0;  // of Picker::note()
  Breaker::Permit permit;  // of an endpoint whose breaker is not closed
};

class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  /// What does not come from the server's own block. What is referred to outlives the endpoint.
  struct Options {
    std::string address;     // as logs, metrics and /health name it
    std::string_view label;  // the same; lives as long as the server
    std::string connect_to;  // which address of its host it is; empty: any
    bool alone = true;       // the server has no other endpoint
    EjectionQuota* quota = nullptr;
    bool homed = false;  // only the home shard has a transport: a child process, an event stream
    Duration startup_time = std::chrono::seconds(60);
    std::function<void(Endpoint&)> on_change;  // after every change of its status; home shard
    /// Something that picks depend on is otherwise, though its status is not: sessions of clients, trials.
    /// Home shard.
    std::function<void()> on_sessions;
    std::function<void(const Endpoint&, const BreakerChange&)> on_breaker;  // home shard
    /// What the server says or asks outside of calls; `key`: the client whose session it was in, empty for
    /// the one that all share. Home shard.
    std::function<void(const std::string& key, Message, std::shared_ptr<ServerLink>)> on_event;
    /// Who wants to hear of what; outlives the upstream.
    Interests* interests = nullptr;
    /// As whom a session is opened for this old client; nothing: it has gone. Any shard.
    std::function<std::optional<Introduced>(const std::string& session)> introduce;
    /// The log level of an old client's session; empty: none. Any shard.
    std::function<std::string(const std::string& session)> level;
    /// True if this client's session with the server is to be here. Any shard; empty: always.
    std::function<bool(const Endpoint&, const std::string& key)> owns;
    /// True if a task of the server's, by its own id, is here. Any shard; empty: always.
    std::function<bool(const Endpoint&, const std::string& task)> has_task;
    /// What owns this, until mail to it has been read.
    std::function<std::shared_ptr<const void>()> keep;
  };
  Endpoint(ServerConfig config, Options options, TransportFactory factory, std::span<Shard* const> shards,
           std::size_t home);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// A number that no other endpoint of this process has; from 1.
  std::uint32_t number() const noexcept { return number_; }
  /// The server's name and configuration, with this endpoint's own URL; for the endpoint's life.
  const std::string& name() const noexcept { return config_.name; }
  const ServerConfig& config() const noexcept { return config_; }
  const std::string& address() const noexcept { return options_.address; }
  std::shared_ptr<const ServerStatus> status() const { return status_.load(); }
  /// What picks read; any shard.
  EndpointFacts& facts() noexcept { return facts_; }
  std::uint32_t in_flight() const noexcept { return facts_.in_flight.load(std::memory_order_relaxed); }
  EndpointHealth& health() noexcept { return health_; }
  const EndpointHealth& health() const noexcept { return health_; }
  /// Closes its circuit breaker at an operator's word. Any shard.
  Task<void> reset_breaker();
  /// True if clients have sessions of their own here. Any shard.
  bool has_sessions() const noexcept { return has_sessions_.load(std::memory_order_relaxed); }
  /// Old clients that have a session here, or are about to. Any shard.
  std::vector<std::string> sessions() const { return links_.sessions(); }

  /// Whether the server has no other endpoint, and whether this one can be given calls, from now on. Any
  /// shard.
  void set_place(bool alone, bool takes_part);
  /// Opens these old clients' sessions once it is known: they had them with what it takes the place of.
  /// Before start().
  void inherit(std::vector<std::string> sessions) { inherited_ = std::move(sessions); }
  /// Begins to get to know the server. Any thread, once.
  void start();
  /// Nothing new is for it: calls under way go on, nothing is listened to. Any shard.
  void retire();
  bool retired() const noexcept { return retired_.load(std::memory_order_relaxed); }
  /// Waits until the server is known, woken if it rests. Errors: why it is not there; deadline_exceeded.
  Task<Result<std::shared_ptr<const Peer>>> ready(TimePoint deadline, CancelScope& cancel);
  /// One call. `call.peer` is set here. Any shard.
  Task<Result<Reply>> call(Call& call, Picked picked = Picked());
  /// The server as this shard knows it; null: not known, or lost.
  std::shared_ptr<const Peer> known_peer();
  /// True if it is known to be of a revision that has sessions. A shard's.
  bool known_old() const;
  /// True if the call would go in a session that is this client's alone.
  bool serves_alone(const Call& call);
  /// True if it would and that session brings what the server says outside of calls with it.
  bool hears_alone(const Call& call) { return options_.homed && serves_alone(call); }
  /// True if this client has such a session open. Any shard.
  bool has_session_of(const std::string& key) const;
  /// Notes that the client's own session is subscribed to a resource, or is no more. Any shard.
  void note_subscription(const std::string& key, const std::string& uri, bool on);
  /// Waits until the server has agreed to tell of this in the session that all share; it is wanted already.
  /// False: it does not. Any shard.
  Task<bool> watch(Topic::Kind kind, std::string what, TimePoint deadline, CancelScope& cancel);
  /// What is wanted of it has changed: in the shared session (empty), or in this client's own. Any shard.
  void wishes_changed(const std::string& link, Interests::Change change);
  /// Opens an old client's session that was elsewhere, as soon as it is known. Any shard.
  void take_over(const std::string& key);
  /// Tells the client's own session its log level, or that its roots have changed. Any shard; nobody waits.
  void set_level(const std::string& key, const std::string& level);
  void notify(const std::string& key, const std::string& message);
  /// The client has gone: what is its alone ends. Any shard.
  void end_client(const std::string& key) { links_.end(key); }
  /// Lets go of what was not used for long. Any shard.
  void sweep();
  Shard& home() noexcept { return home_; }

  /// A reply that went on after its first event has ended, whole (null) or by this error; the permit was its
  /// call's. Any shard.
  void reply_ended(const Error* failed, Breaker::Permit& permit);
  /// An attempt that `picked` sent here at `begun` was given up without a word, since another endpoint had
  /// answered meanwhile.
  void outrun(Picked& picked, TimePoint begun);
  /// Something of a reply came on the way to its end. Any shard.
  void heard() noexcept;
  /// While this lives a call waits for its client's answer.
  Counted client_asked() noexcept { return Counted(asking_); }
  /// Cancelled when this shard's calls here are to end. Lives as long as the endpoint.
  CancelScope& stop_here() noexcept;
  /// Waits for calls under way, ends those that are left at `deadline`, then lets go of all transports.
  /// `patience`: as long as any call may go on: what waits for its client does so until `timeout.input`, and
  /// may then take that time; zero: nothing is waited for beyond the deadline. Control shard.
  Task<void> close(TimePoint deadline, Duration patience = {});
  /// A close() under way has no longer than this. Control shard.
  void hurry(TimePoint deadline) noexcept { close_by_ = std::min(close_by_, deadline); }

 private:
  struct Wish;
  struct Seat;
  Task<void> keep();
  Task<Result<std::shared_ptr<const Peer>>> settle(TimePoint deadline, CancelScope& cancel);
  Task<Result<Reply>> forward(Call& call, ClientLink* link);
  bool wants_link(const Call& call, const Peer& peer);
  bool may_link(const Peer& peer) const;
  bool owns(const std::string& key) const;
  void begin_sessions();
  void resume_listening(std::shared_ptr<const Peer> peer);
  bool wants_level(const Call& call, const ClientLink* link) const;
  Task<void> tell_level(Call& call, ClientLink* link);
  void asked(const Call& call);
  void stray(const std::string& key, Message message, std::shared_ptr<ServerLink> asker);
  ClientLinks::Options link_options();
  Watch::Options watch_options();
  Task<Result<Reply>> forward_home(Call& call);
  Task<bool> end_calls(Shard& shard);
  Task<bool> stop_keeping();
  Task<bool> let_go(Shard& shard);
  Transport& transport(Shard& shard);
  void publish(ServerStatus next);
  void judged();
  std::shared_ptr<const void> keep_all();
  EndpointHealth::Options health_options();
  Task<bool> reset_here();
  Task<Result<void>> probe(TimePoint deadline, CancelScope& cancel);
  Task<Result<void>> ask_whether_there(TimePoint deadline, CancelScope& cancel);
  std::unique_ptr<PlainProbe> plain_;  // home shard
  std::shared_ptr<const Peer> known_peer(Seat& seat);
  void note_reply(Picked& picked, bool whole, Duration took, TimePoint now);
  void watch_rest(Reply& reply, Call& call, const ClientLink* link, CancelScope& stop, Picked picked,
                  TimePoint begun);
  TrialOutcome note_failure(const Picked& picked, const Error& error, TimePoint begun);

  const std::uint32_t number_;
  const ServerConfig config_;
  const Options options_;
  const TransportFactory factory_;
  const std::vector<Shard*> shards_;
  Shard& home_;
  Published<ServerStatus> status_;
  std::vector<std::unique_ptr<Seat>> seats_;  // by shard index
  std::atomic<bool> alone_;
  std::atomic<bool> takes_part_{true};
  EndpointFacts facts_;
  EndpointHealth health_;
  std::atomic<bool> has_sessions_{false};
  std::atomic<std::uint32_t> asking_{0};  // of these, whose clients are asked for something
  std::atomic<bool> retired_{false};
  // No call begins any more: said to all shards at once, since the end of a call on one hands its permit to
  // another.
  std::atomic<bool> ends_{false};
  TimePoint close_by_ = kForever;  // control shard

  ClientLinks links_;
  // A child that has asked its client for something is no longer shared but with whom it asked first.
  std::atomic<bool> asks_{false};
  std::mutex asked_lock_;
  std::string asked_first_;

  // Home shard only.
  Watch watch_;
  std::vector<std::string> inherited_;  // sessions with the server that this one took the place of
  CancelScope closing_;
  Waiter nudge_;                     // wakes keep(): lost, or wanted
  CancelScope* greeting_ = nullptr;  // of the question who it is, while it is asked
  bool resting_ = false;
  TimePoint rest_until_min_{};
  std::vector<Wish*> wishes_;
  Nursery fibers_;
};

}  // namespace weir
