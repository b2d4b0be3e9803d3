// The command line's words and flags.
#pragma once

namespace weir {

/// Parses and runs. The exit code.
int run_cli(int argc, char** argv);

}  // namespace weir
