// The running gateway behind all fronts: its plan, its servers, its clients' sessions and the calls that may
// be cancelled by name. One per process; every member says which shard it is for.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/degradation.h"
#include "gateway/events.h"
#include "gateway/interests.h"
#include "gateway/keyed_calls.h"
#include "gateway/memories.h"
#include "gateway/parked_calls.h"
#include "gateway/pin_book.h"
#include "gateway/plan.h"
#include "gateway/sessions.h"
#include "gateway/tasks.h"
#include "runtime/nursery.h"

namespace weir {

/// What approving came to, of one server.
struct PinAnswer {
  std::string server;
  std::string fault;   // why nothing was approved; empty: nothing went wrong
  std::string digest;  // of what was, or would be, approved
  std::vector<PinProposal::Change> changes;
};

/// What a reload did.
struct ApplyReport {
  std::size_t added = 0;
  std::size_t removed = 0;
  std::size_t kept = 0;
};

class Gateway {
 public:
  /// Whom to tell of what happens beside the calls; may be called on any shard.
  struct Observer {
    std::function<void(const Upstream&)> server_changed;  // its state or its health
    std::function<void(const Upstream&, const Endpoint&)> endpoint_changed;
    std::function<void(const Upstream&, const Endpoint&, const BreakerChange&)> breaker_changed;
    std::function<void(const Upstream&, int tools)> server_learned;  // what it offers is known
    std::function<void(const std::string& server, std::string_view line)> child_wrote;  // its stderr
    std::function<void(const std::string& server, const std::string& tool, const std::string& reason)>
        tool_withheld;  // clients are not shown it
    std::function<void(const std::string& server, const std::string& what)>
        not_remembered;  // of what it offers, for when it is away
    std::function<void(const PinNews&)> pin_news;
    /// A server's host name can't be resolved, for this reason; empty: it can again.
    std::function<void(const Upstream&, const std::string& host, const std::string& reason)> name_changed;
    /// A rule of `degradation` acts, or does no more; `server` empty: for all of them.
    std::function<void(const std::string& rule, const std::string& server, bool acts)> degradation_changed;
  };
  /// The first `workers` of the shards serve clients and are homes of servers; the last one is the control
  /// shard.
  Gateway(std::span<Shard* const> shards, std::size_t workers, Observer observer);
  ~Gateway();

  /// Makes `config` the running one: unchanged servers keep their connections, children and sessions.
  /// The control shard.
  ApplyReport apply(const Config& config);
  /// Approves what this server's tools are now, or only tells what would be (`dry`). The control shard.
  Task<PinAnswer> approve(std::string server, bool dry, std::string digest);
  /// The running plan. Any shard's thread.
  const std::shared_ptr<const Plan>& plan() { return seats_[Shard::current().index()]->plan.get(); }
  /// The running plan from any thread.
  std::shared_ptr<const Plan> plan_now() const { return plan_.load(); }
  Sessions& sessions() noexcept { return sessions_; }
  ParkedCalls& parked() noexcept { return parked_; }
  Events& events() noexcept { return events_; }
  Tasks& tasks() noexcept { return tasks_; }
  KeyedCalls& keys() noexcept { return keys_; }
  Interests& interests() noexcept { return interests_; }
  const Degradation& degradation() const noexcept { return degradation_; }
  /// A client's session has ended: so do its calls, its sessions with servers, its subscriptions. Any shard.
  void forget(const Session& session);
  const RequestStates& states() const noexcept { return states_; }
  /// Ends what clients only listen to, so that their connections can end. Any shard.
  void end_streams();
  /// Lets go of all servers; calls under way have until `deadline`. The control shard.
  Task<void> close(TimePoint deadline);

  /// A call that its session may cancel by its id, while this lives. One shard; the views outlive it.
  class Cancellable {
   public:
    Cancellable(Gateway& gateway, std::string_view session, std::string_view raw_id,
                CancelScope& scope) noexcept;
    ~Cancellable();
    Cancellable(const Cancellable&) = delete;
    Cancellable& operator=(const Cancellable&) = delete;

   private:
    friend class Gateway;
    Cancellable*& head_;
    Cancellable* next_ = nullptr;
    Cancellable** previous_ = nullptr;
    std::string_view session_;
    std::string_view id_;
    CancelScope* scope_;
  };
  /// Cancels the session's call with this id, or all of its calls (empty id), wherever they run. Any shard.
  void cancel(std::string_view session, std::string_view raw_id);

  /// The shards that serve clients, by index.
  const std::vector<Shard*>& shards() const noexcept { return shards_; }

 private:
  struct Seat {
    explicit Seat(const Published<Plan>& published) : plan(published) {}
    Published<Plan>::Reader plan;
    Cancellable* calls = nullptr;  // under way on this shard
  };
  std::shared_ptr<Upstream> make_upstream(const ServerConfig& server, const LimitsConfig& limits,
                                          std::size_t place);
  Task<void> close_drained(std::shared_ptr<Upstream> upstream, std::shared_ptr<Endpoint> endpoint);
  Task<void> learn(std::string name);
  Task<void> learn_list(std::string name, ListKind kind);
  PinBook::Told pins_told();
  Task<void> look_at(std::string name, std::uint32_t endpoint);
  Task<void> look_everywhere(const Plan& plan, std::size_t server);
  Task<void> hold_anew(std::string name);
  void endpoint_changed(const Upstream& upstream, const Endpoint& endpoint);
  Events::Options event_options();
  void retire(const std::shared_ptr<Upstream>& gone);
  std::optional<Introduced> introduction_of(const std::string& id) const;
  void wishes_changed(const std::string& server, const std::string& link, Interests::Change change);
  Task<void> keep_house();
  Task<bool> close_parked();
  std::vector<CancelScope*> calls_of(std::string_view session, std::string_view raw_id);

  const std::vector<Shard*> shards_;
  const std::size_t workers_;
  const Observer observer_;
  Published<Plan> plan_;
  std::vector<std::unique_ptr<Seat>> seats_;
  Sessions sessions_;
  RequestStates states_;
  ParkedCalls parked_;
  Tasks tasks_;
  KeyedCalls keys_;
  Interests interests_;
  Events events_;
  std::mutex catalogue_lock_;
  Degradation degradation_;

  // The control shard.
  Memories memories_;
  PinBook pins_;
  Nursery closing_;                               // servers that a reload took out
  std::vector<std::weak_ptr<Upstream>> retired_;  // the same
  Nursery house_;
  CancelScope stop_;
  bool begun_ = false;
};

}  // namespace weir
