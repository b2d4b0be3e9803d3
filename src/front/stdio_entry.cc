#include "front/stdio_entry.h"

#include <algorithm>
#include <cstring>

#include "transport/stdio_framer.h"

namespace weir {
namespace {

constexpr std::size_t kBatchMax = 256 * 1024;  // lines that are joined into one write

ChannelEntry::Client client_here() {
  ChannelEntry::Client client;
  client.identity = "stdio";
  client.path = "/mcp";
  client.may_lose_news = true;  // ending the process for them would cost everything else
  return client;
}

// A message is one line: line breaks between its tokens are white space.
void append_line(std::string& out, std::string_view message) {
  const std::size_t begin = out.size();
  out += message;
  for (std::size_t i = begin; i < out.size(); ++i)
    if (out[i] == '\n' || out[i] == '\r') out[i] = ' ';
  out += '\n';
}

}  // namespace

StdioEntry::StdioEntry(Gateway& gateway, FrontObserver& observer, std::function<void()> left)
    : serving_(gateway, observer, false, nullptr),
      channel_(serving_, client_here()),
      left_(std::move(left)) {}

Task<void> StdioEntry::run(std::unique_ptr<Stream> stream, CancelScope& stop) {
  Channel wire(std::move(stream));
  CancelScope reading(stop);
  Nursery writer;
  writer.start(write(wire, reading));
  co_await read(wire, reading);
  left_();
  channel_.no_more();
  co_await channel_.finish();
  co_await writer.join();
}

Task<void> StdioEntry::read(Channel& wire, CancelScope& stop) {
  StdioFramer framer(serving_.gateway().plan()->config.limits.body);
  while (!stop.cancelled()) {
    const Result<std::size_t> got = co_await wire.fill(kForever, &stop);
    if (!got || *got == 0) break;
    while (!wire.pending().empty()) {
      const std::span<char> window = framer.window();
      const std::size_t size = std::min(window.size(), wire.pending().size());
      std::memcpy(window.data(), wire.pending().data(), size);
      framer.received(size);
      wire.consume(size);
      while (std::optional<Result<Bytes>> line = framer.next()) {
        bool goes_on = true;
        if (*line)
          goes_on = co_await channel_.take_bytes(std::move(**line));
        else
          goes_on = co_await channel_.take_overlong(framer.overlong_begin(), framer.line_max());
        if (!goes_on || stop.cancelled()) co_return;
      }
    }
  }
  // Its last line may lack an end.
  if (std::optional<Bytes> rest = framer.finish(); rest && !stop.cancelled()) {
    const bool taken = co_await channel_.take_bytes(std::move(*rest));
    (void)taken;
  }
}

Task<void> StdioEntry::write(Channel& wire, CancelScope& reading) {
  std::vector<Outbox::Item> items;
  while (true) {
    const Outbox::Took took = co_await channel_.outbox().take(items, kForever, nullptr);
    if (took != Outbox::Took::messages) co_return;
    std::string lines;
    for (std::size_t i = 0; i < items.size(); ++i) {
      append_line(lines, items[i].text);
      if (i + 1 < items.size() && lines.size() < kBatchMax) continue;
      const iovec piece{lines.data(), lines.size()};
      const Result<void> written = co_await wire.write(std::span<const iovec>(&piece, 1), kForever, nullptr);
      if (!written) {
        // Nobody reads any more: what is under way has no one to be for.
        channel_.abandon();
        reading.cancel();
        co_return;
      }
      lines.clear();
    }
  }
}

}  // namespace weir
