"""Errors that `plan` predicts, beside those of transformers' own blocks on the inputs that observe kept."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import oracle
from conftest import EXPERTS_AFTER, FAMILIES, groups_of, open_checkpoint, uncurl

INPUTS = 200


@pytest.fixture(scope="module", params=FAMILIES)
def kept(request, models, tmp_path_factory):
    """(family, checkpoint, statistics with inputs)"""
    stats = tmp_path_factory.mktemp("kept") / "stats.safetensors"
    uncurl("observe", models.checkpoint(request.param), *models.tasks, "--keep-inputs", INPUTS, "-o", stats)
    return request.param, models.checkpoint(request.param), stats


def predicted(printed):
    """{layer or 'all': error} of what plan printed."""
    lines = printed[printed.index("predicted error"):].splitlines()[1:]
    cells = [line.split() for line in lines[: lines.index("")]]
    return {row[0]: float(row[-1]) for row in cells if row[0] == "all" or row[0].isdigit()}


def plan_and_apply(kept, folder, *options):
    """(predicted errors, plan, folder of the smaller checkpoint)"""
    family, model, stats = kept
    printed = uncurl("plan", model, stats, "--experts", EXPERTS_AFTER[family], *options, "-o", folder / "plan.json")
    uncurl("apply", model, folder / "plan.json", "-o", folder / "out")
    return predicted(printed), folder / "out"


def run_block(block, inputs):
    with torch.no_grad():
        output = block(inputs[None])
        return (output[0] if isinstance(output, tuple) else output).reshape(inputs.shape).double().numpy()


METHODS = {
    "reap": ("--method", "reap"),
    "uncurl": ("--method", "uncurl"),
    "anchor": ("--method", "uncurl", "--router", "anchor"),
    "weighted": ("--method", "frequency", "--weights", "3,1"),
}


@pytest.mark.parametrize("method", METHODS)
def test_predicted_errors_are_those_of_transformers_blocks(tmp_path, kept, method):
    errors, out = plan_and_apply(kept, tmp_path, *METHODS[method])
    stats = load_file(kept[2])
    before, after = oracle.moe_layers(open_checkpoint(kept[1])), oracle.moe_layers(open_checkpoint(out))
    weights = np.ones(INPUTS)
    if method == "weighted":  # docs/method.md section 1
        tokens = np.array([stats[f"layers.0.sources.{source}.num_tokens"].item() for source in (0, 1)])
        weights = (np.array([3, 1]) / 4 * tokens.sum() / tokens)[stats["sample_source"][:INPUTS]]
    total = 0
    for layer in before:
        x = torch.from_numpy(stats[f"layers.{layer}.sample_inputs"])
        expected, found = run_block(before[layer], x), run_block(after[layer], x)
        error = (weights * ((expected - found) ** 2).sum(axis=1)).sum() / (weights * (expected**2).sum(axis=1)).sum()
        assert error > 1e-3
        assert abs(errors[str(layer)] - error) <= 1e-4 * error + 5e-7  # six digits are printed
        total += error
    assert abs(errors["all"] - total) <= 1e-4 * total + 5e-7


def test_router_rule_map_sums_the_gates_of_each_group(tmp_path, kept):
    """The merged experts are those of any other rule; the routes are the original's."""
    family, model, stats = kept
    _, out = plan_and_apply(kept, tmp_path)
    printed = uncurl("plan", model, stats, "--experts", EXPERTS_AFTER[family], "--router", "map", "-o",
                     tmp_path / "map.json")
    plan = json.loads((tmp_path / "map.json").read_text())
    inputs = load_file(stats)
    before, after = oracle.moe_layers(open_checkpoint(model)), oracle.moe_layers(open_checkpoint(out))
    for layer in plan["layers"]:
        index = layer["layer"]
        x = torch.from_numpy(inputs[f"layers.{index}.sample_inputs"])
        with torch.no_grad():
            _, gates, ids = before[index].gate(x)
            expected = run_block(before[index], x)
            change = torch.zeros_like(x)
            for new, members in enumerate(groups_of(layer)):
                for member in members:
                    gate = (gates * (ids == member)).sum(dim=-1, keepdim=True)
                    change += gate * (oracle.expert_output(after[index].experts, new, x)
                                      - oracle.expert_output(before[index].experts, member, x))
        error = (change.double().numpy() ** 2).sum() / (expected**2).sum()
        assert abs(predicted(printed)[str(index)] - error) <= 1e-4 * error + 5e-7


def test_map_is_refused_where_a_checkpoint_would_be_written(tmp_path, kept, models):
    family, model, stats = kept
    count = EXPERTS_AFTER[family]
    uncurl("plan", model, stats, "--experts", count, "--router", "map", "-o", tmp_path / "map.json")
    assert "no checkpoint" in uncurl("apply", model, tmp_path / "map.json", "-o", tmp_path / "out", expect=1)
    printed = uncurl("prune", model, *models.tasks, "--experts", count, "--router", "map", "-o", tmp_path / "out",
                     expect=1)
    assert "no checkpoint" in printed and "observing" not in printed
    assert sorted(file.name for file in tmp_path.iterdir()) == ["map.json"]


def test_nothing_is_predicted_without_inputs(tmp_path, models):
    printed = uncurl("plan", models.checkpoint("olmoe"), models.stats("olmoe"), "--experts", 4, "-o",
                     tmp_path / "plan.json")
    assert "predicted error" not in printed


# ---- --sequential ----------------------------------------------------------------------------------------------------

def drop(block, kept_experts):
    """A block of transformers without some of its experts, routers sliced."""
    block.gate.weight = torch.nn.Parameter(block.gate.weight[kept_experts])
    block.experts.gate_up_proj = torch.nn.Parameter(block.experts.gate_up_proj[kept_experts])
    block.experts.down_proj = torch.nn.Parameter(block.experts.down_proj[kept_experts])
    block.gate.num_experts = block.experts.num_experts = len(kept_experts)


@pytest.mark.parametrize("family", FAMILIES)
def test_sequential_observes_each_layer_behind_the_pruned_ones(tmp_path, models, family):
    """transformers, layer by layer: hooks see a layer, its most used experts stay, hooks see the next."""
    out = tmp_path / "out"
    printed = uncurl("prune", models.checkpoint(family), *models.tasks, "--experts", EXPERTS_AFTER[family], "--method",
                     "frequency", "--sequential", "-o", out)
    assert "another request" not in printed  # the plan is of the request that the statistics were taken for
    found = load_file(tmp_path / "out.stats.safetensors")
    plan = {layer["layer"]: groups_of(layer) for layer in json.loads((out / "plan.json").read_text())["layers"]}
    model = open_checkpoint(models.checkpoint(family))
    rows = models.rows(models.words) + models.rows(models.sums)
    for layer in sorted(plan):
        sums = oracle.statistics(oracle.observe(model, rows)[layer])
        for name in ("gram", "count", "gate_norm_sum", "change_gate_norm_sum"):
            actual = sum(found[f"layers.{layer}.sources.{source}.{name}"] for source in (0, 1))
            assert np.abs(actual - sums[name]).max() <= 1e-4 * np.abs(sums[name]).max()
        kept_experts = np.sort(np.argsort(-sums["count"], kind="stable")[: EXPERTS_AFTER[family]])
        assert plan[layer] == [[expert] for expert in kept_experts.tolist()]
        drop(oracle.moe_layers(model)[layer], kept_experts)
    # What was written is that model.
    expected, written = (oracle.packed_logits(m, rows[:3]) for m in (model, open_checkpoint(out)))
    assert (expected - written).abs().max() <= 1e-4 * expected.abs().max()
