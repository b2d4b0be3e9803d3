#include "sim/plain_http.h"

#include <algorithm>
#include <charconv>

#include "runtime/shard.h"
#include "sim/sim_network.h"

namespace weir::sim {

int PlainMessage::status() const {
  if (!start.starts_with("HTTP/1.1 ") || start.size() < 12) return 0;
  return std::atoi(start.c_str() + 9);
}

std::string PlainMessage::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

Task<PlainHttp::Got> PlainHttp::more(Duration patience, CancelScope* stop) {
  const TimePoint until = patience == Duration::max() ? kForever : Shard::current().now() + patience;
  const Result<std::size_t> got = co_await channel_.fill(until, stop);
  if (!got) {
    const Error::Kind kind = got.error().kind();
    if (kind == Error::Kind::deadline_exceeded) co_return Got::late;
    co_return kind == Error::Kind::cancelled ? Got::stopped : Got::cut;
  }
  if (*got == 0) co_return Got::end;
  unread_ += channel_.pending();
  channel_.consume(channel_.pending().size());
  co_return Got::whole;
}

Task<PlainHttp::Got> PlainHttp::read(PlainMessage& out, Duration patience, CancelScope* stop) {
  const Got got = co_await read_head(out, patience, stop);
  if (got != Got::whole) co_return got;
  co_return co_await read_rest(out, patience, stop);
}

Task<PlainHttp::Got> PlainHttp::read_head(PlainMessage& out, Duration patience, CancelScope* stop) {
  out = PlainMessage();
  std::size_t end = unread_.find("\r\n\r\n");
  while (end == std::string::npos) {
    const Got got = co_await more(patience, stop);
    if (got == Got::end && !unread_.empty()) co_return Got::cut;
    if (got != Got::whole) co_return got;
    end = unread_.find("\r\n\r\n");
  }
  const std::string head = unread_.substr(0, end + 2);
  unread_.erase(0, end + 4);
  std::size_t at = head.find("\r\n");
  out.start = head.substr(0, at);
  for (at += 2; at < head.size();) {
    const std::size_t next = head.find("\r\n", at);
    const std::string line = head.substr(at, next - at);
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) co_return Got::nonsense;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!out.fields.emplace(name, line.substr(colon + 2)).second) co_return Got::nonsense;
    at = next + 2;
  }
  co_return Got::whole;
}

Task<PlainHttp::Got> PlainHttp::read_rest(PlainMessage& out, Duration patience, CancelScope* stop) {
  if (out.field("transfer-encoding") == "chunked") {
    while (true) {
      std::string chunk;
      const Got got = co_await read_chunk(chunk, patience, stop);
      if (got != Got::whole || chunk.empty()) co_return got;
      out.body += chunk;
    }
  }
  const auto length = static_cast<std::size_t>(std::atol(out.field("content-length").c_str()));
  while (unread_.size() < length) {
    const Got got = co_await more(patience, stop);
    if (got != Got::whole) co_return got == Got::end ? Got::cut : got;
  }
  out.body = unread_.substr(0, length);
  unread_.erase(0, length);
  co_return Got::whole;
}

Task<PlainHttp::Got> PlainHttp::read_chunk(std::string& out, Duration patience, CancelScope* stop) {
  while (true) {
    const std::size_t line = unread_.find("\r\n");
    std::size_t size = 0;
    if (line != std::string::npos) {
      const auto [end, trouble] = std::from_chars(unread_.data(), unread_.data() + line, size, 16);
      if (trouble != std::errc() || end != unread_.data() + line) co_return Got::nonsense;
    }
    if (line == std::string::npos || unread_.size() < line + size + 4) {
      const Got got = co_await more(patience, stop);
      if (got != Got::whole) co_return got == Got::end ? Got::cut : got;
      continue;
    }
    out.assign(unread_, line + 2, size);
    if (unread_.compare(line + 2 + size, 2, "\r\n") != 0) co_return Got::nonsense;
    unread_.erase(0, line + size + 4);
    co_return Got::whole;
  }
}

Task<void> PlainHttp::wait_end(CancelScope* stop) {
  Got got = Got::whole;
  while (got == Got::whole) got = co_await more(Duration::max(), stop);
}

Task<bool> PlainHttp::write(std::string text, CancelScope* stop) {
  const iovec piece{text.data(), text.size()};
  const TimePoint until = Shard::current().now() + std::chrono::seconds(60);
  const Result<void> sent = co_await channel_.write(std::span<const iovec>(&piece, 1), until, stop);
  co_return sent.has_value();
}

void PlainHttp::reset() { reset_connection(channel_.stream()); }

std::string to_string(PlainHttp::Got got) {
  static const char* const names[] = {"whole", "end", "cut", "late", "stopped", "nonsense"};
  return names[static_cast<std::size_t>(got)];
}

std::string chunk_of(std::string_view text) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, text.size(), 16).ptr;
  return std::string(digits, end) + "\r\n" + std::string(text) + "\r\n";
}

std::vector<std::string> nonces_in(std::string_view text) {
  constexpr std::string_view mark = "nonce-";
  std::vector<std::string> found;
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at)) {
    std::size_t end = at + mark.size();
    while (end < text.size() && (text[end] == '-' || (text[end] >= '0' && text[end] <= '9'))) ++end;
    found.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return found;
}

}  // namespace weir::sim
