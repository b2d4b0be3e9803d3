// The live feed of the dashboard: server-sent events, a whole snapshot first, then what has changed. One row
// a server, each with the number of the version that it changed in: a reader that was slow gets the rows as
// they are then, not those that it has missed. Nothing is read or kept while nobody listens. The control
// shard's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "admin/tallies.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "obs/recent.h"
#include "runtime/waiter.h"

namespace weir {

class LiveFeed {
 public:
  /// How many may listen at a time.
  static constexpr std::size_t kReadersMax = 16;

  /// Where it looks; all of it outlives the feed.
  struct Sources {
    std::function<std::vector<ReadFamily>()> read_families;
    std::function<bool()> draining;
    CancelScope* stop = nullptr;  // the process ends: so do its streams
  };
  LiveFeed(Gateway& gateway, Metrics& metrics, RecentEvents& recent, Sources sources);
  ~LiveFeed();
  LiveFeed(const LiveFeed&) = delete;
  LiveFeed& operator=(const LiveFeed&) = delete;

  /// True while no further reader is taken.
  bool full() const noexcept { return readers_.size() >= kReadersMax; }
  /// Tells one reader of all until it leaves or the process ends. `gone`: it has left.
  Task<void> serve(HttpResponder& responder, CancelScope& gone);

 private:
  struct Reader {
    Waiter waiter;
    std::uint64_t version = 0;  // that it has been sent; 0: nothing
    std::uint64_t event = 0;    // the same, by its number
  };
  struct Row {
    std::string json;
    std::uint64_t version = 0;
    TallyWindow window;
    std::uint64_t seen = 0;  // the version that it was there in last
  };
  class Seat;
  void happened();
  void refresh(TimePoint now);
  void take_sample(TimePoint now);
  void note(Row& row, std::string json);
  void note_head(const Plan& plan);
  std::string text_for(Reader& reader) const;
  Task<Result<void>> tell(HttpResponder& responder, Reader& reader, CancelScope& over);

  Gateway& gateway_;
  Metrics& metrics_;
  RecentEvents& recent_;
  const Sources sources_;
  Shard& home_;
  std::vector<Reader*> readers_;
  bool dirty_ = true;
  TimePoint sampled_at_ = TimePoint::min();
  std::uint64_t version_ = 0;
  std::string acting_ = "[]";  // rules of degradation
  Row head_;                   // what is of no single server
  Row order_;                  // the names, in the configuration's order
  std::vector<std::string> names_;
  std::unordered_map<std::string, Row> rows_;
};

}  // namespace weir
