// `weir check`: what is wrong with a file, and what its tools will be called. The file alone does not say
// which tools there are; a running gateway knows those of the servers that it has met.
#include <cstdio>
#include <set>

#include "app/commands.h"
#include "app/overrides.h"
#include "app/remote.h"
#include "app/running.h"
#include "config/text_rules.h"
#include "gateway/plan.h"
#include "http/tls.h"
#include "mcp/splice.h"

namespace weir {
namespace {

constexpr std::size_t kToolsMax = 128;  // what many clients and models take
constexpr std::chrono::seconds kPatience(2);

// A tool as the running gateway knows it.
struct KnownTool {
  std::string server;
  std::string name;
};

// What is to be said of the names.
struct Names {
  std::vector<std::string> warnings;
  std::string unchecked;  // which names were not looked at, and why; empty: all were
};

bool ask_tools(const AdminConfig& admin, std::vector<KnownTool>& tools, std::string& trouble) {
  const std::string where = reachable_address(admin.address);
  const Result<RemoteAnswer> answer =
      ask_remote("GET", admin_url(admin) + "/tools", {}, {}, access_of(admin), kPatience);
  if (!answer) {
    trouble = "no gateway is running at " + where;
    return false;
  }
  const bool object = answer->status == 200 && is_json_object(answer->body);
  const std::string_view list = object ? members_of(answer->body).find("tools") : std::string_view();
  if (!list.starts_with('[')) {
    trouble = "no gateway is running at " + where + ", though something answers there";
    return false;
  }
  for (const std::string_view tool : elements(list)) {
    const RawMembers members = members_of(tool);
    tools.push_back({text_of(members, "server"), text_of(members, "original")});
  }
  return true;
}

std::string long_name(const NameRules& rules, const KnownTool& tool) {
  const std::string shown = exposed_name(rules, tool.server, tool.name);
  const std::string whole = rules.prefixed ? tool.server + rules.separator + tool.name : tool.name;
  if (whole.size() <= kNameMax) return {};
  std::string out = "the tool name \"" + whole + "\" has " + std::to_string(whole.size()) +
                    " characters, more than " + std::to_string(kNameMax);
  return out + (shown == whole ? ": some clients refuse it" : ": clients see \"" + shown + "\" instead");
}

Names look_at_names(const Config& config) {
  Names found;
  std::vector<KnownTool> tools;
  std::string trouble = "admin is off, so no gateway can be asked for its tools";
  if (!config.admin || !ask_tools(*config.admin, tools, trouble)) {
    found.unchecked = "names were not checked because " + trouble;
    return found;
  }
  const NameRules rules = name_rules(config);
  std::size_t count = 0;
  std::string unknown;
  std::set<std::string> taken;
  for (const ServerConfig& server : config.servers) {
    if (server.disabled) continue;
    const std::size_t before = count;
    for (const KnownTool& tool : tools) {
      if (tool.server != server.name) continue;
      ++count;
      // Without prefixes the first that has a name keeps it; the others have theirs with a prefix.
      NameRules with = rules;
      with.prefixed = rules.prefixed || !taken.insert(tool.name).second;
      if (std::string warning = long_name(with, tool); !warning.empty())
        found.warnings.push_back(std::move(warning));
    }
    if (count == before) unknown += (unknown.empty() ? "" : ", ") + server.name;
  }
  if (count > kToolsMax)
    found.warnings.push_back("there are " + std::to_string(count) +
                             " tools; many clients take no more than " + std::to_string(kToolsMax));
  if (!unknown.empty())
    found.unchecked = "names were not checked of " + unknown + ": the gateway at " +
                      reachable_address(config.admin->address) + " shows no tools of it";
  return found;
}

// The files that the start would read.
void check_certificates(const std::string& file, LoadOutcome& outcome) {
  std::vector<ListenTlsConfig> all;
  for (const ListenConfig& one : outcome.config->listen) all.push_back(one.tls);
  if (outcome.config->admin) all.push_back(outcome.config->admin->tls);
  bool good = true;
  std::set<std::string> told;  // several addresses may have one certificate
  for (const ListenTlsConfig& one : all) {
    if (one.cert.empty()) continue;
    const auto read = TlsContext::server(one.cert, one.key);
    if (read || !told.insert(read.error().detail()).second) continue;
    outcome.diagnostics.push_back(unplaced(Diagnostic::error, file, "tls: " + read.error().detail()));
    good = false;
  }
  if (!good) outcome.config.reset();
}

}  // namespace

int command_check(const Flags& flags) {
  const std::string file = find_file(flags.file);
  LoadOutcome outcome;
  if (file.empty())
    outcome.diagnostics.push_back(unplaced(Diagnostic::error, "weir", "no file to check: name one"));
  else
    outcome = load_with_flags(file, flags);
  if (outcome.config) check_certificates(file, outcome);
  Names names;
  if (outcome.config) names = look_at_names(*outcome.config);
  for (std::string& warning : names.warnings)
    outcome.diagnostics.push_back(unplaced(Diagnostic::warning, file, std::move(warning)));
  if (flags.json)
    std::printf("%s\n", to_json(outcome.diagnostics).c_str());
  else
    print(outcome.diagnostics);
  if (!outcome.config) return 2;
  if (!flags.json)
    std::printf("%s is good: %zu server%s\n", file.c_str(), outcome.config->servers.size(),
                outcome.config->servers.size() == 1 ? "" : "s");
  // Not among the diagnostics: it says nothing of the file.
  if (!names.unchecked.empty()) std::fprintf(flags.json ? stderr : stdout, "%s\n", names.unchecked.c_str());
  return 0;
}

}  // namespace weir
