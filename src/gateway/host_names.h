// The host names of one server, each looked up again when its answer has grown old and, after a failure, in
// growing pauses. One fiber per name on the home shard; what becomes of the answers is the owner's business.
// Owner: an upstream with `resolve: dns`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/error.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"
#include "runtime/stream.h"
#include "runtime/wait_list.h"

namespace weir {

/// An answer is believed no shorter and no longer, whatever its time to live.
inline constexpr Duration kNameTtlMin = std::chrono::seconds(1);
inline constexpr Duration kNameTtlMax = std::chrono::minutes(5);
/// The first pause after a failure, and the longest.
inline constexpr Duration kNamePauseMin = std::chrono::seconds(1);
inline constexpr Duration kNamePauseMax = std::chrono::seconds(30);

class HostNames {
 public:
  /// Whom to tell, on the home shard.
  struct Options {
    std::string name_server;  // "ADDRESS:PORT"; empty: the system's
    /// What a name stands for, each time that it was found; those who wait go on after it.
    std::function<void(const std::string& host, const NameAnswer& answer)> found;
    std::function<void(const std::string& host, const Error& error)> failed;
    /// What owns this, until mail to it has been read.
    std::function<std::shared_ptr<const void>()> keep;
  };
  HostNames(Shard& home, Options options) : home_(home), options_(std::move(options)) {}
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;

  /// These are looked up from now on, and no others. Any shard.
  void want(std::set<std::string> hosts);
  /// Waits until one of them has been found; one that could not be is looked up again at once, but
  /// not within a second. Errors: why there is none; deadline_exceeded, cancelled, shutting_down. Any shard.
  Task<Result<void>> settle(TimePoint deadline, CancelScope& cancel);
  /// Ends all look-ups. Nothing is told after it. Any shard.
  Task<void> close();

 private:
  struct Host;
  Task<void> keep_known(std::shared_ptr<Host> host);
  Task<Result<void>> settle_home(TimePoint deadline, CancelScope& cancel);
  void take(const std::set<std::string>& hosts);
  Task<bool> close_home();

  Shard& home_;
  const Options options_;

  // Home shard only.
  std::map<std::string, std::shared_ptr<Host>> hosts_;
  WaitList outcomes_;
  Error last_;  // why a name was not found
  bool closed_ = false;
  Nursery fibers_;
};

}  // namespace weir
