// What the machine's own list of hosts says about a name. All lines that have the name count.
// Source: hosts(5).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// How long an address that has no time to live of its own is believed.
inline constexpr std::chrono::seconds kHostsTtl{30};

/// The addresses that `text`, the content of a hosts file, has for `name`, whose case and last dot do not
/// count; in the order of their lines.
std::vector<std::string> hosts_addresses(std::string_view text, std::string_view name);
/// The same from /etc/hosts as it is now; nothing where it cannot be read.
std::vector<std::string> system_hosts_addresses(std::string_view name);

}  // namespace weir
