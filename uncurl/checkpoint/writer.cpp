#include "uncurl/checkpoint/writer.h"

#include <atomic>
#include <cstdio>
#include <deque>
#include <unordered_map>

#include "uncurl/base/error.h"
#include "uncurl/base/input_file.h"
#include "uncurl/base/sync.h"
#include "uncurl/base/write_file.h"
#include "uncurl/checkpoint/dtype.h"
#include "uncurl/checkpoint/folder.h"
#include "uncurl/checkpoint/output_file.h"

namespace uncurl::checkpoint {

namespace fs = std::filesystem;

namespace {

/// A folder that goes away with its content unless it is kept.
class PartialFolder {
 public:
  explicit PartialFolder(const fs::path& path) : path_(path) {
    std::error_code error;
    fs::create_directories(path, error);
    check(!error, path.string(), ": cannot be created: ", error.message());
    const bool is_empty = fs::is_empty(path, error);
    check(!error && is_empty, path.string(), ": exists and is not empty; remove it or choose another output folder");
  }
  ~PartialFolder() { remove(); }
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  const fs::path& path() const { return path_; }
  void keep() { is_owned_ = false; }
  void remove() {
    std::error_code ignored;  // called while another failure is on its way
    if (is_owned_) fs::remove_all(path_, ignored);
    is_owned_ = false;
  }

 private:
  fs::path path_;
  bool is_owned_ = true;
};

enum class Slot { kEmpty, kStarted, kWritten };

/// A file is synced as soon as it holds all its tensors, while others are still being written.
struct ShardFile {
  OutputFile file;
  std::atomic<std::size_t> num_missing;  ///< tensors that are not written yet

  ShardFile(const fs::path& path, const Shard& shard) : file(path, shard.num_bytes), num_missing(shard.tensors.size()) {
    file.write_at(0, std::as_bytes(std::span(shard.header)));
  }
  void count_written() {
    if (--num_missing == 0) file.complete();
  }
};

struct Target {
  ShardFile* shard;
  std::uint64_t offset;
  std::uint64_t num_bytes;
  std::atomic<Slot> slot{Slot::kEmpty};
};

}  // namespace

struct CheckpointWriter::State {
  PartialFolder folder;
  std::vector<Shard> shards;
  std::deque<ShardFile> files;
  std::unordered_map<std::string, Target> targets;
  bool is_open = true;

  State(const fs::path& path, std::span<const TensorSpec> tensors, const WriterLayout& layout)
      : folder(path), shards(lay_out(tensors, layout)) {
    check_space(path, num_bytes());
    for (const Shard& shard : shards) create(shard);
  }

  std::uint64_t num_bytes() const {
    std::uint64_t total = 0;
    for (const Shard& shard : shards) total += shard.num_bytes;
    return total;
  }

  void create(const Shard& shard) {
    ShardFile& file = files.emplace_back(folder.path() / shard.file_name, shard);
    std::uint64_t offset = shard.header.size();
    for (const TensorSpec& tensor : shard.tensors) {
      Target& target = targets[tensor.name];
      target.shard = &file;
      target.offset = offset;
      target.num_bytes = count_bytes(tensor.dtype, tensor.shape);
      offset += target.num_bytes;
    }
  }

  std::string place_of(const std::string& name) const { return folder.path().string() + ": tensor '" + name + "'"; }

  Target& find(const std::string& name) {
    check(is_open, place_of(name), " is written after finish() or discard()");
    const auto found = targets.find(name);
    check(found != targets.end(), place_of(name), " was not declared");
    return found->second;
  }

  void check_all_written() const {
    std::string missing;
    int num_missing = 0;
    for (const Shard& shard : shards) {
      for (const TensorSpec& tensor : shard.tensors) {
        if (targets.at(tensor.name).slot == Slot::kWritten) continue;
        if (++num_missing <= 5) missing += " '" + tensor.name + "'";
      }
    }
    check(num_missing == 0, folder.path().string(), ": ", num_missing, " of ", targets.size(),
          " tensors were declared but not written:", missing, num_missing > 5 ? " ..." : "");
  }

  void write_index() {
    if (shards.size() == 1) return;
    const std::string text = index_text(shards);
    OutputFile index(folder.path() / kIndexFileName, text.size());
    index.write_at(0, std::as_bytes(std::span(text)));
    index.complete();
  }
};

CheckpointWriter::CheckpointWriter(const fs::path& folder, std::span<const TensorSpec> tensors,
                                   const WriterLayout& layout)
    : state_(std::make_unique<State>(folder, tensors, layout)) {}

CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::write(const std::string& name, std::span<const std::byte> bytes) {
  const std::string place = state_->place_of(name);
  Target& target = state_->find(name);
  check(bytes.size() == target.num_bytes, place, " has ", bytes.size(), " bytes, but was declared with ",
        target.num_bytes);
  check(target.slot.exchange(Slot::kStarted) == Slot::kEmpty, place, " is written twice");
  target.shard->file.write_at(target.offset, bytes);
  target.slot = Slot::kWritten;
  target.shard->count_written();
}

void CheckpointWriter::write(const std::string& name, const PieceReader& read) {
  Target& target = state_->find(name);
  check(target.slot.exchange(Slot::kStarted) == Slot::kEmpty, state_->place_of(name), " is written twice");
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kPieceBytes, target.num_bytes));
  for (std::uint64_t begin = 0; begin < target.num_bytes; begin += buffer.size()) {
    const std::span<std::byte> piece =
        std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), target.num_bytes - begin));
    read(begin, piece);
    target.shard->file.write_at(target.offset + begin, piece);
  }
  target.slot = Slot::kWritten;
  target.shard->count_written();
}

void CheckpointWriter::finish() {
  check(state_->is_open, state_->folder.path().string(), ": finish() after finish() or discard()");
  state_->check_all_written();
  state_->is_open = false;
  state_->write_index();
  sync_folder(state_->folder.path());
  state_->folder.keep();
}

void CheckpointWriter::discard() {
  state_->is_open = false;
  state_->files.clear();
  state_->folder.remove();
}

std::uint64_t CheckpointWriter::num_bytes() const { return state_->num_bytes(); }

}  // namespace uncurl::checkpoint
