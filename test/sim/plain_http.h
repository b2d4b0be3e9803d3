// One side of an HTTP/1.1 connection for scripted servers and clients, written apart from src/http so that
// the two share no mistakes. Whole messages only.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/channel.h"

namespace weir::sim {

struct PlainMessage {
  std::string start;                          // request or status line
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;                           // chunks joined
  int status() const;                         // 0: no status line
  std::string field(const std::string& name) const;
};

class PlainHttp {
 public:
  explicit PlainHttp(std::unique_ptr<Stream> stream) : channel_(std::move(stream)) {}

  /// How a read ended: a whole message; a clean end between two; an end inside one; no byte for too long;
  /// stopped; no HTTP.
  enum class Got : std::uint8_t { whole, end, cut, late, stopped, nonsense };
  /// The next message. `patience` is for each silence, not for the whole.
  Task<Got> read(PlainMessage& out, Duration patience, CancelScope* stop);
  /// The next message's head, its body left to read_rest() or, where it is chunked, to read_chunk().
  Task<Got> read_head(PlainMessage& out, Duration patience, CancelScope* stop);
  Task<Got> read_rest(PlainMessage& out, Duration patience, CancelScope* stop);
  /// One chunk into `out`; an empty one is the last.
  Task<Got> read_chunk(std::string& out, Duration patience, CancelScope* stop);
  /// Waits until the other side has gone or `stop`.
  Task<void> wait_end(CancelScope* stop);
  Task<bool> write(std::string text, CancelScope* stop);
  /// What came behind the last message.
  std::string_view surplus() const noexcept { return unread_; }
  /// Breaks the connection instead of ending it.
  void reset();

 private:
  Task<Got> more(Duration patience, CancelScope* stop);

  Channel channel_;
  std::string unread_;
};

std::string to_string(PlainHttp::Got got);
/// `text` as one chunk.
std::string chunk_of(std::string_view text);
/// All nonces ("nonce-12-34") in a text, in order.
std::vector<std::string> nonces_in(std::string_view text);

}  // namespace weir::sim
