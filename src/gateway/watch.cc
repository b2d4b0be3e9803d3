#include "gateway/watch.h"

#include <algorithm>

#include "gateway/client_links.h"
#include "mcp/splice.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(500);
constexpr Duration kPauseMax = std::chrono::seconds(30);
constexpr Duration kAskTime = std::chrono::seconds(10);
constexpr std::size_t kUrisMax = 100'000;

std::string uri_params(const std::string& uri) {
  std::string out = "{\"uri\":";
  json_append_string(out, uri);
  return out + '}';
}

bool declares(const ServerFacts& facts, std::string_view capability, std::string_view what) {
  const std::string_view raw = members_of(facts.capabilities).find(capability);
  return !raw.empty() && raw.front() == '{' && members_of(raw).find(what) == "true";
}

}  // namespace

struct Watch::Listening {
  explicit Listening(std::string wanted) : filter(std::move(wanted)) {}
  const std::string filter;
  CancelScope scope;
  std::set<std::string> agreed;  // resources that the server honours
};

Watch::Watch(std::function<Transport&()> transport, StrayMessage stray, std::function<void()> lost)
    : transport_(std::move(transport)), stray_(std::move(stray)), lost_(std::move(lost)) {}
Watch::~Watch() = default;

// The members of `notifications` that this server can honour; empty for nothing.
std::string Watch::filter() const {
  std::string out;
  const auto add = [&](std::string_view member) {
    out += (out.empty() ? "\"" : ",\"") + std::string(member);
  };
  for (const std::string_view kind : {"tools", "prompts", "resources"})
    if (declares(peer_->facts, kind, "listChanged")) add(std::string(kind) + "ListChanged\":true");
  if (!uris_.empty() && declares(peer_->facts, "resources", "subscribe")) {
    add("resourceSubscriptions\":[");
    bool first = true;
    for (const auto& [uri, count] : uris_) {
      if (!first) out += ',';
      first = false;
      json_append_string(out, uri);
    }
    out += ']';
  }
  return out;
}

void Watch::begin(std::shared_ptr<const Peer> peer) {
  end();
  if (stop_.cancelled()) return;
  peer_ = std::move(peer);
  if (is_new(peer_->facts.revision)) {
    renew();
    return;
  }
  now_ = std::make_shared<Listening>(std::string());
  fibers_.start(listen_old(now_));
}

void Watch::end() {
  for (const auto& one : {now_, next_})
    if (one) one->scope.cancel();
  now_ = next_ = nullptr;
  peer_ = nullptr;
  agreed_.clear();
  wake_all();
}

void Watch::renew() {
  if (!peer_ || !is_new(peer_->facts.revision)) return;
  std::string wanted = filter();
  if (next_ && next_->filter == wanted) return;
  if (next_) next_->scope.cancel();
  next_ = nullptr;
  if (now_ && now_->filter == wanted) return;
  if (wanted.empty()) {
    if (now_) now_->scope.cancel();
    now_ = nullptr;
    return;
  }
  next_ = std::make_shared<Listening>(std::move(wanted));
  fibers_.start(listen(next_));
}

Task<void> Watch::listen(std::shared_ptr<Listening> one) {
  Duration pause = kPause;
  const std::shared_ptr<const Peer> peer = peer_;
  while (!one->scope.cancelled() && !stop_.cancelled()) {
    ScopeLink link(stop_, one->scope);
    const TimePoint begun = Shard::current().now();
    const bool offered = co_await listen_once(one);
    if (!offered) {
      if (next_ == one) next_ = nullptr;
      wake_all();
      break;
    }
    pause = Shard::current().now() - begun > kPauseMax ? kPause : std::min(pause * 2, kPauseMax);
    co_await Sleep(Shard::current().now() + pause, &one->scope);
  }
}

// One stream to its end. False: the server offers none.
Task<bool> Watch::listen_once(std::shared_ptr<Listening> one) {
  const std::shared_ptr<const Peer> peer = peer_;
  if (!peer) co_return false;
  const std::string text =
      R"({"jsonrpc":"2.0","id":0,"method":"subscriptions/listen","params":{"notifications":{)" + one->filter +
      "}}}";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(message);
  Call call(*message, *find_method("subscriptions/listen"), one->scope);
  call.peer = peer.get();
  call.client.revision = kNewestOld;
  Result<Reply> reply = co_await transport_().call(call);
  if (!reply) co_return true;
  ReplyEvent event = std::move(reply->first);
  while (!event.last) {
    const std::string_view method = event.message->method();
    if (method == "notifications/subscriptions/acknowledged")
      acknowledged(*one, *event.message);
    else if (!event.message->is_request())
      stray_(std::move(*event.message), nullptr);
    Result<ReplyEvent> next = co_await reply->rest->next(kForever);
    if (!next) co_return true;
    event = std::move(*next);
  }
  co_return event.message->kind() != Message::Kind::error;
}

void Watch::acknowledged(Listening& one, const Message& message) {
  if (next_.get() == &one) {
    if (now_) now_->scope.cancel();
    now_ = std::move(next_);
  }
  one.agreed.clear();
  const std::string_view honoured = message.param().find("notifications");
  if (!honoured.empty() && honoured.front() == '{') {
    const std::string_view uris = members_of(honoured).find("resourceSubscriptions");
    JsonCursor cursor(uris, JsonLimits(), false);
    if (!uris.empty() && cursor.enter_array())
      while (cursor.next_element()) one.agreed.insert(json_unescape(cursor.take_value()));
  }
  wake_all();
}

void Watch::wake_all() {
  for (Waiter* waiter : waiting_) waiter->wake();
}

bool Watch::agreed(const std::string& uri) const {
  if (!peer_) return false;
  if (!is_new(peer_->facts.revision)) return agreed_.find(uri) != agreed_.end();
  return now_ && now_->agreed.find(uri) != now_->agreed.end();
}

Task<void> Watch::listen_old(std::shared_ptr<Listening> one) {
  ScopeLink link(stop_, one->scope);
  const std::shared_ptr<const Peer> peer = peer_;
  for (const auto& [uri, count] : std::map(uris_)) {
    const TimePoint deadline = Shard::current().now() + kAskTime;
    const bool agreed = co_await ask(uri, deadline, one->scope);
    (void)agreed;  // what it offers no more it will not update
  }
  co_await transport_().listen(peer, stray_, {}, one->scope);
  if (peer->lost) lost_();
}

// An old server's agreement.
Task<bool> Watch::ask(const std::string& uri, TimePoint deadline, CancelScope& cancel) {
  const std::shared_ptr<const Peer> peer = peer_;
  if (!peer) co_return false;
  const std::string params = uri_params(uri);
  const Result<Message> answer =
      co_await own_request(transport_(), peer, "resources/subscribe", params, deadline, cancel);
  if (answer) agreed_.insert(uri);
  co_return answer.has_value();
}

Task<bool> Watch::add(const std::string& uri, TimePoint deadline, CancelScope& cancel) {
  if (!peer_ || !declares(peer_->facts, "resources", "subscribe")) co_return false;
  if (uris_.size() >= kUrisMax) co_return false;
  ++uris_[uri];
  renew();
  if (!agreed(uri) && !is_new(peer_->facts.revision)) {
    const bool good = co_await ask(uri, deadline, cancel);
    (void)good;  // agreed() says it
  }
  Waiter waiter;
  waiting_.push_back(&waiter);
  while (!agreed(uri) && next_) {
    const Wake wake = co_await waiter.wait(deadline, &cancel);
    if (wake != Wake::ready) break;
  }
  std::erase(waiting_, &waiter);
  const bool good = agreed(uri);
  if (!good) remove(uri);
  co_return good;
}

void Watch::remove(const std::string& uri) {
  const auto found = uris_.find(uri);
  if (found == uris_.end() || --found->second != 0) return;
  uris_.erase(found);
  const bool told = agreed_.erase(uri) != 0;
  if (!peer_) return;
  if (is_new(peer_->facts.revision))
    renew();
  else if (told && !stop_.cancelled())
    fibers_.start(forget(uri));
}

Task<void> Watch::forget(std::string uri) {
  const std::string params = uri_params(uri);
  const std::shared_ptr<const Peer> peer = peer_;
  if (!peer) co_return;
  const TimePoint deadline = Shard::current().now() + kAskTime;
  const Result<Message> answer =
      co_await own_request(transport_(), peer, "resources/unsubscribe", params, deadline, stop_);
  (void)answer.has_value();  // at worst it tells what nobody asks for
}

Task<void> Watch::close() {
  end();
  stop_.cancel();
  co_await fibers_.join();
}

}  // namespace weir
