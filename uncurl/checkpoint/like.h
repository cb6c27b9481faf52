// A new checkpoint in the likeness of another: the order of its tensors, its shards, the files beside its weights.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "uncurl/base/hash.h"
#include "uncurl/base/listener.h"
#include "uncurl/checkpoint/checkpoint.h"
#include "uncurl/checkpoint/shards.h"
#include "uncurl/checkpoint/writer.h"

namespace uncurl::checkpoint {

/// Stored tensors in the order of their files, as the writer should lay them out.
std::vector<const TensorInfo*> in_file_order(const Checkpoint& checkpoint);

/// One file where the original is one, else shards as large as its largest.
WriterLayout layout_like(const Checkpoint& original);

/// Copies one tensor in pieces. @param hasher  is given its bytes; nullptr: nothing is
void copy_tensor(const Checkpoint& original, const TensorInfo& info, CheckpointWriter& writer,
                 Hasher* hasher = nullptr);

/// Copies what is neither weights nor named in `written_anew` into `folder`; a note on each file that is not carried.
void copy_other_files(const Checkpoint& original, const std::filesystem::path& folder,
                      const std::set<std::string>& written_anew, const Listener& listener);

}  // namespace uncurl::checkpoint
