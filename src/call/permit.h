// Leave for a call to be under way at its server: taken before anything is sent, given back when the call is
// over, however it ends, and for as long as its client is asked for something. Belongs to the call; touched
// by the call's shard only.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/time.h"

namespace weir {

class Permit;

/// Who gives permits out. Any shard; outlives them.
class PermitPool {
 public:
  virtual ~PermitPool() = default;
  /// The permit is held no more.
  virtual void give_back(Permit& permit) noexcept = 0;
  /// It is held again, whether there is room or not: nobody is refused half-way.
  virtual void take_again(Permit& permit) noexcept = 0;
};

class Permit {
 public:
  Permit() = default;
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { end(); }

  /// True if its call has stopped for its client, and did not go on yet.
  bool paused_by(const PermitPool& pool) const noexcept { return state_ == State::paused && pool_ == &pool; }
  /// Becomes held; the pool has counted it.
  void begin(PermitPool& pool, TimePoint now) noexcept {
    pool_ = &pool;
    since_ = now;
    state_ = State::held;
    answered_ = asked_ = false;
  }
  /// The call is over. Idempotent.
  void end() noexcept {
    const bool held = state_ == State::held;
    state_ = State::none;
    if (held) pool_->give_back(*this);
  }
  /// While the call waits for its client it holds none. Idempotent, and nothing where there is none.
  void pause() noexcept {
    if (state_ != State::held) return;
    state_ = State::paused;
    asked_ = true;
    pool_->give_back(*this);
  }
  void resume() noexcept {
    if (state_ != State::paused) return;
    state_ = State::held;
    pool_->take_again(*this);
  }
  /// The server has answered whole.
  void answered() noexcept { answered_ = true; }
  /// True if the server has answered, and if its client was asked for something meanwhile.
  bool was_answered() const noexcept { return answered_; }
  bool was_paused() const noexcept { return asked_; }
  TimePoint since() const noexcept { return since_; }

  // The pool's own: whose counts are up by this one.
  std::uint32_t client = 0;
  std::atomic<std::uint32_t>* tool = nullptr;

 private:
  enum class State : std::uint8_t { none, held, paused };
  PermitPool* pool_ = nullptr;
  TimePoint since_{};
  State state_ = State::none;
  bool answered_ = false;
  bool asked_ = false;
};

}  // namespace weir
