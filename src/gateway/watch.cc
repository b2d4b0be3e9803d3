#include "gateway/watch.h"

#include <algorithm>

#include "gateway/watch_state.h"
#include "mcp/splice.h"
#include "mcp/task_ids.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(500);
constexpr Duration kPauseMax = std::chrono::seconds(5);
constexpr Duration kGoodTime = std::chrono::seconds(30);  // a stream that lasted so long began well

// Weir asks for all its clients together; those who want to hear of tasks have declared this.
std::string task_meta() {
  std::string out = "{\"";
  out.append(kMetaCapabilities).append(R"(":{"extensions":{")").append(kTasksExtension).append("\":{}}}}");
  return out;
}

void append_list(std::string& out, std::string_view member, const std::set<std::string>& texts) {
  if (texts.empty()) return;
  if (!out.empty()) out += ',';
  out.append("\"").append(member).append("\":");
  char before = '[';
  for (const std::string& text : texts) {
    out += before;
    json_append_string(out, text);
    before = ',';
  }
  out += ']';
}

std::set<std::string> read_list(std::string_view raw) {
  std::set<std::string> out;
  JsonCursor cursor(raw, JsonLimits(), false);
  if (raw.empty() || !cursor.enter_array()) return out;
  while (cursor.next_element())
    if (const std::string_view one = cursor.take_value(); one.size() >= 2 && one.front() == '"')
      out.insert(json_unescape(one));
  return out;
}

}  // namespace

bool declares(const ServerFacts& facts, std::string_view capability, std::string_view what) {
  const std::string_view raw = members_of(facts.capabilities).find(capability);
  if (raw.empty() || raw.front() != '{') return false;
  const std::string_view value = members_of(raw).find(what);
  return value == "true" || (!value.empty() && value.front() == '{');
}

Watch::Watch(Options options) : options_(std::move(options)) {}
Watch::~Watch() = default;

// The members of `notifications` that this server can honour; empty for nothing.
std::string Watch::filter() const {
  std::string out;
  for (const std::string_view kind : {"tools", "prompts", "resources"})
    if (declares(peer_->facts, kind, "listChanged"))
      out.append(out.empty() ? "\"" : ",\"").append(kind).append("ListChanged\":true");
  if (declares(peer_->facts, "resources", "subscribe"))
    append_list(out, "resourceSubscriptions", options_.wanted(Topic::Kind::resource));
  if (declares(peer_->facts, "extensions", kTasksExtension))
    append_list(out, "taskIds", options_.wanted(Topic::Kind::task));
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
  now_ = std::make_shared<Listening>();
  fibers_.start(listen_old(now_));
}

void Watch::end() {
  for (const auto& one : {now_, next_})
    if (one) one->scope.cancel();
  now_ = next_ = nullptr;
  peer_ = nullptr;
  wake_all();
}

void Watch::leave() {
  stop_.cancel();
  end();
}

// One that waits for its acknowledgement is not overtaken: what it lacks is asked for right after it.
void Watch::renew() {
  if (!peer_ || stop_.cancelled()) return;
  if (!is_new(peer_->facts.revision)) return tell_old();
  if (next_) return;
  std::string wanted = filter();
  if (now_ && now_->filter == wanted) return;
  if (wanted.empty()) {
    if (now_) now_->scope.cancel();
    now_ = nullptr;
    return;
  }
  next_ = std::make_shared<Listening>();
  next_->filter = std::move(wanted);
  fibers_.start(listen(next_));
}

Task<void> Watch::listen(std::shared_ptr<Listening> one) {
  Duration pause = kPause;
  ScopeLink link(stop_, one->scope);
  while (!one->scope.cancelled() && !stop_.cancelled()) {
    const TimePoint begun = Shard::current().now();
    const bool offered = co_await listen_once(one);
    if (one->scope.cancelled()) break;
    if (!offered) {
      if (next_ == one) next_ = nullptr;
      wake_all();
      break;
    }
    pause = Shard::current().now() - begun > kGoodTime ? kPause : std::min(pause * 2, kPauseMax);
    co_await Sleep(Shard::current().now() + pause, &one->scope);
    // Begun anew, it asks for what is wanted now.
    if (peer_ && (now_ == one || next_ == one)) one->filter = filter();
    if (one->filter.empty()) break;
  }
  if (now_ == one) now_ = nullptr;
  if (next_ == one) next_ = nullptr;
  wake_all();
}

// One stream to its end. False: the server offers none.
Task<bool> Watch::listen_once(std::shared_ptr<Listening> one) {
  const std::shared_ptr<const Peer> peer = peer_;
  if (!peer) co_return false;
  std::string text = R"({"jsonrpc":"2.0","id":0,"method":"subscriptions/listen","params":{"notifications":{)";
  text.append(one->filter).append("}");
  if (one->filter.find("\"taskIds\":[") != std::string::npos) text.append(",\"_meta\":").append(task_meta());
  text += "}}";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  WEIR_CHECK(message);
  Call call(*message, *find_method("subscriptions/listen"), one->scope);
  call.peer = peer.get();
  call.client.revision = kNewestOld;
  Result<Reply> reply = co_await options_.transport().call(call);
  if (!reply) co_return true;
  ReplyEvent event = std::move(reply->first);
  while (!event.last) {
    const std::string_view method = event.message->method();
    if (method == "notifications/subscriptions/acknowledged")
      acknowledged(*one, *event.message);
    else if (!event.message->is_request())
      options_.stray(std::move(*event.message), nullptr);
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
  one.agreed = one.agreed_tasks = {};
  const std::string_view honoured = message.param().find("notifications");
  if (!honoured.empty() && honoured.front() == '{') {
    const RawMembers members = members_of(honoured);
    one.agreed = read_list(members.find("resourceSubscriptions"));
    one.agreed_tasks = read_list(members.find("taskIds"));
  }
  if (now_.get() == &one) renew();
  wake_all();
}

void Watch::wake_all() {
  for (Waiter* waiter : waiting_) waiter->wake();
}

bool Watch::agreed(Topic::Kind kind, const std::string& what) const {
  if (!now_) return false;
  return (kind == Topic::Kind::task ? now_->agreed_tasks : now_->agreed).contains(what);
}

// Whether what was not agreed to may be yet.
bool Watch::undecided(Topic::Kind kind, const std::string& what) const {
  if (!peer_) return false;
  if (is_new(peer_->facts.revision)) return next_ != nullptr;
  return kind == Topic::Kind::resource && now_ && now_->telling && !now_->refused.contains(what);
}

Task<bool> Watch::settle(Topic::Kind kind, std::string what, TimePoint deadline, CancelScope& cancel) {
  const bool task = kind == Topic::Kind::task;
  if (!peer_ ||
      !declares(peer_->facts, task ? "extensions" : "resources", task ? kTasksExtension : "subscribe"))
    co_return false;
  renew();
  Waiter waiter;
  waiting_.push_back(&waiter);
  while (!agreed(kind, what) && undecided(kind, what)) {
    const Wake wake = co_await waiter.wait(deadline, &cancel);
    if (wake != Wake::ready) break;
  }
  std::erase(waiting_, &waiter);
  co_return agreed(kind, what);
}

Task<void> Watch::close() {
  leave();
  co_await fibers_.join();
}

}  // namespace weir
