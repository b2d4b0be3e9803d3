// The process's own stdin and stdout, for a program that speaks over them.
#pragma once

namespace weir {

/// Two descriptors of our own; close-on-exec.
struct StandardStreams {
  int in = -1;
  int out = -1;
};
/// Takes stdin and stdout away from everybody else: from then on descriptor 0 reads nothing, and what is
/// written to descriptor 1 goes to stderr, so that no library can disturb the messages. What is closed
/// becomes /dev/null. Before any other file is opened; once. A member is -1 if it can't be had.
StandardStreams take_standard_streams() noexcept;

}  // namespace weir
