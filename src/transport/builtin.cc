#include "transport/builtin.h"

#include "mcp/outgoing.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"
#include "transport/demo_content.h"

namespace weir {
namespace {

Message message_of(std::string text) {
  auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(message);
  return std::move(*message);
}

Message response(const DemoAnswer& answer) {
  return message_of(answer.error.empty() ? R"({"jsonrpc":"2.0","id":1,"result":)" + answer.result + "}"
                                         : R"({"jsonrpc":"2.0","id":1,"error":)" + answer.error + "}");
}

/// The one slow tool: a step, a pause, a step.
class Countdown final : public ReplyStream {
 public:
  Countdown(DemoAnswer answer, Call& call) : answer_(std::move(answer)), call_(call) {}

  Task<Result<ReplyEvent>> next(TimePoint) override {
    const DemoCountdown& plan = *answer_.countdown;
    if (step_ == plan.steps) co_return ReplyEvent(response(answer_), true);
    const TimePoint until = Shard::current().now() + std::chrono::milliseconds(plan.pause_ms);
    const Wake wake = co_await Sleep(until, &call_.cancel);
    if (wake == Wake::cancelled)
      co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe,
                     "the call was cancelled");
    ++step_;
    co_return ReplyEvent(
        message_of(
            R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":)" +
            std::to_string(step_) + ",\"total\":" + std::to_string(plan.steps) + ",\"message\":\"" +
            std::to_string(plan.steps - step_) + " to go\"}}"),
        false);
  }

 private:
  DemoAnswer answer_;
  Call& call_;
  int step_ = 0;
};

}  // namespace

Task<Result<Reply>> Builtin::call(Call& call) {
  const RawMembers& params = call.message.param();
  const std::string name =
      !call.target.empty() ? std::string(call.target) : json_unescape(raw_target(call.message, call.row));
  DemoAnswer answer;
  if (call.row.route == Route::by_name && call.row.kind == ListKind::tools) {
    const auto now = shard_.wall_now().time_since_epoch();
    answer = demo_call(name, params.find("arguments"),
                       std::chrono::duration_cast<std::chrono::seconds>(now).count());
  } else if (call.row.route == Route::by_name) {
    answer = demo_prompt(name, params.find("arguments"));
  } else if (call.row.route == Route::by_uri) {
    answer = demo_read(name);
  } else if (call.row.route == Route::by_ref) {
    answer = demo_complete(params.find("ref"), params.find("argument"));
  } else {
    answer.result = demo_list(call.row.name);
  }
  if (answer.result.empty() && answer.error.empty())
    answer.error = R"({"code":-32601,"message":"method not found"})";
  if (!answer.countdown) co_return Reply(ReplyEvent(response(answer), true));
  auto rest = std::make_unique<Countdown>(std::move(answer), call);
  Result<ReplyEvent> first = co_await rest->next(kForever);
  if (!first) co_return fail(first.error());
  Reply reply(std::move(*first));
  reply.rest = std::move(rest);
  co_return reply;
}

Task<Result<std::shared_ptr<const Peer>>> Builtin::greet(const Introduction&, TimePoint, CancelScope&) {
  Result<ServerFacts> facts = read_discover(demo_list("server/discover"));
  if (!facts) co_return fail(facts.error());
  auto peer = std::make_shared<Peer>();
  peer->facts = std::move(*facts);
  peer->facts.server_info = std::string(own_client_info());
  co_return std::shared_ptr<const Peer>(std::move(peer));
}

Task<void> Builtin::close() { co_return; }

}  // namespace weir
