// The real network of a shard: sockets by the kernel's calls, names resolved on a thread of their own.
#pragma once

#include <sys/socket.h>

#include <memory>

#include "runtime/stream.h"

namespace weir {

class EpollShard;

/// Outlived by `loop`.
std::unique_ptr<Network> make_socket_network(EpollShard& loop);
/// Numeric host and port of an IPv4 or IPv6 address.
SocketAddress from_sockaddr(const sockaddr_storage& storage);

}  // namespace weir
