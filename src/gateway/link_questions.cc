#include "gateway/link_questions.h"

#include <algorithm>

#include "gateway/homed_reply.h"
#include "transport/server_requests.h"

namespace weir {

LinkQuestions::Entry::Entry(LinkQuestions& owner, QuestionBox& box) : owner_(owner), box_(&box) {
  std::lock_guard lock(owner_.lock_);
  owner_.seats_.push_back(Seat{&Shard::current(), box_, box.weak_from_this()});
}

LinkQuestions::Entry::~Entry() {
  std::lock_guard lock(owner_.lock_);
  std::erase_if(owner_.seats_, [this](const Seat& seat) { return seat.key == box_; });
}

void LinkQuestions::ask(Message request, std::shared_ptr<ServerLink> asker) {
  std::vector<Seat> seats;
  {
    std::lock_guard lock(lock_);
    seats = seats_;
  }
  if (seats.size() != 1) return asker->send(refusal_outside(request));
  Seat& only = seats.front();
  only.shard->post([box = std::move(only.box), request = std::move(request),
                    back = link_from(Shard::current(), std::move(asker))]() mutable {
    if (const auto there = box.lock())
      there->put(std::move(request), std::move(back));
    else
      back->send(refusal_outside(request));
  });
}

}  // namespace weir
