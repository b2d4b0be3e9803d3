// Trace context: who called us within which trace, and what we tell the upstream. The ids live in the call;
// spans are exported elsewhere. Parsing is strict: what is not well formed is as if it was not there, and a
// new trace begins. Values without an owner; any thread. Source: W3C Trace Context, sections 3.2 and 3.3.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// Gives 64 random bits per call; wraps a Random of the calling shard.
using RandomBits = std::function<std::uint64_t()>;

/// One span's place: its trace, its own id, and the flags that travel.
struct SpanIds {
  std::uint64_t trace_high = 0;
  std::uint64_t trace_low = 0;
  std::uint64_t span = 0;
  bool sampled = false;
  bool random_trace =
      false;  // the trace id was drawn evenly, so that samplers downstream may rely on its bits

  /// False for ids that were never set.
  bool valid() const noexcept { return (trace_high | trace_low) != 0 && span != 0; }
  bool operator==(const SpanIds&) const = default;
};

/// The first span of a new trace.
SpanIds new_trace(const RandomBits& random, bool sampled);
/// A new span of `parent`'s trace, with its flags.
SpanIds child_of(const SpanIds& parent, const RandomBits& random);

/// The sender's span named by a `traceparent` value; nothing if it is not exactly as the standard says.
std::optional<SpanIds> parse_traceparent(std::string_view text) noexcept;
/// Appends the 55 bytes of a version 00 `traceparent`.
void append_traceparent(std::string& out, const SpanIds& ids);
/// Appends the trace id as 32 lower-case hex digits.
void append_trace_id(std::string& out, const SpanIds& ids);
/// Appends the span id as 16 lower-case hex digits.
void append_span_id(std::string& out, const SpanIds& ids);

/// A `tracestate` value fit to send on: checked, without empty members and padding, at most 512 bytes
/// (members of over 128 bytes go first, then the last ones). Nothing if it is malformed, which costs the
/// whole value. Several header lines are joined with commas beforehand.
std::optional<std::string> parse_tracestate(std::string_view text);

}  // namespace weir
