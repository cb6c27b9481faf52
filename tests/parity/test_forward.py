"""Logits, routes and gates of every family beside transformers, on tiny random checkpoints."""

import pytest
import torch
from safetensors.torch import load_file

from conftest import FAMILIES, ROWS, make_checkpoint, open_checkpoint, run_program, write_json


def packed_logits(model, rows=ROWS):
    """Row by row without padding, so that the reference has no mask to get wrong; [N,V] in fp32."""
    with torch.no_grad():
        return torch.cat([model(torch.tensor([row])).logits[0].float() for row in rows])


def ours(tmp_path, folder, dtype, implementation="fastest"):
    out = tmp_path / f"out-{dtype}-{implementation}.safetensors"
    run_program("forward_probe", folder, write_json(tmp_path / "rows.json", ROWS), out, dtype, implementation)
    return load_file(out)


def record_routers(model):
    """Hooks on every router: (logits, gates, ids) of each call, by layer."""
    records = {}
    for layer, block in enumerate(model.model.layers):
        if hasattr(block.mlp, "experts"):
            block.mlp.gate.register_forward_hook(
                lambda module, inputs, output, layer=layer: records.setdefault(layer, []).append(output))
    return records


@pytest.mark.parametrize("implementation", ["fastest", "plain"])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_equal_transformers_in_f32(tmp_path, family, implementation):
    folder = make_checkpoint(tmp_path / "model", family)
    expected = packed_logits(open_checkpoint(folder))
    found = ours(tmp_path, folder, "f32", implementation)["logits"]
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("family", FAMILIES)
def test_routes_and_gates_equal_transformers(tmp_path, family):
    folder = make_checkpoint(tmp_path / "model", family)
    model = open_checkpoint(folder)
    records = record_routers(model)
    packed_logits(model)
    found = ours(tmp_path, folder, "f32")
    assert records
    for layer, calls in records.items():
        logits, gates, ids = (torch.cat([call[i].reshape(-1, call[i].shape[-1]) for call in calls]) for i in range(3))
        top_k = ids.shape[-1]
        ordered = logits.sort(descending=True).values
        clear = ordered[:, top_k - 1] - ordered[:, top_k] > 1e-4
        assert clear.float().mean() > 0.9
        same = (found[f"ids.{layer}"].sort().values == ids.sort().values).all(-1)
        assert same[clear].all()
        by_id = [g.gather(1, i.argsort()) for g, i in ((found[f"gates.{layer}"], found[f"ids.{layer}"]), (gates, ids))]
        assert (by_id[0] - by_id[1])[clear].abs().max() <= 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_is_as_close_to_f32_as_transformers_is(tmp_path, family):
    folder = make_checkpoint(tmp_path / "model", family, dtype=torch.bfloat16)
    reference = packed_logits(open_checkpoint(folder, torch.float32))
    theirs = (packed_logits(open_checkpoint(folder, torch.bfloat16)) - reference).norm()
    mine = (ours(tmp_path, folder, "bf16")["logits"] - reference).norm()
    assert mine <= 1.5 * theirs


def test_rows_in_one_batch_do_not_touch_each_other(tmp_path):
    """Padding changes nothing in transformers with its mask, and here there is none: compare with its padded batch."""
    folder = make_checkpoint(tmp_path / "model", "qwen3_moe")
    model = open_checkpoint(folder)
    longest = max(map(len, ROWS))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in ROWS])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ROWS])
    with torch.no_grad():
        padded = model(ids, attention_mask=mask).logits
    expected = torch.cat([padded[i, : len(row)] for i, row in enumerate(ROWS)])
    found = ours(tmp_path, folder, "f32")["logits"]
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral"])
def test_fused_layout_gives_the_same_logits(tmp_path, family):
    apart = make_checkpoint(tmp_path / "apart", family)
    fused = make_checkpoint(tmp_path / "fused", family, save_original_format=False)
    assert any(name.endswith("gate_up_proj") for name in load_file(fused / "model.safetensors"))
    assert torch.equal(ours(tmp_path, apart, "f32")["logits"], ours(tmp_path, fused, "f32")["logits"])


def test_qwen3_sliding_window_only_where_it_is_switched_on(tmp_path):
    import transformers
    from conftest import COMMON
    for use in (False, True):
        config = transformers.Qwen3MoeConfig(**COMMON, head_dim=16, num_experts=4, num_experts_per_tok=2,
                                             moe_intermediate_size=32, intermediate_size=96, sliding_window=6,
                                             use_sliding_window=use)
        folder = make_checkpoint(tmp_path / f"model-{use}", "qwen3_moe", config=config)
        expected = packed_logits(open_checkpoint(folder))
        found = ours(tmp_path, folder, "f32")["logits"]
        assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
