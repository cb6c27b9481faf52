#include "uncurl/prune/result_file.h"

#include "uncurl/base/file.h"
#include "uncurl/base/json.h"

namespace uncurl::prune {
namespace {

constexpr int kVersion = 1;

}  // namespace

void write_result(const std::filesystem::path& folder, const model::ModelConfig& original, const Plan& plan,
                  const Verification& verified, const std::vector<Quality>& held_out, const std::string& program,
                  const std::optional<ResultSeconds>& seconds) {
  Json result = {{"version", kVersion},
                 {"uncurl", program},
                 {"method", JsonObject(plan.options, "options of the plan").string("method", "")},
                 {"experts", {{"before", original.num_experts}, {"after", experts_after(plan, original)}}},
                 {"original", {{"parameters", verified.parameters_before}, {"bytes", verified.bytes_before}}},
                 {"pruned", {{"parameters", verified.parameters_after}, {"bytes", verified.bytes_after}}},
                 {"held_out", quality_json(held_out)}};
  if (seconds) result["seconds"] = {{"write", seconds->write}, {"measure", seconds->measure}};
  write_json(folder / "result.json", result);
}

}  // namespace uncurl::prune
