#include "uncurl/checkpoint/like.h"

#include <algorithm>

#include "uncurl/base/write_file.h"

namespace uncurl::checkpoint {

std::vector<const TensorInfo*> in_file_order(const Checkpoint& checkpoint) {
  std::vector<const TensorInfo*> infos;
  for (const TensorInfo& info : checkpoint.tensors()) infos.push_back(&info);
  std::sort(infos.begin(), infos.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->file, a->begin) < std::pair(b->file, b->begin);
  });
  return infos;
}

WriterLayout layout_like(const Checkpoint& original) {
  WriterLayout layout{.max_shard_bytes = std::nullopt, .metadata = original.files().front().metadata};
  if (!original.is_sharded()) return layout;
  std::vector<std::uint64_t> bytes(original.files().size(), 0);  // of tensors, as the limit counts them
  for (const TensorInfo& info : original.tensors()) bytes[static_cast<std::size_t>(info.file)] += info.num_bytes();
  layout.max_shard_bytes = *std::max_element(bytes.begin(), bytes.end());
  return layout;
}

void copy_tensor(const Checkpoint& original, const TensorInfo& info, CheckpointWriter& writer, Hasher* hasher) {
  writer.write(info.name, [&](std::uint64_t begin, std::span<std::byte> target) {
    original.read(info, begin, target);
    if (hasher != nullptr) hasher->add(std::span<const std::byte>(target));
  });
}

void copy_other_files(const Checkpoint& original, const std::filesystem::path& folder,
                      const std::set<std::string>& written_anew, const Listener& listener) {
  const OtherFiles others = original.other_files();
  std::set<std::string> own_weights = {kIndexFileName};  // written anew, so not worth a word
  for (const CheckpointFile& file : original.files()) own_weights.insert(file.path.filename().string());
  for (const std::filesystem::path& path : others.carried) {
    const std::filesystem::path name = name_in_copy(path);
    if (written_anew.contains(name.string())) continue;
    std::filesystem::create_directories((folder / name).parent_path());
    copy_to(path, folder / name);
  }
  for (const std::filesystem::path& path : others.skipped) {
    if (!own_weights.contains(path.filename().string())) listener.note("not copied: " + path.string());
  }
}

}  // namespace uncurl::checkpoint
