// Names of many servers' tools and resources as one client sees them: each leads back to the one entry that
// it was made of, no name is longer than clients take, and no server's name stands for another's. The first
// bytes choose the rules and the kind; the rest is entries, each with a byte for its server.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/plain_json.h"
#include "gateway/catalogue.h"
#include "mcp/names.h"

namespace {

using weir::Catalogue;
using weir::Identities;
using weir::ListKind;

const std::vector<std::string>& servers() {
  static const std::vector<std::string> all = {"a", "ab", "a_b", "server"};
  return all;
}

bool by_uri(ListKind kind) { return kind == ListKind::resources || kind == ListKind::templates; }

void check_catalogue(const weir::NameRules& rules, ListKind kind, const std::vector<Identities>& all) {
  std::vector<std::array<std::shared_ptr<const Identities>, weir::kListKinds>> seen(servers().size());
  for (std::size_t i = 0; i < seen.size(); ++i)
    seen[i][static_cast<std::size_t>(kind)] = std::make_shared<const Identities>(all[i]);
  const Catalogue catalogue(rules, servers(), seen);
  std::map<std::string, std::pair<std::size_t, std::string>> owners;
  for (std::size_t i = 0; i < seen.size(); ++i)
    for (const std::string& identity : all[i]) {
      const std::string shown = catalogue.exposed(kind, i, identity);
      WEIR_CHECK(weir::fuzz::plain_utf8(shown) && !shown.empty());
      if (rules.prefixed && !by_uri(kind)) WEIR_CHECK(shown.size() <= weir::kNameMax);
      owners.try_emplace(shown, i, identity);
      WEIR_CHECK(catalogue.has(kind, i, identity));
      const weir::Place* const place = catalogue.find(kind, shown);
      WEIR_CHECK(place != nullptr);
      // The first that is called so; the call goes to a server that has it.
      const auto& [server, original] = owners[shown];
      WEIR_CHECK(place->server == server && place->original == original);
      WEIR_CHECK(catalogue.has(kind, place->server, place->original));
    }
}

void check_name(const weir::NameRules& rules, std::string_view name) {
  std::set<std::string> seen;
  for (const std::string& server : servers()) {
    const std::string shown = weir::exposed_name(rules, server, name);
    if (!rules.prefixed) {
      WEIR_CHECK(shown == name);
      continue;
    }
    WEIR_CHECK(shown.size() <= weir::kNameMax && weir::fuzz::plain_utf8(shown));
    const std::string whole = server + rules.separator + std::string(name);
    WEIR_CHECK((shown == whole) == (whole.size() <= weir::kNameMax));
    if (shown == whole) WEIR_CHECK(weir::unprefixed(rules, server, shown) == name);
    const std::string alias = weir::aliased_uri(server, name);
    std::string_view of;
    std::string_view uri;
    WEIR_CHECK(weir::split_aliased_uri(alias, of, uri) == !name.empty());
    if (!name.empty()) WEIR_CHECK(of == server && uri == name);
  }
}

// A template without expressions stands for itself alone; each can stand for what its expressions are left
// out of.
void check_template(std::string_view pattern, std::string_view uri) {
  const bool fits = weir::template_matches(pattern, uri);
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos && uri.size() <= 8192) WEIR_CHECK(fits == (pattern == uri));
  if (fits) WEIR_CHECK(uri.starts_with(pattern.substr(0, open)));
  if (fits && pattern.find('}') == pattern.rfind('}') && pattern.find('{') == pattern.rfind('{') &&
      open != std::string_view::npos) {
    const std::string_view rest = pattern.substr(pattern.find('}', open) + 1);
    WEIR_CHECK(uri.ends_with(rest) && uri.size() >= open + rest.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  weir::fuzz::Input input(data, size);
  const std::size_t way = input.byte();
  weir::NameRules rules;
  rules.prefixed = (way & 1) != 0;
  rules.separator = (way & 2) != 0 ? "__" : "_";
  const auto kind = static_cast<ListKind>(way >> 2 & 3);
  std::vector<Identities> all(servers().size());
  std::string_view before;
  for (int i = 0; i < 24 && !input.empty(); ++i) {
    const std::size_t server = input.below(servers().size());
    const std::string_view name = input.text();
    check_template(before, name);
    before = name;
    // As messages have them: valid UTF-8 and not empty.
    if (name.empty() || !weir::fuzz::plain_utf8(name)) continue;
    check_name(rules, name);
    all[server].emplace_back(name);
  }
  check_catalogue(rules, kind, all);
  return 0;
}
