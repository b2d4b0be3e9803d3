#include "gateway/catalogue.h"

#include <algorithm>

namespace weir {
namespace {

bool by_uri(ListKind kind) noexcept { return kind == ListKind::resources || kind == ListKind::templates; }

}  // namespace

Catalogue::Catalogue(NameRules rules, std::vector<std::string> servers,
                     std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen)
    : rules_(std::move(rules)), servers_(std::move(servers)), seen_(std::move(seen)) {
  for (std::size_t k = 0; k < kListKinds; ++k) {
    const auto kind = static_cast<ListKind>(k);
    Names& names = names_[k];
    for (std::size_t server = 0; server < seen_.size(); ++server) {
      if (!seen_[server][k]) continue;
      for (const std::string& identity : *seen_[server][k]) {
        std::vector<std::size_t>& owners = names.owners[identity];
        if (owners.empty() || owners.back() != server) owners.push_back(server);
      }
    }
    for (std::size_t server = 0; server < seen_.size(); ++server) {
      if (!seen_[server][k]) continue;
      for (const std::string& identity : *seen_[server][k])
        names.exposed.try_emplace(exposed(kind, server, identity), Place{server, identity});
    }
  }
}

const Place* Catalogue::find(ListKind kind, std::string_view exposed_name) const {
  const Names& names = names_[static_cast<std::size_t>(kind)];
  const auto found = names.exposed.find(std::string(exposed_name));
  if (found != names.exposed.end()) return &found->second;
  if (by_uri(kind)) return nullptr;
  // A bare name resolves while it is unique.
  const auto bare = names.owners.find(std::string(exposed_name));
  if (bare == names.owners.end() || bare->second.size() != 1) return nullptr;
  return &names.exposed.find(exposed(kind, bare->second.front(), exposed_name))->second;
}

std::vector<std::size_t> Catalogue::matching_templates(std::string_view uri) const {
  std::vector<std::size_t> servers;
  for (std::size_t server = 0; server < seen_.size(); ++server) {
    const auto& templates = seen(ListKind::templates, server);
    if (!templates) continue;
    if (std::any_of(templates->begin(), templates->end(),
                    [&](const std::string& one) { return template_matches(one, uri); }))
      servers.push_back(server);
  }
  return servers;
}

std::string Catalogue::exposed(ListKind kind, std::size_t server, std::string_view identity) const {
  if (!by_uri(kind)) return exposed_name(rules_, servers_[server], identity);
  const auto& owners = names_[static_cast<std::size_t>(kind)].owners;
  const auto found = owners.find(std::string(identity));
  if (found == owners.end() || found->second.front() >= server) return std::string(identity);
  return aliased_uri(servers_[server], identity);
}

int Catalogue::count(ListKind kind, std::size_t server) const {
  const auto& entries = seen(kind, server);
  return entries ? static_cast<int>(entries->size()) : -1;
}

bool Catalogue::has(ListKind kind, std::size_t server, std::string_view identity) const {
  const auto& owners = names_[static_cast<std::size_t>(kind)].owners;
  const auto found = owners.find(std::string(identity));
  return found != owners.end() &&
         std::find(found->second.begin(), found->second.end(), server) != found->second.end();
}

bool template_matches(std::string_view pattern, std::string_view uri) {
  // Greedy matching with one level of going back per expression: templates have few.
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == uri;
  if (!uri.starts_with(pattern.substr(0, open))) return false;
  uri.remove_prefix(open);
  const std::size_t close = pattern.find('}', open);
  if (close == std::string_view::npos) return false;
  const std::string_view expression = pattern.substr(open + 1, close - open - 1);
  const bool simple =
      !expression.empty() && std::string_view("+#./;?&").find(expression[0]) == std::string_view::npos;
  const std::string_view rest = pattern.substr(close + 1);
  if (rest.empty()) return simple ? !uri.empty() && uri.find('/') == std::string_view::npos : true;
  for (std::size_t taken = simple ? 1 : 0; taken <= uri.size(); ++taken) {
    if (simple && uri[taken - 1] == '/') return false;
    if (template_matches(rest, uri.substr(taken))) return true;
  }
  return false;
}

}  // namespace weir
