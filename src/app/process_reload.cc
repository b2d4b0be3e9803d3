// How a configuration becomes the running one: at the start, when its file changes, on request.
#include <malloc.h>

#include "app/process.h"
#include "base/json.h"
#include "config/load.h"
#include "config/text_rules.h"
#include "runtime/file_watch.h"

namespace weir {

using std::chrono::milliseconds;

Task<void> Process::watch_file(CancelScope& stop) {
  Result<std::unique_ptr<FileWatch>> watch = FileWatch::start(Shard::current().network(), options_.file);
  if (!watch) {
    std::fprintf(stderr, "weir: %s is not watched: %s\n", options_.file.c_str(),
                 watch.error().detail().c_str());
    co_return;
  }
  // It may have changed between its first reading and the watch.
  std::string report;
  reload("file", report);
  while (!stop.cancelled()) {
    const Result<void> changed = co_await (*watch)->next(milliseconds(20), stop);
    if (!changed) break;
    reload("file", report);
  }
}

void Process::note_good_reload() {
  observe_->last_reload_good = true;
  observe_->last_reload_seconds = std::chrono::duration_cast<std::chrono::seconds>(
                                      control_seat().loop->shard().wall_now().time_since_epoch())
                                      .count();
}

// Makes a configuration the running one and remembers it.
void Process::take(const Config& config, std::string_view cause, std::string& report) {
  const Config before = options_.config;
  const ApplyReport done = gateway_->apply(config);
  observe_->set_options(config.log);
  note_good_reload();
  set_buffer_limit(config.limits.buffers);
  buffers_.set_limit(config.limits.buffers / 2);
  stray_budget().set_limit(config.limits.buffers / 8);
  for (const auto& seat : seats_)
    seat->loop->shard().post([&seat, limits = config.limits] {
      if (seat->limits.budget != nullptr) seat->limits.body_max = limits.body;
      seat->limits.head.head_max = limits.header;
    });
  std::string restart;
  if (config.threads != before.threads) restart += "\"threads\"";
  if (config.listen != before.listen) restart += restart.empty() ? "\"listen\"" : ",\"listen\"";
  const auto bound = [](std::optional<AdminConfig> admin) {
    if (admin) admin->token.clear();  // which holds at once
    return admin;
  };
  if (bound(config.admin) != bound(before.admin)) restart += restart.empty() ? "\"admin\"" : ",\"admin\"";
  if (config.metrics_listen != before.metrics_listen)
    restart += restart.empty() ? "\"metrics_listen\"" : ",\"metrics_listen\"";
  report = "{\"ok\":true,\"servers\":{\"added\":" + std::to_string(done.added) +
           ",\"removed\":" + std::to_string(done.removed) + ",\"kept\":" + std::to_string(done.kept) +
           "},\"needs_restart\":[" + restart + "]}";
  earlier_.push_back(config);
  while (earlier_.size() > 6) earlier_.pop_front();  // the running one and five before it
  LogLine line(log_, Module::config, restart.empty() ? Severity::info : Severity::warn,
               "configuration taken");
  line.text("cause", cause).number("added", static_cast<std::int64_t>(done.added));
  line.number("removed", static_cast<std::int64_t>(done.removed))
      .number("kept", static_cast<std::int64_t>(done.kept));
  if (!restart.empty()) line.text("needs_restart", restart);
  std::string said = "configuration taken (" + std::string(cause) + "): " + std::to_string(done.added) +
                     " added, " + std::to_string(done.removed) + " removed, " + std::to_string(done.kept) +
                     " kept";
  if (!restart.empty()) said += "; a restart is needed for " + restart;
  observe_->noted("reload", restart.empty(), std::move(said));
}

// The addresses stay as they were bound: what the new file permits must hold for those, too. Empty: it does.
std::string Process::unsafe_change(const Config& config) const {
  if (config.allow_unauthenticated) return {};
  std::string fault;
  if (config.auth.bearer_tokens.empty())
    for (const ListenConfig& one : options_.config.listen)
      if (fault.empty()) fault = open_address_fault(one.address, false, false);
  if (fault.empty() && options_.config.admin && (!config.admin || config.admin->token.empty()))
    fault = open_address_fault(options_.config.admin->address, true, false);
  return fault.empty() ? fault : "until the restart " + fault;
}

bool Process::reload(std::string_view cause, std::string& report) {
  if (cause != "file") reload_certificates(cause);
  if (!options_.load_again) {
    report = R"({"ok":false,"errors":["no file is served"]})";
    return false;
  }
  const LoadOutcome loaded = options_.load_again();
  ::malloc_trim(0);  // the parser took megabytes for a moment
  const std::string unsafe = loaded.config ? unsafe_change(*loaded.config) : std::string();
  if (!unsafe.empty()) {
    observe_->last_reload_good = false;
    report = "{\"ok\":false,\"errors\":[";
    json_append_string(report, unsafe);
    report += "]}";
    LogLine line(log_, Module::config, Severity::error, unsafe);
    line.text("cause", cause);
    observe_->noted("reload", false, "configuration refused (" + std::string(cause) + "): " + unsafe);
    return false;
  }
  if (loaded.config) {
    if (!earlier_.empty() && *loaded.config == earlier_.back()) {
      note_good_reload();
      report = R"({"ok":true,"unchanged":true})";
      return true;
    }
    take(*loaded.config, cause, report);
    return true;
  }
  observe_->last_reload_good = false;
  report = "{\"ok\":false,\"errors\":[";
  std::string said = "configuration refused (" + std::string(cause) + ")";
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity != Diagnostic::Severity::error) continue;
    const std::string text = to_string(diagnostic);
    if (report.back() != '[') report += ',';
    if (report.back() == '[') said += ": " + text.substr(0, text.find('\n'));
    json_append_string(report, text);
    LogLine line(log_, Module::config, Severity::error, text.substr(0, text.find('\n')));
    line.text("cause", cause);
  }
  report += "]}";
  LogLine line(log_, Module::config, Severity::error, "the running configuration stays as it is");
  line.text("cause", cause);
  observe_->noted("reload", false, std::move(said));
  return false;
}

bool Process::rollback(std::string& report) {
  if (earlier_.size() < 2) {
    report = R"({"ok":false,"errors":["there is no earlier configuration"]})";
    return false;
  }
  if (const std::string unsafe = unsafe_change(earlier_[earlier_.size() - 2]); !unsafe.empty()) {
    report = "{\"ok\":false,\"errors\":[";
    json_append_string(report, unsafe);
    report += "]}";
    return false;
  }
  earlier_.pop_back();
  const Config config = earlier_.back();
  earlier_.pop_back();
  take(config, "rollback", report);
  return true;
}

}  // namespace weir
