// One client on our own stdin and stdout: one message a line. Source: MCP 2025-11-25 and 2026-07-28
// basic/transports, stdio.
#pragma once

#include <functional>
#include <memory>

#include "front/channel_entry.h"
#include "runtime/channel.h"

namespace weir {

class StdioEntry {
 public:
  /// `left` is told once, on this shard, when nothing more comes from the client: what is under way then
  /// still goes on.
  StdioEntry(Gateway& gateway, FrontObserver& observer, std::function<void()> left);

  /// Serves the client until it has left or `stop` is cancelled, and all that was under way has ended.
  Task<void> run(std::unique_ptr<Stream> stream, CancelScope& stop);

 private:
  Task<void> read(Channel& wire, CancelScope& stop);
  Task<void> write(Channel& wire, CancelScope& reading);

  Serving serving_;
  ChannelEntry channel_;
  std::function<void()> left_;
};

}  // namespace weir
