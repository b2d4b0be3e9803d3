// Sessions with one old server that are a single client's: what the server keeps for it (state, log level,
// subscriptions) and sends to it is no other's. Opened by the client's first call, opened again when lost,
// ended with the client's own session or when idle. Opened and ended on the server's home shard; found from
// any. Source: MCP 2025-11-25 basic/lifecycle.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "call/call.h"
#include "gateway/interests.h"
#include "gateway/link_questions.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"
#include "transport/restart_pause.h"
#include "transport/transport.h"

namespace weir {

/// One such session. Members without a word of their own belong to the home shard.
struct ClientLink {
  std::string key;           // whose it is; constant
  Introduction as;           // constant
  std::string identity;      // by whom shares are counted; constant
  bool of_session = false;   // an old client's, which hears what the server says outside of calls; constant
  std::uint64_t number = 0;  // the order in which they came, whatever their keys are; constant
  std::atomic<std::uint32_t> in_use{0};
  std::atomic<TimePoint::rep> used{0};
  LinkQuestions questions;         // of a caller of the new revision: its calls
  std::unique_ptr<Transport> own;  // where a connection has one session only
  std::set<std::string> uris;      // subscribed to in it, under the server's names
  bool opening = false;
  bool kept = false;                 // someone sees to it that it is open
  bool trimming = false;             // what nobody wants in it any more is about to be ended
  std::optional<std::string> level;  // to be told when the one before has been
  bool telling_level = false;
  ReopenPause reopen;
  std::shared_ptr<CancelScope> listening;  // ends the stream of the session opened last
  CancelScope stop;
  Nursery fibers;

 private:
  friend class ClientLinks;
  std::shared_ptr<const Peer> peer;  // guarded by ClientLinks::lock_
};

/// Keeps a client's session from being ended while a call in it goes on, and known as one that the server
/// may ask in.
class LinkLease final : public Lease {
 public:
  explicit LinkLease(std::shared_ptr<ClientLink> link) : link_(std::move(link)), used_(link_->in_use) {}
  const std::shared_ptr<ClientLink>& link() const noexcept { return link_; }
  /// What the server asks outside of calls may be for this one.
  void take_questions(QuestionBox& box) { asked_.emplace(link_->questions, box); }

 private:
  std::shared_ptr<ClientLink> link_;
  Counted used_;
  std::optional<LinkQuestions::Entry> asked_;
};

class ClientLinks {
 public:
  /// What the links are made with; all of it outlives them.
  struct Options {
    Shard* home = nullptr;
    std::function<Transport&()> shared;                                  // the home shard's transport
    std::function<std::unique_ptr<Transport>(TransportHooks)> make_own;  // empty: links share connections
    std::size_t count_max = 10'000;
    Duration idle_max = std::chrono::minutes(10);  // of those that are no session's
    Duration open_time = std::chrono::seconds(60);
    /// What the server says in such a session outside of calls; requests in an old client's only.
    std::function<void(const std::string& key, Message, std::shared_ptr<ServerLink>)> stray;
    /// As whom a session is opened for this client, and by whom its share is counted; nothing: it has gone,
    /// or it is no session and wants nothing.
    std::function<std::optional<Introduced>(const std::string& key)> introduce;
    /// What a new session is told: the resources that its client is subscribed to (and whether there is any),
    /// the log level (empty: none).
    std::function<std::set<std::string>(const std::string& key)> wanted;
    std::function<bool(const std::string& key)> wants;
    std::function<std::string(const std::string& key)> level;
    std::function<std::shared_ptr<const void>()> keep;  // what owns this, until mail to it has been read
  };
  explicit ClientLinks(Options options);
  ~ClientLinks();

  /// Who asks: an old client's session, or a caller of the new revision, whatever it declares.
  static std::string client_of(const ClientView& client);
  /// Whose session this call belongs to: an old client's own, or all calls of one caller with the same
  /// capabilities. Short, whatever the client says of itself: it is kept with all that is wanted in the
  /// session.
  static std::string key_of(const ClientView& client);
  /// As whom that session is opened.
  static Introduction introduction_of(const ClientView& client);
  /// True if a key is an old client's session.
  static bool is_session(std::string_view key) noexcept { return key.find('\n') == key.npos; }
  /// The link of this call's client with its open session, which stays as long as the lease. Errors: why it
  /// can't be opened; overloaded.
  Task<Result<std::unique_ptr<LinkLease>>> get(const Call& call, std::shared_ptr<const Peer>& peer);
  /// The open session of `key`; null if there is none. Any shard.
  std::shared_ptr<ClientLink> find(const std::string& key, std::shared_ptr<const Peer>& peer) const;
  std::size_t size() const;
  /// Old clients that have a session here, or are about to, in the order in which they came. Any shard.
  std::vector<std::string> sessions() const;
  /// Opens the sessions of these clients, a few at a time, where they are not open; ends what they are
  /// subscribed to without anyone who wants it. Home shard.
  void tend(std::vector<std::string> keys);
  /// Tells this client's session its log level. While one is being told only the newest is remembered. Home
  /// shard.
  void tell_level(const std::string& key, std::string level);
  /// The server is to be left: what no call is made in ends now. Home shard.
  void retire();
  /// Ends the link of a client that has gone. Any shard.
  void end(const std::string& key);
  /// Calls that wait for a session to be opened wait no longer, for this reason. Home shard.
  void give_up(const Error& error);
  /// Ends what was not used for long. Home shard.
  void sweep(TimePoint now);
  /// Ends them all. Home shard.
  Task<void> close();

 private:
  static constexpr std::size_t kShares = 8;  // what part of them is one client's by right
  using Links = std::unordered_map<std::string, std::shared_ptr<ClientLink>>;
  /// A call that waits until its link is open, or can't be. Home shard.
  struct Wish {
    const ClientLink* link = nullptr;
    std::optional<Result<std::shared_ptr<const Peer>>> outcome;
    Waiter waiter;
  };
  std::unique_ptr<LinkLease> enter(const Call& call, std::shared_ptr<const Peer>& peer);
  Task<Result<std::shared_ptr<const Peer>>> settle(std::shared_ptr<ClientLink> link, TimePoint deadline,
                                                   CancelScope& cancel);
  std::shared_ptr<ClientLink> enter_for(const std::string& key);
  bool make_room(bool for_session, std::string_view identity, bool called);
  Links::iterator spare(bool for_session, std::string_view identity);
  Links::iterator over_share(std::string_view identity, bool own_too);
  void take_out(Links::iterator found);
  void finish_ended();
  bool hears(const std::string& key) const;
  Task<void> open(std::shared_ptr<ClientLink> link);
  Task<void> keep_open(std::shared_ptr<ClientLink> link, Duration pause);
  Task<void> tend_some(std::shared_ptr<std::deque<std::string>> keys);
  std::vector<std::shared_ptr<ClientLink>> in_order() const;
  Task<void> trim(std::shared_ptr<ClientLink> link);
  Task<void> tell_levels(std::shared_ptr<ClientLink> link);
  Task<void> restore(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer);
  Task<void> begin_listening(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer);
  Task<void> listen(std::shared_ptr<ClientLink> link, std::shared_ptr<const Peer> peer,
                    std::shared_ptr<Waiter> begun, std::shared_ptr<CancelScope> scope);
  Task<void> finish(std::shared_ptr<ClientLink> link);
  StrayMessage stray_of(ClientLink& link) const;

  const Options options_;
  mutable std::mutex lock_;
  Links links_;
  std::uint64_t made_ = 0;                          // guarded by lock_
  std::vector<std::shared_ptr<ClientLink>> ended_;  // taken out, to be finished at home; guarded by lock_
  std::vector<Wish*> wishes_;                       // home shard
  CancelScope closing_;
  Nursery fibers_;
};

/// A request of Weir's own in a session, its answer whole. Errors: as a call's, and upstream_error's text as
/// upstream_protocol for an error response.
Task<Result<Message>> own_request(Transport& transport, std::shared_ptr<const Peer> peer,
                                  std::string_view method, std::string_view params, TimePoint deadline,
                                  CancelScope& cancel);

}  // namespace weir
