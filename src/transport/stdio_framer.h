// Cuts what a stdio server writes into lines: one JSON-RPC message a line on stdout, free text on stderr.
// Invariants: no more than a line's limit is ever held, an endless line costs nobody else anything, and the
// bytes of a line that was handed out, with the padding behind them, are never written again. Owner: the
// reader of one child, on its home shard. Source: MCP specification, transports, stdio.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace weir {

/// Incremental framer of newline-delimited messages. Read into window(), say received(), then take next()
/// until empty.
class StdioFramer {
 public:
  /// `line_max`: the most bytes of one line, its end not counted.
  explicit StdioFramer(std::size_t line_max) : line_max_(line_max) {}

  /// The most bytes of one line.
  std::size_t line_max() const noexcept { return line_max_; }
  /// Where the next bytes go; never empty. Valid until the next call of a member.
  std::span<char> window();
  /// The first `count` bytes of window() were filled.
  void received(std::size_t count);
  /// The next whole line, without its end (\n or \r\n), blank ones left out; it shares the receive buffer. An
  /// overlong line is one too_large error, however long it goes on. Nothing: read on.
  std::optional<Result<Bytes>> next();
  /// The first bytes of the overlong line that next() told of last, 256 at most; until it is called again.
  std::string_view overlong_begin() const noexcept { return overlong_begin_; }
  /// The writer closed its end: what came after the last line's end, if anything; the validator says if it is
  /// whole.
  std::optional<Bytes> finish();

 private:
  std::optional<Bytes> line(std::size_t begin, std::size_t end);
  tl::unexpected<Error> overlong(std::size_t begin);
  void make_room();
  void move_line(Buffer to, std::size_t at);

  std::size_t line_max_;
  Buffer buffer_;
  std::size_t begin_ = 0;    // of the line under way
  std::size_t scanned_ = 0;  // no line end in [begin_, scanned_)
  std::size_t end_ = 0;      // of the bytes received
  std::size_t floor_ = 0;    // below it lie lines handed out, and their padding
  bool skipping_ = false;    // inside an overlong line
  std::string overlong_begin_;
};

/// Cuts free text into lines for the log: a longer line is cut at `line_max` and its rest dropped. Holds one
/// line at most.
class LogLines {
 public:
  /// Longest log line of a child that is kept whole, in bytes.
  static constexpr std::size_t kLineMax = 8192;

  explicit LogLines(std::size_t line_max = kLineMax) : line_max_(line_max) {}

  /// One line, without its end and valid during the callback; `cut` when its rest was dropped.
  struct Line {
    std::string_view text;
    bool cut;
  };

  /// Takes any slice of the stream and calls `each(Line)` for every line that ends in it; blank lines are
  /// left out.
  template <class Each>
  void feed(std::string_view chunk, Each&& each) {
    while (!chunk.empty()) {
      const std::size_t at = chunk.find('\n');
      hold(chunk.substr(0, at));
      if (at == std::string_view::npos) return;
      chunk.remove_prefix(at + 1);
      finish(each);
    }
  }

  /// The writer closed its end: the unfinished line, if any.
  template <class Each>
  void finish(Each&& each) {
    if (const Line line = held(); !line.text.empty()) each(line);
    held_.clear();
    cut_ = false;
  }

 private:
  void hold(std::string_view part);
  Line held() const;

  std::size_t line_max_;
  std::string held_;
  bool cut_ = false;
};

}  // namespace weir
