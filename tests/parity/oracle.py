"""What the commands compute, once more: transformers runs the model, hooks and NumPy do the rest."""

import dataclasses

import numpy as np
import torch


@dataclasses.dataclass
class Routed:
    """What one MoE layer did with N tokens, as fp64 arrays."""

    logits: np.ndarray  # [N,E]
    ids: np.ndarray     # [N,K]
    gates: np.ndarray   # [N,K] as the model applies them
    norms: np.ndarray   # [N,K] |f| of each chosen expert before its gate
    inputs: np.ndarray    # [N,D] the normed inputs of the block
    residual: np.ndarray  # [N,D] the residual stream that they are the norm of
    routed: np.ndarray    # [N,D] what the routed experts add to it

    @property
    def scores(self):
        exponentials = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def by_expert(self, values):
        """[E] sum of values [N,K] over the tokens that chose each expert."""
        return np.array([values[self.ids == expert].sum() for expert in range(self.logits.shape[1])])


def expert_output(experts, expert, inputs):
    """f(x) [N,D] of one routed expert of a transformers module."""
    gate, up = torch.nn.functional.linear(inputs, experts.gate_up_proj[expert]).chunk(2, dim=-1)
    return torch.nn.functional.linear(torch.nn.functional.silu(gate) * up, experts.down_proj[expert])


def moe_layers(model):
    return {index: layer.mlp for index, layer in enumerate(model.model.layers) if hasattr(layer.mlp, "experts")}


def packed_logits(model, rows):
    """Row by row without padding; [N,V] in fp32."""
    with torch.no_grad():
        return torch.cat([model(torch.tensor([row])).logits[0].float() for row in rows])


def observe(model, rows):
    """Routed of every MoE layer by its number."""
    calls = {layer: [] for layer in moe_layers(model)}

    def record(layer, block):
        def hook(router, inputs, output):
            x = inputs[0].reshape(-1, inputs[0].shape[-1])
            _, gates, ids = output
            norms, routed = torch.zeros_like(gates), torch.zeros_like(x)
            for expert in ids.unique().tolist():
                outputs = expert_output(block.experts, expert, x)
                norms = torch.where(ids == expert, outputs.norm(dim=-1, keepdim=True), norms)
                routed = routed + (gates * (ids == expert)).sum(dim=-1, keepdim=True) * outputs
            calls[layer].append((torch.nn.functional.linear(x, router.weight), ids, gates, norms, x, streams[layer],
                                 routed))
        return hook

    streams = {}

    def keep_stream(layer):
        def hook(norm, inputs):
            streams[layer] = inputs[0].reshape(-1, inputs[0].shape[-1])
        return hook

    handles = [model.model.layers[layer].post_attention_layernorm.register_forward_pre_hook(keep_stream(layer))
               for layer in calls]
    handles += [block.gate.register_forward_hook(record(layer, block)) for layer, block in moe_layers(model).items()]
    packed_logits(model, rows)
    for handle in handles:
        handle.remove()
    return {layer: Routed(*(torch.cat(part).double().numpy() for part in zip(*parts)))
            for layer, parts in calls.items()}


def expect_same_routes(found, routed):
    """The ids.l and gates.l of `found` are those of `routed` wherever the K-th logit is clear of the next by 1e-4."""
    assert routed
    for layer, theirs in routed.items():
        ids, gates = found[f"ids.{layer}"].numpy(), found[f"gates.{layer}"].numpy()
        top_k = theirs.ids.shape[1]
        ordered = -np.sort(-theirs.logits, axis=1)
        clear = ordered[:, top_k - 1] - ordered[:, top_k] > 1e-4
        assert clear.mean() > 0.9
        order, their_order = ids.argsort(axis=1), theirs.ids.argsort(axis=1)
        by_id = lambda values, order: np.take_along_axis(values, order, axis=1)[clear]
        assert (by_id(ids, order) == by_id(theirs.ids, their_order)).all()
        assert np.abs(by_id(gates, order) - by_id(theirs.gates, their_order)).max() <= 1e-4


def turn_of_stream(routed):
    """[N] how far the routed experts turn the residual stream: max(0, 1 - cosine)."""
    before, after = routed.residual, routed.residual + routed.routed
    product = (before * after).sum(axis=1)
    return np.maximum(0, 1 - product / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1))


def statistics(routed):
    """The sums that a statistics file holds of one source and layer, by their names there."""
    gates, norms = routed.gates, routed.norms
    return {
        "gram": routed.logits.T @ routed.logits,
        "logit_sum": routed.logits.sum(axis=0),
        "score_sum": routed.scores.sum(axis=0),
        "count": routed.by_expert(np.ones_like(gates)),
        "gate_sum": routed.by_expert(gates),
        "norm_sum": routed.by_expert(norms),
        "norm_square_sum": routed.by_expert(norms**2),
        "gate_norm_sum": routed.by_expert(gates * norms),
        "change_gate_norm_sum": routed.by_expert(turn_of_stream(routed)[:, None] * gates * norms),
        "renormalized_gate_norm_sum": routed.by_expert(gates / gates.sum(axis=1, keepdims=True) * norms),
        "norm_max": np.array([norms[routed.ids == e].max(initial=0) for e in range(routed.logits.shape[1])]),
        "num_tokens": np.array([float(len(gates))]),
    }


def quality(original, pruned, rows):
    """Perplexity of both, KL(original || pruned) and top-1 agreement over all predicted tokens."""
    losses = [0.0, 0.0]
    kl, agreement, tokens = 0.0, 0, 0
    for row in rows:
        target = torch.tensor(row[1:])[:, None]
        p, q = (packed_logits(model, [row])[:-1].double().log_softmax(-1) for model in (original, pruned))
        losses[0] -= p.gather(1, target).sum().item()
        losses[1] -= q.gather(1, target).sum().item()
        kl += (p.exp() * (p - q)).sum().item()
        agreement += (p.argmax(-1) == q.argmax(-1)).sum().item()
        tokens += len(target)
    return {"original": np.exp(losses[0] / tokens), "pruned": np.exp(losses[1] / tokens), "kl": kl / tokens,
            "top1_agreement": agreement / tokens, "tokens": tokens}
