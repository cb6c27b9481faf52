"""The method mergemoe, beside its formulas in NumPy: groups by distances of weights, down projections by lstsq."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import oracle
from conftest import EXPERTS_AFTER, FAMILIES, groups_of, open_checkpoint, uncurl

RIDGE = 1e-2  # docs/method.md section 4
OPTIONS = ("--method", "mergemoe", "--no-permute", "--no-rescale")  # as published: the average of members as stored


@pytest.fixture(scope="module", params=FAMILIES)
def merged(request, models, tmp_path_factory):
    """(family, checkpoint, smaller checkpoint, statistics)"""
    out = tmp_path_factory.mktemp("merged") / "out"
    family, model = request.param, models.checkpoint(request.param)
    uncurl("prune", model, *models.tasks, "--experts", EXPERTS_AFTER[family], *OPTIONS, "-o", out)
    return family, model, out, load_file(out.parent / "out.stats.safetensors")


def parts(block, expert):
    """gate [F,D], up [F,D] and down [D,F] in fp64."""
    gate, up = np.split(block.experts.gate_up_proj[expert].detach().double().numpy(), 2)
    return gate, up, block.experts.down_proj[expert].detach().double().numpy()


def hidden(x, gate, up):
    a = x @ gate.T
    return a / (1 + np.exp(-a)) * (x @ up.T)


def counts(stats, layer):
    return sum(stats[f"layers.{layer}.sources.{source}.count"] for source in (0, 1))


def joined_to_most_used(block, used, count):
    """Members of each group, by anchor: every other expert at the most used one of the nearest gate and up weights."""
    anchors = np.argsort(-used, kind="stable")[:count].tolist()
    vectors = [np.concatenate([w.ravel() for w in parts(block, e)[:2]]) for e in range(len(used))]
    groups = {anchor: [anchor] for anchor in anchors}
    for e in set(range(len(used))) - set(anchors):
        groups[min(anchors, key=lambda anchor: ((vectors[e] - vectors[anchor]) ** 2).sum())].append(e)
    return [sorted(groups[anchor]) for anchor in sorted(anchors)]


def fitted_down(rows, average, experts, share):
    """docs/method.md section 4, by one least-squares system with the ridge as rows of its own."""
    gate, up, down = average
    h = hidden(rows, gate, up)
    y = sum(w * hidden(rows, e[0], e[1]) @ e[2].T for w, e in zip(share, experts))
    root = np.sqrt(RIDGE * (h**2).sum() / h.shape[1])
    system = np.vstack([h, root * np.eye(h.shape[1])])
    return np.linalg.lstsq(system, np.vstack([y, root * down.T]), rcond=None)[0].T


def test_experts_join_the_most_used_expert_of_the_nearest_weights(merged):
    family, model, out, stats = merged
    blocks = oracle.moe_layers(open_checkpoint(model))
    plan = json.loads((out / "plan.json").read_text())
    for layer in plan["layers"]:
        assert layer["merge"] == "least-squares"
        used = counts(stats, layer["layer"])
        assert groups_of(layer) == joined_to_most_used(blocks[layer["layer"]], used, EXPERTS_AFTER[family])


def test_down_projections_are_those_of_lstsq(merged):
    family, model, out, stats = merged
    before, after = oracle.moe_layers(open_checkpoint(model)), oracle.moe_layers(open_checkpoint(out))
    fitted = 0
    for layer in json.loads((out / "plan.json").read_text())["layers"]:
        index = layer["layer"]
        x = stats[f"layers.{index}.sample_inputs"]
        with torch.no_grad():
            ids = before[index].gate(torch.from_numpy(x))[2].numpy()
        used, x = counts(stats, index), x.astype(np.float64)
        for new, members in enumerate(groups_of(layer)):
            if len(members) == 1:
                continue
            share = used[members] / used[members].sum()
            experts = [parts(before[index], e) for e in members]
            gate, up, average = (sum(w * expert[k] for w, expert in zip(share, experts)) for k in range(3))
            expected = fitted_down(x[np.isin(ids, members).any(axis=1)], (gate, up, average), experts, share)
            found = parts(after[index], new)
            # Averages are rounded to fp32 once; the fit divides the rounding of fp32 outputs by no less than r.
            assert np.abs(found[0] - gate).max() <= 1e-6 * np.abs(gate).max()
            assert np.abs(found[2] - expected).max() <= 1e-4 * np.abs(expected).max()
            assert np.abs(average - expected).max() > 1e-2 * np.abs(expected).max()  # there was something to fit
            fitted += 1
    assert fitted > 0


def test_prune_keeps_inputs_by_itself(merged):
    family, model, out, stats = merged
    inputs = [name for name in stats if name.endswith("sample_inputs")]
    assert len(inputs) == len(oracle.moe_layers(open_checkpoint(model)))
    tokens = sum(stats[f"layers.0.sources.{source}.num_tokens"].item() for source in (0, 1))
    assert all(stats[name].shape[0] == min(4096, tokens) for name in inputs)


def test_nothing_is_fitted_without_inputs(tmp_path, models):
    model, plan = models.checkpoint("olmoe"), tmp_path / "plan.json"
    printed = uncurl("plan", model, models.stats("olmoe"), "--experts", 4, *OPTIONS, "-o", plan, expect=1)
    assert "method mergemoe looks at the inputs of layer 0" in printed and "--keep-inputs 4096" in printed
    printed = uncurl("prune", model, *models.tasks, "--experts", 4, *OPTIONS, "--keep-inputs", 0, "-o",
                     tmp_path / "out", expect=1)
    assert "--keep-inputs 0 keeps no inputs" in printed and "observing" not in printed
    assert not list(tmp_path.iterdir())


def test_a_plan_edited_to_fit_needs_inputs(tmp_path, models):
    plan = models.plan(tmp_path / "plan.json", "olmoe", "--method", "frequency-merge")
    for layer in plan["layers"]:
        layer["merge"] = "least-squares"
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    printed = uncurl("apply", models.checkpoint("olmoe"), tmp_path / "plan.json", "-o", tmp_path / "out", expect=1)
    assert "hold no inputs of layer 0, on which merged experts are fitted" in printed


def test_options_of_router_logits_are_refused(tmp_path, models):
    printed = uncurl("plan", models.checkpoint("olmoe"), models.stats("olmoe"), "--experts", 4, "--method", "mergemoe",
                     "--centering", "none", "-o", tmp_path / "plan.json", expect=2)
    assert "--centering has no effect" in printed


def test_the_number_of_threads_changes_no_byte(tmp_path, models):
    files = []
    for threads in (1, 2):
        out = tmp_path / str(threads) / "out"
        out.parent.mkdir()
        uncurl("prune", models.checkpoint("qwen3_moe"), *models.tasks, "--experts", 4, "--method", "mergemoe",
               "--threads", threads, "-o", out)
        files.append([path.read_bytes() for path in sorted(out.glob("*.safetensors"))])
    assert files[0] and files[0] == files[1]


def put(block, groups, shares, experts):
    """New experts and the weighted means of router rows in a block of transformers."""
    gate_up, down = ([np.vstack(expert[:2]) for expert in experts], [expert[2] for expert in experts])
    as_parameter = lambda arrays: torch.nn.Parameter(torch.from_numpy(np.stack(arrays)).float())
    block.experts.gate_up_proj, block.experts.down_proj = as_parameter(gate_up), as_parameter(down)
    router = block.gate.weight.detach().double().numpy()
    block.gate.weight = as_parameter([share @ router[members] for members, share in zip(groups, shares)])
    block.gate.num_experts = block.experts.num_experts = len(groups)


@pytest.mark.parametrize("family", FAMILIES)
def test_sequential_fits_each_layer_to_the_inputs_behind_the_merged_ones(tmp_path, models, family):
    """transformers, layer by layer: hooks see a layer, NumPy merges and fits it, hooks see the next."""
    out = tmp_path / "out"
    uncurl("prune", models.checkpoint(family), *models.tasks, "--experts", EXPERTS_AFTER[family], *OPTIONS,
           "--sequential", "-o", out)
    plan = {layer["layer"]: groups_of(layer) for layer in json.loads((out / "plan.json").read_text())["layers"]}
    model, written = open_checkpoint(models.checkpoint(family)), open_checkpoint(out)
    after, fitted = oracle.moe_layers(written), 0
    rows = models.rows(models.words) + models.rows(models.sums)
    for layer in sorted(plan):
        block, seen = oracle.moe_layers(model)[layer], oracle.observe(model, rows)[layer]
        used = oracle.statistics(seen)["count"]
        groups = joined_to_most_used(block, used, EXPERTS_AFTER[family])
        assert plan[layer] == groups
        merged = []
        shares = [used[members] / used[members].sum() for members in groups]
        for members, share in zip(groups, shares):
            experts = [parts(block, e) for e in members]
            gate, up, down = (sum(w * expert[k] for w, expert in zip(share, experts)) for k in range(3))
            if len(members) > 1:
                down = fitted_down(seen.inputs[np.isin(seen.ids, members).any(axis=1)], (gate, up, down), experts, share)
                fitted += 1
            merged.append((gate, up, down))
        for new, expected in enumerate(merged):
            found = parts(after[layer], new)
            assert np.abs(found[2] - expected[2]).max() <= 1e-4 * np.abs(expected[2]).max()
        put(block, groups, shares, merged)
    assert fitted > 0
    expected, found = (oracle.packed_logits(m, rows[:3]) for m in (model, written))
    assert (expected - found).abs().max() <= 1e-4 * expected.abs().max()
