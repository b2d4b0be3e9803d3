// What is kept of every configured server, over reloads and restarts. A server that is reached in a wholly
// other way than the one of its name before is another server: it inherits nothing. The control shard; what
// it gives out is shared by all. Source: R18.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "gateway/catalogue.h"
#include "gateway/last_good_files.h"

namespace weir {

class Memories {
 public:
  /// `trouble`: what a person should know about what is not remembered; any shard.
  explicit Memories(LastGoodFiles::Trouble trouble);

  /// Files are in `state_dir` from now on; empty: there are none.
  void open(const std::string& state_dir, WallTime now);
  /// What is kept of this server; what is noted of it goes there.
  std::shared_ptr<LastGood> of(const ServerConfig& server);
  /// Keeps these servers in mind and no others; files stay.
  void retain(std::span<const std::string> names);
  /// Writes what has changed since the last time; `times`: also what has only been seen again.
  void save(bool times);

 private:
  struct One {
    std::shared_ptr<LastGood> last_good;
    ReachMarks marks;
    std::uint64_t saved = 0;  // its changes when it was written last
    bool remarked = false;    // it is reached otherwise since then
  };
  void save(const std::string& name, One& one, bool times);

  const LastGoodFiles::Trouble trouble_;
  const std::shared_ptr<KeptBytes> bytes_ = std::make_shared<KeptBytes>();
  std::unique_ptr<LastGoodFiles> files_;
  std::map<std::string, One> servers_;
};

/// The names of what is kept, for a catalogue that knows nothing of the server; `params` likewise.
void recall_names(const LastGood& last_good, std::array<std::shared_ptr<const Identities>, kListKinds>& seen,
                  std::shared_ptr<const ToolTable>& tools_table);

}  // namespace weir
