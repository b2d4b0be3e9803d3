// The pins of one server: which definitions of its tools were approved, and how what its endpoints list now
// stands to them. What was approved changes by a person's word only, but for the very first list. Shared by
// all shards.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gateway/tool_pin.h"
#include "runtime/published.h"
#include "runtime/time.h"

namespace weir {

struct Peer;

/// Something that a person should know of a server's pins.
struct PinNews {
  enum class Kind : std::uint8_t { adopted, changed, fresh, restored, more, approved, trouble };
  Kind kind = Kind::trouble;
  bool enforced = false;
  std::string server;
  std::string tool;       // of the kinds that are about one
  std::string text;       // in which members it differs, why it can't be approved, what is wrong
  std::size_t count = 0;  // of tools: adopted or approved, or more than were told of
};

/// How a server's tools stand. Immutable.
struct PinView {
  struct Row {
    PinState state = PinState::approved;
    bool listed = false;  // some endpoint lists it now
    std::string fault;    // why it can't be approved; empty: it can
  };
  bool looked = false;  // its tools were listed since it was begun
  std::string fault;    // what is wrong with the file; empty: nothing
  std::map<std::string, Row, std::less<>> tools;
  /// How many listed tools stand so.
  std::size_t count(PinState state) const noexcept;
};

/// Which list it is that is judged.
struct PinLook {
  std::uint32_t endpoint = 0;
  std::shared_ptr<const Peer> peer;
  Revision revision = Revision::v2026_07_28;
  bool whole = true;  // from its first page to its last
  bool own = true;    // asked for by Weir itself, for nobody in particular
  WallTime now{};
};

/// What approving would change.
struct PinProposal {
  struct Change {
    std::string tool;
    PinState state = PinState::fresh;
    std::vector<PinDifference> differs;  // of a changed one
    std::string definition;              // of a new one, canonical
    std::string before;                  // the description's first line
    std::string after;
    std::string fault;  // why it stays as it is; empty: it is approved
  };
  std::vector<Change> changes;  // of each tool that is not as it was approved
  std::string digest;           // of all that would be approved: 32 hexadecimal digits
  PinnedTools next;             // what would be approved then
  std::uint64_t version = 0;    // of what is approved now
  bool looked = false;          // it is known what the server lists
  bool anything = false;        // there is something to write
};

class Pins {
 public:
  /// Whom to tell; any shard, no lock held.
  struct Told {
    std::function<void(const PinNews&)> news;
    std::function<void()> to_save;  // what was approved is other than it was
    std::function<void()> shown;    // what clients are shown changes
  };
  Pins(std::string server, Told told);

  /// What an earlier process kept; before anything is noted.
  void restore(PinnedTools tools);
  /// The file can't be read: nothing counts as approved until a person approves. Empty: there is no file.
  void set_broken(std::string fault);
  /// Whether what is not approved is kept from clients.
  void set_enforced(bool on) noexcept { enforced_.store(on, std::memory_order_relaxed); }
  bool enforced() const noexcept { return enforced_.load(std::memory_order_relaxed); }

  /// A list was seen; `there`: the endpoints that the server has now. How each tool stands. The first
  /// whole list that Weir asks for itself is approved, if nothing was before and it is not empty.
  std::vector<PinState> note(const std::vector<ToolDefinition>& list, const PinLook& look,
                             std::span<const std::uint32_t> there);
  /// The same of a definition that was listed some time ago.
  PinState judge(const ToolDefinition& seen) const;
  /// True if nothing was approved yet and the next list may be.
  bool unset() const;
  /// What is known of the server is from before: it has begun anew.
  void set_stale();
  /// True if the endpoint was listed since it is known as this peer.
  bool has_seen(std::uint32_t endpoint, const Peer* peer) const;

  /// True if the tool was approved and no endpoint lists another definition of it.
  bool allows(std::string_view tool) const;
  std::shared_ptr<const PinView> view() const { return view_.load(); }
  const std::string& server() const noexcept { return server_; }

  /// Grows with each change of what was approved; 0: nothing was yet.
  std::uint64_t version() const;
  /// What was approved, and its version.
  PinnedTools approved(std::uint64_t& version) const;
  /// What approving all that is listed now would change. `now`: the time, for people.
  PinProposal propose(const std::string& now) const;
  /// Makes it so. False: something else was approved meanwhile.
  bool take(PinProposal proposal);

 private:
  struct Seen {
    ToolDefinition definition;  // its canonical form only while it is not approved
    PinState state = PinState::fresh;
  };
  struct Observed {
    std::shared_ptr<const Peer> peer;
    std::map<std::string, std::vector<Seen>, std::less<>> tools;
  };
  const PinnedDefinition* pin_of(const ToolDefinition& seen, Revision revision, PinState& state) const;
  void observe(const std::vector<ToolDefinition>& list, const std::vector<PinState>& states,
               const PinLook& look);
  void adopt(const std::vector<ToolDefinition>& list, const std::string& at);
  bool renew(std::vector<PinNews>& news);
  void tell(std::vector<PinNews>& news, bool shown) const;

  const std::string server_;
  const Told told_;
  std::atomic<bool> enforced_{false};
  mutable std::mutex lock_;
  PinnedTools pinned_;         // its lock, as all below
  bool set_ = false;           // something was approved once, if only that there is nothing
  std::string fault_;          // of the file
  std::uint64_t version_ = 0;  // of `pinned_`
  bool looked_ = false;
  std::map<std::uint32_t, Observed> seen_;     // by endpoint, what it listed last
  std::set<std::string> said_;                 // definitions that were told of
  std::set<std::string, std::less<>> hiding_;  // tools that were told of and are not well again
  Published<PinView> view_;
};

}  // namespace weir
