// Where the messages of one answer go: the response of a POST, a channel that all answers of a client share,
// or the array of a batch.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer_budget.h"
#include "http/server.h"

namespace weir {

class Session;
class Feed;

/// One request's answer. One shard.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  /// A notification, or a request to the client, before the response. False: the client has gone, and with it
  /// all use of going on.
  virtual Task<bool> event(std::string_view json) = 0;
  /// The response, or a refusal with an HTTP status. `json` empty: nothing to say but the status. Called
  /// once, last.
  virtual Task<void> finish(int status, std::string_view json) = 0;
  /// Begins a stream that nothing has come for yet, or keeps a quiet one alive.
  virtual Task<void> idle() = 0;
  /// Instead of finish(): there will be no response, and the client sees that. False: it could not, so
  /// finish() has to tell it.
  virtual bool cut() { return false; }
  /// True once events have been sent.
  virtual bool streaming() const noexcept = 0;
  /// False where the client cannot be asked on the way.
  virtual bool can_ask() const noexcept { return true; }
  /// Says with the answer which session has been opened.
  virtual void opened(const Session& session) { (void)session; }
  /// What the answer holds of its client's room from now on; null: nothing. A sink that keeps the answer
  /// takes it over.
  void set_room(BufferBudget::Lease* room) noexcept { room_ = room; }

 protected:
  BufferBudget::Lease take_room() noexcept {
    return room_ == nullptr ? BufferBudget::Lease() : std::move(*room_);
  }

 private:
  BufferBudget::Lease* room_ = nullptr;
};

/// A POST's response: JSON, or an event stream once there is an event. In an old session the events get ids
/// and are kept, so that the answer outlives the connection.
class HttpSink final : public AnswerSink {
 public:
  /// `fields`: further header lines.
  HttpSink(HttpResponder& responder, std::string fields)
      : fields_(std::move(fields)), responder_(responder) {}

  Task<bool> event(std::string_view json) override;
  Task<void> finish(int status, std::string_view json) override;
  Task<void> idle() override;
  bool cut() override {
    responder_.cut();
    return true;
  }
  bool streaming() const noexcept override { return streaming_; }
  void opened(const Session& session) override;

  /// Makes it the answer to a call in this session. Before the first event.
  void in_session(std::shared_ptr<Session> session) { session_ = std::move(session); }
  /// The response's way without a coroutine, while no event was sent.
  HttpResponder& responder() noexcept { return responder_; }
  const std::string& fields() const noexcept { return fields_; }

 private:
  Task<void> begin();
  Task<void> write(std::string_view json);

  std::string fields_;
  HttpResponder& responder_;
  std::shared_ptr<Session> session_;
  std::shared_ptr<Feed> feed_;
  std::uint64_t stream_ = 0;
  bool streaming_ = false;
  bool lost_ = false;  // the connection takes no more
};

/// One array for all answers (2025-03-26); what would be an event is left out.
class BatchSink final : public AnswerSink {
 public:
  Task<bool> event(std::string_view) override { co_return true; }
  Task<void> finish(int, std::string_view json) override {
    if (!json.empty()) answers_.emplace_back(json);
    BufferBudget::Lease room = take_room();
    held_.take_over(room);
    co_return;
  }
  Task<void> idle() override { co_return; }
  bool streaming() const noexcept override { return false; }
  bool can_ask() const noexcept override { return false; }
  /// What was answered so far, in order.
  std::vector<std::string>& answers() noexcept { return answers_; }
  /// What all of it holds of its client's room.
  BufferBudget::Lease& held() noexcept { return held_; }

 private:
  std::vector<std::string> answers_;
  BufferBudget::Lease held_;
};

/// The id of an event in an old session, and back. `number` 0: before the first.
std::string event_id(std::uint64_t stream, std::uint64_t number);
bool read_event_id(std::string_view text, std::uint64_t& stream, std::uint64_t& number);

}  // namespace weir
