// The shipped binary's entry.
#include <csignal>

#include "app/cli.h"
#include "runtime/signals.h"
#include "transport/supervisor.h"

int main(int argc, char** argv) {
  if (weir::is_supervisor(argc, argv)) return weir::supervisor_main(argc, argv);
  weir::block_signals({SIGHUP});  // before any thread starts; the running gateway takes the others too
  std::signal(SIGPIPE, SIG_IGN);
  return weir::run_cli(argc, argv);
}
