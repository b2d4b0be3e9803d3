// Lists and self-descriptions of many servers as one. What is merged honestly: no server speaks in another's
// name, a broken entry costs only itself, and what is missing is said. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "mcp/handshake.h"
#include "mcp/message.h"
#include "mcp/methods.h"

namespace weir {

/// One entry of an upstream's list; views into its page.
struct ListEntry {
  std::string_view raw;           // the whole object
  std::string_view raw_identity;  // its name, uri or uriTemplate with quotes, inside `raw`
  std::string identity;           // the text of it
  std::string_view input_schema;  // a tool's, raw, inside `raw`; empty: none
  bool repeatable = false;        // a tool that says that a call of it may be made twice
};

/// One page, whole; keeps its bytes alive.
struct ListPage {
  explicit ListPage(Message message) : response(std::move(message)) {}
  Message response;
  std::vector<ListEntry> entries;
  std::optional<std::string> next_cursor;
  std::uint64_t ttl_ms = 0;
  bool is_public = false;
  std::vector<std::string_view> withheld;  // raw entries that are not in `entries`: clients must not see them
  // Of those that are no good definitions: the name, if any, and what is wrong as the end of a sentence.
  std::vector<std::pair<std::string, std::string>> faults;
};
/// Reads a response to a list request. Errors: upstream_protocol (no result, no array).
Result<ListPage> read_list_page(Message response, ListKind kind);

/// All pages of one server.
struct ServerList {
  std::string server;
  std::vector<ListPage> pages;
};

/// What a merged answer lacks.
struct MissingServer {
  std::string server;
  std::string reason;  // of the error table
};
/// What a merged answer has from an earlier time.
struct StaleServer {
  std::string server;
  std::string age;     // "12s"
  std::string reason;  // why it is not of now
};

/// An entry under the name that clients see, ready to be written.
struct NamedEntry {
  const ListEntry* entry;
  std::string exposed;
};

/// The raw value of `weir/partial`: what is missing, and what is stale where anything is. Empty for neither.
std::string partial_value(const std::vector<MissingServer>& missing,
                          const std::vector<StaleServer>& stale = {});

/// Appends the raw result of a merged list. `cacheable` members come with it for new clients only.
void append_list_result(std::string& out, ListKind kind, Revision client,
                        const std::vector<NamedEntry>& entries, std::uint64_t ttl_ms, bool is_public,
                        std::string_view partial);
/// One server's pages as one result: the first page, byte for byte, with the others' entries behind its own,
/// without its cursor and what is withheld.
std::string join_pages(const std::vector<ListPage>& pages, ListKind kind);

/// What Weir says of itself on behalf of the servers to a client of revision `client`: capabilities that at
/// least one has and that Weir itself can carry. Tasks are only told of within an era.
std::string merge_capabilities(const std::vector<const ServerFacts*>& servers, Revision client);
/// The servers' instructions (raw string), each under its name where there are several; empty: none.
std::string merge_instructions(const std::vector<std::pair<std::string_view, const ServerFacts*>>& servers);

}  // namespace weir
