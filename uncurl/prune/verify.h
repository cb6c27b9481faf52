// Station 8: the written checkpoint reopened and compared with what it should be.
#pragma once

#include <filesystem>

#include "uncurl/base/listener.h"
#include "uncurl/model/model.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/write.h"

namespace uncurl::prune {

struct Verification {
  std::int64_t num_tensors = 0;
  std::int64_t num_copied = 0;  ///< byte-identical with the original
  std::int64_t parameters_before = 0, parameters_after = 0;
  std::uint64_t bytes_before = 0, bytes_after = 0;
};

/// Opens `folder` as any user would and checks names, shapes, dtypes, index and config against the plan, that untouched
/// tensors, kept experts and the router rows that their rule keeps are byte-identical with the original, and that what
/// is new is finite. Reads what was written once, a tensor at a time.
/// @param hashes  what write_checkpoint returned: every tensor has to be what was written, and of the original only
///                router rows and the beginnings of kept experts are looked at. nullptr: copies and kept experts are
///                read from the original once more
/// @throws Error naming the first tensor or key that is wrong
Verification verify_checkpoint(const model::Model& original, const Plan& plan, const std::filesystem::path& folder,
                               const Listener& listener, const TensorHashes* hashes = nullptr);

}  // namespace uncurl::prune
