// Greedy generation: the likeliest token again and again, many prompts at once, with the keys and values of what was
// read so far kept.
#pragma once

#include <string>
#include <vector>

#include "uncurl/eval/encode.h"
#include "uncurl/model/stream.h"
#include "uncurl/text/task.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::eval {

/// The ids that end a text: eos_token_id of generation_config.json, else of config.json; empty if neither has one.
std::vector<std::int32_t> end_of_text(const model::Model& model);

/// Prompts that are gone on with together: 64, fewer where their keys and values would take more than 2 GiB, never
/// none. What memory is free does not matter, so that every machine computes the same products.
/// @param tokens  of the longest, with what is written
std::int64_t prompts_at_once(const model::ModelConfig& config, at::ScalarType dtype, std::int64_t tokens);

/// What the model writes after each prompt: up to rule.max_tokens tokens, an end-of-text token, or the first of
/// rule.until, which are not part of it.
/// @throws Error naming the prompt if a hidden state or logit is NaN or infinite
/// Memory: 2 L B C Hkv head_dim values for B prompts at a time (prompts_at_once) of up to C tokens. Every step runs
/// through all layers: weights that are streamed are read once a token.
std::vector<std::string> generate(const model::LayerStream& stream, const text::Tokenizer& tokenizer,
                                  const std::vector<Prompt>& prompts, const text::GenerationRule& rule,
                                  const Listener& listener);

}  // namespace uncurl::eval
