// A CPU allocator that keeps large blocks for the next request of about their size.
//
// glibc returns large blocks to the kernel, so every big temporary faults its pages in again: conversion to fp32 into
// fresh memory runs at 1 GB/s, into kept memory at 10. Blocks of 256 KiB and more are kept, rounded up to eight sizes
// per octave, and serve requests of at least two thirds of their size: experts meet another number of tokens each time.
#pragma once

namespace uncurl {

/// Makes it libtorch's CPU allocator, and has malloc keep what is freed. Call first thing in main, before any tensor
/// exists.
void use_caching_allocator();

}  // namespace uncurl
