#include "resilience/admission.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"

namespace weir {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr Duration kWindow = std::chrono::milliseconds(100);  // that the limit is set anew by, at least
constexpr std::uint32_t kWindowCalls = 10;                    // the same
constexpr std::chrono::milliseconds kRetryMost = std::chrono::seconds(10);
constexpr int kHeldOver = 3;  // the average is over so many permits: two to this power

template <class Word>
Word word_at(const char* at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Both halves of a product, folded.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a ^ 0x9e3779b97f4a7c15U) * (b ^ 0xbf58476d1ce4e5b9U);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::string_view to_string(Refused reason) noexcept {
  switch (reason) {
    case Refused::queue_full:
      return "queue_full";
    case Refused::queue_timeout:
      return "queue_timeout";
    case Refused::client_share:
      return "client_share";
    case Refused::tool_limit:
      return "tool_limit";
    case Refused::displaced:
      return "displaced";
    case Refused::count_:
      break;
  }
  return "unknown";
}

// Nobody can choose an address that shares with another one's.
Admission::Admission() : salt_(Random::from_system().next()) {}

std::uint32_t Admission::client_of(std::string_view identity) const noexcept {
  if (identity.empty()) return AdmissionWish::kNobody;
  const char* at = identity.data();
  const char* const end = at + identity.size();
  std::uint64_t hash = salt_ ^ identity.size();
  for (; end - at > 16; at += 8) hash = mix(hash, word_at<std::uint64_t>(at));
  // The last word may begin in the one before.
  std::uint64_t first = 0, last = 0;
  if (end - at >= 8) {
    first = word_at<std::uint64_t>(at);
    last = word_at<std::uint64_t>(end - 8);
  } else if (end - at >= 4) {
    first = word_at<std::uint32_t>(at);
    last = word_at<std::uint32_t>(end - 4);
  } else {
    for (; at != end; ++at) first = first << 8 | static_cast<unsigned char>(*at);
  }
  hash = mix(hash ^ first, last);
  return static_cast<std::uint32_t>(hash >> 52);
}

void Admission::set_limit(std::uint32_t limit) noexcept {
  limit_.store(limit);
  const double share = client_share_ * limit;
  share_.store(limit == kNone ? kNone : std::max(1U, static_cast<std::uint32_t>(share + 1e-9)));
}

void Admission::configure(const BulkheadConfig& config, const ToolLimits& tools) {
  Woken woken;
  {
    std::lock_guard lock(lock_);
    queue_max_ = config.max_queue;
    client_share_ = config.client_share;
    queue_timeout_ = config.queue_timeout.count();
    const auto most = static_cast<std::uint32_t>(config.max_concurrent);
    const bool adaptive = config.enabled && config.adaptive;
    if (adaptive && !adaptive_)
      gradient_ = Gradient(most);
    else if (adaptive)
      gradient_.set_most(most);
    adaptive_ = adaptive;
    set_limit(!config.enabled ? kNone : adaptive ? gradient_.limit() : most);
    for (const auto& [name, own] : tools_)
      if (tools.find(name) == tools.end()) own->limit = kNone;
    for (const auto& [name, limit] : tools) {
      std::unique_ptr<CountedLimit>& own = tools_[name];
      if (!own) own = std::make_unique<CountedLimit>();
      own->limit = static_cast<std::uint32_t>(limit);
    }
    serve(woken);
  }
  wake(woken);
}

CountedLimit* Admission::tool(const std::string& name) {
  std::lock_guard lock(lock_);
  const auto found = tools_.find(name);
  return found == tools_.end() ? nullptr : found->second.get();
}

std::optional<std::uint32_t> Admission::limit() const noexcept {
  const std::uint32_t limit = limit_.load(std::memory_order_relaxed);
  return limit == kNone ? std::nullopt : std::optional(limit);
}

bool Admission::take_of_tool(CountedLimit& tool) noexcept {
  if (!count_up(tool.in_flight, tool.limit.load(std::memory_order_relaxed))) return false;
  if (count_up(in_flight_, limit_.load(std::memory_order_relaxed))) return true;
  tool.in_flight.fetch_sub(1);
  return false;
}

void Admission::untake(std::uint32_t client, std::atomic<std::uint32_t>* tool) noexcept {
  if (tool != nullptr) tool->fetch_sub(1);
  if (client != AdmissionWish::kNobody) clients_[client].fetch_sub(1);
}

// Whoever may go goes; under the lock. `woken` are woken without it.
void Admission::serve(Woken& woken) {
  while (queue_.size() != 0 && in_flight_.load() < limit_.load()) {
    AdmissionWait* const next = queue_.next([this](const AdmissionWish& wish) {
      const std::uint32_t count = in_flight_of(wish.client);
      const bool tool_full = wish.tool != nullptr && wish.tool->in_flight.load() >= wish.tool->limit.load();
      return tool_full || count >= share_.load() ? std::nullopt : std::optional(count);
    });
    if (next == nullptr) return;
    if (!take(next->wish)) continue;  // somebody was quicker
    next->state = AdmissionWait::State::served;
    woken.push_back(queue_.remove(*next));
    waiting_.fetch_sub(1);
  }
}

void Admission::wake(const Woken& woken) {
  for (const auto& one : woken) {
    if (&one->home == &Shard::current())
      one->waiter.wake();
    else
      one->home.post([one] { one->waiter.wake(); });
  }
}

void Admission::serve_waiting() noexcept {
  Woken woken;
  {
    std::lock_guard lock(lock_);
    serve(woken);
  }
  wake(woken);
}

std::optional<Refused> Admission::join(const AdmissionWish& wish, std::shared_ptr<AdmissionWait>& wait) {
  pressed_.store(true, std::memory_order_relaxed);
  Woken woken;
  std::optional<Refused> refused;
  {
    std::lock_guard lock(lock_);
    // Said before it looks again: whoever gives back from here on sees that somebody waits.
    waiting_.fetch_add(1);
    serve(woken);
    const bool in = take(wish);
    if (!in && queue_.size() >= queue_max_) {
      const Refused why = obstacle(wish, Refused::queue_full);
      AdmissionWait* const yielding =
          queue_max_ == 0 ? nullptr : queue_.yields_to(wish, why != Refused::queue_full);
      if (yielding == nullptr) {
        refused = why;
      } else {
        yielding->state = AdmissionWait::State::displaced;
        woken.push_back(queue_.remove(*yielding));
        waiting_.fetch_sub(1);
      }
    }
    if (in || refused) {
      waiting_.fetch_sub(1);
    } else {
      wait = std::make_shared<AdmissionWait>(Shard::current(), wish);
      queue_.add(wait);
    }
  }
  wake(woken);
  return refused;
}

AdmissionWait::State Admission::leave(AdmissionWait& one) {
  std::lock_guard lock(lock_);
  if (one.state == AdmissionWait::State::queued) {
    queue_.remove(one);
    waiting_.fetch_sub(1);
  }
  return one.state;
}

// How long it was held: lost now and then where shards do this at the same moment.
inline void Admission::note(const Permit& permit) noexcept {
  if (permit.was_paused()) return;  // clients take their time
  const TimePoint now = Shard::current().now();
  const Duration::rep took = (now - permit.since()).count();
  const Duration::rep before = held_.load(std::memory_order_relaxed);
  held_.store(before == 0 ? took : before + ((took - before) >> kHeldOver), std::memory_order_relaxed);
  if (adaptive_.load(std::memory_order_relaxed) && permit.was_answered()) note_answer(took, now);
}

void Admission::give_back(Permit& permit) noexcept {
  note(permit);
  untake(permit.client, permit.tool);
  in_flight_.fetch_sub(1);
  if (waiting_.load() != 0) serve_waiting();
}

void Admission::undo(const AdmissionWish& wish) noexcept {
  untake(wish.client, wish.tool == nullptr ? nullptr : &wish.tool->in_flight);
  in_flight_.fetch_sub(1);
  if (waiting_.load() != 0) serve_waiting();
}

void Admission::take_again(Permit& permit) noexcept {
  if (permit.tool != nullptr) permit.tool->fetch_add(1);
  if (permit.client != AdmissionWish::kNobody) clients_[permit.client].fetch_add(1);
  in_flight_.fetch_add(1);
}

Refused Admission::obstacle(const AdmissionWish& wish, Refused otherwise) const noexcept {
  const std::uint32_t share = share_.load();
  if (share < limit_.load() && in_flight_of(wish.client) >= share) return Refused::client_share;
  const bool tool_full = wish.tool != nullptr && wish.tool->in_flight.load() >= wish.tool->limit.load();
  return tool_full ? Refused::tool_limit : otherwise;
}

// So many calls at a time take so long each: when all that wait and this one will have gone through.
std::chrono::milliseconds Admission::retry_after(Refused reason, const AdmissionWish& wish) const noexcept {
  std::uint32_t width = limit_.load(std::memory_order_relaxed);
  if (reason == Refused::client_share) width = share_.load(std::memory_order_relaxed);
  if (reason == Refused::tool_limit && wish.tool != nullptr)
    width = wish.tool->limit.load(std::memory_order_relaxed);
  const double turns = (queued() + 1.0) / std::max(1U, width);
  const double nanoseconds = static_cast<double>(held_.load(std::memory_order_relaxed)) * turns;
  const auto least = std::chrono::milliseconds(queue_timeout_.load(std::memory_order_relaxed));
  if (nanoseconds > 1e10) return kRetryMost;
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(Duration(static_cast<Duration::rep>(nanoseconds)));
  return std::min(kRetryMost, std::max(least, wait));
}

void Admission::note_answer(Duration::rep took, TimePoint now) noexcept {
  took_.fetch_add(took, std::memory_order_relaxed);
  const std::uint32_t busy = in_flight();
  if (busy > busiest_.load(std::memory_order_relaxed)) busiest_.store(busy, std::memory_order_relaxed);
  const std::uint32_t answered = answered_.fetch_add(1, std::memory_order_relaxed) + 1;
  const bool over = now.time_since_epoch().count() >= window_end_.load(std::memory_order_relaxed);
  if (answered >= kWindowCalls && over) adapt(now);
}

void Admission::adapt(TimePoint now) {
  Woken woken;
  {
    std::lock_guard lock(lock_);
    const TimePoint end{Duration(window_end_.load(std::memory_order_relaxed))};
    if (!adaptive_ || now < end) return;  // another shard did it
    window_end_.store((now + kWindow).time_since_epoch().count(), std::memory_order_relaxed);
    const std::uint32_t answered = answered_.exchange(0, std::memory_order_relaxed);
    const Duration took(took_.exchange(0, std::memory_order_relaxed) / std::max(1U, answered));
    gradient_.update(took, busiest_.exchange(0, std::memory_order_relaxed),
                     pressed_.exchange(false, std::memory_order_relaxed));
    set_limit(gradient_.limit());
    serve(woken);
  }
  wake(woken);
}

}  // namespace weir
