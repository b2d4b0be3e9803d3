// The shipped binary's entry.
#include <malloc.h>

#include <csignal>

#include "app/cli.h"
#include "transport/supervisor.h"

int main(int argc, char** argv) {
  if (weir::is_supervisor(argc, argv)) return weir::supervisor_main(argc, argv);
  // A receive buffer that its pool does not keep goes back to the system, not into the heap's gaps.
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  std::signal(SIGPIPE, SIG_IGN);
  return weir::run_cli(argc, argv);
}
