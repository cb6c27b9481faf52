"""Which head a model has where config.json and the files disagree: beside transformers, on tiny checkpoints."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from conftest import forward, make_checkpoint, open_checkpoint, uncurl, write_json
from test_forward import packed_logits
from test_train import config, with_eos

EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def with_head(folder, head, tied):
    """Changes the stored head of a checkpoint to head(embeddings), or takes it away, and what config.json says."""
    tensors = load_file(folder / "model.safetensors")
    del tensors[HEAD]
    if head:
        tensors[HEAD] = head(tensors[EMBEDDINGS]).contiguous()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    keys = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**keys, "tie_word_embeddings": tied})
    return folder


HEADS = {
    "another": lambda embeddings: embeddings.flip(0),
    "the same": lambda embeddings: embeddings.clone(),
    "none": None,
    "one value apart": lambda embeddings: embeddings + torch.eye(*embeddings.shape)[-1:] * 1e-2,
}


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral"])
@pytest.mark.parametrize("head", HEADS)
def test_a_tied_config_runs_the_head_that_transformers_runs(tmp_path, family, head):
    folder = with_head(make_checkpoint(tmp_path / "model", family), HEADS[head], tied=True)
    model = open_checkpoint(folder)
    tied = torch.equal(model.lm_head.weight, model.model.embed_tokens.weight)
    expected = packed_logits(model)
    found = forward(tmp_path, folder)["logits"]
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert ("tie_word_embeddings is true" in uncurl("inspect", folder)) == (not tied)


def test_a_pruned_checkpoint_keeps_the_stored_head(tmp_path, models):
    folder = with_head(models.build(tmp_path / "model", "olmoe"), HEADS["another"], tied=True)
    uncurl("prune", folder, *models.tasks, "--experts", 4, "--method", "frequency", "-o", tmp_path / "out")
    tensors = load_file(tmp_path / "out" / "model.safetensors")
    assert torch.equal(tensors[HEAD], load_file(folder / "model.safetensors")[HEAD])
    model = open_checkpoint(tmp_path / "out")
    assert torch.equal(model.lm_head.weight, tensors[HEAD])


@pytest.mark.parametrize("head", ["another", "the same"])
def test_training_writes_the_head_it_trained(tmp_path, models, head):
    """Tied as transformers would tie it, and then under both names; else apart."""
    folder = with_eos(with_head(models.build(tmp_path / "model", "qwen3_moe"), HEADS[head], tied=True))
    uncurl("train", config(tmp_path, folder, [{"path": str(models.words)}], num_rows=2, steps=2))
    before, after = (load_file(path / "model.safetensors") for path in (folder, tmp_path / "out"))
    assert not torch.equal(after[HEAD], before[HEAD])
    assert torch.equal(after[HEAD], after[EMBEDDINGS]) == (head == "the same")
    model = open_checkpoint(tmp_path / "out")
    assert torch.equal(model.lm_head.weight, after[HEAD])
