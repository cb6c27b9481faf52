// study.json: all that a study found, as `report` reads it. docs/formats.md describes every key.
#pragma once

#include "uncurl/study/protocol/results.h"

namespace uncurl::study {

Json study_json(const StudyConfig& config, const std::vector<Stage>& stages, const StudyResults& results);

}  // namespace uncurl::study
