#include "gateway/pin_book.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "gateway/last_good_files.h"
#include "gateway/pin_text.h"
#include "runtime/whole_file.h"

namespace weir {
namespace {

constexpr std::string_view kEnding = ".pins.json";

}  // namespace

void PinBook::open(const std::string& state_dir, WallTime now) {
  if (folder_ == state_dir) return;
  folder_ = state_dir;
  if (folder_.empty()) return;
  clear_leftovers(folder_, kEnding, now);
  for (auto& [name, one] : servers_) load(name, one);
}

std::string PinBook::path_of(const std::string& server) const {
  return folder_ + '/' + file_name_of(server) + std::string(kEnding);
}

void PinBook::trouble(const std::string& server, std::string text) {
  PinNews news;
  news.server = server;
  news.text = std::move(text);
  if (told_.news) told_.news(news);
}

void PinBook::load(const std::string& server, One& one) {
  const std::string path = path_of(server);
  std::string text;
  std::string fault;
  PinnedTools tools;
  const int error = read_file(path, kPinTextMax, text);
  if (error == ENOENT) {
    if (std::exchange(one.broken, false)) one.pins->set_broken({});
    one.saved = 0;
    return;
  }
  if (error != 0)
    fault = "cannot be read: " + reason_of(error);
  else
    read_pins(text, server, tools, fault);
  one.broken = !fault.empty();
  if (one.broken) {
    one.pins->set_broken(path + ' ' + fault);
    return trouble(server, path + ' ' + fault + ": nothing counts as approved");
  }
  one.pins->restore(std::move(tools));
  one.saved = one.pins->version();
}

std::shared_ptr<Pins> PinBook::of(const ServerConfig& server) {
  if (server.pin == ServerConfig::Pin::off) {
    servers_.erase(server.name);
    return nullptr;
  }
  One& one = servers_[server.name];
  if (!one.pins) {
    Pins::Told told;
    told.news = told_.news;
    told.to_save = told_.to_save;
    told.shown = [shown = told_.shown, name = server.name] {
      if (shown) shown(name);
    };
    one.pins = std::make_shared<Pins>(server.name, std::move(told));
    load(server.name, one);
  } else if (one.broken) {
    load(server.name, one);
  }
  one.pins->set_enforced(server.pin == ServerConfig::Pin::enforce);
  return one.pins;
}

void PinBook::retain(std::span<const std::string> names) {
  std::erase_if(servers_, [&](const auto& one) {
    return std::find(names.begin(), names.end(), one.first) == names.end();
  });
}

void PinBook::save() {
  for (auto& [name, one] : servers_) {
    if (one.pins->version() == one.saved || one.broken) continue;
    std::uint64_t version = 0;
    const PinnedTools tools = one.pins->approved(version);
    const std::string text = write_pins(name, tools);
    const std::string fault =
        text.size() > kPinTextMax ? "it would be over 16MB" : replace_file(path_of(name), text);
    if (fault.empty()) one.saved = version;
    if (!fault.empty() && one.told != fault) trouble(name, path_of(name) + " cannot be written: " + fault);
    one.told = fault;
  }
}

std::string PinBook::take(Pins& pins, PinProposal proposal) {
  const auto at = servers_.find(pins.server());
  if (at == servers_.end() || at->second.pins.get() != &pins) return "its pins were taken out meanwhile";
  const std::string text = write_pins(pins.server(), proposal.next);
  if (text.size() > kPinTextMax) return path_of(pins.server()) + " would be over 16MB";
  // First the file: what was said to be approved is so after a crash, too.
  const std::string fault = replace_file(path_of(pins.server()), text);
  if (!fault.empty()) return path_of(pins.server()) + " cannot be written: " + fault;
  One& one = at->second;
  one.broken = false;
  if (!pins.take(std::move(proposal))) {
    one.saved = 0;
    save();
    return "its first list came meanwhile and was approved: ask again";
  }
  one.saved = pins.version();
  return {};
}

}  // namespace weir
