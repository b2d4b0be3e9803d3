// Where the running gateway is that a command is about, and what it says. Each question that fails has said
// why on stderr.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "app/remote.h"
#include "config/config.h"
#include "mcp/message.h"

namespace weir {

/// Its addresses: those of the flags, which then name the gateway alone; else those of the file; else the
/// defaults.
struct RunningGateway {
  std::string admin;  // "http://HOST:PORT" or "https://HOST:PORT" of the operators' address; empty: not known
  std::string mcp;    // the MCP endpoint; empty: the operators' address knows it
  bool by_flag = false;
  RemoteAccess admin_access;
  RemoteAccess mcp_access;
};
/// How the operators' address of a configuration is reached from this machine: "http://HOST:PORT".
std::string admin_url(const AdminConfig& admin);
/// What it asks for.
RemoteAccess access_of(const AdminConfig& admin);
/// Nothing, after a word on stderr, if a flag or the file is wrong.
std::optional<RunningGateway> find_gateway(const Flags& flags);
/// The same where the operators' address alone can answer. Nothing, after a word on stderr: `code` is the
/// exit code.
std::optional<RunningGateway> find_operators(const Flags& flags, int& code);
/// The MCP endpoint, asked for at the operators' address where need be. Nothing: it could not be found out.
std::optional<std::string> mcp_endpoint(const RunningGateway& gateway);

/// Says on stderr that asking failed; the exit code for that.
int say_failure(const std::string& url, const Error& error);
/// Says on stderr that this is no answer of Weir's, or that Weir refused; the exit code for that.
int say_no_weir(const std::string& url, const RemoteAnswer& answer);
/// Sends a request of the newest revision to the MCP endpoint `url`; `params` are its members without the
/// braces. Nothing: no result came, and what did was said on stderr (the answer as it is if `raw_errors`).
std::optional<Message> ask_mcp(const std::string& url, const RemoteAccess& access, std::string_view method,
                               const std::string& name, std::string_view params, bool raw_errors);

}  // namespace weir
