// The writing half of a client connection.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "base/text_writer.h"
#include "http/server.h"
#include "http/sse.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kRetry{1000};  // before a client comes back to a stream
constexpr std::size_t kJoinMax = 16 * 1024;        // larger bodies are not copied behind their head
constexpr std::size_t kPartMax = 4;                // pieces of a part

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

Task<Result<void>> HttpResponder::send(std::span<const iovec> pieces) {
  const TimePoint deadline = Shard::current().now() + limits_.write_time;
  Result<void> sent = co_await channel_.write(pieces, deadline, stop_ != nullptr ? stop_ : limits_.cut);
  // What was begun is not whole: nothing else can follow it.
  if (!sent) keep_alive_ = false, lost_ = true;
  co_return sent;
}

Task<Result<void>> HttpResponder::respond(int status, std::string_view content_type, std::string_view fields,
                                          std::span<const std::string_view> body) {
  if (respond_now(status, content_type, fields, body)) co_return Result<void>();
  co_return co_await finish();
}

// The head into wire_, with room for a body behind it.
void HttpResponder::write_head(int status, std::string_view content_type, std::string_view fields,
                               std::uint64_t length, std::size_t room) {
  wire_ = Buffer(256 + content_type.size() + fields.size() + room);
  TextWriter out(wire_.data());
  if (status == 200) {
    out.text("HTTP/1.1 200 OK");
  } else {
    out.text("HTTP/1.1 ").number(static_cast<std::size_t>(status)).text(" ").text(reason_phrase(status));
  }
  if (!content_type.empty()) out.text("\r\nContent-Type: ").text(content_type);
  if (status != 204) out.text("\r\nContent-Length: ").number(length);
  out.text("\r\n").text(fields);
  if (!keep_alive_) out.text("Connection: close\r\n");
  out.text("\r\n");
  pieces_[0] = iovec{wire_.data(), static_cast<std::size_t>(out.at() - wire_.data())};
  count_ = 1;
}

// Sends pieces_ as far as the socket takes them, without a coroutine; what it does not take stays in them.
bool HttpResponder::push() {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count_; ++i) total += pieces_[i].iov_len;
  // A connection that ends after this answer ends when it is sent: that is for a write that can be waited
  // for.
  if (count_ == 1 && keep_alive_ && ended_ && pieces_[0].iov_base == wire_.data() &&
      channel_.post(Bytes(wire_, std::string_view(wire_.data(), total)))) {
    count_ = 0;
    return true;
  }
  const std::ptrdiff_t taken = channel_.try_write(std::span<const iovec>(pieces_.data(), count_));
  if (taken == static_cast<std::ptrdiff_t>(total)) {
    count_ = 0;
    return true;
  }
  auto skip = static_cast<std::size_t>(std::max<std::ptrdiff_t>(taken, 0));
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t step = std::min(skip, pieces_[i].iov_len);
    pieces_[i].iov_base = static_cast<char*>(pieces_[i].iov_base) + step;
    pieces_[i].iov_len -= step;
    skip -= step;
  }
  return false;
}

bool HttpResponder::respond_now(int status, std::string_view content_type, std::string_view fields,
                                std::span<const std::string_view> body) {
  WEIR_CHECK(!begun_);
  begun_ = ended_ = true;
  std::size_t length = 0;
  for (const std::string_view piece : body) length += piece.size();
  write_head(status, content_type, fields, length, length <= kJoinMax ? length : 0);
  if (head_only_) return push();
  if (length <= kJoinMax) {
    TextWriter out(wire_.data() + pieces_[0].iov_len);
    for (const std::string_view piece : body) out.text(piece);
    pieces_[0].iov_len += length;
  } else {
    WEIR_CHECK(body.size() <= kPiecesMax);
    for (const std::string_view piece : body)
      pieces_[count_++] = iovec{const_cast<char*>(piece.data()), piece.size()};
  }
  return push();
}

void HttpResponder::begin_sized(std::string_view content_type, std::string_view fields,
                                std::uint64_t length) {
  WEIR_CHECK(!begun_);
  write_head(200, content_type, fields, length, 0);
  left_ = length;
}

bool HttpResponder::body_now(std::span<const std::string_view> pieces) {
  WEIR_CHECK(!ended_ && pieces.size() + count_ <= pieces_.size());
  begun_ = true;
  for (const std::string_view piece : pieces) {
    if (piece.empty()) continue;
    WEIR_CHECK(piece.size() <= left_);
    left_ -= piece.size();
    pieces_[count_++] = iovec{const_cast<char*>(piece.data()), piece.size()};
  }
  ended_ = left_ == 0;
  return count_ == 0 || push();
}

Task<Result<void>> HttpResponder::finish() {
  const Result<void> sent = co_await send(std::span<const iovec>(pieces_.data(), count_));
  count_ = 0;
  co_return sent;
}

Task<Result<void>> HttpResponder::begin_unsized(std::string_view content_type, std::string_view fields) {
  WEIR_CHECK(!begun_);
  begun_ = true;
  if (!chunked_) keep_alive_ = false;  // the end of the connection is the end of the body
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: ";
  head.append(content_type).append("\r\n");
  if (chunked_) head += "Transfer-Encoding: chunked\r\n";
  head += fields;
  if (!keep_alive_) head += "Connection: close\r\n";
  head += "\r\n";
  const iovec piece{head.data(), head.size()};
  co_return co_await send(std::span<const iovec>(&piece, 1));
}

Task<Result<void>> HttpResponder::begin_events(std::string_view fields) {
  std::string all = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
  all += fields;
  co_return co_await begin_unsized("text/event-stream", all);
}

Task<Result<void>> HttpResponder::event(std::string_view json, std::string_view id, std::string_view type) {
  std::string text;
  sse_append_event(text, json, id, type);
  return send_part(std::move(text));
}

Task<Result<void>> HttpResponder::prime(std::string_view id) {
  std::string text;
  sse_append_priming(text, id, kRetry);
  return send_part(std::move(text));
}

Task<Result<void>> HttpResponder::comment() {
  std::string text;
  sse_append_comment(text);
  return send_part(std::move(text));
}

Task<Result<void>> HttpResponder::send_part(std::string text) {
  const std::string_view piece = text;
  co_return co_await part(std::span(&piece, 1));
}

// In a chunk of its own where there are chunks.
Task<Result<void>> HttpResponder::part(std::span<const std::string_view> pieces) {
  WEIR_CHECK(begun_ && !ended_ && pieces.size() <= kPartMax);
  static char line_end[] = "\r\n";
  std::array<char, 24> size_line;
  std::array<iovec, kPartMax + 2> all;
  std::size_t count = chunked_ ? 1 : 0;
  std::size_t size = 0;
  for (const std::string_view piece : pieces) {
    if (piece.empty()) continue;
    size += piece.size();
    all[count++] = iovec{const_cast<char*>(piece.data()), piece.size()};
  }
  if (size == 0) co_return Result<void>();  // an empty chunk would be the last
  if (chunked_) {
    char* end = std::to_chars(size_line.data(), size_line.data() + 20, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    all[0] = iovec{size_line.data(), static_cast<std::size_t>(end - size_line.data())};
    all[count++] = iovec{line_end, 2};
  }
  co_return co_await send(std::span<const iovec>(all.data(), count));
}

Task<Result<void>> HttpResponder::end() {
  WEIR_CHECK(begun_ && !ended_);
  ended_ = true;
  if (!chunked_) co_return Result<void>();
  static char last[] = "0\r\n\r\n";
  const iovec piece{last, sizeof last - 1};
  co_return co_await send(std::span<const iovec>(&piece, 1));
}

}  // namespace weir
