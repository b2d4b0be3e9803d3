// The machine's list of hosts, line by line: addresses only, each once, of the lines that have the name. (The
// answers of name servers are read by c-ares.) The name comes first, then the file.
#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "runtime/hosts_file.h"

namespace {

bool is_address(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words(1);
  for (const char c : line.substr(0, line.find('#')))
    if (c == ' ' || (c >= '\t' && c <= '\r'))
      words.emplace_back();
    else
      words.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  std::erase(words, "");
  return words;
}

std::vector<std::string> plainly(std::string_view text, std::string_view name) {
  std::string wanted;
  for (const char c : name) wanted += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (wanted.ends_with('.')) wanted.pop_back();
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::vector<std::string> words = words_of(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    if (words.size() < 2 || !is_address(words[0]) || words[0].find('\0') != std::string::npos) continue;
    const bool named = std::find(words.begin() + 1, words.end(), wanted) != words.end();
    if (named && std::find(out.begin(), out.end(), words[0]) == out.end()) out.push_back(words[0]);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2048) return 0;
  weir::fuzz::Input input(data, size);
  const std::string_view name = input.text();
  const std::string_view text = input.rest();
  std::vector<std::string> found = weir::hosts_addresses(text, name);
  for (std::string& address : found) {
    WEIR_CHECK(is_address(address) && address.find('\0') == std::string::npos);
    for (char& c : address) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  std::vector<std::string> once;
  for (const std::string& address : found)
    if (std::find(once.begin(), once.end(), address) == once.end()) once.push_back(address);
  WEIR_CHECK(once == plainly(text, name));
  return 0;
}
