#include "runtime/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "runtime/epoll_loop.h"
#include "runtime/hosts_file.h"
#include "runtime/waiter.h"

namespace weir {
namespace {

constexpr int kClassIn = 1, kTypeA = 1, kTypeAaaa = 28;
constexpr std::size_t kAddressesMax = 1024;  // of one family
constexpr int kReadsMax = 64;                // of one socket in a turn

std::string why(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
      return "no such name";
    case ARES_ENODATA:
      return "it has no address";
    case ARES_ETIMEOUT:
      return "no name server answers in time";
    case ARES_ECONNREFUSED:  // what c-ares says of servers that failed, too
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
    case ARES_EFORMERR:
      return "the name servers refuse or fail";
    default:
      return ares_strerror(status);
  }
}

Error unresolved(const std::string& host, const std::string& reason) {
  return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
               "cannot resolve " + host + ": " + reason);
}

// True for what is known: addresses, or that there are none.
bool is_known(int status) noexcept {
  return status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND ||
         status == ARES_EBADNAME;
}

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, address, text.data(), text.size());
  return text.data();
}

// What came back for one type of record.
struct Part {
  int status = ARES_ETIMEOUT;
  std::vector<std::string> addresses;
  int ttl = 0;  // the least; of no meaning without addresses
};

template <class Record, class Parse>
void take(Part& part, int family, Parse parse, const unsigned char* bytes, int size) {
  std::vector<Record> records(kAddressesMax);
  int count = static_cast<int>(records.size());
  part.status = parse(bytes, size, nullptr, records.data(), &count);
  if (part.status != ARES_SUCCESS) return;
  if (count == 0) part.status = ARES_ENODATA;
  for (const Record& record : std::span(records).first(static_cast<std::size_t>(count))) {
    part.ttl = part.addresses.empty() ? record.ttl : std::min(part.ttl, record.ttl);
    part.addresses.push_back(text_of(family, &record));  // the address is its first member
  }
}

// One look-up's channel. Its sockets are watched by the loop for as long as c-ares has them open.
class Asking {
 public:
  explicit Asking(EpollShard& loop) : loop_(loop) {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() {
    if (channel_ != nullptr) ares_destroy(channel_);  // closes the sockets, which leave the loop
  }

  int open(const std::string& name_server);
  // The names that `host` may mean, by the system's search list.
  std::vector<std::string> names(const std::string& host) const;
  Task<Wake> ask(std::string name, TimePoint deadline, CancelScope& cancel);

  Part ipv4;
  Part ipv6;

 private:
  struct Socket final : Watcher {
    Socket(Asking& owner, int descriptor) : asking(owner), fd(descriptor) {}
    void on_events(std::uint32_t events) noexcept override {
      // It may be closed on the way.
      Asking& all = asking;
      all.process(fd, events);
    }
    Asking& asking;
    int fd;
  };
  static void on_state(void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Asking*>(self)->state(fd, readable != 0, writable != 0);
  }
  static void on_a(void* self, int status, int, unsigned char* bytes, int size) {
    Asking& asking = *static_cast<Asking*>(self);
    asking.ipv4.status = status;
    if (status == ARES_SUCCESS) take<ares_addrttl>(asking.ipv4, AF_INET, ares_parse_a_reply, bytes, size);
    asking.answered();
  }
  static void on_aaaa(void* self, int status, int, unsigned char* bytes, int size) {
    Asking& asking = *static_cast<Asking*>(self);
    asking.ipv6.status = status;
    if (status == ARES_SUCCESS)
      take<ares_addr6ttl>(asking.ipv6, AF_INET6, ares_parse_aaaa_reply, bytes, size);
    asking.answered();
  }
  void answered() noexcept {
    --pending_;
    waiter_.wake();
  }
  void state(int fd, bool readable, bool writable);
  void process(int fd, std::uint32_t events) noexcept;

  EpollShard& loop_;
  ares_channel channel_ = nullptr;
  std::map<int, Socket> sockets_;
  int pending_ = 0;
  Waiter waiter_;
};

int Asking::open(const std::string& name_server) {
  static const int ready = ares_library_init(ARES_LIB_INIT_ALL);
  if (ready != ARES_SUCCESS) return ready;
  ares_options options{};
  options.timeout = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(kDnsTry).count());
  options.tries = kDnsTries;
  options.sock_state_cb = on_state;
  options.sock_state_cb_data = this;
  const int made =
      ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (made != ARES_SUCCESS || name_server.empty()) return made;
  return ares_set_servers_ports_csv(channel_, name_server.c_str());
}

std::vector<std::string> Asking::names(const std::string& host) const {
  if (host.ends_with('.')) return {host};
  std::vector<std::string> out;
  ares_options settings{};
  int which = 0;
  if (ares_save_options(channel_, &settings, &which) != ARES_SUCCESS) return {host};
  for (int i = 0; i < settings.ndomains; ++i) out.push_back(host + '.' + settings.domains[i]);
  const bool whole = std::count(host.begin(), host.end(), '.') >= settings.ndots;
  out.insert(whole ? out.begin() : out.end(), host);
  ares_destroy_options(&settings);
  return out;
}

void Asking::state(int fd, bool readable, bool writable) {
  auto found = sockets_.find(fd);
  if (!readable && !writable) {
    if (found == sockets_.end()) return;
    loop_.unwatch(fd, found->second);
    sockets_.erase(found);
    return;
  }
  if (found == sockets_.end()) {
    found = sockets_.try_emplace(fd, *this, fd).first;
    (void)loop_.watch(fd, found->second);  // one that is not watched gives no answer in time
  } else if (writable) {
    loop_.poll_again(found->second);  // its edge may have passed
  }
}

// The loop tells of edges, and c-ares may leave bytes of a stream unread.
void Asking::process(int fd, std::uint32_t events) noexcept {
  const bool out = events == 0 || (events & EPOLLOUT) != 0;
  if (out) ares_process_fd(channel_, ARES_SOCKET_BAD, fd);
  for (int reads = 0;; ++reads) {
    const auto found = sockets_.find(fd);
    pollfd look{fd, POLLIN, 0};
    if (found == sockets_.end() || ::poll(&look, 1, 0) != 1) break;
    if (reads == kReadsMax) {
      loop_.poll_again(found->second);
      break;
    }
    ares_process_fd(channel_, fd, ARES_SOCKET_BAD);
  }
  waiter_.wake();
}

Task<Wake> Asking::ask(std::string name, TimePoint deadline, CancelScope& cancel) {
  Shard& shard = Shard::current();
  ipv4 = Part();
  ipv6 = Part();
  pending_ = 2;
  ares_query(channel_, name.c_str(), kClassIn, kTypeA, on_a, this);
  ares_query(channel_, name.c_str(), kClassIn, kTypeAaaa, on_aaaa, this);
  while (pending_ > 0) {
    timeval left{};
    TimePoint next = deadline;
    if (ares_timeout(channel_, nullptr, &left) != nullptr)
      next = std::min(next, shard.now() + std::chrono::seconds(left.tv_sec) +
                                std::chrono::microseconds(left.tv_usec) + std::chrono::milliseconds(1));
    const Wake wake = co_await waiter_.wait(next, &cancel);
    if (wake == Wake::cancelled) co_return wake;
    if (wake != Wake::deadline) continue;
    if (shard.now() >= deadline) co_return wake;
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }
  co_return Wake::ready;
}

NameAnswer answer_of(std::vector<std::string> addresses, std::chrono::seconds ttl) {
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  NameAnswer answer;
  answer.addresses = std::move(addresses);
  answer.ttl = ttl;
  return answer;
}

// Whether the machine has a way there at all. Nothing is sent.
bool has_route(const std::string& address) {
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(53);
  if (::inet_pton(AF_INET6, address.c_str(), &to.sin6_addr) != 1) return false;
  const int fd = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool way = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  ::close(fd);
  return way;
}

NameAnswer answer_of(Part& ipv4, Part& ipv6) {
  // A machine without IPv6 would count half of all replicas as lost. Source: AI_ADDRCONFIG of RFC 3493.
  if (!ipv4.addresses.empty() && !ipv6.addresses.empty() && !has_route(ipv6.addresses.front()))
    ipv6.addresses.clear();
  int ttl = ipv4.addresses.empty() ? ipv6.ttl : ipv4.ttl;
  if (!ipv6.addresses.empty()) ttl = std::min(ttl, ipv6.ttl);
  std::vector<std::string> all = std::move(ipv4.addresses);
  all.insert(all.end(), ipv6.addresses.begin(), ipv6.addresses.end());
  NameAnswer answer = answer_of(std::move(all), std::chrono::seconds(std::max(ttl, 0)));
  answer.no_ipv4 = !is_known(ipv4.status);
  answer.no_ipv6 = !is_known(ipv6.status);
  return answer;
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

Task<Result<NameAnswer>> dns_look_up(EpollShard& loop, std::string host, std::string name_server,
                                     TimePoint deadline, CancelScope& cancel) {
  std::vector<std::string> known;
  if (is_numeric(host)) known.push_back(host);
  if (known.empty()) known = system_hosts_addresses(host);
  if (!known.empty()) co_return answer_of(std::move(known), kHostsTtl);
  Asking asking(loop);
  if (const int opened = asking.open(name_server); opened != ARES_SUCCESS)
    co_return fail(unresolved(host, why(opened)));
  int last = ARES_ENOTFOUND;
  for (const std::string& name : asking.names(host)) {
    const Wake wake = co_await asking.ask(name, deadline, cancel);
    if (wake == Wake::cancelled)
      co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "cancelled");
    if (wake == Wake::deadline)
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no,
                     "resolving " + host + " timed out");
    if (!asking.ipv4.addresses.empty() || !asking.ipv6.addresses.empty())
      co_return answer_of(asking.ipv4, asking.ipv6);
    for (const Part* part : {&asking.ipv4, &asking.ipv6})
      if (!is_known(part->status)) co_return fail(unresolved(host, why(part->status)));
    // A name that is there without an address says more than one that is not.
    for (const Part* part : {&asking.ipv4, &asking.ipv6})
      if (part->status == ARES_ENODATA) last = ARES_ENODATA;
  }
  co_return fail(unresolved(host, why(last)));
}

}  // namespace weir
