// The shipped binary's entry.
#include <csignal>

#include "app/cli.h"
#include "transport/supervisor.h"

int main(int argc, char** argv) {
  if (weir::is_supervisor(argc, argv)) return weir::supervisor_main(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  return weir::run_cli(argc, argv);
}
