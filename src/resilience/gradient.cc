#include "resilience/gradient.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::uint32_t kLeast = 20;
constexpr std::uint32_t kWarmUp = 10;  // windows of which the plain average is taken
constexpr double kLong = 600;          // windows that the average is over
constexpr double kTolerance = 1.5;     // calls may take so many times the usual
constexpr double kSlowest = 0.5;       // what the limit is multiplied with at worst
constexpr double kRoom = 4;            // what may always be added: a queue at the server
constexpr double kSmoothing = 0.2;
constexpr double kRecovered = 2;  // the usual is so many times what is now: it was learnt in bad times
constexpr double kForget = 0.95;

}  // namespace

Gradient::Gradient(std::uint32_t most) noexcept
    : least_(std::min(kLeast, most)), most_(most), limit_(least_) {}

void Gradient::set_most(std::uint32_t most) noexcept {
  least_ = std::min(kLeast, most);
  most_ = most;
  limit_ = std::clamp(limit_, least_, most_);
}

void Gradient::learn(double took) noexcept {
  if (windows_ < kWarmUp) {
    ++windows_;
    usual_ += (took - usual_) / windows_;
    return;
  }
  usual_ += (took - usual_) * 2 / (kLong + 1);
  if (usual_ / took > kRecovered) usual_ *= kForget;
}

void Gradient::update(Duration took, std::uint32_t in_flight, bool pressed) noexcept {
  const double now = std::max(1.0, static_cast<double>(took.count()));
  learn(now);
  const double gradient = std::clamp(kTolerance * usual_ / now, kSlowest, 1.0);
  const double next = (1 - kSmoothing) * limit_ + kSmoothing * (limit_ * gradient + kRoom);
  // Who needs no more learns nothing about what would be too much.
  if (next > limit_ && !pressed && in_flight < limit_ / 2) return;
  limit_ = std::clamp(next, least_, most_);
}

}  // namespace weir
