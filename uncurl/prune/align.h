// Make one expert's hidden neurons correspond to another's, so that averaging them averages like with like.
// Sarkar et al. 2024 (arXiv 2409.01483), Algorithm 1; for gated experts the gate rows are matched as well, and one
// permutation moves gate rows, up rows and down columns together; for experts without a gate up rows, their biases and
// down columns. docs/method.md section 4.
#pragma once

#include "uncurl/kernels/expert.h"
#include "uncurl/math/assignment.h"
#include "uncurl/prune/plan.h"

namespace uncurl::prune {

/// An expert neuron by neuron, in fp32: whatever belongs to hidden neuron a lies in row a. One order of the rows moves
/// all of it, and rows are what products, copies and sums are fast on.
struct Neurons {
  Tensor gate;       ///< [F,D]; without a gate [F,1], the bias that is added to up x
  Tensor up_down;    ///< [F,2D] the up row, then the down column
  Tensor down_bias;  ///< [D], the same for any order of the neurons; undefined where gated

  /// The same rows where they are stored in bf16, whose products are as exact at twice the speed. Undefined for other
  /// dtypes, and once rows have moved.
  struct Stored {
    Tensor gate, up, down;  ///< [F,D] bf16
    Tensor scale_F;         ///< fp32; up is times this, down is over it
  } stored;

  /// [F,m] fp32, what each hidden neuron answers to some inputs x (nn::expert_hidden), as rows of length 1 (or 0).
  /// Undefined unless neurons are to be matched by them as well.
  Tensor activations;
};

/// @param expert  in any dtype
Neurons neurons_of(const Expert& expert);
Expert expert_of(const Neurons& neurons);  ///< fp32, contiguous

/// The same with activations. @param inputs_mD  fp32; @param weights_m  fp64, of the inputs
Neurons with_activations(const Neurons& neurons, const Tensor& inputs_mD, const Tensor& weights_m);

/// The same expert with |up row a| = |down column a| for every neuron a: up times s and down over s is no change.
/// Neurons with a zero on either side stay. Gated experts alone have this symmetry: gelu(s u) is not s gelu(u).
Neurons balanced(const Neurons& neurons);

/// Score [F,F] fp32 of matching anchor neuron a with other's neuron b: the inner product of all their weights. With
/// options.rescale the sign of the up/down part is free, since both may be negated together.
/// Where both have activations: minus the sum of two distances, of the unit vectors of all weights and of the
/// activations (REAM, arXiv 2604.04356); a sign that is free is so for both, since it negates the activation.
Tensor match_scores(const Neurons& anchor, const Neurons& other, const AlignOptions& options);

/// `other` with its neurons in the order of `anchor`, with options.rescale both balanced before and signs as the
/// anchor's. Cost 2 F^2 3D for the scores and O(F^3) at worst for the assignment. One thread.
Neurons align_to(const Neurons& anchor, const Neurons& other, const AlignOptions& options);

/// In the order of p: neuron a becomes the old neuron p[a].
Neurons permuted(const Neurons& neurons, const math::Permutation& p);

}  // namespace uncurl::prune
