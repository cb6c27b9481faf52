"""Written checkpoints: transformers opens them, computes what we compute, and measures what result.json says."""

import json

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file

import oracle
from conftest import EXPERTS_AFTER, EXPERTS_BEFORE, FAMILIES, ROOT, ROWS, forward, groups_of, open_checkpoint, uncurl

METHODS = [
    ("--method", "reap"),
    ("--method", "frequency-merge"),
    ("--router", "anchor"),
    ("--router", "wmean"),
    ("--router", "lse"),
    ("--router", "reinit"),
]
OUTPUTS = [(family, "apart", method) for family in FAMILIES for method in METHODS]
OUTPUTS += [(family, layout, method) for family in FAMILIES for layout in ("fused", "sharded")
            for method in (METHODS[0], METHODS[4])]


@pytest.fixture(scope="module", params=OUTPUTS, ids=lambda p: f"{p[0]}-{p[1]}-{p[2][1]}")
def case(request, models):
    """(original folder, pruned folder, family, layout)"""
    family, layout, method = request.param
    return models.checkpoint(family, layout), models.output(family, *method, layout=layout), family, layout


def tensors_of(folder):
    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def bits(tensor):
    return tensor.contiguous().view(torch.uint8)


def is_routed(name):
    return "experts." in name and "shared_expert" not in name or name.endswith((".gate.weight", "router.weight"))


@pytest.fixture(scope="module")
def opened(case, tmp_path_factory):
    """(transformers' model, what it says of its keys, what we compute) of the pruned folder"""
    _, pruned, *_ = case
    model, info = transformers.AutoModelForCausalLM.from_pretrained(pruned, dtype=torch.float32,
                                                                    output_loading_info=True)
    return model.eval(), info, forward(tmp_path_factory.mktemp("forward"), pruned)


def test_opens_in_transformers_with_the_same_logits(opened):
    model, info, found = opened
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    expected = oracle.packed_logits(model, ROWS)
    assert (found["logits"] - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_routes_and_gates_of_outputs_equal_transformers(opened):
    model, _, found = opened
    oracle.expect_same_routes(found, oracle.observe(model, ROWS))


def test_only_experts_routers_and_their_count_change(case):
    original, pruned, family, layout = case
    before, after = tensors_of(original), tensors_of(pruned)
    copied = [name for name in before if not is_routed(name)]
    assert copied and all(torch.equal(bits(before[name]), bits(after[name])) for name in copied)

    count, of = EXPERTS_AFTER[family], EXPERTS_BEFORE[family]
    for name, tensor in after.items():
        assert tensor.dtype == before[name].dtype
        if layout == "fused" or name.endswith("gate.weight"):
            expected = (count, *before[name].shape[1:]) if is_routed(name) else before[name].shape
            assert tensor.shape == expected
    if layout != "fused":
        kept = lambda name: ".experts." not in name or int(name.split(".experts.")[1].split(".")[0]) < count
        assert set(after) == set(filter(kept, before))

    configs = [json.loads((folder / "config.json").read_text()) for folder in (original, pruned)]
    keys = [key for key in ("num_experts", "num_local_experts") if key in configs[0]]  # transformers writes either
    assert keys and configs[1] == {**configs[0], **{key: count for key in keys}}
    assert all(configs[0][key] == of for key in keys)


def test_layout_and_other_files_are_kept(case):
    original, pruned, _, layout = case
    assert (pruned / "model.safetensors.index.json").exists() == (layout == "sharded")
    assert len(list(pruned.glob("*.safetensors"))) > 1 or layout != "sharded"
    assert any(name.endswith("gate_up_proj") for name in tensors_of(pruned)) == (layout == "fused")
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert (pruned / name).read_bytes() == (original / name).read_bytes()
    assert json.loads((pruned / "plan.json").read_text())["layers"]
    assert not list(pruned.parent.glob("*.partial*"))


def test_index_names_the_file_of_every_tensor(models):
    folder = models.output("olmoe", "--method", "reap", layout="sharded")
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    found = {name: file.name for file in folder.glob("*.safetensors") for name in load_file(file)}
    assert index["weight_map"] == found
    assert index["metadata"]["total_size"] == sum(t.numel() * t.element_size() for t in tensors_of(folder).values())


@pytest.mark.parametrize("method", [METHODS[0], METHODS[4]], ids=lambda m: m[1])
@pytest.mark.parametrize("family", FAMILIES)
def test_result_json_equals_transformers_on_the_held_out_rows(models, family, method):
    original, pruned = models.checkpoint(family), models.output(family, *method)
    expected = oracle.quality(open_checkpoint(original), open_checkpoint(pruned), models.rows(models.held_out))
    result = json.loads((pruned / "result.json").read_text())
    (found,) = result["held_out"]
    assert found["source"] == str(models.held_out) and found["tokens"] == expected["tokens"]
    assert found["original"]["perplexity"]["mean"] == pytest.approx(expected["original"], rel=1e-3)
    assert found["pruned"]["perplexity"]["mean"] == pytest.approx(expected["pruned"], rel=1e-3)
    assert found["kl"]["mean"] == pytest.approx(expected["kl"], rel=1e-3)
    # Two logits may be nearer to each other than the two programs are: a token of 700 is let off.
    assert found["top1_agreement"]["mean"] == pytest.approx(expected["top1_agreement"], abs=1.5 / expected["tokens"])
    assert found["kl"]["low"] <= found["kl"]["mean"] <= found["kl"]["high"]
    parameters = [sum(t.numel() for t in tensors_of(folder).values()) for folder in (original, pruned)]
    assert [result[side]["parameters"] for side in ("original", "pruned")] == parameters


def mask_experts(model, plan):
    """Hides the experts that a plan drops: their logits become -inf before everything the router does with them."""
    for layer in plan["layers"]:
        block = oracle.moe_layers(model)[layer["layer"]]
        kept = [members[0] for members in groups_of(layer)]
        top_k, renormalize = block.gate.top_k, getattr(block.gate, "norm_topk_prob", True)

        def route(router, inputs, output, kept=kept, top_k=top_k, renormalize=renormalize):
            logits = torch.full_like(output[0], -torch.inf)
            logits[:, kept] = output[0][:, kept]
            gates, ids = logits.softmax(-1).topk(top_k)
            return logits, gates / gates.sum(-1, keepdim=True) if renormalize else gates, ids

        block.gate.register_forward_hook(route)
    return model


@pytest.mark.parametrize("family, method", [*((family, "reap") for family in FAMILIES), ("olmoe", "frequency")])
def test_dropping_equals_masking_in_the_original(models, family, method):
    """Where gates are not renormalised the softmax is over the kept experts, which is what -inf makes of it."""
    pruned = models.output(family, "--method", method)
    plan = json.loads((pruned / "plan.json").read_text())
    expected = oracle.packed_logits(mask_experts(open_checkpoint(models.checkpoint(family)), plan), ROWS)
    found = oracle.packed_logits(open_checkpoint(pruned), ROWS)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def never_choose(model, dead=(6, 7)):
    """One channel of the hidden states is positive whatever the token, and the dead experts' rows look away from it."""
    model.model.embed_tokens.weight[:, 0] = 4
    for block in model.model.layers:
        block.post_attention_layernorm.weight[0] = 1
        block.self_attn.o_proj.weight[0] = 0  # nothing is added to the channel
        if hasattr(block.mlp, "experts"):
            block.mlp.experts.down_proj[:, 0] = 0
            block.mlp.gate.weight[:, 0] = 0
            for expert in dead:
                block.mlp.gate.weight[expert] = 0
                block.mlp.gate.weight[expert, 0] = -20
        else:
            block.mlp.down_proj.weight[0] = 0


def test_dropping_experts_that_no_token_uses_changes_nothing(tmp_path, models):
    """Others may go unused as well, but of a tie the lower number stays."""
    folder = models.build(tmp_path / "model", "qwen3_moe", never_choose)
    printed = uncurl("prune", folder, *models.tasks, "--experts", 6, "--method", "frequency", "-o", tmp_path / "out")
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert [groups_of(layer) for layer in plan["layers"]] == 2 * [[[expert] for expert in range(6)]]
    rows = models.rows(models.words) + models.rows(models.sums)
    for layer, routed in oracle.observe(open_checkpoint(folder), rows).items():
        never_used = (oracle.statistics(routed)["count"] == 0).sum()
        assert never_used >= 2 and [str(layer), str(never_used)] in [line.split()[:2] for line in printed.splitlines()]
    # The softmax sums six terms instead of eight, two of them below 1e-17: its gates are the same to the last bits of
    # fp32 (6e-8), and two layers and a head pass that on.
    expected, found = (oracle.packed_logits(open_checkpoint(f), ROWS) for f in (folder, tmp_path / "out"))
    assert (found - expected).abs().max() <= 1e-6 * expected.abs().max()
    kl = json.loads((tmp_path / "out" / "result.json").read_text())["held_out"][0]["kl"]["mean"]
    assert abs(kl) <= 1e-6  # log-probabilities are fp32 numbers of size 5


# ---- All experts kept ----------------------------------------------------------------------------------------------

DROPPING = ["frequency", "soft-frequency", "ean", "reap", "random"]
MERGING = ["frequency-merge", "uncurl"]


def expect_same_bytes(original, pruned):
    before, after = tensors_of(original), tensors_of(pruned)
    assert set(before) == set(after)
    assert [name for name in before if not torch.equal(bits(before[name]), bits(after[name]))] == []


@pytest.fixture(scope="module", params=FAMILIES)
def bf16_model(request, models, tmp_path_factory):
    """(family, checkpoint, statistics) in bf16 with negative zeros in its routers and a layer for each method."""
    def edit(model):
        for block in oracle.moe_layers(model).values():
            block.gate.weight[:, 5] = -0.0
    num_layers = len(DROPPING + MERGING)
    changes = {"qwen3_moe": {"mlp_only_layers": []}, "qwen2_moe": {"layer_types": num_layers * ["full_attention"]}}
    folder = tmp_path_factory.mktemp("bf16")
    models.build(folder / "model", request.param, edit, dtype=torch.bfloat16, num_hidden_layers=num_layers,
                 **changes.get(request.param, {}))
    uncurl("observe", folder / "model", *models.tasks, "-o", folder / "stats.safetensors")
    return request.param, folder / "model", folder / "stats.safetensors"


def prune_observed(model, stats, experts, out, *options):
    """Folder of the pruned checkpoint and its plan."""
    plan = out.with_suffix(".json")
    uncurl("plan", model, stats, "--experts", experts, *options, "-o", plan)
    uncurl("apply", model, plan, "-o", out)
    return out, json.loads(plan.read_text())


@pytest.mark.parametrize("router", ["anchor", "wmean", "lse"])
def test_keeping_all_experts_changes_no_byte(tmp_path, bf16_model, router):
    """Every method has a layer of its own, whose number a tensor's name tells."""
    family, model, stats = bf16_model
    methods = [part for layer, name in enumerate(DROPPING + MERGING) for part in ("--layer-method", f"{layer}:{name}")]
    out, plan = prune_observed(model, stats, EXPERTS_BEFORE[family], tmp_path / "out", *methods, "--router", router)
    rules = [(name, "slice") for name in DROPPING] + [(name, router) for name in MERGING]
    assert [(layer["method"], layer["router"]) for layer in plan["layers"]] == rules
    expect_same_bytes(model, out)


@pytest.mark.parametrize("layout", ["fused", "sharded"])
@pytest.mark.parametrize("family", FAMILIES)
def test_keeping_all_experts_changes_no_byte_in_any_layout(tmp_path, models, family, layout):
    models.plan(tmp_path / "plan.json", family, experts=EXPERTS_BEFORE[family], layout=layout)
    uncurl("apply", models.checkpoint(family, layout), tmp_path / "plan.json", "-o", tmp_path / "out")
    expect_same_bytes(models.checkpoint(family, layout), tmp_path / "out")


@pytest.mark.parametrize("family", ["olmoe", "qwen2_moe"])
def test_compensation_has_nothing_to_do_where_all_experts_are_kept(tmp_path, models, family):
    """The kept scores add up to 1, so old and new gates are the same but for fp64's rounding of a sum of 8."""
    folder = models.checkpoint(family)
    out, plan = prune_observed(folder, models.stats(family), 8, tmp_path / "out", "--method", "reap", "--compensate")
    assert [groups_of(layer) for layer in plan["layers"]] == 3 * [[[expert] for expert in range(8)]]
    scales = [group.get("scale", 1) for layer in plan["layers"] for group in layer["groups"] if isinstance(group, dict)]
    assert np.allclose(scales, 1, rtol=0, atol=1e-14)
    expect_same_bytes(folder, out)


# ---- Arithmetic ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", [METHODS[0], METHODS[4]], ids=lambda m: m[1])
def test_bf16_outputs_are_as_close_to_f32_as_transformers_is(tmp_path, bf16_model, method):
    family, model, stats = bf16_model
    out, _ = prune_observed(model, stats, EXPERTS_AFTER[family], tmp_path / "out", *method)
    reference, theirs = (oracle.packed_logits(open_checkpoint(out, d), ROWS) for d in (torch.float32, torch.bfloat16))
    mine = forward(tmp_path, out, "bf16")["logits"]
    assert (mine - reference).norm() <= 1.5 * (theirs - reference).norm()


REAL = ROOT / "examples" / "tiny-qwen3-moe"


@pytest.fixture(scope="module")
def real_stats(tmp_path_factory):
    path = tmp_path_factory.mktemp("real") / "stats.safetensors"
    uncurl("observe", REAL, "--task", ROOT / "examples" / "tasks" / "math.calibration.jsonl", "--max-tokens", 500,
           "-o", path)
    return path


def balanced(gate, up, down):
    """Every neuron's up row and down column brought to the same norm, which a gated expert does not see."""
    scale = np.sqrt(np.linalg.norm(down, axis=0) / np.linalg.norm(up, axis=1))
    return gate, up * scale[:, None], down / scale


def aligned_mean(anchor, other, rescale):
    """docs/method.md section 4, for two members of weight 1/2: gate, up [F,D] and down [D,F] of the merged expert."""
    optimize = pytest.importorskip("scipy.optimize")
    if rescale:
        anchor, other = balanced(*anchor), balanced(*other)
    (gate, up, down), (other_gate, other_up, other_down) = anchor, other
    linear = up @ other_up.T + down.T @ other_down
    scores = gate @ other_gate.T + (np.abs(linear) if rescale else linear)
    neurons, order = optimize.linear_sum_assignment(scores, maximize=True)
    assert (order != neurons).any()
    sign = np.sign(linear[neurons, order]) if rescale else np.ones(len(order))
    return ((gate + other_gate[order]) / 2, (up + sign[:, None] * other_up[order]) / 2,
            (down + sign * other_down[:, order]) / 2)


def real_expert(tensors, layer, expert):
    names = (f"model.layers.{layer}.mlp.experts.{expert}.{part}_proj.weight" for part in ("gate", "up", "down"))
    return [tensors[name].double().numpy() for name in names]


@pytest.mark.parametrize("options", [(), ("--no-rescale",)], ids=["rescaled", "permuted"])
def test_real_experts_are_aligned_as_by_scipy(tmp_path, real_stats, options):
    """A plan edited by hand: in layer 2 each of the first 16 experts is joined by one of the last 16, half and half."""
    plan = tmp_path / "plan.json"
    uncurl("plan", REAL, real_stats, "--experts", 16, "--router", "anchor", *options, "-o", plan)
    edited = json.loads(plan.read_text())
    edited["layers"][2]["groups"] = [{"members": [e, 31 - e], "anchor": 31 - e, "weights": [0.5, 0.5]}
                                     for e in range(16)]
    plan.write_text(json.dumps(edited))
    uncurl("apply", REAL, plan, "-o", tmp_path / "out")
    before, after = tensors_of(REAL), tensors_of(tmp_path / "out")
    for expert in range(16):
        expected = aligned_mean(*(real_expert(before, 2, e) for e in (31 - expert, expert)), rescale=not options)
        for found, exact in zip(real_expert(after, 2, expert), expected):
            # Half a unit in bf16's last place, and fp32's rounding of terms of about the largest weight's size.
            assert (np.abs(found - exact) <= 2**-8 * np.abs(exact) + 1e-6 * np.abs(exact).max()).all()


def test_router_rows_of_lse_equal_numpys_for_weighted_sources(tmp_path, models):
    """docs/method.md section 5 as the least squares it states, over weights [3, 1] as in section 1."""
    folder, stats = models.checkpoint("olmoe"), models.stats("olmoe")
    out, plan = prune_observed(folder, stats, 4, tmp_path / "out", "--weights", "3,1", "--router", "lse")
    stats, before, after = load_arrays(stats), tensors_of(folder), tensors_of(out)
    for layer in plan["layers"]:
        place = f"layers.{layer['layer']}"
        tokens = np.array([stats[f"{place}.sources.{source}.num_tokens"].item() for source in (0, 1)])
        factor = np.array([3, 1]) / 4 * tokens.sum() / tokens
        root = np.sqrt(factor[stats["sample_source"]])[:, None]
        logits = stats[f"{place}.sample_logits"].astype(np.float64)
        ridge = np.sqrt(plan["ridge"] * np.sum((root * logits) ** 2) / 8) * np.eye(8)
        old, new = (t[f"model.{place}.mlp.gate.weight"].double().numpy() for t in (before, after))
        assert any(isinstance(group, dict) for group in layer["groups"])
        for row, group in zip(new, layer["groups"]):
            if isinstance(group, int):
                assert (row == old[group]).all()
                continue
            weights = np.zeros(8)
            weights[group["members"]] = group["weights"]
            target = np.log(np.exp(logits[:, group["members"]]).sum(axis=1))
            system, wanted = np.vstack([root * logits, ridge]), np.concatenate([root[:, 0] * target, ridge @ weights])
            expected = np.linalg.lstsq(system, wanted)[0] @ old
            assert np.abs(row - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_a_checkpoint_is_measured_in_the_dtype_it_was_observed_in(tmp_path, models, dtype):
    stored = torch.bfloat16 if dtype == "f32" else torch.float32
    folder, stats = models.build(tmp_path / "model", "mixtral", dtype=stored), tmp_path / "stats.safetensors"
    uncurl("observe", folder, *models.tasks, "--dtype", dtype, "-o", stats)
    out, _ = prune_observed(folder, stats, 6, tmp_path / "out")
    (result,) = json.loads((out / "result.json").read_text())["held_out"]
    assert result["kl"]["mean"] == 0 and result["top1_agreement"]["mean"] == 1  # the same model, the same arithmetic


def test_f16_checkpoints_stay_f16(tmp_path, models):
    folder = models.build(tmp_path / "model", "mixtral", dtype=torch.float16)
    uncurl("prune", folder, *models.tasks, "--experts", 3, "-o", tmp_path / "out")
    assert {tensor.dtype for tensor in tensors_of(tmp_path / "out").values()} == {torch.float16}
    expected, found = (oracle.packed_logits(open_checkpoint(f), ROWS) for f in (folder, tmp_path / "out"))
    assert found.isfinite().all() and found.shape == expected.shape
