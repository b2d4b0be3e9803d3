// The shipped binary's entry.
#include <csignal>
#include <cstdio>
#include <string_view>

#include "app/process.h"
#include "config/load.h"
#include "runtime/signals.h"
#include "transport/supervisor.h"

namespace {

int run(int argc, char** argv) {
  weir::block_signals({SIGTERM, SIGINT, SIGHUP});
  std::signal(SIGPIPE, SIG_IGN);
  weir::RunOptions options;
  options.config = weir::default_config();
  if (argc > 2) {
    options.file = argv[2];
    options.load_again = [file = options.file] {
      return weir::load_config_file(file, weir::process_environment());
    };
    const weir::LoadOutcome loaded = options.load_again();
    for (const weir::Diagnostic& one : loaded.diagnostics) std::fputs(to_string(one).c_str(), stderr);
    if (!loaded.config) return 2;
    options.config = *loaded.config;
  }
  return weir::Process(std::move(options)).run();
}

}  // namespace

int main(int argc, char** argv) {
  if (weir::is_supervisor(argc, argv)) return weir::supervisor_main(argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "run") return run(argc, argv);
  std::puts("weir " WEIR_VERSION);
  return 0;
}
