#include "gateway/homed_reply.h"

#include "runtime/hop.h"

namespace weir {
namespace {

/// What belongs to the home shard for as long as the call lasts.
struct Visit {
  explicit Visit(const Call& call) : scope(), copy(call.message, call.row, scope) {
    copy.deadline = call.deadline;
    copy.due = call.due;
    copy.target = call.target;
    copy.client = call.client;
    copy.trace = call.trace;
    copy.peer = call.peer;
    copy.notes = call.notes;
    copy.takes_requests = call.takes_requests;
    copy.own_session = call.own_session;
    copy.request_state = call.request_state;
    copy.first_by = call.first_by;
    copy.timed = call.timed;
    copy.budget = call.budget;
  }
  CancelScope scope;
  Call copy;
  std::unique_ptr<ReplyStream> rest;
};

/// The way back to a server that lives on another shard.
class HomedLink final : public ServerLink {
 public:
  HomedLink(Shard& home, std::shared_ptr<ServerLink> link) : home_(home), link_(std::move(link)) {}
  ~HomedLink() override {
    home_.post([link = std::move(link_)]() mutable { link.reset(); });
  }
  void send(std::string message) override {
    home_.post([link = link_, text = std::move(message)]() mutable { link->send(std::move(text)); });
  }
  void pass_on(std::string request, std::string answer) override {
    home_.post([link = link_, text = std::move(request), otherwise = std::move(answer)]() mutable {
      link->pass_on(std::move(text), std::move(otherwise));
    });
  }

 private:
  Shard& home_;
  std::shared_ptr<ServerLink> link_;
};

class HomedReply final : public ReplyStream {
 public:
  HomedReply(Shard& home, std::shared_ptr<Visit> visit, CancelScope& cancel)
      : home_(home), visit_(std::move(visit)), cancel_(cancel) {}
  ~HomedReply() override {
    home_.post([visit = std::move(visit_)]() mutable {
      visit->rest.reset();
      visit.reset();
    });
  }

  Task<Result<ReplyEvent>> next(TimePoint until) override {
    std::function<Task<Result<ReplyEvent>>(CancelScope&)> work = [this, until](CancelScope& scope) {
      return next_there(scope, until);
    };
    Result<ReplyEvent> event = co_await on_shard<Result<ReplyEvent>>(home_, cancel_, std::move(work));
    if (event && event->asker) event->asker = link_from(home_, std::move(event->asker));
    co_return event;
  }
  void pause() override {
    home_.post([visit = visit_] { visit->rest->pause(); });
  }
  void resume() override {
    home_.post([visit = visit_] { visit->rest->resume(); });
  }

 private:
  // The stream waits under the visit's scope; the hop's own is tied to it while this runs.
  Task<Result<ReplyEvent>> next_there(CancelScope& scope, TimePoint until) {
    ScopeLink link(scope, visit_->scope);
    Result<ReplyEvent> event = co_await visit_->rest->next(until);
    co_return event;
  }

  Shard& home_;
  std::shared_ptr<Visit> visit_;
  CancelScope& cancel_;
};

Task<Result<Reply>> serve_there(std::shared_ptr<std::unique_ptr<Visit>> slot, Call& call,
                                std::function<Task<Result<Reply>>(Call&)> serve, CancelScope& scope) {
  *slot = std::make_unique<Visit>(call);
  ScopeLink link(scope, (*slot)->scope);
  Result<Reply> reply = co_await serve((*slot)->copy);
  if (reply && reply->rest)
    (*slot)->rest = std::move(reply->rest);
  else
    slot->reset();
  co_return reply;
}

}  // namespace

std::shared_ptr<ServerLink> link_from(Shard& home, std::shared_ptr<ServerLink> link) {
  return std::make_shared<HomedLink>(home, std::move(link));
}

Task<Result<Reply>> call_at_home(Shard& home, Call& call, std::function<Task<Result<Reply>>(Call&)> serve) {
  auto slot = std::make_shared<std::unique_ptr<Visit>>();
  std::function<Task<Result<Reply>>(CancelScope&)> work = [slot, &call, serve](CancelScope& scope) {
    return serve_there(slot, call, serve, scope);
  };
  Result<Reply> reply = co_await on_shard<Result<Reply>>(home, call.cancel, std::move(work));
  if (reply && reply->first.asker) reply->first.asker = link_from(home, std::move(reply->first.asker));
  if (reply && *slot)
    reply->rest = std::make_unique<HomedReply>(home, std::shared_ptr<Visit>(std::move(*slot)), call.cancel);
  co_return reply;
}

}  // namespace weir
