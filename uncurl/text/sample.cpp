#include "uncurl/text/sample.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <unordered_set>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/join.h"
#include "uncurl/text/slice.h"

namespace uncurl::text {
namespace {

constexpr std::uint64_t kSideSeed = 0x68656c646f7574;  // decides the side; Slice orders records by another seed

using Texts = std::unordered_set<std::string>;
using Indices = std::vector<std::size_t>;

void check_options(const SampleOptions& options) {
  check(options.sequence_length >= 2, "sequence_length is ", options.sequence_length,
        "; a row needs at least 2 tokens");
  check(options.max_tokens >= 1, "max_tokens is ", options.max_tokens, "; expected at least 1");
  check(options.max_held_out_tokens >= 1, "max_held_out_tokens is ", options.max_held_out_tokens,
        "; expected at least 1");
  check(options.held_out_share >= 0 && options.held_out_share < 1, "held_out_share is ", options.held_out_share,
        "; expected 0 <= share < 1");
}

Texts texts_of(const std::vector<Source>& sources) {
  Texts texts;
  for (const Source& source : sources)
    for (const Example& example : source.examples) texts.insert(example.text());
  return texts;
}

struct Sides {
  Indices observed, held_out;
};

Sides sides_by_hash(const Source& source, double share) {
  Sides sides;
  for (std::size_t i = 0; i < source.examples.size(); ++i)
    (falls_into_share(source.examples[i].text(), share) ? sides.held_out : sides.observed).push_back(i);
  return sides;
}

Indices records_not_in(const Source& source, const Texts& texts) {
  Indices indices;
  for (std::size_t i = 0; i < source.examples.size(); ++i)
    if (!texts.contains(source.examples[i].text())) indices.push_back(i);
  return indices;
}

Indices all_records(const Source& source) {
  Indices indices(source.examples.size());
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = i;
  return indices;
}

SampledSource begin_source(const Source& source) {
  SampledSource sampled;
  sampled.name = source.name;
  sampled.weight = source.weight;
  sampled.content_hash = source.content_hash;
  sampled.num_records = static_cast<std::int64_t>(source.examples.size());
  sampled.left_out = source.left_out;
  return sampled;
}

// Equal shares of the cap; what a source that has run out leaves is shared among the others, until none runs out.
void fill(std::deque<Slice>& slices, std::int64_t cap) {
  std::vector<Slice*> open;
  for (Slice& slice : slices) open.push_back(&slice);
  for (bool one_ran_out = true; one_ran_out && !open.empty();) {
    const std::int64_t share = cap / static_cast<std::int64_t>(open.size());
    for (Slice* const slice : open) slice->take_up_to(share);
    one_ran_out = std::erase_if(open, [&](const Slice* slice) {
                    if (!slice->is_exhausted()) return false;
                    cap -= std::min(cap, slice->num_tokens());
                    return true;
                  }) > 0;
  }
}

std::vector<TokenRow> finish(Slice& slice, SampledSource& sampled) {
  sampled.num_cut += slice.num_cut();
  sampled.num_too_short += slice.num_too_short();
  if (slice.bad().count > 0) {
    if (sampled.left_out.bad.count == 0) sampled.left_out.bad.first = slice.bad().first;
    sampled.left_out.bad.count += slice.bad().count;
  }
  sampled.longest_tokens = std::max(sampled.longest_tokens, slice.longest_tokens());
  return slice.rows_in_file_order();
}

void warn_without_held_out(const Source& source, const Indices& held_out, double share, const Listener& listener) {
  if (share == 0 || !held_out.empty()) return;
  listener.warning(concat(source.name, ": none of its ", source.examples.size(),
                          " records falls into the held-out share of ", share,
                          ", so nothing of it will be measured; name a held-out file to measure on"));
}

void tell_what_is_left_out(const std::vector<Source>& sources, const std::deque<Slice>& measured, std::int64_t cap,
                           const Listener& listener) {
  std::vector<std::string> parts;
  for (std::size_t s = 0; s < measured.size(); ++s) {
    if (measured[s].is_exhausted()) continue;
    parts.push_back(concat(measured[s].num_taken(), " of ", measured[s].num_records(), " of ", sources[s].name));
  }
  if (parts.empty()) return;
  listener.note(concat("held-out records that will be measured: ", join(parts), " (at most ", cap,
                       " held-out tokens are cut from the sources); a named held-out file is measured whole"));
}

}  // namespace

bool falls_into_share(const std::string& text, double share) {
  return static_cast<double>(hash64(text, kSideSeed) >> 11) * 0x1.0p-53 < share;
}

std::int64_t held_out_cap(const SampleOptions& options) {
  const std::int64_t least = std::min<std::int64_t>(1024, options.max_tokens);
  return std::min(options.max_held_out_tokens, std::max(options.max_tokens / 8, least));
}

std::vector<SampledSource> sample_rows(const std::vector<Source>& sources, const std::vector<Source>& held_out,
                                       const Tokenizer& tokenizer, const SampleOptions& options,
                                       const Listener& listener) {
  check_options(options);
  const Texts held_out_texts = texts_of(held_out);
  std::vector<SampledSource> result;
  std::deque<Slice> observed, measured;  // measured: one a source if a share is cut, else one a held-out source
  for (const Source& source : sources) {
    result.push_back(begin_source(source));
    Sides sides;
    if (held_out.empty()) {
      sides = sides_by_hash(source, options.held_out_share);
      warn_without_held_out(source, sides.held_out, options.held_out_share, listener);
      measured.emplace_back(source, sides.held_out, tokenizer, options, listener);
    } else {
      sides.observed = records_not_in(source, held_out_texts);
      result.back().num_also_held_out = result.back().num_records - static_cast<std::int64_t>(sides.observed.size());
    }
    observed.emplace_back(source, sides.observed, tokenizer, options, listener);
  }
  for (const Source& source : held_out) {
    result.push_back(begin_source(source));
    measured.emplace_back(source, all_records(source), tokenizer, options, listener);
  }
  fill(observed, options.max_tokens);
  if (held_out.empty()) {
    fill(measured, held_out_cap(options));
    tell_what_is_left_out(sources, measured, held_out_cap(options), listener);
  } else {
    fill(measured, std::numeric_limits<std::int64_t>::max());
  }
  for (std::size_t s = 0; s < sources.size(); ++s) {
    result[s].observed = finish(observed[s], result[s]);
    check(!result[s].observed.empty(), result[s].name, ": no record left to observe of ", result[s].num_records, " (",
          result[s].num_too_short, " have fewer than 2 tokens, ", result[s].num_also_held_out,
          " also stand in a held-out file, the others fell into the held-out share); give more rows, or name held-out "
          "rows of "
          "their own with --held-out");
  }
  const std::size_t first_measured = held_out.empty() ? 0 : sources.size();
  for (std::size_t m = 0; m < measured.size(); ++m)
    result[first_measured + m].held_out = finish(measured[m], result[first_measured + m]);
  return result;
}

}  // namespace uncurl::text
