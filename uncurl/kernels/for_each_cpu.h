// For functions with loops that the compiler vectorises: compiled for several generations of processors; the right one
// is taken when the program starts, in a way that sanitizers do not know.
#pragma once

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define UNCURL_FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define UNCURL_FOR_EACH_CPU
#endif
