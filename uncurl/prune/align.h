// Make one expert's hidden neurons correspond to another's, so that averaging them averages like with like.
// Sarkar et al. 2024 (arXiv 2409.01483), Algorithm 1; for gated experts the gate rows are matched as well, and one
// permutation moves gate rows, up rows and down columns together. docs/method.md section 4.
#pragma once

#include "uncurl/kernels/expert.h"
#include "uncurl/math/assignment.h"
#include "uncurl/prune/plan.h"

namespace uncurl::prune {

/// The same expert with |up row a| = |down column a| for every neuron a: up times s and down over s is no change.
/// Neurons with a zero on either side stay. @param expert fp32
Expert balanced(const Expert& expert);

/// Score [F,F] fp32 of matching anchor neuron a with other's neuron b: the inner product of all their weights. With
/// options.rescale the sign of the up/down part is free, since both may be negated together.
Tensor match_scores(const Expert& anchor, const Expert& other, const AlignOptions& options);

/// `other` with its neurons in the order of `anchor`, both fp32 and, with options.rescale, both balanced.
/// Cost 2 F^2 3D for the scores and O(F^3) at worst for the assignment. One thread.
Expert align_to(const Expert& anchor, const Expert& other, const AlignOptions& options);

/// Gate rows, up rows and down columns in the order of p: neuron a becomes the old neuron p[a].
Expert permuted(const Expert& expert, const math::Permutation& p);

}  // namespace uncurl::prune
