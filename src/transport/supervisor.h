// The small process between Weir and a child: it makes sure that nothing of the child is left when the child
// is to end or Weir has died, by whatever death. Single-threaded, re-executed from our own binary; it gathers
// orphans (subreaper), watches a lifeline pipe, and kills until no descendant is left.
// PR_SET_PDEATHSIG alone would miss grandchildren and fires when the spawning thread ends.
#pragma once

namespace weir {

/// True if this process was started as a supervisor: main() then returns supervisor_main().
bool is_supervisor(int argc, char** argv);
/// Never returns before every descendant is gone. The child's command is argv[2...].
int supervisor_main(int argc, char** argv);

/// What a supervisor says on its status pipe: one letter, a number, a newline.
/// `p PID` started; `x ERRNO` could not be executed; `e CODE` exited; `s SIGNAL` killed.
inline constexpr int kStatusFd = 3;
/// Weir's end of the lifeline closes when Weir dies; the byte 'T' asks for a polite end.
inline constexpr int kLifelineFd = 4;
inline constexpr const char* kSupervisorWord = "--weir-supervisor";
/// The variable that says which soft limit of descriptors the child gets; the child does not see it.
inline constexpr const char* kSupervisorLimit = "WEIR_SUPERVISOR_NOFILE";

}  // namespace weir
