#include "runtime/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>

namespace weir {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  return set;
}

}  // namespace

void block_signals(std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Result<std::unique_ptr<Signals>> Signals::take(Network& network, std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  const int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0)
    return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no,
                std::string("signalfd: ") + std::strerror(errno));
  Result<std::unique_ptr<Stream>> stream = network.adopt(fd, -1, "signals");
  if (!stream) return fail(stream.error());
  return std::unique_ptr<Signals>(new Signals(std::move(*stream)));
}

Task<Result<int>> Signals::next(CancelScope& cancel) {
  while (channel_.pending().size() < sizeof(signalfd_siginfo)) {
    const Result<std::size_t> got = co_await channel_.fill(kForever, &cancel);
    if (!got) co_return fail(got.error());
    if (*got == 0)
      co_return fail(Error::Kind::internal, Error::Side::gateway, Error::Sent::no, "signals ended");
  }
  signalfd_siginfo record;
  std::memcpy(&record, channel_.pending().data(), sizeof record);
  channel_.consume(sizeof record);
  co_return static_cast<int>(record.ssi_signo);
}

}  // namespace weir
