// Server-sent events, decoded incrementally and written. Source: HTML Living Standard, "Server-sent events";
// an event of MCP carries one JSON-RPC message. Comments and events without data (priming) are no messages.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

/// One event with data.
struct SseEvent {
  std::string data;  // data lines joined by LF
  std::string type;  // the event field; empty: "message"
  std::string id;    // its own id, as SseDecoder::last_id(); empty: none
};

/// Decodes one stream. One thread.
class SseDecoder {
 public:
  /// Of an id, in bytes. A longer one, or one with control characters, can't be named in a header: it counts
  /// as an empty one.
  static constexpr std::size_t kIdMax = 4096;
  /// Lines longer than it, in bytes, are not copied, nor their memory kept.
  static constexpr std::size_t kLong = 64 * 1024;
  /// What becomes of an event of more than `event_max` bytes: the stream is refused with it, or it is left
  /// out.
  enum class Overlong : std::uint8_t { refuse, skip };
  explicit SseDecoder(std::size_t event_max, Overlong overlong = Overlong::refuse)
      : event_max_(event_max), skips_(overlong == Overlong::skip) {}

  /// What next() came to: needs bytes, has an event, has left one out, or refused the stream for good; or, if
  /// asked for, has the begin of a long one.
  enum class State : std::uint8_t { more, event, overlong, refused, begun };
  /// Takes bytes from the front of `received`, which it shortens. `event`: event() is whole; call again for
  /// the rest. `begun`: all of `received` is taken.
  State next(std::string_view& received);
  /// Before the first bytes of a connection that goes on with a stream: its last id so far.
  void go_on_behind(std::string last_id) { last_id_ = std::move(last_id); }
  /// Whether `begun` is told, once for each event, of messages whose data is longer than kLong and goes on.
  void tell_begun(bool wanted) noexcept { tells_begun_ = wanted; }
  /// After `begun`: the data so far.
  std::string_view begun() const noexcept;
  /// The same, taken out: the rest of the stream is then for an SseDataReader. Else next() goes on.
  std::string take_begun();
  /// After `begun`: whether a stream cut off here can be gone on with.
  bool resumable() const noexcept { return has_id_ || !last_id_.empty(); }
  /// The event found last; may be moved from.
  SseEvent& event() noexcept { return event_; }
  /// True within an event that has a field of its own already, or within a line.
  bool within_event() const noexcept { return has_data_ || !line_.empty(); }
  /// Bytes that the event under way holds.
  std::size_t held() const noexcept { return line_.capacity() + building_.data.capacity(); }
  /// The first bytes of the data that was left out last.
  std::string_view overlong_begin() const noexcept { return overlong_begin_; }
  /// The id of the last whole event that had one, left out or not (one cut off has not come): empty where
  /// there was none, or where that is what it says. And the server's retry in milliseconds if it gave one.
  const std::string& last_id() const noexcept { return last_id_; }
  std::optional<std::uint32_t> retry_ms() const noexcept { return retry_ms_; }

 private:
  bool take_line(std::string_view line);
  bool take_long_line();
  bool begins_message() const;
  void begin_skipping(std::string_view part);
  void skip(std::string_view part);
  bool end_skipped_line();

  std::size_t event_max_;
  bool skips_;
  bool skipping_ = false;   // an event too large, up to its empty line
  bool line_empty_ = true;  // the line under way, while skipping
  std::string overlong_begin_;
  std::string line_;       // an unfinished line; while skipping as much of it as an id can have
  bool after_cr_ = false;  // a LF that follows belongs to it
  bool begun_ = false;     // a byte order mark is looked for once
  bool has_data_ = false;
  bool has_id_ = false;
  bool refused_ = false;
  bool tells_begun_ = false;
  bool told_begun_ = false;  // of the event under way
  SseEvent event_;
  SseEvent building_;
  std::string last_id_;
  std::optional<std::uint32_t> retry_ms_;
};

/// Appends one event: a single data line, as JSON without line breaks needs no more. `id` empty: none; `type`
/// empty: "message".
void sse_append_event(std::string& out, std::string_view json, std::string_view id,
                      std::string_view type = {});
/// Appends an event without data: a place to resume from, and how long to wait before that.
void sse_append_priming(std::string& out, std::string_view id, std::chrono::milliseconds retry);
/// Appends a comment that keeps a quiet stream alive.
void sse_append_comment(std::string& out);

}  // namespace weir
