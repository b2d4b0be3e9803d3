// The configuration as it may be shown to an operator: secrets hidden. What counts as a secret is said once
// per key in the table of keys; how a URL and a command line are hidden is here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace weir {

/// The effective configuration as one JSON object, defaults filled in. Hidden: values of headers and of
/// environment variables, user info and query of URLs, arguments that look like secrets. Without secrets it
/// loads to an equal Config.
std::string redacted_json(const Config& config);
/// The URL without user info, query and fragment.
std::string redact_url(std::string_view url);
/// The arguments of a command with those hidden that look like secrets: what follows --token and its like,
/// values of NAME=VALUE with such a name or behind -e, headers, URLs' secrets, well-known prefixes of tokens.
std::vector<std::string> redact_arguments(const std::vector<std::string>& arguments);

}  // namespace weir
