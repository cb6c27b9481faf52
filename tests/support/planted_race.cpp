// A counter that the tasks of run_tasks share without a lock: the thread sanitizer must find it (./run tsan).
#include <cstdio>

#include "uncurl/kernels/parallel_tasks.h"

int main() {
  std::size_t count = 0;
  uncurl::kernels::run_tasks(1000, [&] { return [&](std::size_t) { ++count; }; });
  std::printf("%zu tasks\n", count);
}
