#include "uncurl/train/run.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <chrono>
#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/model/create.h"
#include "uncurl/nn/training_loss.h"
#include "uncurl/tensor/autocast.h"
#include "uncurl/train/cost.h"
#include "uncurl/train/output.h"
#include "uncurl/train/schedule.h"
#include "uncurl/train/selection.h"

namespace uncurl::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

at::Device device_of(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const bool is_cuda = name == "cuda" || name.starts_with("cuda:");
  check(is_cuda, "device is '", name, "', expected cpu, cuda or cuda:N");
  check(at::hasCUDA(), "device is '", name,
        "', but this build of libtorch has no CUDA or sees no GPU; use cpu, or build with a CUDA build of torch "
        "(UNCURL_TORCH)");
  try {
    return at::Device(name);
  } catch (const c10::Error&) {
    fail("device is '", name, "', expected cpu, cuda or cuda:N");
  }
}

ModelWeights first_weights(const TrainConfig& config, const std::optional<model::Model>& model, at::Device device) {
  return model ? load_weights(*model, device) : draw_weights(config.model.config, config.seed, device);
}

const fs::path& tokenizer_folder(const TrainConfig& config) {
  return config.model.checkpoint.empty() ? config.model.tokenizer : config.model.checkpoint;
}

void check_fit(const TrainConfig& config, const model::ModelConfig& model, const text::Tokenizer& tokenizer) {
  // A checkpoint may lack embeddings of tokens that its rows do not use; a model that is made here has them all.
  check(!config.model.checkpoint.empty() || tokenizer.vocabulary_size() <= model.vocab_size,
        tokenizer_folder(config).string(), ": its tokenizer has ids up to ", tokenizer.vocabulary_size() - 1,
        ", but the model has a vocabulary of ", model.vocab_size,
        "; use the tokenizer that belongs to it, or a larger vocab_size");
  check(model.num_positions == 0 || config.sequence_length <= model.num_positions, "sequence_length is ",
        config.sequence_length, ", but the model has learned ", model.num_positions, " positions (n_positions)");
}

/// The data of a run, by content.
void add_sources(Hasher& hasher, const std::vector<RowSource>& sources) {
  for (const RowSource& source : sources) {
    hasher.add(source.name);
    hasher.add(source.content_hash);
  }
}

std::string key_of(const TrainConfig& config, const std::optional<model::Model>& model,
                   const std::optional<std::string>& teacher, const Corpus& corpus, const fs::path& tokenizer) {
  Json json = to_json(config);
  json.erase("output");
  json.erase("save");  // when the state is saved changes no result; the dtype of the output is asked for at its end
  Hasher hasher;
  hasher.add(json.dump());
  if (model) hasher.add(model->checkpoint.fingerprint());
  if (teacher) hasher.add(*teacher);
  for (const fs::path& file : model::tokenizer_files(tokenizer)) hasher.add(file_hash(file));
  add_sources(hasher, corpus.training);
  add_sources(hasher, corpus.validation);
  return hasher.hex();
}

double value_of(const Tensor& scalar) { return scalar.item<double>(); }

}  // namespace

Run::Frozen::Frozen(const fs::path& folder, at::Device device)
    : model(model::open_model(folder)), weights(load_weights(model, device)), network(weights, no_updates) {}

Run::Run(const TrainConfig& config, const Listener& listener)
    : config_(config),
      listener_(listener),
      device_(device_of(config.device)),
      model_(config.model.checkpoint.empty() ? std::nullopt
                                             : std::optional(model::open_model(config.model.checkpoint))),
      weights_(first_weights(config, model_, device_)) {
  const fs::path& folder = tokenizer_folder(config);
  const std::unique_ptr<text::Tokenizer> tokenizer = text::open_tokenizer(folder, weights_.config.vocab_size);
  check_fit(config, weights_.config, *tokenizer);
  if (!config.teacher.checkpoint.empty()) {
    teacher_ = std::make_unique<Frozen>(config.teacher.checkpoint, device_);
    check(teacher_->weights.config.vocab_size == weights_.config.vocab_size, config.teacher.checkpoint.string(),
          ": has a vocabulary of ", teacher_->weights.config.vocab_size, " tokens, the model one of ",
          weights_.config.vocab_size, "; a teacher predicts the same tokens");
  }
  choose_trained();
  network_.emplace(weights_, updates_);
  corpus_ = read_corpus(config, *tokenizer, text::end_of_text(folder, *tokenizer).required(), listener);
  steps_ = plan_steps(corpus_.training, config);
  const std::optional<std::string> teacher =
      teacher_ ? std::optional(teacher_->model.checkpoint.fingerprint()) : std::nullopt;
  key_ = key_of(config, model_, teacher, corpus_, folder);
}

void Run::choose_trained() {
  const std::vector<Parameter> all = parameters(weights_);
  const std::vector<bool> chosen = select(all, config_.train, config_.freeze, "train");
  updates_ = draw_low_rank(all, config_.lora, config_.seed);
  const bool embeddings_decay = config_.optimizer.decay_embeddings;
  const auto decays = [&](const Parameter& parameter) {
    const bool is_embedding = parameter.part == Part::kEmbeddings;
    return parameter.value->dim() >= 2 && (embeddings_decay || !is_embedding);
  };
  for (std::size_t p = 0; p < all.size(); ++p) {
    // With low-rank updates everything else stays as it is.
    if (!chosen[p] || config_.lora.rank > 0) continue;
    all[p].value->requires_grad_(true);
    trained_.push_back(make_trained(all[p].name, *all[p].value, decays(all[p])));
  }
  for (auto& [name, update] : updates_) {
    for (const auto& [suffix, factor] : {std::pair(".lora_a", &update.a), std::pair(".lora_b", &update.b)}) {
      factor->requires_grad_(true);
      trained_.push_back(make_trained(name + suffix, *factor, /*decays=*/true));
    }
  }
  check(!trained_.empty(), "nothing is trained: 'freeze' covers all that 'train' names");
}

TrainOutline Run::outline() const {
  TrainOutline outline;
  outline.model_type = weights_.config.model_type;
  outline.parameters = model::count_parameters(weights_.config, *weights_.family);
  for (const Trained& tensor : trained_) outline.trained += tensor.value.numel();
  outline.steps = static_cast<std::int64_t>(steps_.size());
  for (const Step& step : steps_) {
    outline.tokens += step.num_tokens;
    outline.targets += step.num_targets;
  }
  outline.flops_per_token = flops_per_token(weights_.config, config_.sequence_length, config_.recompute);
  const std::int64_t copies = outline.parameters + 3 * outline.trained;
  outline.state_bytes = static_cast<std::uint64_t>(copies) * sizeof(float);
  if (teacher_) {
    outline.state_bytes += sizeof(float) * static_cast<std::uint64_t>(model::count_parameters(
                                               teacher_->weights.config, *teacher_->weights.family));
  }
  outline.warmup_steps = warmup_steps(config_.schedule, outline.steps);
  return outline;
}

RunOptions Run::run_options(bool training) const {
  return {.training = training,
          .balance = training && config_.aux_coefficient > 0,
          .recompute = config_.recompute,
          .autocast = config_.dtype == "bf16" ? std::optional(at::kBFloat16) : std::nullopt};
}

nn::Teacher Run::teacher_of(const Packed& batch) const {
  if (!teacher_) return {};
  const c10::NoGradGuard no_grad;
  return {.hidden_ND = teacher_->network.run(batch.rows, run_options(/*training=*/false)).hidden_ND,
          .head_VD = teacher_->network.head(),
          .weight = config_.teacher.weight,
          .temperature = config_.teacher.temperature};
}

StepResult Run::step(std::size_t number) {
  const Step& step = steps_[number];
  const auto targets = static_cast<double>(step.num_targets), tokens = static_cast<double>(step.num_tokens);
  StepResult result;
  double objective = 0;
  for (const std::vector<RowId>& piece : cut(step.rows, corpus_.training, micro_batch_of(config_))) {
    const Packed batch = pack(piece, corpus_.training);
    const RunResult run = network_->run(batch.rows, run_options(/*training=*/true));
    const nn::Teacher teacher = teacher_of(batch);
    nn::LossSum loss;
    {
      const Autocast autocast(device_.type(), run_options(true).autocast);
      loss = nn::next_token_loss(run.hidden_ND, network_->head(), batch.targets_N.to(device_), teacher);
    }
    Tensor total = loss.loss / targets;
    if (run.balance.defined()) {
      const double share = static_cast<double>(batch.rows.num_tokens()) / tokens;
      total = total + config_.aux_coefficient * share * run.balance;
      result.balance = result.balance.value_or(0) + share * value_of(run.balance);
    }
    torch::autograd::backward({total}, {});
    result.loss += value_of(loss.next_token) / targets;
    objective += value_of(loss.loss) / targets;
    if (result.loads.empty()) {
      result.loads = run.loads;
    } else {
      for (std::size_t l = 0; l < run.loads.size(); ++l) result.loads[l].add(run.loads[l]);
    }
  }
  if (teacher_) result.objective = objective;
  const Clock::time_point begin = Clock::now();
  result.gradient_norm = gradient_norm(trained_);
  check(std::isfinite(result.loss) && std::isfinite(result.gradient_norm), "step ", number + 1, ": the loss is ",
        result.loss, " and the norm of the gradients ", result.gradient_norm,
        "; try a lower learning_rate, a longer warm-up or dtype f32 (the last saved state is kept)");
  const auto index = static_cast<std::int64_t>(number);
  adamw_step(
      trained_, config_.optimizer,
      learning_rate(config_.schedule, config_.optimizer.learning_rate, index, static_cast<std::int64_t>(steps_.size())),
      result.gradient_norm);
  result.optimizer_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

std::vector<ValidationLoss> Run::validate() const {
  const c10::NoGradGuard no_grad;
  std::vector<ValidationLoss> losses;
  for (std::size_t s = 0; s < corpus_.validation.size(); ++s) {
    std::vector<RowId> rows;
    for (std::size_t row = 0; row < corpus_.validation[s].rows.size(); ++row) {
      rows.push_back({static_cast<std::int32_t>(s), static_cast<std::int32_t>(row)});
    }
    ValidationLoss loss{corpus_.validation[s].name};
    for (const std::vector<RowId>& piece : cut(rows, corpus_.validation, micro_batch_of(config_))) {
      const Packed batch = pack(piece, corpus_.validation);
      const RunResult run = network_->run(batch.rows, run_options(/*training=*/false));
      const Autocast autocast(device_.type(), run_options(false).autocast);
      loss.loss +=
          value_of(nn::next_token_loss(run.hidden_ND, network_->head(), batch.targets_N.to(device_)).next_token);
      loss.num_targets += batch.num_targets;
    }
    loss.loss /= static_cast<double>(loss.num_targets);
    losses.push_back(loss);
  }
  return losses;
}

void Run::write(const fs::path& folder) {
  const c10::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters(weights_)) {
    const auto found = updates_.find(parameter.name);
    if (found != updates_.end()) *parameter.value = found->second.updated(*parameter.value);
  }
  if (model_) {
    write_like(*model_, weights_, config_.save.dtype, folder, listener_);
  } else {
    write_new(config_.model, weights_, config_.save.dtype, folder);
  }
}

}  // namespace uncurl::train
