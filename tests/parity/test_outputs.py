"""Written checkpoints: transformers opens them, computes what we compute, and measures what result.json says."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file

import oracle
from conftest import EXPERTS_AFTER, FAMILIES, ROWS, groups_of, open_checkpoint, run_program, uncurl, write_json

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


def test_opens_in_transformers_with_the_same_logits(tmp_path, case):
    _, pruned, *_ = case
    model, info = transformers.AutoModelForCausalLM.from_pretrained(pruned, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    expected = oracle.packed_logits(model.eval(), ROWS)
    out = tmp_path / "out.safetensors"
    run_program("forward_probe", pruned, write_json(tmp_path / "rows.json", ROWS), out, "f32", "fastest")
    assert (load_file(out)["logits"] - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_only_experts_routers_and_their_count_change(case):
    original, pruned, family, layout = case
    before, after = tensors_of(original), tensors_of(pruned)
    copied = [name for name in before if not is_routed(name)]
    assert copied and all(torch.equal(bits(before[name]), bits(after[name])) for name in copied)

    count, of = EXPERTS_AFTER[family], 6 if family == "mixtral" else 8
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


@pytest.mark.parametrize("family", FAMILIES)
def test_dropping_equals_masking_in_the_original(models, family):
    """Where gates are not renormalised the softmax is over the kept experts, which is what -inf makes of it."""
    pruned = models.output(family, "--method", "reap")
    plan = json.loads((pruned / "plan.json").read_text())
    expected = oracle.packed_logits(mask_experts(open_checkpoint(models.checkpoint(family)), plan), ROWS)
    found = oracle.packed_logits(open_checkpoint(pruned), ROWS)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def never_choose(model, dead=(2, 5)):
    """One channel of the hidden states is large and positive, and the dead experts' rows look away from it."""
    model.model.embed_tokens.weight[:, 0] = 20
    for layer, block in enumerate(model.model.layers):
        block.post_attention_layernorm.weight[0] = 1
        if hasattr(block.mlp, "experts"):
            block.mlp.gate.weight[:, 0] = 0
            for expert in dead:
                block.mlp.gate.weight[expert] = 0
                block.mlp.gate.weight[expert, 0] = -5




ALL_METHODS = [("--method", name) for name in ("frequency", "soft-frequency", "ean", "reap", "random")]
ALL_METHODS += [("--method", name, "--router", rule) for name in ("uncurl", "frequency-merge")
                for rule in ("anchor", "wmean", "lse")]


@pytest.fixture(scope="module")
def signed_zeros(models, tmp_path_factory):
    """A bf16 checkpoint with negative zeros in its router, and its statistics."""
    def edit(model):
        model.model.layers[0].mlp.gate.weight[:, 5] = -0.0
    folder = tmp_path_factory.mktemp("zeros")
    models.build(folder / "model", "qwen3_moe", edit, dtype=torch.bfloat16)
    uncurl("observe", folder / "model", *models.tasks, "-o", folder / "stats.safetensors")
    return folder / "model", folder / "stats.safetensors"


@pytest.mark.parametrize("method", ALL_METHODS, ids=lambda m: "-".join(m[1::2]))
def test_keeping_all_experts_changes_no_byte(tmp_path, signed_zeros, method):
    model, stats = signed_zeros
    uncurl("plan", model, stats, "--experts", 8, *method, "-o", tmp_path / "plan.json")
    uncurl("apply", model, tmp_path / "plan.json", "-o", tmp_path / "out")
    before, after = tensors_of(model), tensors_of(tmp_path / "out")
    assert set(before) == set(after)
    assert [name for name in before if not torch.equal(bits(before[name]), bits(after[name]))] == []


@pytest.mark.parametrize("layout", ["fused", "sharded"])
@pytest.mark.parametrize("family", FAMILIES)
def test_keeping_all_experts_changes_no_byte_in_any_layout(tmp_path, models, family, layout):
    models.plan(tmp_path / "plan.json", family, experts=6 if family == "mixtral" else 8, layout=layout)
    uncurl("apply", models.checkpoint(family, layout), tmp_path / "plan.json", "-o", tmp_path / "out")
    before, after = tensors_of(models.checkpoint(family, layout)), tensors_of(tmp_path / "out")
    assert set(before) == set(after)
    assert [name for name in before if not torch.equal(bits(before[name]), bits(after[name]))] == []


def test_f16_checkpoints_stay_f16(tmp_path, models):
    folder = models.build(tmp_path / "model", "mixtral", dtype=torch.float16)
    uncurl("prune", folder, *models.tasks, "--experts", 3, "-o", tmp_path / "out")
    assert {tensor.dtype for tensor in tensors_of(tmp_path / "out").values()} == {torch.float16}
    expected, found = (oracle.packed_logits(open_checkpoint(f), ROWS) for f in (folder, tmp_path / "out"))
    assert found.isfinite().all() and found.shape == expected.shape
