// What is kept of a server as the text of a file, and back: a line with the format's number and a digest of
// what follows, then one JSON object with the server's entries byte for byte. Nothing of how the server is
// reached is in it but hashes: no header, no variable of an environment, no URL. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "gateway/last_good.h"

namespace weir {

/// What tells the ways to reach a server apart: a hash of each address, or of what is run where and how.
using ReachMarks = std::vector<std::string>;
ReachMarks reach_marks(const ServerConfig& server);
/// True if one is in both.
bool share_a_mark(const ReachMarks& a, const ReachMarks& b) noexcept;

/// A file's content.
struct LastGoodText {
  std::string server;
  ReachMarks marks;
  KeptServer kept;
};
/// The whole text.
std::string write_last_good(const LastGoodText& content);
/// Reads it back. False, and `fault` says why as the end of a sentence: it is cut, changed, something else,
/// or of a newer Weir.
bool read_last_good(std::string_view text, LastGoodText& content, std::string& fault);

}  // namespace weir
