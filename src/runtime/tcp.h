// Sockets and pipes of the real world on Asio's reactor.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "runtime/stream.h"

namespace weir {

class Shard;

/// TCP for one shard. `io` and `shard` outlive it and everything made by it.
std::unique_ptr<Network> make_tcp_network(boost::asio::io_context& io, Shard& shard);

}  // namespace weir
