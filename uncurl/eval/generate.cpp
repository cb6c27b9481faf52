#include "uncurl/eval/generate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/base/open_file.h"
#include "uncurl/eval/finite.h"
#include "uncurl/nn/linear.h"
#include "uncurl/tensor/finite.h"

namespace uncurl::eval {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kPromptsAtOnce = 64;
constexpr std::int64_t kCacheBytes = std::int64_t{1} << 31;

std::vector<std::int32_t> ids_in(const Json& json) {
  if (json.is_number_integer()) return {json.get<std::int32_t>()};
  return json.is_array() ? json.get<std::vector<std::int32_t>>() : std::vector<std::int32_t>{};
}

/// Where the first of the endings begins; npos if none is there.
std::size_t find_ending(const std::string& text, const std::vector<std::string>& endings) {
  std::size_t first = std::string::npos;
  for (const std::string& ending : endings) first = std::min(first, text.find(ending));
  return first;
}

/// The text of ids before the first of the endings, or all of it. An ending may hold special tokens ("<|im_end|>"); the
/// text that is returned does not.
std::string text_before(const Ids& ids, const std::vector<std::string>& endings, const text::Tokenizer& tokenizer) {
  const std::string with_special = tokenizer.decode(ids, /*special_tokens=*/true), plain = tokenizer.decode(ids);
  const std::size_t end = find_ending(with_special, endings);
  if (with_special == plain || end == std::string::npos) return plain.substr(0, end);
  Ids whole = ids;  // the ids whose text ends there; of the one after them, a beginning may count
  while (!whole.empty() && tokenizer.decode(whole, /*special_tokens=*/true).size() > end) whole.pop_back();
  const std::size_t begin = tokenizer.decode(whole, /*special_tokens=*/true).size();
  return tokenizer.decode(whole) + with_special.substr(begin, end - begin);
}

/// Prompts that are gone on with together.
class Batch {
 public:
  Batch(const model::LayerStream& stream, const text::Tokenizer& tokenizer, const text::GenerationRule& rule,
        const std::vector<Prompt>& prompts)
      : stream_(stream),
        tokenizer_(tokenizer),
        rule_(rule),
        prompts_(prompts),
        endings_(end_of_text(stream.model())),
        head_VD_(stream.head()),
        cache_(stream.model().config, stream.compute(), static_cast<std::int64_t>(prompts.size()),
               capacity_for(prompts, rule)),
        written_(prompts.size()),
        running_(prompts.size()) {
    std::iota(running_.begin(), running_.end(), std::size_t{0});
    next_B_ = read();
  }

  /// One token more for each; false once all are done.
  bool step() {
    take_next();
    if (running_.empty()) return false;
    next_B_ = likeliest(model::run_cached_layers(next_B_, stream_, cache_));
    return true;
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const Ids& ids : written_) texts.push_back(text_before(ids, rule_.until, tokenizer_));
    return texts;
  }

 private:
  static std::int64_t capacity_for(const std::vector<Prompt>& prompts, const text::GenerationRule& rule) {
    std::size_t longest = 0;
    for (const Prompt& prompt : prompts) longest = std::max(longest, prompt.ids.size());
    return static_cast<std::int64_t>(longest) + rule.max_tokens;
  }

  Tensor likeliest(const Tensor& final_BD) const {
    const c10::InferenceMode inference;
    const Tensor logits_BV = nn::linear(final_BD, head_VD_).to(at::kFloat);
    check_logits(logits_BV, final_BD.scalar_type());
    return logits_BV.argmax(-1);
  }

  void check_logits(const Tensor& logits_BV, at::ScalarType dtype) const {
    if (all_finite(logits_BV)) return;
    const std::int64_t bad = logits_BV.isfinite().all(-1).logical_not().nonzero()[0].item<std::int64_t>();
    const std::size_t prompt = running_[static_cast<std::size_t>(bad)];
    fail_not_finite(prompts_[prompt].name, concat("a logit for written token ", written_[prompt].size()), dtype);
  }

  /// The prompts themselves; the token after each.
  Tensor read() {
    const c10::InferenceMode inference;
    std::vector<Ids> ids;
    for (const Prompt& prompt : prompts_) ids.push_back(prompt.ids);
    const model::PackedRows rows = model::pack_rows(ids);
    Tensor hidden_ND = stream_.embed(rows);
    model::SweepOptions options{.label = "reading", .cache = &cache_};
    options.after_layer = [&](std::int64_t layer) {
      check_hidden(hidden_ND, rows, layer,
                   [&](std::int64_t row) { return prompts_[static_cast<std::size_t>(row)].name; });
    };
    model::sweep_layers_(hidden_ND, rows, stream_, options, nullptr, {});
    std::vector<std::int64_t> lengths, last;
    for (std::size_t r = 0; r + 1 < rows.begins.size(); ++r) {
      lengths.push_back(rows.begins[r + 1] - rows.begins[r]);
      last.push_back(rows.begins[r + 1] - 1);
    }
    cache_.set_lengths(lengths);
    return likeliest(stream_.final_norm(hidden_ND.index_select(0, at::tensor(last, at::kLong))));
  }

  /// Writes the next token of each down and forgets those that it ends.
  void take_next() {
    const auto* const next = next_B_.const_data_ptr<std::int64_t>();
    std::vector<std::int64_t> staying;
    std::vector<std::size_t> still_running;
    for (std::size_t b = 0; b < running_.size(); ++b) {
      const auto id = static_cast<std::int32_t>(next[b]);
      if (std::find(endings_.begin(), endings_.end(), id) != endings_.end()) continue;
      Ids& written = written_[running_[b]];
      written.push_back(id);
      if (is_done(written)) continue;
      staying.push_back(static_cast<std::int64_t>(b));
      still_running.push_back(running_[b]);
    }
    if (staying.size() == running_.size()) return;
    running_ = std::move(still_running);
    const Tensor kept = at::tensor(staying, at::kLong);
    next_B_ = next_B_.index_select(0, kept);
    if (!running_.empty()) cache_.keep(kept);
  }

  bool is_done(const Ids& written) const {
    if (static_cast<std::int64_t>(written.size()) >= rule_.max_tokens) return true;
    if (rule_.until.empty()) return false;
    return find_ending(tokenizer_.decode(written, /*special_tokens=*/true), rule_.until) != std::string::npos;
  }

  const model::LayerStream& stream_;
  const text::Tokenizer& tokenizer_;
  const text::GenerationRule& rule_;
  const std::vector<Prompt>& prompts_;
  std::vector<std::int32_t> endings_;
  Tensor head_VD_;
  model::KvCache cache_;
  std::vector<Ids> written_;
  std::vector<std::size_t> running_;  // which prompt each sequence of the cache is
  Tensor next_B_;
};

}  // namespace

std::vector<std::int32_t> end_of_text(const model::Model& model) {
  const std::filesystem::path path = model.folder() / "generation_config.json";
  if (has_entry(path)) {
    const std::vector<std::int32_t> ids = ids_in(read_json(path).value("eos_token_id", Json()));
    if (!ids.empty()) return ids;
  }
  return ids_in(model.config_json.value("eos_token_id", Json()));
}

std::int64_t prompts_at_once(const model::ModelConfig& config, at::ScalarType dtype, std::int64_t tokens) {
  const std::int64_t bytes = 2 * config.num_layers() * tokens * config.num_kv_heads * config.head_dim *
                             static_cast<std::int64_t>(c10::elementSize(dtype));
  return std::clamp<std::int64_t>(kCacheBytes / bytes, 1, kPromptsAtOnce);
}

std::vector<std::string> generate(const model::LayerStream& stream, const text::Tokenizer& tokenizer,
                                  const std::vector<Prompt>& prompts, const text::GenerationRule& rule,
                                  const Listener& listener) {
  std::vector<std::size_t> order(prompts.size());  // neighbours of like length waste the least memory
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return prompts[a].ids.size() > prompts[b].ids.size(); });
  const std::int64_t longest = prompts.empty() ? 0 : static_cast<std::int64_t>(prompts[order.front()].ids.size());
  const auto at_once = static_cast<std::size_t>(
      prompts_at_once(stream.model().config, stream.compute().dtype, longest + rule.max_tokens));
  const auto total = static_cast<std::int64_t>((prompts.size() + at_once - 1) / at_once) * rule.max_tokens;
  std::vector<std::string> texts(prompts.size());
  std::int64_t done = 0;
  for (std::size_t begin = 0; begin < prompts.size(); begin += at_once) {
    const std::size_t end = std::min(begin + at_once, prompts.size());
    std::vector<Prompt> part;
    for (std::size_t i = begin; i < end; ++i) part.push_back(prompts[order[i]]);
    Batch batch(stream, tokenizer, rule, part);
    for (std::int64_t step = 0; batch.step(); ++step) listener.progress({"writing", "steps", done + step, total});
    done += rule.max_tokens;
    listener.progress({"writing", "steps", done, total});
    const std::vector<std::string> written = batch.texts();
    for (std::size_t i = begin; i < end; ++i) texts[order[i]] = written[i - begin];
  }
  return texts;
}

}  // namespace uncurl::eval
