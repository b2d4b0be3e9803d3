// Endpoints that host names stand for: each address of a configured URL's host is one. What is connected to
// is the address; what the server is told, and has to prove, stays the name. An answer that lacks what it
// should have takes no endpoint away.
#include <algorithm>

#include "base/url.h"
#include "config/text_rules.h"
#include "gateway/upstream_state.h"

namespace weir {
namespace {

constexpr std::size_t kAddressesMax = 256;  // of one server
constexpr Duration kLook = std::chrono::milliseconds(10);

Url url_of(const std::string& text) {
  std::string reason;
  return parse_url(text, reason).value_or(Url());  // the configuration has been validated
}

// The names among the hosts of these endpoints.
template <class Wanted>
std::set<std::string> hosts_of(const std::vector<Wanted>& wanted) {
  std::set<std::string> out;
  for (const Wanted& one : wanted)
    if (std::string host = url_of(one.config.url).host; !is_ip_address(host)) out.insert(std::move(host));
  return out;
}

// The answer, and what was known before where nobody has answered.
std::vector<std::string> merged(const NameAnswer& answer, const std::vector<std::string>& before) {
  std::vector<std::string> out = answer.addresses;
  for (const std::string& address : before) {
    const bool ipv6 = address.find(':') != std::string::npos;
    if (ipv6 ? answer.no_ipv6 : answer.no_ipv4) out.push_back(address);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

std::unique_ptr<HostNames> Upstream::make_names(Shard& home) {
  HostNames::Options options;
  options.name_server = config_.dns_server;
  options.found = [this](const std::string& host, const NameAnswer& answer) { name_found(host, answer); };
  options.failed = [this](const std::string& host, const Error& error) { name_failed(host, error); };
  options.keep = [this] { return weak_from_this().lock(); };
  return std::make_unique<HostNames>(home, std::move(options));
}

// What is configured, each name replaced by what it stands for. Under the lock.
std::vector<Upstream::Wanted> Upstream::wanted_now() const {
  std::vector<Wanted> configured = wanted_of(configured_);
  if (!names_) return configured;
  std::vector<Wanted> out;
  std::set<std::string> known;  // two names may share an address: the first one has it
  const auto add = [&](Wanted one) {
    if (out.size() < kAddressesMax && known.insert(one.address).second) out.push_back(std::move(one));
  };
  for (Wanted& one : configured) {
    Url url = url_of(one.config.url);
    if (is_ip_address(url.host)) {
      add(std::move(one));
      continue;
    }
    const auto found = found_.find(url.host);
    if (found == found_.end()) continue;
    for (const std::string& address : found->second.addresses) {
      Wanted each = one;
      each.connect_to = address;
      url.host = address;
      each.address =
          (url.tls ? "https://" : "http://") + url.authority() + url.path.substr(0, url.path.find('?'));
      add(std::move(each));
    }
  }
  return out;
}

// Whether anything is still to be found, and what names are looked up. Under the lock.
void Upstream::note_names(EndpointSet& set) {
  std::set<std::string> hosts = hosts_of(wanted_of(configured_));
  std::erase_if(found_, [&](const auto& one) { return !hosts.contains(one.first); });
  set.resolving = false;
  set.unresolved = Error();
  for (const std::string& host : hosts) {
    const auto found = found_.find(host);
    if (found == found_.end()) {
      set.resolving = true;
    } else if (found->second.addresses.empty() && set.unresolved.detail().empty()) {
      set.unresolved = found->second.error;
    }
  }
  if (started_) names_->want(std::move(hosts));
}

void Upstream::name_found(const std::string& host, const NameAnswer& answer) {
  bool same = false, back = false;
  {
    std::lock_guard lock(lock_);
    Name& name = found_[host];
    std::vector<std::string> addresses = merged(answer, name.addresses);
    back = !name.error.detail().empty();
    same = addresses == name.addresses;
    name.addresses = std::move(addresses);
    name.error = Error();
  }
  if (back && options_.on_name) options_.on_name(*this, host, {});
  if (!same) reshape([] {});
}

void Upstream::name_failed(const std::string& host, const Error& error) {
  bool first = false, empty = false;
  {
    std::lock_guard lock(lock_);
    Name& name = found_[host];
    first = name.error.detail().empty();
    empty = name.addresses.empty() && name.error.detail() != error.detail();
    name.error = error;
  }
  if (first && options_.on_name) options_.on_name(*this, host, error.detail());
  if (empty) reshape([] {});
}

// Waits until some name stands for something.
Task<Result<void>> Upstream::wait_for_names(TimePoint deadline, CancelScope& cancel) {
  const std::shared_ptr<Upstream> kept = shared_from_this();
  Result<void> found = co_await names_->settle(deadline, cancel);
  // What was found may be of a configuration that is just being replaced.
  if (found && !set_.load()->serves()) co_await Sleep(Shard::current().now() + kLook, &cancel);
  co_return found;
}

}  // namespace weir
