// What a model says of the judged tokens: log-likelihoods, and how far another model's predictions are from them.
// All rows run layer by layer (model::sweep_layers_), so it is the same whether the weights fit into memory or not;
// only tokens that predict a judged one go through the head.
#pragma once

#include "uncurl/eval/requests.h"
#include "uncurl/model/stream.h"

namespace uncurl::eval {

using model::EditFunction;

/// Of the judged tokens.
struct TokenScores {
  Tensor logprob_Q;  ///< fp64: log-likelihood of the token given those before it
  Tensor greedy_Q;   ///< bool: it was the likeliest
};

/// What the head sees where a judged token is predicted: [P,D].
/// @param edit   a change of weights to try; may be empty
/// @param label  for progress: "<label> layer 3 of 48"
/// Memory: the hidden states of 131072 tokens at a time, whatever is free, so that every machine cuts the rows alike;
/// [P,D].
Tensor final_hidden(const model::LayerStream& stream, const PackedRequests& requests, const EditFunction& edit,
                    const std::string& label, const Listener& listener);

/// @param head_VD  of the model that made final_PD
TokenScores token_scores(const Tensor& final_PD, const Tensor& head_VD, const PackedRequests& requests);

/// Of two models' predictions of the same tokens.
struct TokenComparison {
  Tensor kl;      ///< fp64 [n]: KL(original || other) over the vocabulary, nats
  Tensor agrees;  ///< fp64 [n]: 1 where both find the same token likeliest
};

/// Of some of the P positions. @param positions [n] int64, indices into the P
TokenComparison compare_tokens(const Tensor& original_PD, const Tensor& original_head_VD, const Tensor& other_PD,
                               const Tensor& other_head_VD, const Tensor& positions);

/// final_hidden and token_scores over rows whose tokens are all judged but the first of each; the judged tokens follow
/// each other as whole_rows says.
TokenScores score_rows(const model::LayerStream& stream, const model::PackedRows& rows, const EditFunction& edit,
                       const Listener& listener);

}  // namespace uncurl::eval
