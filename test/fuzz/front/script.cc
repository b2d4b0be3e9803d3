#include "fuzz/front/script.h"

#include <algorithm>
#include <cstdlib>

namespace weir::fuzz {
namespace {

constexpr std::size_t kStepsMax = 24;
constexpr std::string_view kLineEnd = "\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// Chunks joined. False: the end is not there. `fault`: it is no chunked body.
bool take_chunks(std::string_view& received, std::string& body, std::string& fault) {
  while (true) {
    const std::size_t end = received.find(kLineEnd);
    if (end == std::string_view::npos) return false;
    const std::string digits(received.substr(0, end));
    const std::size_t size = std::strtoul(digits.c_str(), nullptr, 16);
    if (digits.empty() || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      fault = "a chunk of size '" + digits + "'";
      return false;
    }
    if (received.size() < end + size + 4) {
      body += received.substr(end + 2);
      return false;
    }
    body += received.substr(end + 2, size);
    if (received.substr(end + 2 + size, 2) != kLineEnd) fault = "a chunk that does not end";
    received.remove_prefix(end + size + 4);
    if (size == 0) return true;
  }
}

}  // namespace

Script read_script(Input input) {
  using Act = ClientStep::Act;
  Script script;
  script.seed = input.byte();
  for (std::size_t i = 0; i < kStepsMax && !input.empty(); ++i) {
    const std::size_t what = input.byte();
    const std::string text(input.text());
    const std::size_t who = what >> 4;
    switch (what & 15) {
      case 0:
      case 1:
        script.clients[who % kSlots].push_back({Act::raw, (what & 1) != 0, text});
        break;
      case 2:
      case 3:
        script.clients[who % kSlots].push_back({Act::post, (what & 1) != 0, text});
        break;
      case 4:
        script.clients[who % kSlots].push_back({Act::pause, false, text});
        break;
      case 5:
      case 6:
        script.clients[who % kSlots].push_back({(what & 1) != 0 ? Act::hang_up : Act::reset, false, {}});
        break;
      case 7:
        script.away.push_back(who % kServers);
        break;
      default:
        // Eight to eleven: by form, to a call; beyond, by who is asked what.
        script.servers[who % kServers][(who >> 1) % kAskedKinds].push_back(
            {static_cast<ServerAnswer::Form>(what & 3), text});
        break;
    }
  }
  return script;
}

std::string Marks::issue(std::size_t slot) {
  state_ = state_ * 6364136223846793005U + 1442695040888963407U;
  std::string mark = "nonce-" + std::to_string((state_ >> 8) + 1'000'000'000'000U);
  owners_.emplace(mark, slot);
  return mark;
}

std::optional<std::size_t> Marks::owner(const std::string& mark) const {
  const auto found = owners_.find(mark);
  return found == owners_.end() ? std::nullopt : std::optional(found->second);
}

std::string Marks::token(std::size_t slot) { return "token-of-client-" + std::to_string(slot); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::optional<PlainResponse> take_response(std::string_view& received, std::string& fault) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string head(received.substr(0, end + 2));
  received.remove_prefix(end + 4);
  PlainResponse out;
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 14) fault = "no status line: " + head;
  out.status = std::atoi(head.c_str() + 9);
  std::optional<std::size_t> length;
  bool chunked = false;
  for (std::size_t at = head.find(kLineEnd) + 2; at < head.size();) {
    const std::string line = head.substr(at, head.find(kLineEnd, at) - at);
    at += line.size() + 2;
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos || colon == 0) fault = "no field: " + line;
    const std::string name = lower(line.substr(0, colon));
    const std::string value = colon == std::string::npos ? "" : line.substr(colon + 2);
    if (name == "content-length") {
      if (length || chunked) fault = "framed twice";
      length = std::strtoul(value.c_str(), nullptr, 10);
    }
    if (name == "transfer-encoding") {
      if (length || value != "chunked") fault = "framed twice, or by " + value;
      chunked = true;
    }
    if (name == "content-type") out.type = value;
    if (name == "connection") out.closes = lower(value) == "close";
  }
  if (out.status < 100 || out.status > 599) fault = "status " + std::to_string(out.status);
  const bool bare = out.status < 200 || out.status == 204 || out.status == 304;
  if (chunked) {
    out.whole = take_chunks(received, out.body, fault);
    if (!out.whole) received = {};
    return out;
  }
  const std::size_t most = bare ? 0 : length.value_or(received.size());
  out.whole = received.size() >= most && (bare || length || out.closes);
  out.body = received.substr(0, most);
  received.remove_prefix(out.body.size());
  return out;
}

}  // namespace weir::fuzz
