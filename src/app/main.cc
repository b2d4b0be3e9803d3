// The shipped binary's entry.
#include <cstdio>

int main() {
  std::puts("weir " WEIR_VERSION);
  return 0;
}
