#include "gateway/subscribe.h"

#include <utility>

#include "gateway/session.h"
#include "mcp/client_requests.h"
#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr int kInvalidParams = -32602;

void put_done(Answer& answer, const ClientCall& call) {
  answer.text = write_result(call.message.raw_id(), "{}");
}

void put_refused(Answer& answer, const ClientCall& call, int code, std::string_view sentence) {
  answer.outcome = "invalid_request";
  append_error(answer.text, call.message.raw_id(), code, sentence);
}

TimePoint patience(const ClientCall& call, std::size_t server) {
  return std::min(call.answer_by, Shard::current().now() + call.plan.settings(server).timeout.request);
}

// What the last message of an answer says, as soon as it has passed; told once, false if none comes.
class JudgedReply final : public ReplyStream {
 public:
  JudgedReply(std::unique_ptr<ReplyStream> rest, std::function<void(bool)> judged)
      : rest_(std::move(rest)), judged_(std::move(judged)) {}
  ~JudgedReply() override { judge(false); }
  Task<Result<ReplyEvent>> next(TimePoint until) override {
    Result<ReplyEvent> event = co_await rest_->next(until);
    if (event && event->last) judge(event->message->kind() == Message::Kind::result);
    co_return event;
  }
  void pause() override { rest_->pause(); }
  void resume() override { rest_->resume(); }

 private:
  void judge(bool good) {
    if (const auto judged = std::exchange(judged_, nullptr)) judged(good);
  }
  std::unique_ptr<ReplyStream> rest_;
  std::function<void(bool)> judged_;
};

// In the client's own session with the server: as it came, the answer as it is.
Task<void> pass_on(ClientCall& call, Call& leaf, std::size_t server, Answer& answer) {
  leaf.deadline = patience(call, server);
  Result<Reply> reply = co_await call.plan.servers[server]->call(leaf);
  answer.server = server;
  if (!reply) {
    put_fault(answer, call, reply.error(), server);
    co_return;
  }
  answer.reply.emplace(std::move(*reply));
}

// Calls `judged` once, with whether the answer that is passed on grants what was asked for.
void judge(Answer& answer, std::function<void(bool)> judged) {
  if (!answer.reply) return judged(false);
  const ReplyEvent& first = answer.reply->first;
  if (first.last) return judged(first.message && first.message->kind() == Message::Kind::result);
  answer.reply->rest = std::make_unique<JudgedReply>(std::move(answer.reply->rest), std::move(judged));
}

Hearer hearer_of(const Session& session) {
  Hearer out;
  out.id = session.id;
  out.identity = session.owner;
  out.feed = session.shared_feed();
  return out;
}

Task<void> subscribe(ClientCall& call, Call& leaf, std::size_t server, const std::string& uri,
                     const std::string& original, Answer& answer) {
  Upstream& upstream = *call.plan.servers[server];
  Interests& interests = *call.plan.interests;
  const std::string who = call.session->id;
  constexpr Topic::Kind kKind = Topic::Kind::resource;
  if (interests.find(who, kKind, uri)) {
    put_done(answer, call);
    co_return;
  }
  const CancelScope& cancelled = call.cancel;
  const Result<std::shared_ptr<const Peer>> peer =
      co_await upstream.ready(patience(call, server), call.cancel);
  if (!peer) {
    put_fault(answer, call, peer.error(), server);
    co_return;
  }
  const bool alone = upstream.serves_alone(leaf);
  Topic topic;
  topic.server = upstream.name();
  topic.original = original;
  if (alone) topic.link = who;
  // Known before it is told: an update may come with the answer.
  if (!interests.add(hearer_of(*call.session), uri, topic)) {
    put_refused(answer, call, kInvalidParams, "there are too many subscriptions");
    co_return;
  }
  const auto judged = [&interests, server = upstream.shared_from_this(), who, uri, original,
                       alone](bool good) {
    // In this order: a session is told to end what it has and nobody wants.
    if (good) interests.agreed(who, kKind, uri);
    if (good && alone) server->note_subscription(who, original, true);
    if (!good) interests.remove(who, kKind, uri);
  };
  if (alone) {
    co_await pass_on(call, leaf, server, answer);
    if (cancelled.cancelled())
      judged(false);
    else
      judge(answer, judged);
    co_return;
  }
  const bool good = co_await upstream.watch(kKind, original, patience(call, server), call.cancel);
  if (good)
    put_done(answer, call);
  else
    put_refused(answer, call, -32601, "the server takes no subscription to this resource");
  judged(good && !cancelled.cancelled());
}

Task<void> unsubscribe(ClientCall& call, Call& leaf, std::string& target, const std::string& uri,
                       Answer& answer) {
  Interests& interests = *call.plan.interests;
  const std::optional<Topic> was = interests.find(call.session->id, Topic::Kind::resource, uri);
  const std::size_t server = was ? call.plan.find(was->server) : Plan::kAll;
  Upstream* const upstream = server == Plan::kAll ? nullptr : call.plan.servers[server].get();
  // In its own session the client says it for itself, unless it knows the resource by another name, too.
  bool own = upstream != nullptr && !was->link.empty() && upstream->serves_alone(leaf);
  if (own) upstream->note_subscription(call.session->id, was->original, false);
  if (was) interests.remove(call.session->id, Topic::Kind::resource, uri);
  if (own && interests.has(*was)) {
    upstream->note_subscription(call.session->id, was->original, true);
    own = false;
  }
  if (!own) {
    put_done(answer, call);
    co_return;
  }
  if (was->original != uri) leaf.target = target = was->original;
  co_await pass_on(call, leaf, server, answer);
}

Task<void> know_resources_of(const Plan& plan, std::size_t server, CancelScope& cancel) {
  const TimePoint deadline = Shard::current().now() + plan.settings(server).timeout.startup;
  const Result<std::shared_ptr<const Peer>> peer = co_await plan.servers[server]->ready(deadline, cancel);
  if (!peer || !(*peer)->facts.has("resources")) co_return;
  for (const ListKind kind : {ListKind::resources, ListKind::templates}) {
    if (plan.catalogue->load()->count(kind, server) >= 0) continue;
    const auto pages = co_await fetch_list(plan, server, kind, nullptr, deadline, cancel);
    (void)pages.has_value();  // what it does not tell can't be known
  }
}

bool known(const Plan& plan, const std::string& uri) {
  std::string_view name;
  std::string_view original;
  if (split_aliased_uri(uri, name, original) && plan.find(name) != Plan::kAll) return true;
  const auto catalogue = plan.catalogue->load();
  return catalogue->find(ListKind::resources, uri) != nullptr || !catalogue->matching_templates(uri).empty();
}

// Something about it may still be on its way.
bool may_say_more(const Plan& plan, std::size_t server) {
  const auto status = plan.servers[server]->status();
  if (status->state == ServerState::starting) return true;
  if (!status->peer || !status->peer->facts.has("resources")) return false;
  const auto catalogue = plan.catalogue->load();
  return catalogue->count(ListKind::resources, server) < 0 ||
         catalogue->count(ListKind::templates, server) < 0;
}

}  // namespace

Task<void> know_resource(const Plan& plan, std::size_t only, const std::string& uri, CancelScope& cancel) {
  if (only != Plan::kAll || plan.servers.size() == 1 || known(plan, uri)) co_return;
  Nursery asking;
  for (std::size_t i = 0; i < plan.servers.size(); ++i)
    if (may_say_more(plan, i)) asking.start(know_resources_of(plan, i, cancel));
  co_await asking.join();
}

std::size_t resource_owner(const Plan& plan, std::size_t only, const std::string& uri, std::string& target) {
  target = uri;
  if (only != Plan::kAll) return only;
  if (plan.servers.size() == 1) return 0;
  std::string_view name;
  std::string_view original;
  if (split_aliased_uri(uri, name, original)) {
    if (const std::size_t server = plan.find(name); server != Plan::kAll) {
      target = original;
      return server;
    }
  }
  const auto catalogue = plan.catalogue->load();
  if (const Place* place = catalogue->find(ListKind::resources, uri); place != nullptr) {
    target = place->original;
    return place->server;
  }
  if (const auto matching = catalogue->matching_templates(uri); !matching.empty()) return matching.front();
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    const auto peer = plan.servers[i]->status()->peer;
    if (peer && peer->facts.has("resources")) return i;
  }
  return Plan::kAll;
}

Task<void> route_subscription(ClientCall& call, Call& leaf, std::string& target, Answer& answer) {
  const std::string_view raw = raw_target(call.message, call.row);
  if (raw.empty() || call.session == nullptr) {
    put_refused(answer, call, kInvalidParams, "params has no uri");
    co_return;
  }
  const std::string uri = json_unescape(raw);
  if (uri.size() > Interests::kNameMax) {
    put_refused(answer, call, kInvalidParams, "params.uri is too long");
    co_return;
  }
  if (call.row.route == Route::unsubscribe) {
    co_await unsubscribe(call, leaf, target, uri, answer);
    co_return;
  }
  std::string original;
  co_await know_resource(call.plan, call.only, uri, call.cancel);
  const std::size_t server = resource_owner(call.plan, call.only, uri, original);
  if (server == Plan::kAll) {
    put_refused(answer, call, kInvalidParams, "no server has this resource");
    co_return;
  }
  if (original != uri) leaf.target = target = original;
  co_await subscribe(call, leaf, server, uri, original, answer);
}

}  // namespace weir
