#include "uncurl/prune/verify.h"

#include <array>
#include <cstring>

#include "uncurl/base/error.h"
#include "uncurl/prune/write.h"
#include "uncurl/tensor/finite.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::prune {
namespace {

using checkpoint::TensorInfo;

void check_specs(const checkpoint::Checkpoint& written, const std::vector<checkpoint::TensorSpec>& expected) {
  for (const checkpoint::TensorSpec& spec : expected) {
    const TensorInfo& info = written.at(spec.name);
    check(info.spec() == spec, "tensor '", spec.name, "' was written as ", info.dtype, " ", shape_text(info.shape),
          ", expected ", spec.dtype, " ", shape_text(spec.shape));
  }
  check(written.tensors().size() == expected.size(), "the output holds ", written.tensors().size(),
        " tensors, expected ", expected.size());
}

void check_config(const model::Model& written, const Plan& plan, const model::ModelConfig& original) {
  const std::vector<std::int64_t> expected = experts_after(plan, original);
  for (std::size_t layer = 0; layer < expected.size(); ++layer) {
    const std::int64_t found = written.config.layers[layer].num_experts;
    check(found == expected[layer], "config.json says ", found, " experts in layer ", layer, ", expected ",
          expected[layer]);
  }
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Verification verify_checkpoint(const model::Model& original, const Plan& plan, const std::filesystem::path& folder,
                               const Listener& listener) {
  const model::Model written = model::open_model(folder);
  check_specs(written.checkpoint, tensors_after(original, plan));
  check_config(written, plan, original.config);
  const std::set<std::string> routed = routed_tensor_names(original);
  Verification result{.parameters_before = original.checkpoint.num_parameters(),
                      .parameters_after = written.checkpoint.num_parameters(),
                      .bytes_before = original.checkpoint.total_bytes(),
                      .bytes_after = written.checkpoint.total_bytes()};
  const auto total = static_cast<std::int64_t>(written.checkpoint.tensors().size());
  for (const TensorInfo& info : written.checkpoint.tensors()) {
    if (routed.contains(info.name)) {
      check(all_finite(model::stored_tensor(written.checkpoint, info.name)), "tensor '", info.name,
            "' of the output holds NaN or infinite values");
    } else {
      const TensorInfo& before = original.checkpoint.at(info.name);
      check(same_bytes(written.checkpoint.bytes(info), original.checkpoint.bytes(before)), "tensor '", info.name,
            "' should be a copy, but its bytes differ");
      original.checkpoint.release(std::array{&before});
      ++result.num_copied;
    }
    written.checkpoint.release(std::array{&info});
    listener.progress({"verifying", "tensors", ++result.num_tensors, total});
  }
  return result;
}

}  // namespace uncurl::prune
