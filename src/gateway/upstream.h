// One configured server: who it is, whether it is there, and how each shard reaches it. Its home shard gets
// to know it, again after every loss; the others read what was learned. Shared by all shards; a call never
// leaves its shard but for servers that are single by nature (children).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "call/call.h"
#include "config/config.h"
#include "gateway/client_links.h"
#include "gateway/watch.h"
#include "runtime/nursery.h"
#include "runtime/published.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"
#include "transport/restart_pause.h"
#include "transport/transport.h"

namespace weir {

/// What a server is good for now.
enum class ServerState : std::uint8_t { starting, ready, needs_authorization, unreachable, stopped };
/// As the admin endpoints write it.
std::string_view to_string(ServerState state) noexcept;

/// A snapshot of how a server stands.
struct ServerStatus {
  ServerState state = ServerState::starting;
  std::shared_ptr<const Peer> peer;  // set while ready
  Error error;                       // why it is not, where it is not
  WallTime since{};
};

/// Makes a shard's transport.
using TransportFactory = std::function<std::unique_ptr<Transport>(Shard&, TransportHooks)>;

class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  /// What does not come from the server's own block.
  struct Options {
    bool homed = false;  // only the home shard has a transport: a child process, an event stream
    Duration startup_time = std::chrono::seconds(60);
    std::function<void(const Upstream&)> on_change;  // after every change of state; home shard
    /// What the server says or asks outside of calls; `key`: the client whose session it was in, empty for
    /// the one that all share. Home shard.
    std::function<void(const Upstream&, const std::string& key, Message, std::shared_ptr<ServerLink>)>
        on_event;
    /// Who wants to hear of what; outlives the upstream.
    Interests* interests = nullptr;
    /// As whom a session is opened for this old client; nothing: it has gone. Any shard.
    std::function<std::optional<Introduced>(const std::string& session)> introduce;
    /// The log level of an old client's session; empty: none. Any shard.
    std::function<std::string(const std::string& session)> level;
  };
  Upstream(ServerConfig config, Options options, TransportFactory factory, std::span<Shard* const> shards,
           std::size_t home);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  /// As configured; for the upstream's life.
  const std::string& name() const noexcept { return config_.name; }
  const ServerConfig& config() const noexcept { return config_; }
  /// As logs and metrics name it: the URL without secrets, `stdio:NAME#0`, `builtin:demo`.
  const std::string& endpoint() const noexcept { return endpoint_; }
  std::shared_ptr<const ServerStatus> status() const { return status_.load(); }
  /// How long any call to it may go on without progress, by all plans that it served. Control shard.
  Duration longest_call() const noexcept { return longest_call_; }
  /// Notes what one more plan allows.
  void note_longest_call(Duration time) noexcept { longest_call_ = std::max(longest_call_, time); }
  std::uint32_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

  /// Takes the place of `before`, which is to be retired: old clients' sessions are opened here, too. Before
  /// start().
  void succeed(const Upstream& before) { inherited_ = before.links_.sessions(); }
  /// Begins to get to know the server. Any thread, once.
  void start();
  /// The plan has it no more: calls under way go on, nothing is listened to. Any shard.
  void retire();
  bool retired() const noexcept { return retired_.load(std::memory_order_relaxed); }
  /// Waits until the server is known, woken if it rests. Errors: why it is not there; deadline_exceeded.
  Task<Result<std::shared_ptr<const Peer>>> ready(TimePoint deadline, CancelScope& cancel);
  /// One call. `call.peer` is set here. Any shard.
  Task<Result<Reply>> call(Call& call);
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
  /// Tells the client's own session its log level, or that its roots have changed. Any shard; nobody waits.
  void set_level(const std::string& key, const std::string& level);
  void notify(const std::string& key, const std::string& message);
  /// The client has gone: what is its alone ends. Any shard.
  void end_client(const std::string& key) { links_.end(key); }
  /// Lets go of what was not used for long. Any shard.
  void sweep();
  Shard& home() noexcept { return home_; }

  /// While this lives a call waits for its client's answer.
  Counted client_asked() noexcept { return Counted(asking_); }
  /// Waits for calls under way, ends those that are left at `deadline`, then lets go of all transports.
  /// `patient`: what waits for its client does so until `timeout.input`, and may then go on as long as any
  /// call. Control shard.
  Task<void> close(TimePoint deadline, bool patient = false);
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
  void resume_listening(std::shared_ptr<const Peer> peer);
  bool wants_level(const Call& call, const ClientLink* link) const;
  Task<void> tell_level(Call& call, ClientLink* link);
  void asked(const Call& call);
  void stray(const std::string& key, Message message, std::shared_ptr<ServerLink> asker);
  ClientLinks::Options link_options();
  Watch::Options watch_options();
  Task<Result<Reply>> forward_home(Call& call);
  std::shared_ptr<const Peer> known_peer();
  Task<bool> stop_keeping();
  Task<bool> let_go(Shard& shard);
  Transport& transport(Shard& shard);
  void publish(ServerStatus next);

  const ServerConfig config_;
  const std::string endpoint_;
  const Options options_;
  const TransportFactory factory_;
  const std::vector<Shard*> shards_;
  Shard& home_;
  Published<ServerStatus> status_;
  std::vector<std::unique_ptr<Seat>> seats_;  // by shard index
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint32_t> asking_{0};  // of these, whose clients are asked for something
  std::atomic<bool> retired_{false};
  Duration longest_call_{};        // control shard
  TimePoint close_by_ = kForever;  // likewise

  ClientLinks links_;
  // A child that has asked its client for something is no longer shared but with whom it asked first.
  std::atomic<bool> asks_{false};
  std::mutex asked_lock_;
  std::string asked_first_;

  // Home shard only.
  Watch watch_;
  std::vector<std::string> inherited_;  // sessions with the server that this one took the place of
  CancelScope closing_;
  Waiter nudge_;  // wakes keep(): lost, or wanted
  bool resting_ = false;
  TimePoint rest_until_min_{};
  std::vector<Wish*> wishes_;
  Nursery fibers_;
};

}  // namespace weir
