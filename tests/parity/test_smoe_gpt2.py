"""The sparse GPT-2 that uncurl makes, beside its own modelling code in transformers, on folders that uncurl wrote."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from conftest import ROWS, forward, run_program, train_tokenizer, write_json

TINY = dict(model_type="smoe_gpt2", vocab_size=160, n_positions=64, hidden_size=32, num_hidden_layers=4,
            num_attention_heads=4, intermediate_size=48, num_experts=6, num_experts_per_tok=1)

# min_capacity 1 and a block shorter than the rows, so that choices are dropped and counting starts anew.
TIGHT = dict(min_capacity=1, capacity_block=10)
CASES = {
    "top1-all-served": dict(drop_tokens_in_eval=False),
    "top1": TIGHT,
    "top2": dict(num_experts_per_tok=2, **TIGHT, top2_capacity_factor=1.0),
    "top2-of-whole-rows": dict(num_experts_per_tok=2, min_capacity=1, eval_capacity_factor=0.25),
    "dense": dict(num_experts=0),
    "listed-layers": dict(moe_layers=[1, 2], **TIGHT),
    "counts-by-layer": dict(uncurl_num_experts_per_layer=[6, 0, 3, 0], **TIGHT),
    "head-apart": dict(tie_word_embeddings=False, **TIGHT),
}


def randomize(folder, seed=0):
    """Weights large enough that every part matters: biases and norms too, and clear routes."""
    generator = torch.Generator().manual_seed(seed)
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() == 1:
            tensors[name] = 0.2 * noise + ("ln_" in name and name.endswith("weight"))
        else:
            tensors[name] = noise * (2.0 if ".router." in name else 1.0) / tensor.shape[-1] ** 0.5
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def create(tmp_path, name="model", tokenizer="-", **config):
    folder = tmp_path / name
    config_file = write_json(tmp_path / f"{name}.json", {**TINY, **config})
    run_program("create_probe", config_file, folder, 1, tokenizer)
    randomize(folder)
    return folder


def opened(folder, dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, dtype=dtype).eval()


def logits_of(model, rows):
    with torch.no_grad():
        return torch.cat([model(torch.tensor([row])).logits[0].float() for row in rows])


def expect_close(found, expected, relative=1e-4):
    assert (found - expected).abs().max() <= relative * expected.abs().max()


@pytest.mark.parametrize("implementation", ["fastest", "plain"])
@pytest.mark.parametrize("case", CASES)
def test_logits_equal_those_of_the_modelling_code(tmp_path, case, implementation):
    folder = create(tmp_path, **CASES[case])
    found = forward(tmp_path, folder, implementation=implementation)
    expect_close(found["logits"], logits_of(opened(folder), ROWS))
    drops = [name for name, tensor in found.items() if name.startswith("served") and not tensor.all()]
    assert bool(drops) == ("all-served" not in case and case != "dense")


def test_a_drop_changes_logits(tmp_path):
    """Or the test above would show nothing."""
    folder = create(tmp_path, **CASES["top1"])
    dropping = forward(tmp_path, folder)["logits"]
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**config, "drop_tokens_in_eval": False})
    assert (forward(tmp_path, folder)["logits"] - dropping).abs().max() > 0.01 * dropping.abs().max()


@pytest.mark.parametrize("case", CASES)
def test_modelling_code_decodes_with_a_cache_as_without(tmp_path, case):
    model = opened(create(tmp_path, **CASES[case]))
    row = torch.tensor([ROWS[0]])
    with torch.no_grad():
        whole = model(row).logits
        step, parts = model(row[:, :7], use_cache=True), []
        parts.append(step.logits)
        for t in range(7, row.shape[1]):
            step = model(row[:, t : t + 1], cache=step.cache, use_cache=True)
            parts.append(step.logits)
    expect_close(torch.cat(parts, dim=1), whole, 1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("case", ["top1", "top2"])
def test_padding_takes_no_place(tmp_path, case, side):
    model = opened(create(tmp_path, **CASES[case]))
    longest = max(map(len, ROWS))
    pad = lambda row, value: [value] * (longest - len(row)) + row if side == "left" else row + [value] * (longest - len(row))
    mask = torch.tensor([pad([1] * len(row), 0) for row in ROWS])
    with torch.no_grad():
        padded = model(torch.tensor([pad(row, 0) for row in ROWS]), attention_mask=mask).logits
    expect_close(padded[mask.bool()], logits_of(model, ROWS), 1e-5)


def test_modelling_code_generates_in_a_padded_batch_as_alone(tmp_path):
    model = opened(create(tmp_path, **CASES["top2"]))
    rows = [ROWS[0][:9], ROWS[3][:4]]
    def generate(rows, **options):
        longest = max(map(len, rows))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        return model.generate(ids, attention_mask=mask, do_sample=False, pad_token_id=0, **options)[:, longest:]

    together = generate(rows, max_new_tokens=12)
    assert torch.equal(together, torch.cat([generate([row], max_new_tokens=12) for row in rows]))
    beams = dict(max_new_tokens=6, num_beams=3)  # which reorder what is kept of earlier tokens
    assert torch.equal(generate(rows, **beams), generate(rows, use_cache=False, **beams))


@pytest.mark.parametrize("case", ["top1", "top2"])
def test_bf16_is_as_close_to_f32_as_the_modelling_code_is(tmp_path, case):
    folder = create(tmp_path, **CASES[case], drop_tokens_in_eval=False)
    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensor.bfloat16() for name, tensor in tensors.items()}, folder / "model.safetensors")
    reference = logits_of(opened(folder), ROWS)
    theirs = (logits_of(opened(folder, torch.bfloat16), ROWS) - reference).norm()
    assert (forward(tmp_path, folder, "bf16")["logits"] - reference).norm() <= 1.5 * theirs


def test_a_created_folder_holds_all_that_transformers_needs(tmp_path):
    (tmp_path / "tokenizer").mkdir()
    train_tokenizer(tmp_path / "tokenizer" / "tokenizer.json")
    folder = create(tmp_path, tokenizer=tmp_path / "tokenizer")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "configuration_smoe_gpt2.py", "model.safetensors", "modeling_smoe_gpt2.py", "tokenizer.json"]
    model = opened(folder)
    assert model.config.model_type == "smoe_gpt2" and model.config.max_position_embeddings == TINY["n_positions"]
    assert model.lm_head.weight is model.transformer.wte.weight
    model.save_pretrained(tmp_path / "saved")  # and uncurl opens what transformers writes
    expect_close(forward(tmp_path, tmp_path / "saved")["logits"], logits_of(model, ROWS))


def test_a_row_longer_than_the_positions_is_refused_by_both(tmp_path):
    folder = create(tmp_path, n_positions=20)
    with pytest.raises(ValueError, match="23 tokens, but the model has learned 20 positions"):
        logits_of(opened(folder), ROWS)
    message = run_program("forward_probe", folder, write_json(tmp_path / "rows.json", ROWS), tmp_path / "out", "f32",
                          "fastest", expect=1)
    assert "a row has 23 tokens, but the model has learned 20 positions" in message
