// The files that what is kept of servers outlives a restart in: one each in the `state_dir`, replaced whole
// or not at all. Files of servers that are configured no more stay: a server may be switched off for a while,
// and the folder may be another Weir's, too. The control shard. Source: R18.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/digest.h"
#include "gateway/last_good_text.h"

namespace weir {

/// Makes the folder where it is missing, for its owner alone. Empty, or why nothing can be kept there.
std::string state_dir_fault(const std::string& folder);
/// What a server's files in that folder are called, without their ending.
std::string file_name_of(const std::string& server);

class LastGoodFiles {
 public:
  using Trouble = std::function<void(const std::string& server, const std::string& what)>;
  /// `folder`: where there is one; else nothing is read or written. Takes out what a process that died while
  /// it wrote has left. `trouble` is told what a person should know.
  LastGoodFiles(std::string folder, WallTime now, Trouble trouble);

  /// As given; empty: none.
  const std::string& folder() const noexcept { return folder_; }
  /// The file of a server, for tests and messages.
  std::string path_of(const std::string& server) const;
  /// Reads a server's file. False: there is none, or it is of no use.
  bool load(const std::string& server, LastGoodText& content);
  /// Replaces the server's file if it would be another. False: it could not; the one before is as it was.
  bool save(const LastGoodText& content);

 private:
  const std::string folder_;
  const Trouble trouble_;
  std::map<std::string, Digest> written_;    // what is in each server's file, as far as known
  std::map<std::string, std::string> told_;  // of failures, what was said last
};

}  // namespace weir
