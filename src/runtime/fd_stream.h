// A connected socket, or a pair of pipes, as a Stream. A read is tried only when the kernel has said that
// there is something: a short read has drained the descriptor, so a message costs one receive and one send.
#pragma once

#include <memory>
#include <string>

#include "runtime/stream.h"

namespace weir {

class EpollShard;

/// Takes over a connected, non-blocking socket. Errors: Kind::internal when epoll refuses it.
Result<std::unique_ptr<Stream>> make_socket_stream(EpollShard& loop, int fd);
/// Takes over two non-blocking descriptors, either may be -1, also when it fails.
Result<std::unique_ptr<Stream>> make_pipe_stream(EpollShard& loop, int read_fd, int write_fd,
                                                 std::string name);

}  // namespace weir
