// One function per family file; each states only what differs from the defaults of Family.
#pragma once

#include "uncurl/model/family.h"

namespace uncurl::model {

Family mixtral();
Family olmoe();
Family qwen2_moe();
Family qwen3_moe();
Family smoe_gpt2();

}  // namespace uncurl::model
