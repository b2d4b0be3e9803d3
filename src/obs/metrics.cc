#include "obs/metrics.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_set>

namespace weir {
namespace {

constexpr std::array<double, 14> kOperation = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
                                               2,    5,    10,   30,  60,  120, 300};
constexpr std::array<double, 14> kFine = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                          0.1,    0.25,  0.5,    1,     5,    30,    300};
constexpr std::array<double, 10> kOverhead = {.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1};
constexpr std::size_t kBucketsMax = 14;

struct Row {
  std::string_view name;  // counters without _total
  std::string_view help;
  std::span<const double> buckets;  // empty: a counter
  std::array<std::string_view, 5> labels;
};

constexpr std::array<Row, static_cast<std::size_t>(Family::count_)> kRows = {{
    {"weir_requests", "Requests of clients by what they came to.", {}, {"method", "server", "outcome"}},
    {"weir_request_duration_seconds",
     "From a request's arrival to its answer's end.",
     kFine,
     {"method", "server"}},
    {"weir_tool_duration_seconds", "Calls of tools, as above.", kFine, {"server", "tool"}},
    {"weir_overhead_duration_seconds", "Time spent in the gateway, upstream time taken out.", kOverhead, {}},
    {"weir_attempts", "Attempts at upstreams by what they came to.", {}, {"server", "endpoint", "outcome"}},
    {"mcp_server_operation_duration_seconds",
     "Requests as seen by clients.",
     kOperation,
     {"mcp_method_name", "gen_ai_tool_name", "error_type", "network_transport", "mcp_protocol_version"}},
    {"mcp_client_operation_duration_seconds",
     "Requests as seen towards servers.",
     kOperation,
     {"mcp_method_name", "gen_ai_tool_name", "error_type", "network_transport", "mcp_protocol_version"}},
}};

const Row& row_of(Family family) noexcept { return kRows[static_cast<std::size_t>(family)]; }

std::string number(double value) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
  return std::string(text.data(), end);
}

}  // namespace

void append_label(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append("=\"");
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  out += '"';
}

std::string_view label_of(std::string_view labels, std::string_view name) noexcept {
  while (!labels.empty()) {
    const std::size_t equals = labels.find("=\"");
    if (equals == std::string_view::npos) return {};
    const std::size_t begin = equals + 2;
    std::size_t end = begin;
    while (end < labels.size() && labels[end] != '"') end += labels[end] == '\\' ? 2U : 1U;
    end = std::min(end, labels.size());
    if (labels.substr(0, equals) == name) return labels.substr(begin, end - begin);
    labels.remove_prefix(std::min(labels.size(), end + 2));
  }
  return {};
}

struct Metrics::Series {
  Family family{};
  std::string labels;                    // rendered, without braces
  std::atomic<std::uint64_t> count{0};   // of a counter, or of all observations
  std::atomic<std::uint64_t> sum_ns{0};  // histograms
  std::array<std::atomic<std::uint64_t>, kBucketsMax> buckets{};
};

struct Metrics::Sheet {
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  std::mutex lock;  // the shard's own but for the moment in which a scrape copies the list
  std::unordered_map<std::string, Series*, Hash, std::equal_to<>> by_key;
  std::vector<std::unique_ptr<Series>> all;
  std::string key;
  std::unordered_set<std::string> left_out;
};

Metrics::Metrics(std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) sheets_.push_back(std::make_unique<Sheet>());
}

Metrics::~Metrics() = default;

Metrics::Series& Metrics::find(Sheet& sheet, Family family, std::span<const std::string_view> labels) {
  std::string& key = sheet.key;
  key.assign(1, static_cast<char>(family));
  for (const std::string_view label : labels) key.append(label).append(1, '\0');
  const auto found = sheet.by_key.find(std::string_view(key));
  if (found != sheet.by_key.end()) return *found->second;
  std::string wanted = key;
  std::vector<std::string_view> values(labels.begin(), labels.end());
  if (sheet.all.size() >= kSeriesMax) {
    // Counted once per set of labels, as far as they are remembered.
    if (sheet.left_out.size() < kSeriesMax && sheet.left_out.insert(wanted).second)
      dropped_.fetch_add(1, std::memory_order_relaxed);
    std::fill(values.begin(), values.end(), std::string_view("_OTHER"));
    key.assign(1, static_cast<char>(family));
    for (const std::string_view label : values) key.append(label).append(1, '\0');
    const auto other = sheet.by_key.find(std::string_view(key));
    if (other != sheet.by_key.end()) return *other->second;
  }
  auto made = std::make_unique<Series>();
  made->family = family;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) made->labels += ',';
    append_label(made->labels, row_of(family).labels[i], values[i]);
  }
  Series& series = *made;
  std::lock_guard lock(sheet.lock);
  sheet.by_key.emplace(key, &series);
  sheet.all.push_back(std::move(made));
  series_.fetch_add(1, std::memory_order_relaxed);
  return series;
}

Metrics::Series& Metrics::series_of(std::size_t shard, Family family,
                                    std::span<const std::string_view> labels) {
  return find(*sheets_[shard], family, labels);
}

namespace {
// A series is written by its shard alone: no locked instruction is needed for a reader to see whole values.
void raise(std::atomic<std::uint64_t>& value, std::uint64_t by) noexcept {
  value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}
}  // namespace

void Metrics::add(Series& series, std::uint64_t by) noexcept { raise(series.count, by); }

void Metrics::observe(Series& series, std::uint64_t nanoseconds) noexcept {
  const std::span<const double> bounds = row_of(series.family).buckets;
  const double seconds = static_cast<double>(nanoseconds) * 1e-9;
  // Few bounds, and most times are short: from the left.
  std::size_t bucket = 0;
  while (bucket < bounds.size() && bounds[bucket] < seconds) ++bucket;
  if (bucket < bounds.size()) raise(series.buckets[bucket], 1);
  raise(series.sum_ns, nanoseconds);
  raise(series.count, 1);
}

void Metrics::add(std::size_t shard, Family family, std::span<const std::string_view> labels,
                  std::uint64_t by) {
  add(series_of(shard, family, labels), by);
}

void Metrics::observe(std::size_t shard, Family family, std::span<const std::string_view> labels,
                      std::uint64_t nanoseconds) {
  observe(series_of(shard, family, labels), nanoseconds);
}

void Metrics::read(Family family, const std::function<void(const Reading&)>& each) const {
  std::vector<const Series*> all;
  for (const auto& sheet : sheets_) {
    std::lock_guard lock(sheet->lock);
    for (const auto& series : sheet->all)
      if (series->family == family) all.push_back(series.get());
  }
  const std::size_t count = row_of(family).buckets.size();
  for (const Series* series : all) {
    std::array<std::uint64_t, kBucketsMax> buckets{};
    for (std::size_t i = 0; i < count; ++i) buckets[i] = series->buckets[i].load(std::memory_order_relaxed);
    Reading reading;
    reading.labels = series->labels;
    reading.count = series->count.load(std::memory_order_relaxed);
    reading.buckets = std::span<const std::uint64_t>(buckets.data(), count);
    each(reading);
  }
}

std::span<const double> Metrics::bounds(Family family) noexcept { return row_of(family).buckets; }

std::string Metrics::expose(bool openmetrics, const std::vector<ReadFamily>& read) const {
  struct Total {
    std::uint64_t count = 0;
    std::uint64_t sum_ns = 0;
    std::array<std::uint64_t, kBucketsMax> buckets{};
  };
  std::array<std::map<std::string_view, Total>, static_cast<std::size_t>(Family::count_)> totals;
  for (const auto& sheet : sheets_) {
    std::vector<const Series*> all;
    {
      std::lock_guard lock(sheet->lock);
      all.reserve(sheet->all.size());
      for (const auto& series : sheet->all) all.push_back(series.get());
    }
    for (const Series* series : all) {
      Total& total = totals[static_cast<std::size_t>(series->family)][series->labels];
      total.count += series->count.load(std::memory_order_relaxed);
      total.sum_ns += series->sum_ns.load(std::memory_order_relaxed);
      for (std::size_t i = 0; i < kBucketsMax; ++i)
        total.buckets[i] += series->buckets[i].load(std::memory_order_relaxed);
    }
  }
  std::string out;
  out.reserve(1 << 16);
  const auto head = [&](std::string_view name, std::string_view help, std::string_view type, bool counter) {
    const std::string shown = counter && !openmetrics ? std::string(name) + "_total" : std::string(name);
    out.append("# HELP ")
        .append(shown)
        .append(" ")
        .append(help)
        .append("\n# TYPE ")
        .append(shown)
        .append(" ")
        .append(type)
        .append("\n");
  };
  const auto line = [&](std::string_view name, std::string_view suffix, std::string_view labels,
                        std::string_view value) {
    out.append(name).append(suffix);
    if (!labels.empty()) out.append("{").append(labels).append("}");
    out.append(" ").append(value).append("\n");
  };
  for (std::size_t f = 0; f < totals.size(); ++f) {
    if (totals[f].empty()) continue;
    const Row& row = kRows[f];
    const bool counter = row.buckets.empty();
    head(row.name, row.help, counter ? "counter" : "histogram", counter);
    for (const auto& [labels, total] : totals[f]) {
      if (counter) {
        line(row.name, "_total", labels, std::to_string(total.count));
        continue;
      }
      std::uint64_t below = 0;
      std::string with(labels);
      if (!with.empty()) with += ',';
      for (std::size_t i = 0; i < row.buckets.size(); ++i) {
        below += total.buckets[i];
        line(row.name, "_bucket", with + "le=\"" + number(row.buckets[i]) + "\"", std::to_string(below));
      }
      // A scrape sees counts that move: the last bucket is never less than those before it.
      const std::string count = std::to_string(std::max(below, total.count));
      line(row.name, "_bucket", with + "le=\"+Inf\"", count);
      line(row.name, "_sum", labels, number(static_cast<double>(total.sum_ns) * 1e-9));
      line(row.name, "_count", labels, count);
    }
  }
  for (const ReadFamily& family : read) {
    if (family.samples.empty()) continue;
    head(family.name, family.help, family.counter ? "counter" : "gauge", family.counter);
    for (const Sample& sample : family.samples)
      line(family.name, family.counter ? "_total" : "", sample.labels, number(sample.value));
  }
  if (openmetrics) out += "# EOF\n";
  return out;
}

bool wants_openmetrics(std::string_view accept) noexcept {
  const std::size_t at = accept.find("application/openmetrics-text");
  if (at == std::string_view::npos) return false;
  const std::string_view range = accept.substr(at, accept.find(',', at) - at);
  return range.find("q=0,") == std::string_view::npos && !range.ends_with("q=0") && !range.ends_with("q=0.0");
}

}  // namespace weir
