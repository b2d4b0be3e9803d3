// How a watch finds the names for which a new server refuses a whole filter, so that all others are listened
// to.
#include <algorithm>

#include "gateway/watch_state.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr Duration kRefusedTime = std::chrono::seconds(15);  // then it is asked again, if it is wanted still
constexpr Duration kRefusedTimeMax = std::chrono::minutes(5);
constexpr unsigned kBlameMax = 256;  // names of one hearer refused; then all of its that are not proven

}  // namespace

unsigned Watch::refusals_of(const std::string& hearer) const {
  const auto found = blamed_.find(hearer);
  return found == blamed_.end() ? 0 : found->second;
}

bool Watch::is_refused(const Name& name) const {
  const auto found = refused_.find(name);
  return found != refused_.end() && found->second.until > Shard::current().now();
}

// What is to be tried next of that which is wanted and neither proven nor refused.
Watch::Suspects Watch::unproven(const std::set<Name>& wanted, bool& blamed) {
  Suspects out;
  for (const Name& name : wanted)
    if (!proven_.contains(name) && !is_refused(name)) out.emplace_hint(out.end(), name, std::string());
  if (out.empty()) {
    blamed_.clear();
    at_once_ = blamed_at_once_ = kAtOnceMax;
    refusals_ = 0;
    return out;
  }
  if (refusals_ != 0) blamed = choose(out);
  const std::size_t at_once = blamed ? blamed_at_once_ : at_once_;
  while (out.size() > at_once) out.erase(std::prev(out.end()));
  return out;
}

// Leaves those whose turn it is: of all hearers that have no part in refusals together, else of the one that
// has the least (true).
bool Watch::choose(Suspects& suspects) const {
  const auto rank = [this](const std::string& hearer) { return refusals_of(hearer); };
  for (const Topic::Kind kind : {Topic::Kind::resource, Topic::Kind::task})
    for (auto& [name, hearer] : options_.wanted_by(kind, rank))
      if (const auto found = suspects.find({kind, name}); found != suspects.end()) found->second = hearer;
  const std::string* turn = nullptr;
  for (const auto& [name, hearer] : suspects)
    if (turn == nullptr || rank(hearer) < rank(*turn)) turn = &hearer;
  const std::string whose = *turn;
  const bool blamed = rank(whose) != 0;
  std::erase_if(suspects,
                [&](const auto& one) { return blamed ? one.second != whose : rank(one.second) != 0; });
  return blamed;
}

void Watch::refuse(const Name& name) {
  Refusal& refusal = refused_[name];
  const Duration time = std::min(kRefusedTime * (1U << std::min(refusal.times++, 8U)), kRefusedTimeMax);
  refusal.until = Shard::current().now() + time;
  proven_.erase(name);
  if (!std::exchange(asking_again_, true)) fibers_.start(ask_again());
}

// The server has refused a whole filter. True if it may be for a name in it: the next one has fewer, or
// leaves out the only one that can be to blame.
bool Watch::lessen(Listening& one) {
  ++refusals_;
  Suspects& suspects = one.filter.suspects;
  if (suspects.empty()) {
    // What was good once is so no more.
    for (const Name& name : one.filter.names) suspects.emplace_hint(suspects.end(), name, std::string());
    proven_.clear();
  }
  if (suspects.empty()) return false;
  if (suspects.size() > 1) {
    (one.filter.blamed ? blamed_at_once_ : at_once_) = suspects.size() / 2;
    return true;
  }
  const Name name = suspects.begin()->first;
  std::string hearer = suspects.begin()->second;
  const auto wanted =
      options_.wanted_by(name.first, [this](const std::string& who) { return refusals_of(who); });
  if (hearer.empty())
    if (const auto found = wanted.find(name.second); found != wanted.end()) hearer = found->second;
  refuse(name);
  if (hearer.empty() || ++blamed_[hearer] < kBlameMax) return true;
  for (const auto& [other, who] : wanted)
    if (who == hearer && !proven_.contains({name.first, other})) refuse({name.first, other});
  return true;
}

// What was refused may be good again: a server in trouble refuses what it will tell of an hour later.
Task<void> Watch::ask_again() {
  while (!refused_.empty() && !stop_.cancelled()) {
    co_await Sleep(Shard::current().now() + kRefusedTime, &stop_);
    renew();
  }
  asking_again_ = false;
}

}  // namespace weir
