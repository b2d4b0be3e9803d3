#include "runtime/hosts_file.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace weir {
namespace {

constexpr std::string_view kSpace = " \t\r\v\f";

// Takes the next word off the front; empty at the end of the line.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kSpace));
  line.remove_prefix(word.size());
  return word;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Of a scope (fe80::1%eth0) only the machine itself knows: such an address is left out.
bool is_address(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  if (text.find('\0') != std::string::npos) return false;  // inet_pton() would not see what follows
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

}  // namespace

std::vector<std::string> hosts_addresses(std::string_view text, std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::vector<std::string> out;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    std::string address(next_word(line));
    bool named = false;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
      named = named || same_name(word, name);
    if (named && is_address(address) && std::find(out.begin(), out.end(), address) == out.end())
      out.push_back(std::move(address));
  }
  return out;
}

std::vector<std::string> system_hosts_addresses(std::string_view name) {
  std::ifstream file("/etc/hosts", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return hosts_addresses(text, name);
}

}  // namespace weir
