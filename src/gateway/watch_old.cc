// The watch of an old server: its session's stream, and what it is told by resources/subscribe and
// resources/unsubscribe, so that it tells of what is wanted and of nothing else.
#include <algorithm>

#include "gateway/client_links.h"
#include "gateway/watch_state.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kAskTime = std::chrono::seconds(10);
constexpr Duration kAgain = std::chrono::seconds(1);
constexpr Duration kAgainMax = std::chrono::seconds(30);
constexpr std::size_t kAtOnce = 16;  // requests

std::string uri_params(const std::string& uri) {
  std::string out = "{\"uri\":";
  json_append_string(out, uri);
  return out + '}';
}

}  // namespace

Task<void> Watch::listen_old(std::shared_ptr<Listening> one) {
  ScopeLink link(stop_, one->scope);
  const std::shared_ptr<const Peer> peer = peer_;
  tell_old();
  co_await options_.transport().listen(peer, options_.stray, {}, one->scope);
  if (peer->lost) options_.lost();
}

void Watch::tell_old() {
  if (!now_ || !declares(peer_->facts, "resources", "subscribe")) return;
  if (now_->telling) {
    now_->again = true;
    return;
  }
  now_->telling = true;
  fibers_.start(bring_in_line(now_));
}

Task<void> Watch::bring_in_line(std::shared_ptr<Listening> one) {
  Duration pause = kAgain;
  while (!one->scope.cancelled()) {
    one->again = false;
    const std::set<std::string> wanted = options_.wanted(Topic::Kind::resource);
    std::vector<std::string> ask_for;
    std::vector<std::string> too_much;
    for (const std::string& uri : wanted)
      if (!one->agreed.contains(uri) && !one->refused.contains(uri)) ask_for.push_back(uri);
    for (const std::string& uri : one->agreed)
      if (!wanted.contains(uri)) too_much.push_back(uri);
    // Whoever wants it later asks for it anew.
    std::erase_if(one->refused, [&](const std::string& uri) { return !wanted.contains(uri); });
    for (std::size_t i = 0; i < ask_for.size() + too_much.size() && !one->scope.cancelled();) {
      Nursery some;
      for (std::size_t k = 0; k < kAtOnce && i < ask_for.size() + too_much.size(); ++k, ++i)
        some.start(i < ask_for.size() ? ask(one, ask_for[i]) : withdraw(one, too_much[i - ask_for.size()]));
      co_await some.join();
      wake_all();
    }
    if (one->again || one->scope.cancelled()) continue;
    const bool all = std::all_of(ask_for.begin(), ask_for.end(), [&](const std::string& uri) {
      return one->agreed.contains(uri) || one->refused.contains(uri);
    });
    if (all) break;
    // It could not be asked just now.
    co_await Sleep(Shard::current().now() + pause, &one->scope);
    pause = std::min(pause * 2, kAgainMax);
  }
  one->telling = false;
  wake_all();
}

Task<void> Watch::ask(std::shared_ptr<Listening> one, std::string uri) {
  const std::shared_ptr<const Peer> peer = peer_;
  if (!peer) co_return;
  const TimePoint deadline = Shard::current().now() + kAskTime;
  const std::string params = uri_params(uri);
  const Result<Message> answer =
      co_await own_request(options_.transport(), peer, "resources/subscribe", params, deadline, one->scope);
  if (answer)
    one->agreed.insert(std::move(uri));
  else if (answer.error().kind() == Error::Kind::upstream_protocol)
    one->refused.insert(std::move(uri));
}

Task<void> Watch::withdraw(std::shared_ptr<Listening> one, std::string uri) {
  const std::shared_ptr<const Peer> peer = peer_;
  one->agreed.erase(uri);
  if (!peer) co_return;
  const TimePoint deadline = Shard::current().now() + kAskTime;
  const std::string params = uri_params(uri);
  const Result<Message> answer =
      co_await own_request(options_.transport(), peer, "resources/unsubscribe", params, deadline, one->scope);
  (void)answer.has_value();  // at worst it tells what nobody asks for
}

}  // namespace weir
