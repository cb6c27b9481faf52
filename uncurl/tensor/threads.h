// One thread for a while: small fp64 steps whose result must not depend on the number of threads run inside this.
#pragma once

namespace uncurl {

/// Sets libtorch's thread number to one and restores it at the end of the scope.
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
