#include "gateway/catalogue.h"

#include <algorithm>

namespace weir {
namespace {

bool by_uri(ListKind kind) noexcept { return kind == ListKind::resources || kind == ListKind::templates; }

}  // namespace

Catalogue::Catalogue(NameRules rules, std::vector<std::string> servers,
                     std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen,
                     std::vector<std::shared_ptr<const ToolTable>> tools)
    : rules_(std::move(rules)),
      servers_(std::move(servers)),
      seen_(std::move(seen)),
      tools_(std::move(tools)) {
  tools_.resize(servers_.size());
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
  if (claims_other(bare->second.front(), exposed_name)) return nullptr;
  return &names.exposed.find(exposed(kind, bare->second.front(), exposed_name))->second;
}

// Whether a server's own name for something begins like another server's prefix.
bool Catalogue::claims_other(std::size_t server, std::string_view identity) const {
  for (std::size_t i = 0; i < servers_.size(); ++i)
    if (i != server && identity.starts_with(servers_[i]) &&
        identity.substr(servers_[i].size()).starts_with(rules_.separator))
      return true;
  return false;
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
  if (!by_uri(kind) && rules_.prefixed) return exposed_name(rules_, servers_[server], identity);
  const auto& owners = names_[static_cast<std::size_t>(kind)].owners;
  const auto found = owners.find(std::string(identity));
  const bool claims = !by_uri(kind) && claims_other(server, identity);
  if (!claims && (found == owners.end() || found->second.front() >= server)) return std::string(identity);
  if (by_uri(kind)) return aliased_uri(servers_[server], identity);
  // Without prefixes the first that has a name keeps it; the others have theirs with a prefix.
  NameRules with = rules_;
  with.prefixed = true;
  return exposed_name(with, servers_[server], identity);
}

std::vector<std::string> Catalogue::candidates(ListKind kind, std::string_view identity) const {
  std::vector<std::string> names;
  const auto& owners = names_[static_cast<std::size_t>(kind)].owners;
  if (const auto found = owners.find(std::string(identity)); found != owners.end())
    for (const std::size_t server : found->second) names.push_back(exposed(kind, server, identity));
  return names;
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

const ParamRules* Catalogue::params(std::size_t server, std::string_view tool) const {
  if (!tools_[server]) return nullptr;
  const auto found = tools_[server]->params.find(std::string(tool));
  return found == tools_[server]->params.end() ? nullptr : &found->second;
}

bool Catalogue::repeatable(std::size_t server, std::string_view tool) const {
  return tools_[server] && tools_[server]->repeatable.contains(std::string(tool));
}

bool template_matches(std::string_view pattern, std::string_view uri) {
  // Where in `uri` the part of the pattern that was looked at may end: no going back, whatever the pattern.
  constexpr std::size_t kUriMax = 8192;
  constexpr std::ptrdiff_t kExpressionsMax = 32;
  if (uri.size() > kUriMax || std::count(pattern.begin(), pattern.end(), '{') > kExpressionsMax) return false;
  std::vector<char> ends(uri.size() + 1, 0);
  ends[0] = 1;
  while (!pattern.empty()) {
    std::vector<char> next(ends.size(), 0);
    const std::size_t open = pattern.find('{');
    const std::size_t close = open == 0 ? pattern.find('}') : std::string_view::npos;
    if (open == 0) {
      if (close == std::string_view::npos) return false;
      const bool wide = close > 1 && std::string_view("+#./;?&").find(pattern[1]) != std::string_view::npos;
      bool open_run =
          false;  // some end lies before here, with nothing between that stops a simple expression
      for (std::size_t at = 0; at < ends.size(); ++at) {
        if (wide) {
          open_run = open_run || ends[at] != 0;
          next[at] = open_run ? 1 : 0;
          continue;
        }
        if (at != 0 && uri[at - 1] == '/') open_run = false;
        next[at] = open_run ? 1 : 0;
        open_run = open_run || ends[at] != 0;
      }
      pattern.remove_prefix(close + 1);
    } else {
      const std::string_view literal = pattern.substr(0, open);
      for (std::size_t at = 0; at + literal.size() < ends.size(); ++at)
        if (ends[at] != 0 && uri.substr(at, literal.size()) == literal) next[at + literal.size()] = 1;
      pattern.remove_prefix(literal.size());
    }
    ends.swap(next);
  }
  return ends.back() != 0;
}

}  // namespace weir
