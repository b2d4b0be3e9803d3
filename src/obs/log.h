// The log: lines are built where they arise and written in batches by a thread of its own, so that a request
// makes no system call for them. Bounded: what does not fit is dropped and counted, and a line says so.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace weir {

/// The lowest first.
enum class Severity : std::uint8_t { debug, info, warn, error };
/// Who speaks; each has a level of its own.
enum class Module : std::uint8_t { app, config, front, gateway, health, child, access, admin, count_ };
std::string_view to_string(Module module) noexcept;

/// What is written and how; changed at run time.
struct LogOptions {
  Severity level = Severity::info;
  bool json = true;
  /// What differs from `level`.
  std::array<std::optional<Severity>, static_cast<std::size_t>(Module::count_)> modules{};
};

/// Any thread.
class Log {
 public:
  /// Writes to `fd`, which it does not own.
  explicit Log(int fd);
  /// Writes what is left.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Takes effect with the next line; a line that is not enabled costs a comparison. Any thread.
  void set_options(const LogOptions& options);
  bool enabled(Module module, Severity severity) const noexcept {
    return severity >= levels_[static_cast<std::size_t>(module)].load(std::memory_order_relaxed);
  }
  /// True if lines are JSON objects.
  bool json() const noexcept { return json_.load(std::memory_order_relaxed); }
  /// Takes one whole line, its line end included.
  void write(std::string_view line, bool urgent);
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  /// Waits until all that was taken is written.
  void flush();

 private:
  void run();
  static constexpr std::size_t kHeldMax = 4 * 1024 * 1024;

  const int fd_;
  std::array<std::atomic<Severity>, static_cast<std::size_t>(Module::count_)> levels_{};
  std::atomic<bool> json_{true};
  std::atomic<std::uint64_t> dropped_{0};
  std::uint64_t told_ = 0;
  std::mutex lock_;
  std::condition_variable wake_;
  std::condition_variable written_;
  std::string held_;
  bool urgent_ = false;
  bool stop_ = false;
  std::atomic<bool> stopping_{false};
  bool writing_ = false;
  std::thread thread_;
};

/// One line under construction; written by its destructor. Costs nothing where its level is off.
class LogLine {
 public:
  LogLine(Log& log, Module module, Severity severity, std::string_view message);
  ~LogLine();
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;

  /// Adds a field. Secrets never belong into one.
  LogLine& text(std::string_view name, std::string_view value);
  LogLine& number(std::string_view name, std::int64_t value);
  LogLine& milliseconds(std::string_view name, std::chrono::nanoseconds value);

 private:
  void name(std::string_view name);
  Log& log_;
  bool on_;
  bool json_;
  bool urgent_;
  std::string line_;
};

/// "2026-11-23T10:00:00.000Z"
std::string utc_text(std::chrono::system_clock::time_point time);

}  // namespace weir
