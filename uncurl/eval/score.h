// What a model says of the judged tokens: log-likelihoods, and how far another model's predictions are from them.
// Rows run layer by layer (model::sweep_layers_) and block by block, so it is the same whether the weights fit into
// memory or not, and what a block leaves behind is its scores; only tokens that predict a judged one go through the
// head.
#pragma once

#include "uncurl/eval/finite.h"
#include "uncurl/eval/requests.h"
#include "uncurl/model/stream.h"

namespace uncurl::eval {

using model::EditFunction;

/// Of the judged tokens.
struct TokenScores {
  Tensor logprob_Q;  ///< fp64: log-likelihood of the token given those before it
  Tensor greedy_Q;   ///< bool: it was the likeliest
};

/// Rows that run together, [first_row, end_row), and the predictions that are theirs, [first_position, end_position) of
/// the P.
struct Block {
  std::int64_t first_row = 0, end_row = 0;
  std::int64_t first_position = 0, end_position = 0;
};

/// Blocks of up to 131072 tokens (one row and those that continue it at least), whatever memory is free, so that every
/// machine cuts the rows alike.
std::vector<Block> blocks_of(const PackedRequests& requests);

/// A block on its way through the layers.
struct RunningBlock {
  model::PackedRows rows;
  NameOfRow name_of_row;  ///< borrows from the requests
  Tensor hidden_ND;
  Tensor tokens_n;  ///< int64: which tokens of the rows predict
};
RunningBlock start_block(const model::LayerStream& stream, const PackedRequests& requests, const Block& block);

/// @throws Error naming text, layer and token if a hidden state after `layer` is NaN or infinite
void check_block(const RunningBlock& running, std::int64_t layer);

/// What the head sees where a judged token is predicted, once all layers have run: [n,D] of the block's positions.
Tensor finish_block(const model::LayerStream& stream, const RunningBlock& running);

/// Both, and all layers between.
/// @param edit   a change of weights to try; may be empty
/// @param label  for progress: "<label> layer 3 of 48"
/// @throws what check_block throws, after the first layer that gives it a reason
/// Memory: the hidden states of the block.
Tensor final_hidden(const model::LayerStream& stream, const PackedRequests& requests, const Block& block,
                    const EditFunction& edit, const std::string& label, const Listener& listener);

/// Scores that are filled in block by block.
TokenScores empty_scores(const PackedRequests& requests);

/// @param final_nD  of the block; @param head_VD  of the same model
/// @throws Error naming the text if a log-likelihood is NaN or infinite
void add_scores_(TokenScores& scores, const Tensor& final_nD, const Tensor& head_VD, const PackedRequests& requests,
                 const Block& block);

/// Of two models' predictions of the same tokens.
struct TokenComparison {
  Tensor kl;      ///< fp64 [n]: KL(original || other) over the vocabulary, nats
  Tensor agrees;  ///< fp64 [n]: 1 where both find the same token likeliest
};

/// Of some predictions of a block. @param which [n] int64, indices into the rows of original_nD and other_nD
TokenComparison compare_tokens(const Tensor& original_nD, const Tensor& original_head_VD, const Tensor& other_nD,
                               const Tensor& other_head_VD, const Tensor& which);

}  // namespace uncurl::eval
