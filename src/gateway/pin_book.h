// The pins of all servers that have some, and their files: one a server, in `state_dir`. The control shard;
// what it gives out is shared by all.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "config/config.h"
#include "gateway/pins.h"

namespace weir {

class PinBook {
 public:
  /// Whom to tell; any shard.
  struct Told {
    std::function<void(const PinNews&)> news;
    std::function<void()> to_save;  // save() has something to do
    std::function<void(const std::string& server)> shown;
  };
  explicit PinBook(Told told) : told_(std::move(told)) {}

  /// Files are in `state_dir` from now on. What was approved so far is kept, and written there unless there
  /// is a file.
  void open(const std::string& state_dir, WallTime now);
  /// The server's pins, read where they are not known yet; a file that could not be read is tried again.
  /// Null: it has none.
  std::shared_ptr<Pins> of(const ServerConfig& server);
  /// Keeps these servers in mind and no others; files stay.
  void retain(std::span<const std::string> names);
  /// Writes what has changed.
  void save();
  /// Writes the proposal and makes it so. Empty, or why nothing has changed.
  std::string take(Pins& pins, PinProposal proposal);
  /// The file of a server.
  std::string path_of(const std::string& server) const;

 private:
  struct One {
    std::shared_ptr<Pins> pins;
    std::uint64_t saved = 0;  // its version when it was written last
    bool broken = false;      // its file, which only a person's word replaces
    std::string told;         // why it could not be written
  };
  void load(const std::string& server, One& one);
  void trouble(const std::string& server, std::string text);

  const Told told_;
  std::string folder_;
  std::map<std::string, One> servers_;
};

}  // namespace weir
