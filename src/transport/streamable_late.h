// A call whose answer has not begun when its caller wants to know: what comes then, JSON or an event stream,
// is read as events all the same. Some servers send not even the head before they have the result.
#pragma once

#include <memory>
#include <string>

#include "http/client.h"
#include "transport/streamable.h"

namespace weir {

class StreamableLate final : public ReplyStream {
 public:
  /// `owner` and `call` outlive it; `id` is the request's, raw.
  StreamableLate(Streamable& owner, Call& call, std::string id, HttpExchange exchange)
      : owner_(owner),
        call_(call),
        id_(std::move(id)),
        exchange_(std::move(exchange)),
        clock_(call.deadline, Shard::current().now()) {}
  ~StreamableLate() override;

  Task<Result<ReplyEvent>> next(TimePoint until) override;
  void pause() override;
  void resume() override;

 private:
  Task<Result<ReplyEvent>> begin();

  Streamable& owner_;
  Call& call_;
  const std::string id_;
  HttpExchange exchange_;
  ReplyClock clock_;                    // until the answer has begun
  std::unique_ptr<ReplyStream> inner_;  // the answer, once it turns out to be a stream
  bool begun_ = false;
};

}  // namespace weir
