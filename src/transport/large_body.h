// Where the text of a large result comes from: a JSON body, or one server-sent event.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "call/call.h"

namespace weir {

/// One shard, one text, read once. Its deadline stands still between a part and the next call: a server is
/// not to blame for a client that reads slowly.
class LargeBody {
 public:
  virtual ~LargeBody() = default;
  /// Bytes of the whole text, where that is known before its end.
  virtual std::optional<std::uint64_t> length() const noexcept = 0;
  /// The next part, good until the next call; empty at the end, and then whenever it is asked again.
  virtual Task<Result<std::string_view>> next() = 0;
  /// After the end, if the text was right: the connection may serve other calls.
  virtual void finish() noexcept = 0;
};

}  // namespace weir
