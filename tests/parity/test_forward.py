"""Logits, routes and gates of every family beside transformers, on tiny random checkpoints."""

import pytest
import torch
from safetensors.torch import load_file

import oracle
from conftest import FAMILIES, ROWS, forward, make_checkpoint, open_checkpoint


def packed_logits(model, rows=ROWS):
    """Row by row without padding, so that the reference has no mask to get wrong; [N,V] in fp32."""
    with torch.no_grad():
        return torch.cat([model(torch.tensor([row])).logits[0].float() for row in rows])


@pytest.mark.parametrize("implementation", ["fastest", "plain"])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_equal_transformers_in_f32(tmp_path, family, implementation):
    folder = make_checkpoint(tmp_path / "model", family)
    expected = packed_logits(open_checkpoint(folder))
    found = forward(tmp_path, folder, "f32", implementation)["logits"]
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("family", FAMILIES)
def test_routes_and_gates_equal_transformers(tmp_path, family):
    folder = make_checkpoint(tmp_path / "model", family)
    oracle.expect_same_routes(forward(tmp_path, folder), oracle.observe(open_checkpoint(folder), ROWS))


@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_is_as_close_to_f32_as_transformers_is(tmp_path, family):
    folder = make_checkpoint(tmp_path / "model", family, dtype=torch.bfloat16)
    reference = packed_logits(open_checkpoint(folder, torch.float32))
    theirs = (packed_logits(open_checkpoint(folder, torch.bfloat16)) - reference).norm()
    mine = (forward(tmp_path, folder, "bf16")["logits"] - reference).norm()
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
    found = forward(tmp_path, folder)["logits"]
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral"])
def test_fused_layout_gives_the_same_logits(tmp_path, family):
    apart = make_checkpoint(tmp_path / "apart", family)
    fused = make_checkpoint(tmp_path / "fused", family, save_original_format=False)
    assert any(name.endswith("gate_up_proj") for name in load_file(fused / "model.safetensors"))
    assert torch.equal(forward(tmp_path, apart)["logits"], forward(tmp_path, fused)["logits"])


def test_qwen3_sliding_window_only_where_it_is_switched_on(tmp_path):
    import transformers
    from conftest import COMMON
    for use in (False, True):
        config = transformers.Qwen3MoeConfig(**COMMON, head_dim=16, num_experts=4, num_experts_per_tok=2,
                                             moe_intermediate_size=32, intermediate_size=96, sliding_window=6,
                                             use_sliding_window=use)
        folder = make_checkpoint(tmp_path / f"model-{use}", "qwen3_moe", config=config)
        expected = packed_logits(open_checkpoint(folder))
        found = forward(tmp_path, folder)["logits"]
        assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
