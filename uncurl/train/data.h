// The sources of a run as rows of token ids, each with what is to be predicted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/text/left_out.h"
#include "uncurl/text/tokenizer.h"
#include "uncurl/train/config.h"

namespace uncurl::train {

/// ids[t] is read, ids[t+1] predicted where t + 1 >= first_target. At least two ids, at most sequence_length.
struct Row {
  std::vector<std::int32_t> ids;
  std::int64_t first_target = 1;

  std::int64_t num_tokens() const { return static_cast<std::int64_t>(ids.size()); }
  std::int64_t num_targets() const { return num_tokens() - first_target; }
};

struct RowSource {
  std::string name;
  std::string content_hash;
  std::optional<double> weight;
  std::vector<Row> rows;
  std::int64_t num_records = 0;
  text::LeftOut left_out = {};   ///< rows of the file that are not records
  std::int64_t num_cut = 0;      ///< instruction rows longer than sequence_length
  std::int64_t num_without = 0;  ///< instruction rows of which nothing was left to predict
};

struct Corpus {
  std::vector<RowSource> training;    ///< one a source of `data`
  std::vector<RowSource> validation;  ///< those of validation.data, or the shares cut from `data`; may be empty
};

/// Pretraining text: the ids of every record and the end-of-text token after it, one record after the other in the
/// order of the file, cut into rows of sequence_length; what is left at the end is a shorter row.
/// Instructions: prompt, completion and the end-of-text token; targets begin with the first token in which the ids of
/// the prompt alone and those of the whole differ. Too long rows are cut at their end.
/// @throws Error naming a source of which no row is left
Corpus read_corpus(const TrainConfig& config, const text::Tokenizer& tokenizer, std::int32_t end_of_text,
                   const Listener& listener);

}  // namespace uncurl::train
