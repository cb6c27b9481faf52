// From records to rows of token ids: which records are observed, which are held out, and how many fit the token cap.
// Every choice is made by a hash of the record's text, so it depends neither on chance nor on the order of the sources.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/text/source.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::text {

struct TokenRow {
  std::vector<std::int32_t> ids;  ///< at least 2
};

struct SampleOptions {
  std::int64_t sequence_length = 2048;       ///< longer rows are cut to this many tokens
  std::int64_t max_tokens = 131072;          ///< observed tokens of all sources together
  double held_out_share = 0.1;               ///< of each source's records, in [0, 1)
  std::int64_t max_held_out_tokens = 16384;  ///< see held_out_cap
  bool skip_bad_rows = false;                ///< records that cannot be tokenised are left out and counted
};

/// Whether a record of this text is held out where `share` of each source is: pruning never observes it.
bool falls_into_share(const std::string& text, double share);

/// The most held-out tokens of all sources together, where a share is cut from them: an eighth of `max_tokens`, but at
/// least 1,024 (or `max_tokens`, if that is fewer) and at most `max_held_out_tokens`.
std::int64_t held_out_cap(const SampleOptions& options);

/// One source as rows, in the order of its file. The counts from num_cut on are about the rows of both slices.
struct SampledSource {
  std::string name;
  std::optional<double> weight;
  std::string content_hash;
  std::vector<TokenRow> observed, held_out;
  std::int64_t num_records = 0;  ///< in the file, those that were left out excepted
  LeftOut left_out = {};
  std::int64_t num_cut = 0;            ///< rows longer than sequence_length
  std::int64_t longest_tokens = 0;     ///< of a row before it was cut
  std::int64_t num_too_short = 0;      ///< records of fewer than 2 tokens, which have nothing to predict
  std::int64_t num_also_held_out = 0;  ///< records kept out because a held-out source has the same text
};

/// Sources as rows, special tokens added as the tokenizer's post-processor does.
///
/// With `held_out` empty, `held_out_share` of each source's records is held out, chosen by hash: equal records land on
/// the same side in every source. Otherwise the rows of the `held_out` sources are what is held out; they follow the
/// sources in the result with `observed` empty, and records that occur in them are not observed.
///
/// `max_tokens` caps what is observed and `held_out_cap` a share that is held out, with a note on the records it leaves
/// out; `held_out` sources are taken whole. Each cap is spread evenly over the sources; what a small source leaves goes
/// to the others. Where a cap bites, whole records are taken in the order of their hashes, a fixed sample of the whole
/// file; at least one record is taken of each source, so a cap below the length of a row is exceeded. Only records that
/// may be taken are tokenised.
/// @throws Error if an option is out of range, or a source has no record to observe
std::vector<SampledSource> sample_rows(const std::vector<Source>& sources, const std::vector<Source>& held_out,
                                       const Tokenizer& tokenizer, const SampleOptions& options,
                                       const Listener& listener);

}  // namespace uncurl::text
