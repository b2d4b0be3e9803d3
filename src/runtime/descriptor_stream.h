// Pipes of child processes as a Stream: one descriptor to read from, one to write to.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "runtime/stream.h"

namespace weir {

class Shard;

/// Takes both descriptors over (non-blocking, close-on-exec; either may be -1), also when it fails.
/// `name` is what peer() says. Errors: Kind::internal when the loop cannot watch them.
Result<std::unique_ptr<Stream>> make_descriptor_stream(boost::asio::io_context& io, Shard& shard, int read_fd,
                                                       int write_fd, std::string name);

}  // namespace weir
