// What texts of the configuration must look like: addresses, URLs, header fields, names. Each rule gives back
// what is wrong as the end of a sentence ("must be ..."), or nothing; values are never quoted, they may hold
// secrets.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace weir {

/// "127.0.0.1:8080", "[::1]:0", "localhost:80": an IP address or localhost, and a port.
std::string address_fault(std::string_view text, AddressConfig& out);
/// "127.0.0.1:8080", "[::1]:80".
std::string to_string(const AddressConfig& address);
/// True for 127.0.0.0/8, ::1 (also IPv4 mapped) and localhost.
bool is_loopback(std::string_view host) noexcept;
/// What is to be said of an address that other machines can reach while nothing asks callers who they are: a
/// warning if that is allowed, else an error. Nothing for loopback. `operators`: it is the admin's.
std::string open_address_fault(const AddressConfig& address, bool operators, bool allowed);
/// A bearer token (RFC 6750, b64token).
std::string token_fault(std::string_view text);
/// What is to be said of an address that is bound a second time.
std::string used_twice_fault(const AddressConfig& address);

/// The address of a name server, its port 53 unless it says another one: "10.0.0.2", "[::1]:5353".
std::string name_server_fault(std::string_view text, AddressConfig& out);

/// ASCII letters in lower case.
std::string lower_case(std::string_view text);

/// An absolute http or https URL without white space, control characters and fragment.
std::string url_fault(std::string_view text);
/// True for an IP address of either family, without brackets.
bool is_ip_address(std::string_view host) noexcept;
/// The path of a request, with its query if it has one.
std::string request_path_fault(std::string_view text);
/// True for what can be the name of a header field.
bool is_header_name(std::string_view name) noexcept;
/// The name of a header field that a configuration may set.
std::string header_name_fault(std::string_view name);
std::string header_value_fault(std::string_view value);
std::string environment_name_fault(std::string_view name);
/// A browser's origin: "https://host", "http://localhost:3000", "http://localhost:*".
std::string origin_fault(std::string_view text);
/// A host name or IP address without a port.
std::string host_fault(std::string_view text);
/// What stands between a server's name and a tool's.
std::string separator_fault(std::string_view text);
/// A server's name, given the separator.
std::string server_name_fault(std::string_view name, std::string_view separator);
std::string tool_name_fault(std::string_view name);
std::string module_name_fault(std::string_view name);
std::string not_empty_fault(std::string_view text);

}  // namespace weir
