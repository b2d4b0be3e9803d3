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
constexpr unsigned kRefusalsAtOnce = 64;                  // after so many each has a pause
constexpr Duration kRefusalPause = std::chrono::milliseconds(20);
constexpr Duration kHopelessPause = std::chrono::seconds(15);
constexpr std::size_t kWokenAtOnce = 64;
constexpr Duration kHopelessPauseMax = std::chrono::minutes(5);

constexpr std::string_view kNoSuchMethod = "-32601";
constexpr std::string_view kInvalidParams = "-32602";
constexpr std::string_view kNoSuchResource = "-32002";

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

// What is wanted that this server can honour, less what it has refused; of what it was not asked for yet, as
// much as it is asked for at once.
Watch::Filter Watch::filter() {
  Filter out;
  for (const std::string_view kind : {"tools", "prompts", "resources"})
    if (declares(peer_->facts, kind, "listChanged"))
      out.text.append(out.text.empty() ? "\"" : ",\"").append(kind).append("ListChanged\":true");
  const std::set<Name> wanted = all_wanted();
  // Whoever wants it later asks for it anew.
  std::erase_if(refused_, [&](const auto& one) { return !wanted.contains(one.first); });
  std::erase_if(proven_, [&](const Name& name) { return !wanted.contains(name); });
  out.suspects = unproven(wanted, out.blamed);
  std::set<std::string> uris;
  std::set<std::string> tasks;
  for (const Name& name : wanted) {
    if (!proven_.contains(name) && !out.suspects.contains(name)) continue;
    (name.first == Topic::Kind::task ? tasks : uris).insert(name.second);
    out.names.insert(out.names.end(), name);
  }
  append_list(out.text, "resourceSubscriptions", uris);
  append_list(out.text, "taskIds", tasks);
  return out;
}

std::set<Watch::Name> Watch::all_wanted() const {
  std::set<Name> out;
  if (declares(peer_->facts, "resources", "subscribe"))
    for (const std::string& uri : options_.wanted(Topic::Kind::resource))
      out.emplace_hint(out.end(), Topic::Kind::resource, uri);
  if (declares(peer_->facts, "extensions", kTasksExtension))
    for (const std::string& id : options_.wanted(Topic::Kind::task))
      out.emplace_hint(out.end(), Topic::Kind::task, id);
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
  proven_.clear();
  refused_.clear();
  blamed_.clear();
  at_once_ = blamed_at_once_ = kAtOnceMax;
  refusals_ = 0;
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
  Filter wanted = filter();
  if (now_ && now_->filter == wanted) return;
  if (wanted.text.empty()) {
    if (now_) now_->scope.cancel();
    now_ = nullptr;
    return;
  }
  next_ = std::make_shared<Listening>();
  next_->filter = std::move(wanted);
  fibers_.start(listen(next_));
}

// Until nothing is wanted any more, however often it fails.
Task<void> Watch::listen(std::shared_ptr<Listening> one) {
  Duration pause = kPause;
  Duration hopeless_pause = kHopelessPause;
  ScopeLink link(stop_, one->scope);
  while (!one->scope.cancelled() && !stop_.cancelled()) {
    const TimePoint begun = Shard::current().now();
    Ended ended = co_await listen_once(one);
    if (one->scope.cancelled()) break;
    if (ended == Ended::refused && !lessen(*one)) ended = Ended::broken;
    Duration rest = Duration::zero();
    if (ended == Ended::refused && refusals_ > kRefusalsAtOnce) rest = kRefusalPause;
    if (ended == Ended::unknown) {
      one->hopeless = true;
      wake_all();
      rest = std::exchange(hopeless_pause, std::min(hopeless_pause * 2, kHopelessPauseMax));
    } else if (ended == Ended::broken) {
      pause = Shard::current().now() - begun > kGoodTime ? kPause : std::min(pause * 2, kPauseMax);
      rest = pause;
    }
    if (rest != Duration::zero()) co_await Sleep(Shard::current().now() + rest, &one->scope);
    one->hopeless = false;
    // Begun anew, it asks for what is wanted now.
    if (peer_ && (now_ == one || next_ == one)) one->filter = filter();
    if (one->filter.text.empty() || (next_ == one && now_ && now_->filter == one->filter)) break;
    wake_all();
  }
  if (now_ == one) now_ = nullptr;
  if (next_ == one) next_ = nullptr;
  wake_all();
}

// One stream to its end: it has broken off, or the server refuses this filter, or knows no such streams.
Task<Watch::Ended> Watch::listen_once(std::shared_ptr<Listening> one) {
  const std::shared_ptr<const Peer> peer = peer_;
  if (!peer) co_return Ended::unknown;
  std::string text = R"({"jsonrpc":"2.0","id":0,"method":"subscriptions/listen","params":{"notifications":{)";
  text.append(one->filter.text).append("}");
  if (one->filter.text.find("\"taskIds\":[") != std::string::npos)
    text.append(",\"_meta\":").append(task_meta());
  text += "}}";
  const auto message = Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream);
  if (!message) co_return Ended::refused;  // clients ask for more than one message may hold
  Call call(*message, *find_method("subscriptions/listen"), one->scope);
  call.peer = peer.get();
  call.client.revision = kNewestOld;
  Result<Reply> reply = co_await options_.transport().call(call);
  // An acknowledgement over limits.message is one of too much.
  if (!reply) co_return reply.error().kind() == Error::Kind::too_large ? Ended::refused : Ended::broken;
  ReplyEvent event = std::move(reply->first);
  bool begun = false;
  while (!event.last) {
    const std::string_view method = event.message->method();
    if (method == "notifications/subscriptions/acknowledged") {
      if (!std::exchange(begun, true)) acknowledged(*one, *event.message);
    } else if (!event.message->is_request()) {
      options_.stray(std::move(*event.message), nullptr);
    }
    Result<ReplyEvent> next = co_await reply->rest->next(kForever);
    if (!next) co_return Ended::broken;
    event = std::move(*next);
  }
  if (event.message->kind() != Message::Kind::error || begun) co_return Ended::broken;
  const std::string_view code = members_of(event.message->error()).find("code");
  if (code == kNoSuchMethod) co_return Ended::unknown;
  // Whatever else is wrong with the server does not lie in what it is asked for.
  co_return code == kInvalidParams || code == kNoSuchResource ? Ended::refused : Ended::broken;
}

void Watch::acknowledged(Listening& one, const Message& message) {
  if (next_.get() == &one) {
    if (now_) now_->scope.cancel();
    now_ = std::move(next_);
  }
  proven_.insert(one.filter.names.begin(), one.filter.names.end());
  std::erase_if(refused_, [&](const auto& refused) { return one.filter.names.contains(refused.first); });
  one.filter.suspects.clear();
  // How far the search among the others has come is not forgotten with each good name.
  std::size_t& at_once = one.filter.blamed ? blamed_at_once_ : at_once_;
  at_once = std::min(at_once * 2, kAtOnceMax);
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
  ++tidings_;
  if (!std::exchange(waking_, true)) fibers_.start(wake_waiting());
}

// Thousands wait where one client listens for as many names: others' calls have their turn in between.
Task<void> Watch::wake_waiting() {
  bool all = false;
  while (!all) {
    std::size_t woken = 0;
    for (Waiting* one : waiting_) {
      if (woken == kWokenAtOnce) break;
      if (std::exchange(one->told, tidings_) == tidings_) continue;
      one->waiter.wake();
      ++woken;
    }
    all = woken < kWokenAtOnce;
    if (!all && !stop_.cancelled())
      co_await Sleep(Shard::current().now() + std::chrono::milliseconds(1), &stop_);
  }
  waking_ = false;
}

bool Watch::agreed(Topic::Kind kind, const std::string& what) const {
  if (!now_) return false;
  return (kind == Topic::Kind::task ? now_->agreed_tasks : now_->agreed).contains(what);
}

// Whether what was not agreed to may be yet.
bool Watch::undecided(Topic::Kind kind, const std::string& what) const {
  if (!peer_) return false;
  if (is_new(peer_->facts.revision)) return next_ && !next_->hopeless && !is_refused({kind, what});
  return kind == Topic::Kind::resource && now_ && now_->telling && !now_->refused.contains(what);
}

Task<bool> Watch::settle(Topic::Kind kind, std::string what, TimePoint deadline, CancelScope& cancel) {
  const bool task = kind == Topic::Kind::task;
  if (!peer_ ||
      !declares(peer_->facts, task ? "extensions" : "resources", task ? kTasksExtension : "subscribe"))
    co_return false;
  // With many who want the same it need not be looked for anew.
  if (agreed(kind, what)) co_return true;
  renew();
  Waiting self;
  self.told = tidings_;
  const auto place = waiting_.insert(waiting_.end(), &self);
  while (!agreed(kind, what) && undecided(kind, what)) {
    const Wake wake = co_await self.waiter.wait(deadline, &cancel);
    if (wake != Wake::ready) break;
  }
  waiting_.erase(place);
  co_return agreed(kind, what);
}

Task<void> Watch::close() {
  leave();
  co_await fibers_.join();
}

}  // namespace weir
