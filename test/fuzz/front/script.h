// What a fuzz input makes clients and servers do: steps, each one byte for what is done and by whom, and a
// text up to a byte 0xFF. And the marks by which every byte that a client gets can be told to be its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"

namespace weir::fuzz {

inline constexpr std::size_t kSlots = 3;    // clients
inline constexpr std::size_t kServers = 2;  // the first of the new era, the second of the old

/// One thing that a client does.
struct ClientStep {
  enum class Act : std::uint8_t { raw, post, pause, hang_up, reset };
  Act act = Act::raw;
  bool in_parts = false;  // written in pieces
  std::string text;
};

/// One answer of a server, in place of a good one.
struct ServerAnswer {
  enum class Form : std::uint8_t { raw, raw_then_close, json, events };
  Form form = Form::raw;
  std::string text;
};
/// What a server can be asked.
enum class Asked : std::uint8_t { call, introduction, list, other };
inline constexpr std::size_t kAskedKinds = 4;

struct Script {
  std::uint64_t seed = 0;
  std::vector<ClientStep> clients[kSlots];
  std::vector<ServerAnswer> servers[kServers][kAskedKinds];
  std::vector<std::size_t> away;  // servers that go away, one after the other
};

/// Reads an input: the seed, then steps.
Script read_script(Input input);

/// Texts that nobody can guess, and whose they are.
class Marks {
 public:
  explicit Marks(std::uint64_t seed) : state_(seed) {}
  /// A new one.
  std::string issue(std::size_t slot);
  /// Whose it is; nothing for a text that is none.
  std::optional<std::size_t> owner(const std::string& mark) const;
  /// A client's own bearer token.
  static std::string token(std::size_t slot);

 private:
  std::uint64_t state_;
  std::map<std::string, std::size_t> owners_;
};

/// `text` with every `from` as `to`.
std::string replaced(std::string text, std::string_view from, std::string_view to);

/// One HTTP response off the front of what a connection has brought, read apart from src/http.
struct PlainResponse {
  int status = 0;
  bool closes = false;  // says that it is the last
  bool whole = false;   // all of it was there
  std::string type;
  std::string body;
};
/// Takes one; nothing where no status line or no whole head is there. `fault` is set for what is no HTTP.
std::optional<PlainResponse> take_response(std::string_view& received, std::string& fault);

}  // namespace weir::fuzz
