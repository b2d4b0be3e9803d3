#include "app/observe.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "admin/api.h"
#include "base/json_canonical.h"
#include "runtime/shard.h"

namespace weir {
namespace {

// Nobody's fault that an operator could mend: not an error of the access log.
bool fine(std::string_view outcome) noexcept { return outcome == "ok" || outcome == "tool_error"; }

// Weir's own refusals: where they come by the thousand, a line for each would cost more than they do.
bool refused(std::string_view outcome) noexcept {
  return outcome == "overloaded" || outcome == "no_healthy_endpoint";
}

// An event of a server's, without its text.
RecentEvent event_of(std::string_view kind, bool good, const std::string& server) {
  RecentEvent event;
  event.at = Shard::current().wall_now();
  event.kind = kind;
  event.good = good;
  event.server = server;
  return event;
}

std::string with_reason(std::string_view word, const std::string& reason) {
  std::string out(word);
  if (!reason.empty()) out += ": " + reason;
  return out;
}

std::string pin_sentence(const PinNews& news) {
  switch (news.kind) {
    case PinNews::Kind::adopted:
      return "the server's first list of tools is what is approved";
    case PinNews::Kind::changed:
      return news.enforced ? "a tool has changed and is hidden until it is approved"
                           : "a tool has changed since it was approved";
    case PinNews::Kind::fresh:
      return news.enforced ? "a tool is new and hidden until it is approved"
                           : "a tool is new and was not approved";
    case PinNews::Kind::restored:
      return "a tool is as it was approved again";
    case PinNews::Kind::more:
      return "more tools are not as they were approved";
    case PinNews::Kind::approved:
      return "tools were approved";
    case PinNews::Kind::trouble:
      break;
  }
  return "the file of pins is of no use";
}

std::string_view transport_of(const Upstream& upstream) noexcept {
  const ServerConfig::Type type = upstream.config().type;
  return type == ServerConfig::Type::http || type == ServerConfig::Type::sse ? "tcp" : "pipe";
}

}  // namespace

void Observe::set_options(const LogConfig& config) {
  LogOptions options;
  options.level = static_cast<Severity>(config.level);
  options.json = config.format == LogConfig::Format::json;
  for (std::size_t i = 0; i < options.modules.size(); ++i) {
    const auto own = config.modules.find(std::string(to_string(static_cast<Module>(i))));
    if (own != config.modules.end()) options.modules[i] = static_cast<Severity>(own->second);
  }
  log_.set_options(options);
  access_ = config.access;
}

/// One shard's series, by what a request was.
struct Observe::Seat {
  std::unordered_map<std::string, Bundle> bundles;
  std::string key;
  std::string tool;  // the label that find_bundle() used last
  Metrics::Series* overhead = nullptr;

  // Of refusals within a second from `begun` on: lines, and calls without one.
  static constexpr std::size_t kRefusalLines = 10;
  TimePoint begun{};
  std::size_t lines = 0;
  std::size_t untold = 0;
  bool may_tell(TimePoint now) noexcept {
    if (now - begun >= std::chrono::seconds(1)) {
      begun = now;
      lines = 0;
    }
    if (lines == kRefusalLines) return ++untold, false;
    return ++lines, true;
  }

  // What was counted last, by a few bits of its name: most calls are like one just before.
  struct Recent {
    std::string_view method, outcome;  // of static storage: the same text is mostly the same pointer
    std::string server, tool, endpoint;
    Revision client{};
    Revision upstream{};
    Bundle bundle;
    bool fits(const RequestRecord& record) const noexcept {
      const auto same = [](std::string_view a, std::string_view b) {
        return a.size() == b.size() && (a.data() == b.data() || a == b);
      };
      return tool == record.tool && endpoint == record.notes.endpoint && server == record.server &&
             same(method, record.method) && same(outcome, record.outcome) &&
             client == record.client_revision && upstream == record.notes.upstream_revision;
    }
  };
  std::array<Recent, 64> recent;
  Recent& recent_of(const RequestRecord& record) noexcept {
    std::size_t bits = record.tool.size() + record.server.size() * 3 + record.method.size();
    if (!record.tool.empty()) bits += static_cast<unsigned char>(record.tool.back()) * 5U;
    // Of one endpoint it is always the same text; those of a server mostly lie side by side.
    bits += reinterpret_cast<std::uintptr_t>(record.notes.endpoint.data()) >> 4;
    return recent[bits % recent.size()];
  }
};

Observe::Observe(Log& log, Metrics& metrics, Gateway*& gateway, std::size_t shards)
    : log_(log), metrics_(metrics), gateway_(gateway) {
  for (std::size_t i = 0; i < shards; ++i) {
    seats_.push_back(std::make_unique<Seat>());
    seats_.back()->overhead = &metrics_.series_of(i, Family::overhead, {});
  }
}

Observe::~Observe() = default;

Observe::Bundle Observe::make_bundle(std::size_t shard, const RequestRecord& record, std::string_view tool,
                                     const Upstream* upstream) {
  Bundle bundle;
  const std::string_view requests[] = {record.method, record.server, record.outcome};
  bundle.requests = &metrics_.series_of(shard, Family::requests, requests);
  bundle.duration = &metrics_.series_of(shard, Family::request_duration, std::span(requests, 2));
  const std::string_view error = record.outcome == "ok" ? std::string_view() : record.outcome;
  const std::string_view operation[] = {record.method, tool, error, "tcp", to_string(record.client_revision)};
  bundle.server_operation = &metrics_.series_of(shard, Family::server_operation, operation);
  if (upstream == nullptr) return bundle;
  const std::string_view tools[] = {record.server, tool};
  if (record.method == "tools/call") bundle.tool = &metrics_.series_of(shard, Family::tool_duration, tools);
  const std::string_view towards[] = {record.method, tool, error, transport_of(*upstream),
                                      to_string(record.notes.upstream_revision)};
  bundle.client_operation = &metrics_.series_of(shard, Family::client_operation, towards);
  return bundle;
}

Observe::Bundle& Observe::bundle_of(Seat& seat, std::size_t shard, const RequestRecord& record) {
  Seat::Recent& recent = seat.recent_of(record);
  if (recent.bundle.requests != nullptr && recent.fits(record)) return recent.bundle;
  Bundle& found = find_bundle(seat, shard, record);
  // A name that the catalogue does not have may be there the next time.
  if (seat.tool != record.tool) return found;
  recent = {record.method,
            record.outcome,
            std::string(record.server),
            std::string(record.tool),
            std::string(record.notes.endpoint),
            record.client_revision,
            record.notes.upstream_revision,
            found};
  return found;
}

Observe::Bundle& Observe::find_bundle(Seat& seat, std::size_t shard, const RequestRecord& record) {
  std::string& key = seat.key;
  const auto set_key = [&](std::string_view tool) {
    key.assign(record.method).append(1, '\0').append(record.server).append(1, '\0').append(record.outcome);
    key.append(1, '\0').append(record.notes.endpoint);
    key.append(1, '\0').append(tool).append(1, static_cast<char>(record.client_revision));
    key.append(1, static_cast<char>(record.notes.upstream_revision));
  };
  set_key(record.tool);
  seat.tool = record.tool.size() < 256 ? record.tool : std::string_view("_OTHER");
  if (const auto found = seat.bundles.find(key); found != seat.bundles.end()) return found->second;
  const Plan& plan = *gateway_->plan();
  const std::size_t place = record.server.empty() ? Plan::kAll : plan.find(record.server);
  // A tool is a label only if the catalogue has it: clients invent names.
  std::string_view tool;
  if (place != Plan::kAll && !record.tool.empty())
    tool = plan.catalogue->load()->has(ListKind::tools, place, record.tool) ? record.tool : "_OTHER";
  if (tool != record.tool) set_key(tool);
  seat.tool = tool;
  constexpr std::size_t kBundlesMax = 20'000;
  if (seat.bundles.size() > kBundlesMax) seat.bundles.clear();
  const auto [at, fresh] = seat.bundles.try_emplace(key);
  if (fresh)
    at->second = make_bundle(shard, record, tool, place == Plan::kAll ? nullptr : plan.servers[place].get());
  return at->second;
}

void Observe::finished(const RequestRecord& record) {
  const std::size_t shard = Shard::current().index();
  const auto nanoseconds = [](Duration time) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
  };
  const std::uint64_t took = nanoseconds(record.duration);
  Seat& seat = *seats_[shard];
  Bundle& bundle = bundle_of(seat, shard, record);
  Metrics::add(*bundle.requests, 1);
  Metrics::observe(*bundle.duration, took);
  Metrics::observe(*bundle.server_operation, took);
  Metrics::observe(*seat.overhead,
                   nanoseconds(record.duration - std::min(record.duration, record.notes.upstream_time)));
  if (bundle.tool != nullptr) Metrics::observe(*bundle.tool, took);
  const CallNotes& notes = record.notes;
  if (bundle.client_operation != nullptr && notes.attempts != 0)
    Metrics::observe(*bundle.client_operation, nanoseconds(notes.upstream_time));
  // Where something stood in for the answer no attempt came to what the call did: no series says so.
  if (bundle.client_operation != nullptr && notes.attempts > notes.failed.size()) {
    if (bundle.attempts == nullptr) {
      const std::string_view labels[] = {record.server, notes.endpoint, record.outcome};
      bundle.attempts = &metrics_.series_of(shard, Family::attempts, labels);
    }
    Metrics::add(*bundle.attempts, notes.attempts - notes.failed.size());
  }
  // What was tried in vain before counts for where it was tried: its server may be another one.
  for (const CallNotes::Failed& failed : notes.failed) {
    const std::string_view how = failed.answered ? "upstream_error" : to_string(failed.kind);
    const std::string_view labels[] = {failed.server, failed.endpoint, how};
    Metrics::add(metrics_.series_of(shard, Family::attempts, labels), 1);
  }
  const TimePoint now = Shard::current().now();
  if (seat.untold != 0 && now - seat.begun >= std::chrono::seconds(1)) {
    LogLine line(log_, Module::access, Severity::warn, "more calls were refused than have a line");
    line.number("count", static_cast<std::int64_t>(std::exchange(seat.untold, 0)));
  }
  const LogConfig::Access access = access_.load(std::memory_order_relaxed);
  if (access == LogConfig::Access::off || (access == LogConfig::Access::errors && fine(record.outcome)))
    return;
  if (access == LogConfig::Access::errors && refused(record.outcome) && !seat.may_tell(now)) return;
  std::string trace;
  const SpanIds ids =
      record.span ? *record.span : new_trace([&record] { return record.random->next(); }, false);
  append_trace_id(trace, ids);
  LogLine line(log_, Module::access, fine(record.outcome) ? Severity::info : Severity::warn, record.method);
  line.text("server", record.server).text("tool", record.tool).text("outcome", record.outcome);
  line.number("attempts", record.notes.attempts).milliseconds("ms", record.duration);
  line.milliseconds("upstream_ms", record.notes.upstream_time).text("client", record.client);
  line.text("protocol", to_string(record.client_revision)).text("trace_id", trace);
  std::string span;
  append_span_id(span, ids);
  line.text("span_id", span);
}

// Of a server with one endpoint that one's line says it all.
void Observe::server_changed(const Upstream& upstream) {
  const auto set = upstream.endpoints();
  if (set->only != nullptr) return;
  const auto now = upstream.status();
  LogLine line(log_, Module::health, now->health <= Health::healthy ? Severity::info : Severity::warn,
               to_string(now->health));
  line.text("server", upstream.name());
  if (!now->reason.empty()) line.text("reason", now->reason);
  RecentEvent event = event_of("server", now->health <= Health::healthy, upstream.name());
  event.text = with_reason(to_string(now->health), now->reason);
  recent_.add(std::move(event));
}

// One that flaps has another reason several times a second, and says nothing new by that.
bool Observe::is_news(const std::string& server, const std::string& endpoint, std::string_view state) {
  constexpr Duration kSame = std::chrono::seconds(5);
  constexpr std::size_t kMost = 10'000;
  const TimePoint now = Shard::current().now();
  std::lock_guard lock(told_lock_);
  if (told_.size() > kMost) told_.clear();
  Told& told = told_[server + '\0' + endpoint];
  if (told.state == state && now - told.at < kSame) return false;
  told = {state, now};
  return true;
}

void Observe::endpoint_changed(const Upstream& upstream, const Endpoint& endpoint) {
  const auto now = endpoint.status();
  const bool away = now->state != ServerState::ready;
  const std::string_view state = away ? to_string(now->state) : to_string(now->health);
  if (!is_news(upstream.name(), endpoint.address(), state)) return;
  const bool good = away ? now->state == ServerState::stopped : now->health <= Health::healthy;
  LogLine line(log_, Module::health, good ? Severity::info : Severity::warn, state);
  line.text("server", upstream.name()).text("endpoint", endpoint.address());
  if (now->peer) line.text("protocol", to_string(now->peer->facts.revision));
  const std::string reason = now->reason.empty() ? now->error.detail() : now->reason;
  if (!reason.empty()) line.text("reason", reason);
  RecentEvent event = event_of("endpoint", good, upstream.name());
  event.endpoint = endpoint.address();
  event.text = with_reason(state, reason);
  recent_.add(std::move(event));
}

void Observe::noted(std::string_view kind, bool good, std::string text) {
  RecentEvent event = event_of(kind, good, {});
  event.text = std::move(text);
  recent_.add(std::move(event));
}

void Observe::breaker_changed(const Upstream& upstream, const Endpoint& endpoint,
                              const BreakerChange& change) {
  const bool open = change.to == BreakerState::open;
  LogLine line(log_, Module::health, open ? Severity::warn : Severity::info,
               "circuit breaker " + std::string(to_string(change.to)));
  line.text("server", upstream.name()).text("endpoint", endpoint.address());
  line.text("from", to_string(change.from)).text("reason", change.reason);
  RecentEvent event = event_of("breaker", !open, upstream.name());
  event.endpoint = endpoint.address();
  event.text = with_reason(to_string(change.to), change.reason);
  recent_.add(std::move(event));
}

void Observe::name_changed(const Upstream& upstream, const std::string& host, const std::string& reason) {
  const bool good = reason.empty();
  LogLine line(log_, Module::gateway, good ? Severity::info : Severity::warn,
               good ? "a host name can be resolved again"
                    : "a host name cannot be resolved: what it stood for last stays");
  line.text("server", upstream.name()).text("host", host);
  if (!good) line.text("reason", reason);
  RecentEvent event = event_of("name", good, upstream.name());
  event.text = good ? host + " can be resolved again" : host + " cannot be resolved: " + reason;
  recent_.add(std::move(event));
}

void Observe::degradation_changed(const std::string& rule, const std::string& server, bool acts) {
  LogLine line(log_, Module::gateway, acts ? Severity::warn : Severity::info,
               acts ? "a rule of degradation acts" : "a rule of degradation acts no more");
  line.text("rule", rule).text("server", server);
  RecentEvent event = event_of("degradation", !acts, server);
  event.text = rule + (acts ? " (acts)" : " (acts no more)");
  recent_.add(std::move(event));
}

void Observe::child_wrote(const std::string& server, std::string_view text) {
  LogLine line(log_, Module::child, Severity::info, text);
  line.text("server", server);
}

// Each list tells of it again: once is enough.
void Observe::tool_withheld(const std::string& server, const std::string& tool, const std::string& reason) {
  {
    std::lock_guard lock(told_lock_);
    if (withheld_.size() >= kWithheldMax) withheld_.clear();
    if (!withheld_.insert(server + '\n' + tool + '\n' + reason).second) return;
  }
  LogLine line(log_, Module::gateway, Severity::warn, "what a server lists is left out");
  std::string visible;
  append_visible(visible, tool);
  line.text("server", server).text("name", visible).text("reason", reason);
}

void Observe::not_remembered(const std::string& server, const std::string& what) {
  LogLine line(log_, Module::gateway, Severity::warn, what);
  line.text("server", server);
}

void Observe::pin_news(const PinNews& news) {
  using Kind = PinNews::Kind;
  const bool good = news.kind == Kind::adopted || news.kind == Kind::restored || news.kind == Kind::approved;
  const std::string sentence = pin_sentence(news);
  LogLine line(log_, Module::gateway, good ? Severity::info : Severity::warn, sentence);
  line.text("server", news.server);
  // What a server says of itself: nothing of it is hidden, or moves a terminal.
  std::string tool;
  std::string text;
  append_visible(tool, news.tool);
  append_visible(text, news.text);
  if (!tool.empty()) line.text("tool", tool);
  if (!text.empty()) line.text(news.kind == Kind::changed ? "differs" : "text", text);
  if (news.count != 0) line.number("count", static_cast<std::int64_t>(news.count));
  RecentEvent event = event_of("pin", good, news.server);
  event.text = sentence;
  if (!tool.empty()) event.text += ": " + tool;
  if (news.count != 0) event.text += " (" + std::to_string(news.count) + ')';
  if (!text.empty()) event.text += ": " + text;
  recent_.add(std::move(event));
}

}  // namespace weir
