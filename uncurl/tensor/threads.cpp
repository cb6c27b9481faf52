#include "uncurl/tensor/threads.h"

#include <ATen/Parallel.h>

#include <cassert>

namespace uncurl {

SingleThread::SingleThread() : before_(at::get_num_threads()) {
  assert(!at::in_parallel_region());
  at::set_num_threads(1);
}
SingleThread::~SingleThread() { at::set_num_threads(before_); }

}  // namespace uncurl
