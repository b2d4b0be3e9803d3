// The process's own figures, as Prometheus' clients name them. Read when scraped.
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "obs/metrics.h"

namespace weir {
namespace {

double started_at() {
  static const double start = [] {
    timespec now{};
    timespec up{};
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_MONOTONIC, &up);
    std::FILE* file = std::fopen("/proc/self/stat", "re");
    unsigned long long ticks = 0;
    if (file != nullptr) {
      const int got = std::fscanf(file,
                                  "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
                                  "%*d %*d %*d %*d %llu",
                                  &ticks);
      std::fclose(file);
      if (got != 1) ticks = 0;
    }
    const double since_boot = static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
    timespec boot{};
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return static_cast<double>(now.tv_sec) - static_cast<double>(boot.tv_sec) + since_boot;
  }();
  return start;
}

int count_entries(const char* path) {
  DIR* folder = opendir(path);
  if (folder == nullptr) return 0;
  int count = -2;  // "." and ".."
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

ReadFamily one(std::string_view name, std::string_view help, double value, bool counter = false) {
  ReadFamily family;
  family.name = name;
  family.help = help;
  family.counter = counter;
  Sample sample;
  sample.value = value;
  family.samples.push_back(std::move(sample));
  return family;
}

}  // namespace

std::vector<ReadFamily> process_families() {
  std::vector<ReadFamily> out;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  unsigned long pages = 0;
  unsigned long resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%lu %lu", &pages, &resident) != 2) pages = resident = 0;
    std::fclose(file);
  }
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  out.push_back(
      one("process_cpu_seconds", "CPU time.", seconds(usage.ru_utime) + seconds(usage.ru_stime), true));
  out.push_back(one("process_resident_memory_bytes", "Memory in use.", static_cast<double>(resident) * page));
  out.push_back(one("process_virtual_memory_bytes", "Address space.", static_cast<double>(pages) * page));
  out.push_back(one("process_open_fds", "Open descriptors.", count_entries("/proc/self/fd") - 1));
  out.push_back(one("process_max_fds", "Descriptors at most.", static_cast<double>(files.rlim_cur)));
  out.push_back(one("process_threads", "Threads.", count_entries("/proc/self/task")));
  out.push_back(one("process_start_time_seconds", "When it started, since 1970.", started_at()));
  return out;
}

}  // namespace weir
