// The table of families: one line each. `uncurl families` prints it.
#include "uncurl/model/families/table.h"

namespace uncurl::model {

const std::vector<Family>& families() {
  static const std::vector<Family> table = {qwen3_moe(), qwen2_moe(), mixtral(), olmoe(), smoe_gpt2()};
  return table;
}

}  // namespace uncurl::model
