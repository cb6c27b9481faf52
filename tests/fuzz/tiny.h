// The small model that files about a model are held against: 2 layers, 4 experts, top-2, width 16.
#pragma once

#include "tests/fuzz/target.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/model/model.h"

namespace uncurl::fuzz {

inline const model::Model& tiny_model() {
  static const model::Model instance = [] {
    test::write_tiny_checkpoint(folder() / "model");
    return model::open_model(folder() / "model");
  }();
  return instance;
}

}  // namespace uncurl::fuzz
