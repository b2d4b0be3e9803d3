#include "admin/live_feed.h"

#include <algorithm>
#include <chrono>

#include "admin/report.h"
#include "base/json.h"
#include "obs/log.h"
#include "runtime/shard.h"

namespace weir {
namespace {

constexpr std::chrono::seconds kPeriod{1};          // between two updates while nothing changes its state
constexpr std::chrono::milliseconds kCoalesce{50};  // what happens together is told together
constexpr std::chrono::seconds kKeepAlive{15};

void append_event(std::string& out, const RecentEvent& event) {
  out += "{\"n\":" + std::to_string(event.number);
  append_member(out, "at", utc_text(event.at));
  append_member(out, "kind", event.kind);
  out += event.good ? ",\"good\":true" : ",\"good\":false";
  if (!event.server.empty()) append_member(out, "server", event.server);
  if (!event.endpoint.empty()) append_member(out, "endpoint", event.endpoint);
  append_member(out, "text", event.text);
  out += '}';
}

}  // namespace

// A reader's place among the others, for as long as it is served.
class LiveFeed::Seat {
 public:
  explicit Seat(LiveFeed& feed) : feed_(feed) {
    feed_.readers_.push_back(&reader);
    if (feed_.readers_.size() > 1) return;
    feed_.dirty_ = true;
    feed_.recent_.listen([of = &feed_] { of->home_.post([of] { of->happened(); }); });
  }
  ~Seat() {
    std::erase(feed_.readers_, &reader);
    if (!feed_.readers_.empty()) return;
    feed_.recent_.listen({});
    feed_.rows_.clear();
    feed_.head_ = Row();
    feed_.order_ = Row();
    feed_.sampled_at_ = TimePoint::min();
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  Reader reader;

 private:
  LiveFeed& feed_;
};

LiveFeed::LiveFeed(Gateway& gateway, Metrics& metrics, RecentEvents& recent, Sources sources)
    : gateway_(gateway),
      metrics_(metrics),
      recent_(recent),
      sources_(std::move(sources)),
      home_(Shard::current()) {}

LiveFeed::~LiveFeed() { recent_.listen({}); }

void LiveFeed::happened() {
  dirty_ = true;
  for (Reader* reader : readers_) reader->waiter.wake();
}

void LiveFeed::note(Row& row, std::string json) {
  row.seen = version_;
  if (row.json == json) return;
  row.json = std::move(json);
  row.version = version_;
}

void LiveFeed::take_sample(TimePoint now) {
  sampled_at_ = now;
  const std::vector<ReadFamily> read = sources_.read_families();
  Tallies tallies = read_tallies(metrics_, read);
  acting_ = acting_rules(read);
  head_.window.add(now, std::move(tallies[std::string()]));
  for (const auto& upstream : gateway_.plan()->servers)
    rows_[upstream->name()].window.add(now, std::move(tallies[upstream->name()]));
}

void LiveFeed::note_head(const Plan& plan) {
  WallTime since{};
  std::string head = "\"status\":\"";
  head += overall_health(plan, since);
  head += '"';
  if (since != WallTime()) append_member(head, "since", utc_text(since));
  head += sources_.draining() ? ",\"draining\":true" : ",\"draining\":false";
  std::string total;
  head_.window.append(total, Metrics::bounds(Family::request_duration), Metrics::bounds(Family::overhead));
  head += ",\"degradation\":" + acting_;
  head += ",\"total\":{" + (total.empty() ? total : total.substr(1)) + '}';
  note(head_, std::move(head));
}

// Reads all anew where that is due: rates once a period, the rest also when something has happened.
void LiveFeed::refresh(TimePoint now) {
  const bool due = sampled_at_ == TimePoint::min() || now - sampled_at_ >= kPeriod;
  if (!due && !dirty_) return;
  dirty_ = false;
  ++version_;
  if (due) take_sample(now);
  const Plan& plan = *gateway_.plan();
  const auto catalogue = plan.catalogue->load();
  note_head(plan);
  names_.clear();
  std::string order;
  for (std::size_t i = 0; i < plan.servers.size(); ++i) {
    const Upstream& upstream = *plan.servers[i];
    names_.push_back(upstream.name());
    order += order.empty() ? "" : ",";
    json_append_string(order, upstream.name());
    Row& row = rows_[upstream.name()];
    std::string json;
    append_server(json, plan, *catalogue, i);
    json.pop_back();
    if (const auto since = upstream.status()->health_since; since != WallTime())
      append_member(json, "health_since", utc_text(since));
    row.window.append(json, Metrics::bounds(Family::request_duration), {});
    note(row, std::move(json += '}'));
  }
  note(order_, std::move(order));
  std::erase_if(rows_, [this](const auto& one) { return one.second.seen != version_; });
}

// What the reader does not know yet; empty: it knows all.
std::string LiveFeed::text_for(Reader& reader) const {
  std::string out = "{\"at\":\"" + utc_text(home_.wall_now()) + '"';
  const std::size_t nothing = out.size();
  if (reader.version == 0) append_member(out, "version", WEIR_VERSION);
  if (head_.version > reader.version) out += ',' + head_.json;
  if (order_.version > reader.version) out += ",\"order\":[" + order_.json + ']';
  bool first = true;
  for (const std::string& name : names_) {
    const Row& row = rows_.at(name);
    if (row.version <= reader.version) continue;
    out += first ? ",\"servers\":[" : ",";
    first = false;
    out += row.json;
  }
  if (!first) out += ']';
  first = true;
  for (const RecentEvent& event : recent_.after(reader.event)) {
    out += first ? ",\"events\":[" : ",";
    first = false;
    append_event(out, event);
    reader.event = event.number;
  }
  if (!first) out += ']';
  reader.version = version_;
  return out.size() == nothing ? std::string() : out + '}';
}

// Until the reader leaves, fails, or the process ends.
Task<Result<void>> LiveFeed::tell(HttpResponder& responder, Reader& reader, CancelScope& over) {
  TimePoint spoken = home_.now();
  while (true) {
    refresh(home_.now());
    const bool whole = reader.version == 0;
    const std::string text = text_for(reader);
    if (!text.empty()) {
      const Result<void> sent = co_await responder.event(text, {}, whole ? "snapshot" : "update");
      if (!sent) co_return sent;
      spoken = home_.now();
    } else if (home_.now() - spoken >= kKeepAlive) {
      const Result<void> sent = co_await responder.comment();
      if (!sent) co_return sent;
      spoken = home_.now();
    }
    const Wake wake = co_await reader.waiter.wait(sampled_at_ + kPeriod, &over);
    if (wake == Wake::cancelled) co_return Result<void>();
    if (wake == Wake::deadline) continue;
    const Wake rest = co_await Sleep(home_.now() + kCoalesce, &over);
    if (rest == Wake::cancelled) co_return Result<void>();
  }
}

Task<void> LiveFeed::serve(HttpResponder& responder, CancelScope& gone) {
  Seat seat(*this);
  CancelScope over;
  const ScopeLink left(gone, over);
  const ScopeLink ended(*sources_.stop, over);
  responder.stop_with(&over);
  Result<void> sent = co_await responder.begin_events("X-Content-Type-Options: nosniff\r\n");
  if (sent) sent = co_await tell(responder, seat.reader, over);
  responder.stop_with(nullptr);
  if (!sent || gone.cancelled()) {
    responder.cut();
    co_return;
  }
  // A reader that is still there is told that no more comes.
  sent = co_await responder.event("{}", {}, "end");
  if (sent) sent = co_await responder.end();
  if (!sent) responder.cut();
}

}  // namespace weir
