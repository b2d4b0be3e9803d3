#include "app/overrides.h"

#include <algorithm>
#include <cstdio>

#include "config/describe.h"
#include "config/text_rules.h"

namespace weir {
namespace {

constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};

// One flag's findings.
class Flag {
 public:
  Flag(std::string name, const std::string& value, std::vector<Diagnostic>& found)
      : name_(std::move(name)), value_(value), found_(found) {}

  bool given() const noexcept { return !value_.empty(); }
  const std::string& value() const noexcept { return value_; }
  void error(std::string message) { add(Diagnostic::error, std::move(message)); }
  void warning(std::string message) { add(Diagnostic::warning, std::move(message)); }

  // The address it names, if it may be bound.
  std::optional<AddressConfig> address(bool operators, bool asked, bool unauthenticated_allowed) {
    AddressConfig address;
    if (const std::string fault = address_fault(value_, address); !fault.empty()) {
      error('"' + value_ + "\" " + fault);
      return std::nullopt;
    }
    const std::string open =
        asked ? std::string() : open_address_fault(address, operators, unauthenticated_allowed);
    if (!open.empty() && !unauthenticated_allowed) {
      error(open);
      return std::nullopt;
    }
    if (!open.empty()) warning(open);
    return address;
  }

 private:
  void add(Diagnostic::Severity severity, std::string message) {
    found_.push_back(unplaced(severity, name_, std::move(message)));
  }

  std::string name_;
  const std::string& value_;
  std::vector<Diagnostic>& found_;
};

void set_level(Flag flag, LogConfig& log) {
  const auto level = std::find(std::begin(kLevels), std::end(kLevels), flag.value());
  if (level == std::end(kLevels)) return flag.error('"' + flag.value() + "\" must be " + either(kLevels));
  log.level = static_cast<LogLevel>(level - std::begin(kLevels));
}

}  // namespace

LoadOutcome load_with_flags(const std::string& file, const Flags& flags) {
  LoadOutcome outcome;
  if (file.empty())
    outcome.config = default_config();
  else
    outcome = load_config_file(file, process_environment());
  // Without the file it is not known what the flags may say.
  if (!outcome.config) return outcome;
  Config& config = *outcome.config;
  Flag listen("--listen", flags.listen, outcome.diagnostics);
  Flag admin("--admin", flags.admin, outcome.diagnostics);
  if (listen.given()) {
    const bool asked = !config.auth.bearer_tokens.empty();
    if (const auto address = listen.address(false, asked, config.allow_unauthenticated)) {
      config.listen.resize(1);
      config.listen.front().address = *address;
    }
  }
  if (flags.admin == "false") {
    config.admin.reset();
  } else if (admin.given()) {
    // The rest of the block stays as the file has it.
    if (!config.admin) config.admin.emplace();
    const bool asked = !config.admin->token.empty();
    if (const auto address = admin.address(true, asked, config.allow_unauthenticated))
      config.admin->address = *address;
  }
  const bool twice = config.admin && config.admin->address.port != 0 &&
                     std::any_of(config.listen.begin(), config.listen.end(), [&](const ListenConfig& one) {
                       return one.address == config.admin->address;
                     });
  if (twice && (listen.given() || admin.given()))
    (listen.given() ? listen : admin).error(used_twice_fault(config.admin->address));
  if (!flags.log_level.empty())
    set_level(Flag("--log-level", flags.log_level, outcome.diagnostics), config.log);
  const bool failed = std::any_of(outcome.diagnostics.begin(), outcome.diagnostics.end(),
                                  [](const Diagnostic& one) { return one.severity == Diagnostic::error; });
  if (failed) outcome.config.reset();
  return outcome;
}

std::string reachable_address(AddressConfig address) {
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return to_string(address);
}

void print(const std::vector<Diagnostic>& diagnostics) { std::fputs(to_string(diagnostics).c_str(), stderr); }

}  // namespace weir
