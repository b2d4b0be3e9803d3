// Tells when one file's content may have changed: written in place, renamed over, or swapped behind a
// symbolic link. It watches folders, never the file: an editor's rename would take the watch away with the
// old file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/channel.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace weir {

/// One shard.
class FileWatch {
 public:
  /// Watches `path`, whose folder must exist. Errors: Kind::internal with the reason.
  static Result<std::unique_ptr<FileWatch>> start(Network& network, const std::string& path);
  /// Waits for a change, then until nothing more has come for `quiet` (an editor's write comes in pieces).
  /// An Error when cancelled.
  Task<Result<void>> next(Duration quiet, CancelScope& cancel);

 private:
  FileWatch(std::unique_ptr<Stream> stream, int fd, std::string path);
  void watch_folders();
  bool take_events();

  Channel channel_;
  int fd_;  // owned by the channel's stream
  std::string path_;
  std::vector<std::pair<int, std::string>> watched_;  // watch descriptor, name in that folder
};

}  // namespace weir
