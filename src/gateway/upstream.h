// One configured server: its endpoints, and who of them gets a call. What it knows of itself is the best that
// any of its endpoints knows. Shared by all shards. A plan's reload that changes no more than endpoints and
// how they are balanced keeps it, with all endpoints that stay.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "balance/roster.h"
#include "gateway/affinity.h"
#include "gateway/endpoint.h"
#include "gateway/host_names.h"
#include "gateway/make_transport.h"
#include "resilience/policies.h"

namespace weir {

/// One endpoint with its place in the server's configuration.
struct SetMember {
  std::shared_ptr<Endpoint> endpoint;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  bool draining = false;  // the configuration has it no more: it finishes what it has
};

/// The word that /health and the metrics have for it: its health, or starting, or draining.
std::string_view state_word(const SetMember& member) noexcept;

/// Who may get calls now; made anew whenever something of it changes.
struct EndpointSet {
  std::vector<SetMember> members;
  LoadBalancingConfig balancing;
  Roster roster;
  std::vector<bool> keeps;         // by place: clients that have a session there stay
  std::shared_ptr<Picker> picker;  // null: nobody may get calls
  std::vector<Endpoint*> trials;   // out for failing calls: a few calls at a time may try them
  Endpoint* only = nullptr;        // there is no choice
  bool known = false;              // one of those that may get calls has introduced itself
  bool sessions = false;           // clients have sessions of their own with some
  std::size_t choices = 0;         // how many may get calls now
  std::shared_ptr<Stack> stack;    // what calls go through on their way to one of them
  bool half_open = false;          // some that are well have yet to prove it: few calls at a time
  bool barred = false;             // nobody is to be asked: those that were known are not there any more
  bool resolving = false;          // a host name has not been looked up yet
  Error unresolved;                // why a host name stands for nothing yet, where one does
  /// The endpoint of this number; null: it is none of them.
  Endpoint* find(std::uint32_t number) const noexcept;
  /// True unless all of them are draining.
  bool serves() const noexcept;
  /// The place of one that may get calls and is none of `tried`, from `from` on; members.size(): there is
  /// none.
  std::size_t untried(const Tried& tried, std::size_t from) const noexcept;
  /// The place of an endpoint that is one of them.
  std::size_t place_of(const Endpoint& endpoint) const noexcept;
};

class Upstream final : public std::enable_shared_from_this<Upstream>, private EndpointChoice {
 public:
  /// What does not come from the server's own block.
  struct Options {
    Endpoint::Options endpoint;  // of each endpoint; what follows from the server is filled in
    std::size_t workers = 1;     // the first shards: homes of endpoints
    std::size_t first_home = 0;  // of its first endpoint
    LimitsConfig limits;
    std::function<void(const std::string&, std::string_view)> child_wrote;
    /// The server's state is another one, or (`anew`) it is another server; else only its health. Any shard.
    std::function<void(const Upstream&, bool anew)> on_change;
    std::function<void(const Upstream&, const Endpoint&)> on_endpoint_change;  // the endpoint's home shard
    /// An endpoint's circuit breaker has changed. The endpoint's home shard.
    std::function<void(const Upstream&, const Endpoint&, const BreakerChange&)> on_breaker;
    /// What an endpoint says or asks outside of calls; `key`: the client whose session it was in, empty for
    /// the one that all share. The endpoint's home shard.
    std::function<void(const Upstream&, const std::string& key, Message, std::shared_ptr<ServerLink>)>
        on_event;
    /// An endpoint that the server has no more is to be closed once it has finished. Any shard.
    std::function<void(std::shared_ptr<Upstream>, std::shared_ptr<Endpoint>)> on_drained;
    /// The number of the endpoint that runs this task of the server's; 0: not known. Any shard.
    std::function<std::uint32_t(const std::string& server, const std::string& task)> task_endpoint;
    /// A host name can't be resolved, for this reason: told once; empty: it can again. A home shard.
    std::function<void(const Upstream&, const std::string& host, const std::string& reason)> on_name;
  };
  Upstream(ServerConfig config, Options options, std::span<Shard* const> shards);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  /// As first configured: all but its endpoints and how they are balanced.
  const std::string& name() const noexcept { return config_.name; }
  const ServerConfig& config() const noexcept { return config_; }
  std::shared_ptr<const ServerStatus> status() const { return status_.load(); }
  /// Its endpoints at present, those that are draining too. Any thread.
  std::shared_ptr<const EndpointSet> endpoints() const { return set_.load(); }
  std::uint32_t in_flight() const noexcept;
  /// How long any call to it may go on without progress, by all plans that it served. Control shard.
  Duration longest_call() const noexcept { return longest_call_; }
  /// Notes what one more plan allows.
  void note_longest_call(Duration time) noexcept { longest_call_ = std::max(longest_call_, time); }

  /// Takes the place of `before`, which is to be retired: old clients' sessions are opened here, too. Before
  /// start().
  void succeed(const Upstream& before);
  /// Begins to get to know the server. Control shard, once.
  void start();
  /// The same server with other endpoints, weights, or another way of balancing: endpoints that stay go on as
  /// they are, those that do not finish what they have. Control shard.
  void configure(const ServerConfig& config);
  /// The plan has it no more: calls under way go on, nothing is listened to. Any shard.
  void retire();
  bool retired() const noexcept { return retired_.load(std::memory_order_relaxed); }
  /// Waits until the server is known, woken if it rests. Errors: why it is not there; deadline_exceeded.
  Task<Result<std::shared_ptr<const Peer>>> ready(TimePoint deadline, CancelScope& cancel);
  /// The same for one call. Where the endpoints are of both eras it will go to the one that is told of
  /// (`at`).
  Task<Result<std::shared_ptr<const Peer>>> ready(Call& call);
  /// One call, through all policies, to an endpoint of choice; to that of `call.at` if it has one. Any shard.
  Task<Result<Reply>> call(Call& call);
  /// The same without policies: what they stand around.
  Task<Result<Reply>> balance(Call& call);
  /// Closes the circuit breakers of its endpoints, or of the one of this address, at an operator's word;
  /// gives how many there were. Any shard.
  Task<std::size_t> reset_breakers(std::string address);
  /// What its policies have counted. Any shard.
  const PolicyCounts& counts() const noexcept { return policies_.counts; }
  /// What its policies leave out from now on. Any shard.
  void restrain(Restraint restraint) noexcept { policies_.restraint.set(restraint); }
  /// A call was refused, as its client has too many under idempotency keys. Any shard.
  void note_key_limit() noexcept { policies_.counts.key_limit.fetch_add(1, std::memory_order_relaxed); }
  /// Something stood in for an answer of its, or could not. Any shard.
  void note_fallback(bool stood_in) noexcept {
    auto& count = stood_in ? policies_.counts.fallbacks : policies_.counts.fallbacks_failed;
    count.fetch_add(1, std::memory_order_relaxed);
  }
  /// How many calls may be under way, and how many wait. Any shard.
  const Admission& admission() const noexcept { return policies_.admission; }
  /// True if it is known to be of a revision that has sessions. A shard's.
  bool known_old() const;
  /// True if the reply was made in the session that all clients share. Any shard.
  bool made_in_shared(const Reply& reply) const;
  /// True if the call would go in a session that is this client's alone.
  bool serves_alone(const Call& call);
  /// True if it would and that session brings what the server says outside of calls with it.
  bool hears_alone(const Call& call) { return homed() && serves_alone(call); }
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
  void end_client(const std::string& key);
  /// Lets go of what was not used for long. Any shard.
  void sweep();

  /// While this lives a call at this endpoint waits for its client's answer. A shard's.
  Counted client_asked(std::uint32_t endpoint);
  /// Cancelled when this shard's calls at this endpoint are to end; null: there is none of that number. Lives
  /// as long as a call counts as in flight there.
  CancelScope* stop_at(std::uint32_t endpoint);
  /// Waits for calls under way, ends those that are left at `deadline`, then lets go of all transports.
  /// `patient`: what waits for its client does so until `timeout.input`, and may then go on as long as any
  /// call. Control shard.
  Task<void> close(TimePoint deadline, bool patient = false);
  /// A close() under way has no longer than this. Control shard.
  void hurry(TimePoint deadline) noexcept;
  /// The endpoint has been closed: it is shown no more. Any shard.
  void forget(const Endpoint& endpoint);

 private:
  bool has_another(const Call& call) const override;
  Random& chance() override;
  struct Seat;
  struct Wanted;
  struct Name;
  bool homed() const noexcept {
    return config_.type == ServerConfig::Type::stdio || config_.type == ServerConfig::Type::sse;
  }
  static std::vector<Wanted> wanted_of(const ServerConfig& config);
  std::vector<Wanted> wanted_now() const;
  std::shared_ptr<Endpoint> make_endpoint(const Wanted& wanted, bool alone);
  void change(const std::function<void(EndpointSet&)>& changes);
  void reshape(const std::function<void()>& note);
  void renew();
  void give_sessions(std::vector<std::string> keys, std::span<const std::shared_ptr<Endpoint>> to);
  std::unique_ptr<HostNames> make_names(Shard& home);
  void note_names(EndpointSet& set);
  void name_found(const std::string& host, const NameAnswer& answer);
  void name_failed(const std::string& host, const Error& error);
  Task<Result<void>> wait_for_names(TimePoint deadline, CancelScope& cancel);
  void keep_sessions();
  void move_sessions(Endpoint& from);
  void compare_names(const EndpointSet& set);
  void endpoint_changed(Endpoint& endpoint);
  const EndpointSet& set_now() const;
  std::shared_ptr<Endpoint> endpoint_of(const std::string& key);
  bool belongs(const Endpoint& endpoint, const std::string& key);
  Endpoint* bound(const Call& call, const EndpointSet& set, Picked& picked, bool& decided);
  static bool admit_only(Endpoint& only, Picked& picked);
  bool admit(const Call& call, const EndpointSet& set, std::size_t& place, Picked& picked);
  Task<Result<Reply>> call_only(Call& call, const EndpointSet& set);
  Task<Result<Reply>> balance_now(Call& call, const EndpointSet& set);
  static bool proves(const EndpointSet& set);
  static std::shared_ptr<const Peer> peer_of_all(const EndpointSet& set);
  Task<Result<Reply>> wait_for_leave(Call& call);
  Endpoint* choose(const Call& call, const EndpointSet& set, Picked& picked, bool trials);
  Endpoint* choose_for_client(const Call& call, const EndpointSet& set, Picked& picked, bool trials);
  Endpoint* pick(const Call& call, const EndpointSet& set, Picked& picked, bool trials);
  static void note_choice(Call& call, const EndpointSet& set, const Endpoint& endpoint);
  bool goes_with_client(const Call& call, const EndpointSet& set) const noexcept;
  Task<Result<Reply>> call_of_client(Call& call);
  Task<Result<Reply>> call_once_known(Call& call);
  Task<Result<Reply>> call_in_panic(Call& call, Endpoint& endpoint, Picked picked);

  const ServerConfig config_;
  const Options options_;
  const std::vector<Shard*> shards_;
  Duration longest_call_{};  // control shard
  std::atomic<bool> retired_{false};
  std::atomic<bool> started_{false};
  std::size_t next_home_ = 0;  // under the lock

  std::mutex lock_;                     // of who replaces the set or the status
  ServerConfig configured_;             // as last configured; its lock
  ServerConfig stack_of_;               // as the stack was made from; its lock
  std::map<std::string, Name> found_;   // what the host names of that stand for; its lock
  std::vector<std::string> inherited_;  // old sessions, until there is an endpoint; its lock
  std::unordered_map<std::uint32_t, std::string>
      misdirected_;                  // endpoints, and what they were told; its lock
  std::set<std::string> addresses_;  // of all endpoints that there ever were; its lock
  EjectionQuota quota_;
  ServerPolicies policies_;
  Published<EndpointSet> set_;
  Published<ServerStatus> status_;
  std::vector<std::unique_ptr<Seat>> seats_;  // by shard index
  Affinity affinity_;
  const std::unique_ptr<HostNames> names_;  // null: endpoints are as configured
};

}  // namespace weir
