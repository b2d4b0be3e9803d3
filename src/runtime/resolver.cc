#include "runtime/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "runtime/shard.h"
#include "runtime/socket_network.h"
#include "runtime/waiter.h"

namespace weir {
namespace {

// One look-up; the waiting coroutine and the thread hold it.
struct LookUp {
  std::string host;
  std::uint16_t port = 0;
  // Written by the thread before its mail, read on the shard after.
  std::vector<SocketAddress> found;
  std::string failure;
  Waiter waiter;  // shard only
};

void ask_system(LookUp& look_up) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(look_up.host.c_str(), nullptr, &hints, &list);
  if (code != 0) {
    look_up.failure = ::gai_strerror(code);
    return;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(&storage));
    SocketAddress address = from_sockaddr(storage);
    address.port = look_up.port;
    if (std::find(look_up.found.begin(), look_up.found.end(), address) == look_up.found.end())
      look_up.found.push_back(std::move(address));
  }
  ::freeaddrinfo(list);
}

}  // namespace

struct Resolver::Desk {
  std::mutex lock;
  std::condition_variable more;
  Shard* shard = nullptr;  // null: closed
  bool staffed = false;
  std::deque<std::shared_ptr<LookUp>> queue;

  static void work(const std::shared_ptr<Desk>& desk) {
    std::unique_lock held(desk->lock);
    while (true) {
      desk->more.wait(held, [&] { return desk->shard == nullptr || !desk->queue.empty(); });
      if (desk->shard == nullptr) return;
      const std::shared_ptr<LookUp> next = std::move(desk->queue.front());
      desk->queue.pop_front();
      held.unlock();
      ask_system(*next);
      held.lock();
      if (desk->shard != nullptr) desk->shard->post([next] { next->waiter.wake(); });
    }
  }
};

Resolver::Resolver(Shard& shard) : desk_(std::make_shared<Desk>()) { desk_->shard = &shard; }

Resolver::~Resolver() {
  std::lock_guard held(desk_->lock);
  desk_->shard = nullptr;
  desk_->queue.clear();
  desk_->more.notify_all();
}

Task<Result<std::vector<SocketAddress>>> Resolver::look_up(std::string host, std::uint16_t port,
                                                           TimePoint deadline, CancelScope& cancel) {
  auto request = std::make_shared<LookUp>();
  request->host = host;
  request->port = port;
  {
    std::lock_guard held(desk_->lock);
    desk_->queue.push_back(request);
    if (!std::exchange(desk_->staffed, true)) std::thread([desk = desk_] { Desk::work(desk); }).detach();
    desk_->more.notify_one();
  }
  const Wake wake = co_await request->waiter.wait(deadline, &cancel);
  if (wake == Wake::deadline)
    co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no,
                   "resolving " + host + " timed out");
  if (wake == Wake::cancelled)
    co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "cancelled");
  if (!request->failure.empty() || request->found.empty())
    co_return fail(
        Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
        "cannot resolve " + host + ": " + (request->failure.empty() ? "no address" : request->failure));
  co_return std::move(request->found);
}

}  // namespace weir
