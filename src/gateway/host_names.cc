#include "gateway/host_names.h"

#include <algorithm>

#include "gateway/stoppable.h"
#include "runtime/hop.h"

namespace weir {
namespace {

// A look-up that takes longer is given up: more than c-ares' own patience with two name servers.
constexpr Duration kLookUpTime = std::chrono::seconds(15);

Error cancelled() {
  return Error(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "the call was cancelled");
}

}  // namespace

/// One name.
struct HostNames::Host {
  explicit Host(std::string host) : name(std::move(host)) {}
  const std::string name;
  bool found = false;      // at least once
  bool pending = true;     // an outcome is due
  TimePoint not_before{};  // it is looked up again, however much it is wanted
  CancelScope stop;
  Waiter nudge;
};

void HostNames::want(std::set<std::string> hosts) {
  home_.post([this, keep = options_.keep(), hosts = std::move(hosts)] { take(hosts); });
}

void HostNames::take(const std::set<std::string>& hosts) {
  if (closed_) return;
  std::erase_if(hosts_, [&](const auto& one) {
    if (hosts.contains(one.first)) return false;
    one.second->stop.cancel();
    return true;
  });
  for (const std::string& name : hosts) {
    if (hosts_.contains(name)) continue;
    auto host = std::make_shared<Host>(name);
    hosts_.emplace(name, host);
    fibers_.start(keep_known(std::move(host)));
  }
  outcomes_.wake_all();
}

Task<void> HostNames::keep_known(std::shared_ptr<Host> host) {
  Duration pause = kNamePauseMin;
  while (!host->stop.cancelled()) {
    std::string name = host->name;
    std::string server = options_.name_server;
    const Result<NameAnswer> answer = co_await home_.network().look_up(std::move(name), std::move(server),
                                                                       home_.now() + kLookUpTime, host->stop);
    if (host->stop.cancelled()) break;
    Duration rest = pause;
    if (answer) {
      host->found = true;
      rest = std::clamp<Duration>(answer->ttl, kNameTtlMin, kNameTtlMax);
      pause = kNamePauseMin;
      last_ = Error();
      options_.found(host->name, *answer);
    } else {
      last_ = answer.error();
      pause = std::min(pause * 2, kNamePauseMax);
      options_.failed(host->name, answer.error());
    }
    host->pending = false;
    outcomes_.wake_all();
    host->not_before = home_.now() + kNamePauseMin;
    const TimePoint until = home_.now() + rest;
    while (home_.now() < until && !host->pending && !host->stop.cancelled())
      co_await host->nudge.wait(until, &host->stop);
    host->pending = true;
  }
}

Task<Result<void>> HostNames::settle(TimePoint deadline, CancelScope& cancel) {
  std::function<Task<Result<void>>(CancelScope&)> work = [this, deadline](CancelScope& scope) {
    return settle_home(deadline, scope);
  };
  co_return co_await on_shard<Result<void>>(home_, cancel, std::move(work));
}

Task<Result<void>> HostNames::settle_home(TimePoint deadline, CancelScope& cancel) {
  for (const auto& [name, host] : hosts_) {
    if (host->found || host->pending || home_.now() < host->not_before) continue;
    host->pending = true;
    host->nudge.wake();
  }
  while (true) {
    if (closed_) co_return fail(stopped_error());
    bool pending = false;
    for (const auto& [name, host] : hosts_) {
      if (host->found) co_return Result<void>();
      pending = pending || host->pending;
    }
    if (!pending && !last_.detail().empty()) co_return fail(last_);
    const Wake wake = co_await outcomes_.wait(deadline, &cancel);
    if (wake == Wake::cancelled) co_return fail(cancelled());
    if (wake != Wake::deadline) continue;
    if (!last_.detail().empty()) co_return fail(last_);
    co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no,
                   "its host name is still looked up");
  }
}

Task<void> HostNames::close() {
  CancelScope never;
  std::function<Task<bool>(CancelScope&)> work = [this](CancelScope&) { return close_home(); };
  co_await on_shard<bool>(home_, never, std::move(work));
}

Task<bool> HostNames::close_home() {
  closed_ = true;
  for (const auto& [name, host] : hosts_) host->stop.cancel();
  hosts_.clear();
  outcomes_.wake_all();
  co_await fibers_.join();
  co_return true;
}

}  // namespace weir
