// The configuration that a command works with: the file's, with the flags of the command line over it.
#pragma once

#include <string>
#include <vector>

#include "app/commands.h"
#include "config/load.h"

namespace weir {

/// Reads `file` (empty: the embedded default) and puts the flags over it. What is wrong with a flag is a
/// diagnostic whose file is the flag; the rules for the file's addresses hold for those of the flags.
LoadOutcome load_with_flags(const std::string& file, const Flags& flags);
/// HOST:PORT at which this machine reaches what is bound there: a wildcard becomes loopback.
std::string reachable_address(AddressConfig address);
/// Writes all of them to stderr.
void print(const std::vector<Diagnostic>& diagnostics);

}  // namespace weir
