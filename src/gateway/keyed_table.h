// One call under a key, and the table of them. All of it under the table's lock but what is const. Source:
// R13.
#pragma once

#include "gateway/keyed_calls.h"

namespace weir {

/// A call under a key, from its begin until what came of it is forgotten.
struct KeyedCalls::Entry {
  /// Who asked again while it runs, and where to be woken.
  struct Waiting {
    Shard* home;                     ///< its shard
    std::shared_ptr<Waiter> waiter;  ///< that it waits with
  };
  /// One that begins now.
  explicit Entry(const Name& of);

  const std::string name;         ///< client, server and key, as the table has them
  const std::string client;       ///< whose it is
  const std::string arguments;    ///< a digest of what was asked
  const std::string round;        ///< what it goes on with; empty: it begins
  bool over = false;              ///< it runs no more
  bool kept = false;              ///< `outcome` is what came of it
  Outcome outcome;                ///< whose result is in `results` while it is there
  std::shared_ptr<Entry> before;  ///< what asked, while this goes on with it: it is in no list meanwhile
  std::vector<Waiting> waiting;   ///< to be woken when it is over
  TimePoint at{};                 ///< when it was settled
  std::list<std::shared_ptr<Entry>>::iterator in_settled;  ///< its place, while it is kept
  std::list<std::shared_ptr<Entry>>::iterator in_results;  ///< likewise, while its result is
  std::list<const Entry*>::iterator in_client;             ///< likewise, among its client's
  std::list<Entry*>::iterator in_client_results;           ///< likewise, while its result is there
};

/// All of them.
struct KeyedCalls::Table {
  /// What one client has.
  struct Client {
    std::size_t calls = 0;            ///< how many of by_name
    std::list<const Entry*> settled;  ///< of these, the oldest first
    std::list<Entry*> results;        ///< those whose results are kept, likewise
    std::size_t bytes = 0;            ///< of these
  };

  /// Empty.
  explicit Table(Limits most) noexcept : limits(most) {}
  /// It is over; `outcome`: what came of it, to be kept; null: nothing, it may be asked anew.
  void settle(Entry& entry, Outcome* outcome, TimePoint now);
  /// Keeps what came of it from now on.
  void keep(const std::shared_ptr<Entry>& entry, TimePoint now);
  /// Keeps it no more; it stays in by_name.
  void take_out(Entry& entry);
  /// Drops what was kept for long enough, and results beyond the bound: of `client`, whose call was settled
  /// last (null: of none), if it has more than its share.
  void make_room(TimePoint now, Client* client);
  /// Keeps its result no more.
  void take_result(Entry& entry);
  /// Drops what was settled first.
  void drop_oldest();
  /// Takes it out of by_name, and off its client's count.
  void drop(const Entry& entry);

  const Limits limits;                                              ///< how much there may be
  mutable std::mutex lock;                                          ///< of all below, and of the entries
  std::unordered_map<std::string, std::shared_ptr<Entry>> by_name;  ///< that run or are kept
  std::unordered_map<std::string, Client> clients;                  ///< by client
  std::list<std::shared_ptr<Entry>> settled;                        ///< that are kept, the oldest first
  std::list<std::shared_ptr<Entry>> results;  ///< whose results are kept as well, likewise
  std::size_t bytes = 0;                      ///< of these
};

}  // namespace weir
