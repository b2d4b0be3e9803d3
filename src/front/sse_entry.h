// GET /sse and POST /messages: clients of 2024-11-05. The event stream is the channel, and its end is the
// session's; each POST brings one message into it, from whatever shard. Source: MCP 2024-11-05
// basic/transports, "HTTP with SSE".
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "front/channel_entry.h"
#include "front/visit.h"

namespace weir {

/// The open streams of all shards, by the id that their POSTs carry. Any thread.
class OpenStreams {
 public:
  /// Where one is.
  struct Place {
    std::string owner;
    Shard* home = nullptr;
    std::shared_ptr<ChannelEntry> channel;  // null: there is none
  };
  /// Takes note of a stream of this shard; its id, which can't be guessed.
  std::string open(std::string_view owner, std::shared_ptr<ChannelEntry> channel);
  /// The stream with this id that `owner` opened.
  Place find(std::string_view id, std::string_view owner) const;
  void close(std::string_view id);

 private:
  mutable std::mutex lock_;
  std::map<std::string, Place, std::less<>> by_id_;
};

class SseEntry {
 public:
  /// Where the two halves of a channel are.
  static constexpr std::string_view kStreamPath = "/sse";
  static constexpr std::string_view kPostPath = "/messages";

  /// `stop`: the process ends; may be null.
  SseEntry(Serving& serving, std::shared_ptr<OpenStreams> streams, CancelScope* stop)
      : serving_(serving), streams_(std::move(streams)), stop_(stop) {}

  /// Answers GET /sse: the stream, until the client leaves.
  Task<void> stream(Visit& visit, HttpSink& sink, CancelScope& gone);
  /// Answers POST /messages.
  Task<void> post(Visit& visit, Bytes body);

 private:
  Task<Result<void>> write(const Visit& visit, HttpResponder& responder, ChannelEntry& channel,
                           CancelScope& gone);

  Serving& serving_;
  const std::shared_ptr<OpenStreams> streams_;
  CancelScope* const stop_;
};

}  // namespace weir
