// The calls under way in one session that is held for a caller of the new revision, as far as that caller can
// be asked for something: what the server asks outside of any call's stream is for the only one of them.
// Any shard. Source: MCP 2026-07-28 basic/patterns/mrtr (a server asks during a request of the client's, and
// in its result); MCP 2025-11-25 basic/transports, "Listening for Messages from the Server".
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "call/call.h"
#include "runtime/shard.h"

namespace weir {

class LinkQuestions {
 public:
  /// One call's entry, until it goes.
  class Entry {
   public:
    /// For a call of this shard; `owner` outlives it.
    Entry(LinkQuestions& owner, QuestionBox& box);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    LinkQuestions& owner_;
    const QuestionBox* const box_;
  };

  /// Brings a request to the call that it can only be for, or refuses it. `asker` is of the calling shard.
  void ask(Message request, std::shared_ptr<ServerLink> asker);

 private:
  struct Seat {
    Shard* shard;
    const QuestionBox* key;
    std::weak_ptr<QuestionBox> box;
  };
  std::mutex lock_;
  std::vector<Seat> seats_;
};

}  // namespace weir
