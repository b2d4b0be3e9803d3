// The certificates of the listening addresses: read at the start, and again whenever their files change or a
// reload is asked for.
#include <set>

#include "app/process.h"
#include "runtime/file_watch.h"

namespace weir {
namespace {

// Certificate and key are written one after the other.
constexpr std::chrono::milliseconds kQuiet{300};

}  // namespace

// False, after a word on stderr, if an address can't be served.
bool Process::load_certificates() {
  std::set<std::string> told;  // several addresses may have one certificate
  const auto make = [&told](const ListenTlsConfig& files, bool& good) {
    if (files.cert.empty()) return std::unique_ptr<Certificate>();
    auto made = std::make_unique<Certificate>(files);
    const Result<void> read = made->load();
    if (!read && told.insert(read.error().detail()).second)
      std::fprintf(stderr, "weir: tls: %s\n", read.error().detail().c_str());
    good = good && read.has_value();
    return made;
  };
  bool good = true;
  for (const ListenConfig& one : options_.config.listen) certificates_.push_back(make(one.tls, good));
  if (options_.config.admin) admin_certificate_ = make(options_.config.admin->tls, good);
  return good;
}

void Process::reload_certificates(std::string_view cause) {
  const auto read = [&](Certificate& one) {
    if (const Result<void> done = one.load(); !done) {
      LogLine line(log_, Module::config, Severity::error,
                   "the certificate stays as it was: " + done.error().detail());
      line.text("cause", cause).text("cert", one.files().cert);
      observe_->noted("certificate", false, one.files().cert + " stays as it was: " + done.error().detail());
      return;
    }
    LogLine line(log_, Module::config, Severity::info, "certificate read");
    line.text("cause", cause).text("cert", one.files().cert);
  };
  for (const auto& one : certificates_)
    if (one) read(*one);
  if (admin_certificate_) read(*admin_certificate_);
}

Task<void> Process::watch_certificate(std::string file, CancelScope& stop) {
  Result<std::unique_ptr<FileWatch>> watch = FileWatch::start(Shard::current().network(), file);
  if (!watch) {
    LogLine line(log_, Module::config, Severity::warn, "a certificate's file is not watched");
    line.text("file", file).text("reason", watch.error().detail());
    co_return;
  }
  while (!stop.cancelled()) {
    const Result<void> changed = co_await (*watch)->next(kQuiet, stop);
    if (!changed) break;
    reload_certificates("file");
  }
}

void Process::watch_certificates(CancelScope& stop) {
  std::set<std::string> files;
  const auto add = [&](const Certificate* one) {
    if (one != nullptr) files.insert({one->files().cert, one->files().key});
  };
  for (const auto& one : certificates_) add(one.get());
  add(admin_certificate_.get());
  for (const std::string& file : files) control_seat().fibers.start(watch_certificate(file, stop));
}

}  // namespace weir
