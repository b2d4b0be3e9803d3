// What is to be said to a server and nobody waits for, kept apart by the session it is said in: the sessions
// take turns, and what one has too much of takes no other's place. Answers to what a server asks, and that
// nobody waits for an answer any more, go before all else, since something hangs on them.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// One shard.
class AsideQueue {
 public:
  /// Names a session for as long as something of it waits or is under way; not looked into.
  using Session = const void*;
  enum class Lane : std::uint8_t { answers, notes };
  struct Aside {
    Session session = nullptr;
    Lane lane = Lane::notes;
    std::string head;
    std::string message;
  };

  /// Of one session's that wait, by lane. What comes below the bound is taken whole.
  static constexpr std::array<std::size_t, 2> kSessionMax = {512, 64};
  static constexpr std::array<std::size_t, 2> kSessionBytesMax = {4 * 1024 * 1024, 256 * 1024};
  static constexpr std::size_t kMax = 2048;  // of all that wait
  static constexpr std::size_t kBytesMax = 16 * 1024 * 1024;
  static constexpr unsigned kUnderWayMax = 32;  // that are being sent
  static constexpr unsigned kNotesUnderWayMax = 24;
  static constexpr unsigned kSessionUnderWayMax = 16;
  static constexpr unsigned kSessionNotesUnderWayMax = 4;

  /// Has it wait. False: dropped, since its session has too much already; a note that waits word for word is
  /// not doubled. Where all sessions together have too much, what the one with the most said last is dropped.
  bool put(Aside one);
  /// Whether an answer in the session would be dropped.
  bool full(Session session) const { return full(session, Lane::answers); }
  /// The next whose turn it is; nothing while all that wait have as much under way as they may. It is under
  /// way until done().
  std::optional<Aside> take();
  void done(Session session, Lane lane);

  /// How many wait.
  std::size_t waiting() const noexcept { return count_; }

 private:
  struct Lanes {  // each by lane
    std::array<std::deque<Aside>, 2> waiting;
    std::array<std::size_t, 2> bytes{};  // that wait
    std::array<unsigned, 2> under_way{};
    std::size_t count() const noexcept { return waiting[0].size() + waiting[1].size(); }
    bool idle() const noexcept { return count() + under_way[0] + under_way[1] == 0; }
  };
  using Sessions = std::map<Session, Lanes>;
  bool full(Session session, Lane lane) const;
  bool full() const noexcept { return count_ >= kMax || bytes_ >= kBytesMax; }
  bool may_send(const Lanes& lanes, Lane lane) const noexcept;
  bool drop_of_most(Session asking);
  Aside take_out(Lanes& lanes, Lane lane, bool first);

  Sessions sessions_;
  std::size_t count_ = 0;  // that wait, of all
  std::size_t bytes_ = 0;
  std::array<unsigned, 2> under_way_{};
  Session last_ = nullptr;  // whose turn it was
};

}  // namespace weir
