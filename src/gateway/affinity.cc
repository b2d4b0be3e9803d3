#include "gateway/affinity.h"

namespace weir {

std::uint32_t Affinity::find(const std::string& key, TimePoint now) {
  Stripe& stripe = stripe_of(key);
  std::lock_guard lock(stripe.lock);
  const auto found = stripe.entries.find(key);
  if (found == stripe.entries.end()) return 0;
  found->second.used = now;
  return found->second.endpoint;
}

std::uint32_t Affinity::settle(const std::string& key, std::uint32_t before, std::uint32_t endpoint,
                               TimePoint now) {
  Stripe& stripe = stripe_of(key);
  std::lock_guard lock(stripe.lock);
  if (stripe.entries.size() >= kStripeMax && !stripe.entries.contains(key)) make_room(stripe, now);
  Entry& entry = stripe.entries[key];
  if (entry.endpoint == before) entry.endpoint = endpoint;
  entry.used = now;
  return entry.endpoint;
}

// Whoever was not seen for a while goes; if there is nobody, anyone: a client whose place is forgotten is
// only given another one.
void Affinity::make_room(Stripe& stripe, TimePoint now) {
  std::erase_if(stripe.entries, [&](const auto& entry) { return entry.second.used < now - kSpared; });
  if (stripe.entries.size() >= kStripeMax) stripe.entries.erase(stripe.entries.begin());
}

void Affinity::forget(const std::string& key) {
  Stripe& stripe = stripe_of(key);
  std::lock_guard lock(stripe.lock);
  stripe.entries.erase(key);
}

void Affinity::forget(const std::string& key, std::uint32_t endpoint) {
  Stripe& stripe = stripe_of(key);
  std::lock_guard lock(stripe.lock);
  const auto found = stripe.entries.find(key);
  if (found != stripe.entries.end() && found->second.endpoint == endpoint) stripe.entries.erase(found);
}

void Affinity::sweep(TimePoint old,
                     const std::function<bool(const std::string& key, std::uint32_t endpoint)>& has_session) {
  for (Stripe& stripe : stripes_) {
    std::lock_guard lock(stripe.lock);
    std::erase_if(stripe.entries, [&](const auto& entry) {
      return entry.second.used < old && !has_session(entry.first, entry.second.endpoint);
    });
  }
}

std::size_t Affinity::size() const {
  std::size_t size = 0;
  for (const Stripe& stripe : stripes_) {
    std::lock_guard lock(stripe.lock);
    size += stripe.entries.size();
  }
  return size;
}

}  // namespace weir
