// One request's answer on a channel. Only channel_entry.cc and channel_requests.cc need it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "front/channel_entry.h"

namespace weir {

/// It goes into the channel, unless the client has taken the request back.
class ChannelEntry::Sink final : public AnswerSink {
 public:
  /// `raw_id` empty: it can't be cancelled.
  Sink(ChannelEntry& channel, std::string_view raw_id, bool endless)
      : channel_(channel), raw_id_(raw_id), endless_(endless) {
    channel_.running_.push_back(this);
  }
  ~Sink() override {
    std::erase(channel_.running_, this);
    channel_.changed_.wake_all();
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  Task<bool> event(std::string_view json) override {
    if (dropped_) co_return false;
    co_return co_await channel_.outbox_.put(std::string(json));
  }
  Task<void> finish(int, std::string_view json) override {
    if (dropped_ || json.empty()) co_return;
    const bool there = co_await channel_.outbox_.put(std::string(json), take_room());
    (void)there;  // a client that has gone is noticed by its channel
  }
  Task<void> idle() override { co_return; }
  bool streaming() const noexcept override { return true; }
  bool can_ask() const noexcept override { return channel_.open(); }

  /// Of the request; empty: it can't be cancelled.
  std::string_view raw_id() const noexcept { return raw_id_; }
  /// It has no end of its own: a listen.
  bool endless() const noexcept { return endless_; }
  /// Ends the request.
  CancelScope& scope() noexcept { return scope_; }
  /// No word more about this request.
  void drop() {
    dropped_ = true;
    scope_.cancel();
  }

 private:
  ChannelEntry& channel_;
  const std::string_view raw_id_;
  const bool endless_;
  bool dropped_ = false;
  CancelScope scope_;
};

}  // namespace weir
