// Names to addresses with their times to live, on the loop of the calling shard: the hosts file first, then A
// and AAAA of DNS. Each look-up reads the system's settings anew and asks from ports of its own, so nothing
// outlives it. A search list is gone through name by name, for both families together, and no further than
// the first name that is not known not to be: a lost packet never leads to another domain's hosts. IPv6
// addresses that the machine has no way to are left out where there are others. Source: RFC 1034, RFC 3596,
// resolv.conf(5). The protocol is c-ares'.
#pragma once

#include <string>

#include "runtime/stream.h"

namespace weir {

class EpollShard;

/// Two tries of a name server are given up after 2 and 4 s.
inline constexpr Duration kDnsTry = std::chrono::seconds(2);
inline constexpr int kDnsTries = 2;

/// See Network::look_up(). On the shard of `loop`.
Task<Result<NameAnswer>> dns_look_up(EpollShard& loop, std::string host, std::string name_server,
                                     TimePoint deadline, CancelScope& cancel);

}  // namespace weir
