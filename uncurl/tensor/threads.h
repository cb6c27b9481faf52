// One thread for a while: small fp64 steps whose result must not depend on the number of threads run inside this.
#pragma once

namespace uncurl {

/// Sets libtorch's thread number to one and restores it at the end of the scope. libtorch keeps that number for the
/// whole process: one thread of a program may do this at a time, and none inside a parallel region.
class SingleThread {
 public:
  SingleThread();
  ~SingleThread();
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;

 private:
  int before_;
};

}  // namespace uncurl
