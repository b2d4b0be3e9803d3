#include "gateway/call_keyed.h"

#include <algorithm>

#include "base/check.h"
#include "gateway/find_name.h"
#include "mcp/client_requests.h"
#include "mcp/splice.h"
#include "runtime/shard.h"

namespace weir {
namespace {

// What is said to whoever asks for it again.
Error said_again(const Error& failed) {
  if (failed.kind() == Error::Kind::too_large) return failed;
  return {Error::Kind::outcome_unknown, failed.side(), Error::Sent::maybe,
          "a call with this idempotency key was made before: " + failed.detail()};
}

// Nobody but a client that can be asked goes on with a call; one at the same address, or by the same token,
// may be another.
bool can_go_on(const ClientView& client, const Message& asked) {
  if (!is_new(client.revision)) return false;
  const std::optional<InputRequired> wanted = read_input_required(asked);
  // With its state alone anyone can.
  return (wanted && wanted->requests.empty()) || declares_input(client.capabilities);
}

void put_again(ClientCall& call, KeyedCalls::Outcome outcome, std::size_t server, Answer& answer) {
  if (!outcome.response) return put_fault(answer, call, said_again(outcome.failed), server);
  auto message = Message::index(Bytes::copy_of(*outcome.response), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(message);
  if (outcome.asks && !can_go_on(call.client, *message)) {
    const Error waits(
        Error::Kind::outcome_unknown, Error::Side::client, Error::Sent::maybe,
        "the call with this idempotency key waits for input, for which this client can't be asked");
    return put_fault(answer, call, waits, server);
  }
  answer.server = call.plan.find(outcome.server);
  call.bridged = outcome.bridged;
  answer.fallback = std::move(outcome.fallback);
  answer.reply.emplace(ReplyEvent(std::move(*message), true));
  answer.reply->peer = std::move(outcome.peer);
  answer.reply->endpoint = outcome.endpoint;
}

std::string_view inputs_of(const ClientCall& call) { return call.message.param().find("inputResponses"); }

// True if what the call brought answers what its server asks now as well: it asks once more. What waits here
// has another state each time.
bool asks_alike(const ClientCall& call, const Message& response) {
  const std::optional<InputRequired> wanted = read_input_required(response);
  if (!wanted) return true;  // who could tell
  const std::string_view brought = call.continued && !call.bridged
                                       ? std::string_view(call.continued->raw)
                                       : call.message.param().find("requestState");
  if (brought != wanted->request_state) return false;
  const std::string_view inputs = inputs_of(call);
  if (inputs.empty() || inputs.front() != '{') return true;
  const RawMembers given = members_of(inputs);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string key = json_unescape(given[i].name);
    const auto same = [&key](const InputRequest& request) { return request.key == key; };
    if (std::none_of(wanted->requests.begin(), wanted->requests.end(), same)) return false;
  }
  return true;
}

Error crowded(Duration wait) {
  using std::chrono::milliseconds;
  Error error(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::no,
              "too many calls with an idempotency key run, or are kept of this client");
  if (wait > Duration()) error.set_retry_after(std::chrono::ceil<milliseconds>(wait));
  return error;
}

}  // namespace

Task<bool> begin_keyed(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                       Answer& answer) {
  KeyedCalls::Name name;
  name.client = call.client.identity;
  name.server = call.plan.servers[server]->name();
  name.tool = tool;
  name.key = call.key;
  name.arguments = call.message.param().find("arguments");
  if (is_new(call.client.revision)) {
    name.state = call.message.param().find("requestState");
    name.inputs = inputs_of(call);
  }
  using As = KeyedCalls::Begun::As;
  while (true) {
    KeyedCalls::Begun begun = call.keys->begin(name, leaf.may_repeat(), Shard::current().now());
    if (begun.as == As::first) {
      call.keyed = std::move(begun.run);
      leaf.takes_large = false;  // it is to be kept whole
      co_return true;
    }
    if (begun.as == As::other) {
      put_refusal(answer, call, kInvalidParams,
                  "params._meta[\"weir/idempotencyKey\"] was given with other arguments before");
      co_return false;
    }
    if (begun.as == As::crowded) {
      call.plan.servers[server]->note_key_limit();
      put_fault(answer, call, crowded(begun.wait), server);
      co_return false;
    }
    auto outcome = co_await call.keys->settled(begun.entry, leaf.deadline, call.cancel);
    if (!outcome) {
      put_fault(answer, call, outcome.error(), server);
      co_return false;
    }
    if (!*outcome) continue;
    put_again(call, std::move(**outcome), server, answer);
    co_return false;
  }
}

void keep_answer(const ClientCall& call, const Answer& answer, const Message& response) {
  if (!call.keyed) return;
  KeyedCalls::Outcome from;
  from.peer = answer.reply->peer;
  from.endpoint = answer.reply->endpoint;
  if (answer.server != Plan::kAll) from.server = call.plan.servers[answer.server]->name();
  from.fallback = answer.fallback;
  from.asks = response.kind() == Message::Kind::result && is_input_required(response);
  from.alike = from.asks && asks_alike(call, response);
  from.bridged = call.bridged;
  call.keyed->answered(response, std::move(from));
}

}  // namespace weir
