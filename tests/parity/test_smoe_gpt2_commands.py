"""Every command on the sparse GPT-2, whose experts have no gate but biases: all methods, and outputs in transformers."""

import json

import pytest
import tokenizers
import torch
from safetensors.torch import load_file, save_file

from conftest import expect_error, forward, groups_of, random_sentences, random_sums, ROWS, uncurl, write_json, write_rows
from test_smoe_gpt2 import create, expect_close, logits_of, opened, TINY

CAPACITY = dict(vocab_size=320, min_capacity=1, capacity_block=10)


class Sparse:
    def __init__(self, folder, models):
        tokenizer = folder / "tokenizer"
        tokenizer.mkdir()
        models.tokenizer.save(str(tokenizer / "tokenizer.json"))
        write_json(tokenizer / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "~"})
        self.folder, self.model = folder, create(folder, tokenizer=tokenizer, **CAPACITY)
        words = write_rows(folder / "words.jsonl", random_sentences(1, 40))
        held_out = write_rows(folder / "held-out.jsonl", random_sums(4, 8))
        self.data = ("--task", words, "--held-out", held_out)
        self.stats = folder / "stats.safetensors"
        uncurl("observe", self.model, *self.data, "--keep-inputs", 256, "-o", self.stats)

    def output(self, name, *options):
        """Plan and checkpoint of the pruned model."""
        plan, out = self.folder / f"{name}.json", self.folder / name
        uncurl("plan", self.model, self.stats, *options, "-o", plan)
        uncurl("apply", self.model, plan, "-o", out)
        return json.loads(plan.read_text()), out


@pytest.fixture(scope="module")
def sparse(tmp_path_factory, models):
    return Sparse(tmp_path_factory.mktemp("smoe"), models)


METHODS = ["uncurl", "frequency", "frequency-merge", "soft-frequency", "ean", "reap", "random", "mc-smoe", "hc-smoe", "ream",
           "naee", "man", "msan", "easy-ep", "mergemoe"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_prunes_it(tmp_path, sparse, method):
    mixed = ["--allow-mixed-counts"] if method == "mc-smoe" else []
    plan, out = sparse.output(method, "--method", method, "--experts", 3, *mixed)
    for layer in plan["layers"]:
        members = [member for group in groups_of(layer) for member in group]
        assert len(members) == len(set(members))
    found = forward(tmp_path, out)["logits"]
    expect_close(found, logits_of(opened(out), ROWS))


@pytest.mark.parametrize("options", [
    ("--compare", "weights", "--clustering", "agglomerative-average"), ("--compare", "gate-up", "--clustering", "kmeans"),
    ("--compare", "expert-outputs", "--clustering", "agglomerative-ward"), ("--router", "wmean"), ("--router", "lse"),
    ("--router", "reinit"), ("--no-permute",), ("--paper",)], ids=" ".join)
def test_choices_of_a_merging_method(tmp_path, sparse, options):
    plan, out = sparse.output("choice" + "".join(options), "--experts", 3, *options)
    assert not plan["align"]["rescale"]
    expect_close(forward(tmp_path, out)["logits"], logits_of(opened(out), ROWS))


def test_dropping_with_compensation(tmp_path, sparse):
    plan, out = sparse.output("compensated", "--method", "reap", "--experts", 3, "--compensate")
    before, after = load_file(sparse.model / "model.safetensors"), load_file(out / "model.safetensors")
    for layer in plan["layers"]:
        group = layer["groups"][0]
        old, new = (f"transformer.h.{layer['layer']}.mlp.experts.{e}.down_proj" for e in (group["members"][0], 0))
        for part in ("weight", "bias"):
            torch.testing.assert_close(after[f"{new}.{part}"], before[f"{old}.{part}"] * group["scale"])
    expect_close(forward(tmp_path, out)["logits"], logits_of(opened(out), ROWS))


@pytest.mark.parametrize("method", ["uncurl", "reap", "mergemoe"])
def test_keeping_all_experts_changes_no_byte(sparse, method):
    _, out = sparse.output(f"all-{method}", "--method", method, "--experts", TINY["num_experts"])
    before, after = load_file(sparse.model / "model.safetensors"), load_file(out / "model.safetensors")
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


def test_permuted_copies_are_merged_without_loss(tmp_path, sparse):
    """Experts 3 to 5 are 0 to 2 with their neurons in another order; equal router rows go with them."""
    folder = tmp_path / "planted"
    folder.mkdir()
    for file in sparse.model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tensors = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(3)
    for layer in (0, 2):
        mlp = f"transformer.h.{layer}.mlp."
        for copy in (3, 4, 5):
            order = torch.randperm(TINY["intermediate_size"], generator=generator)
            old, new = f"{mlp}experts.{copy - 3}.", f"{mlp}experts.{copy}."
            tensors[new + "up_proj.weight"] = tensors[old + "up_proj.weight"][order].contiguous()
            tensors[new + "up_proj.bias"] = tensors[old + "up_proj.bias"][order].contiguous()
            tensors[new + "down_proj.weight"] = tensors[old + "down_proj.weight"][:, order].contiguous()
            tensors[new + "down_proj.bias"] = tensors[old + "down_proj.bias"].clone()
        router = tensors[mlp + "router.weight"]
        tensors[mlp + "router.weight"] = torch.cat([router[:3], router[:3] + 1e-4 * router[3:]]).contiguous()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    uncurl("observe", folder, *sparse.data, "-o", tmp_path / "stats.safetensors")
    uncurl("plan", folder, tmp_path / "stats.safetensors", "--experts", 3, "-o", tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    for layer in plan["layers"]:
        assert sorted(sorted(group) for group in groups_of(layer)) == [[0, 3], [1, 4], [2, 5]]
    uncurl("apply", folder, tmp_path / "plan.json", "-o", tmp_path / "out")
    merged = load_file(tmp_path / "out" / "model.safetensors")
    for layer, planned in zip((0, 2), plan["layers"]):
        for new, group in enumerate(planned["groups"]):
            for part in ("up_proj.weight", "up_proj.bias", "down_proj.weight", "down_proj.bias"):
                name = f"transformer.h.{layer}.mlp.experts.{{}}.{part}"
                torch.testing.assert_close(merged[name.format(new)], tensors[name.format(group["anchor"])])


def test_eval_cuts_rows_to_the_positions_that_the_model_has_learned(tmp_path, sparse):
    """The last tokens of a text that is too long are kept, as lm-evaluation-harness does; the loss is transformers'."""
    positions = TINY["n_positions"]
    prompt, completion = " ".join(random_sentences(3, 40)), " merges"
    tokenizer = tokenizers.Tokenizer.from_file(str(sparse.folder / "tokenizer" / "tokenizer.json"))
    before, ids = tokenizer.encode(prompt).ids, tokenizer.encode(prompt + completion).ids
    assert len(before) > 2 * positions and ids[:len(before)] == before
    kept = torch.tensor(ids[-(positions + 1):])
    with torch.no_grad():
        logs = opened(sparse.model)(kept[None, :-1]).logits[0].log_softmax(-1).gather(1, kept[1:, None])
    (tmp_path / "long.jsonl").write_text(json.dumps({"prompt": prompt, "completion": completion}) + "\n")
    command = ("eval", sparse.model, "--task", tmp_path / "long.jsonl", "--dtype", "f32")
    uncurl(*command, "--output", tmp_path / "out.json")
    [result] = json.loads((tmp_path / "out.json").read_text())["results"]
    assert result["loss"]["value"] == pytest.approx(-logs[-(len(ids) - len(before)):].mean().item(), abs=1e-4)
    message = uncurl(*command, "--max-length", positions + 1, expect=1)
    assert f"has learned {positions} positions" in message


def test_prune_sweep_inspect_and_eval(tmp_path, sparse):
    uncurl("prune", sparse.model, *sparse.data, "--experts", 4, "--sequential", "-o", tmp_path / "pruned")
    uncurl("prune", sparse.model, *sparse.data, "--budget", 7, "--allow-mixed-counts", "-o", tmp_path / "budget")
    counts = json.loads((tmp_path / "budget" / "config.json").read_text())
    expect_close(forward(tmp_path, tmp_path / "budget")["logits"], logits_of(opened(tmp_path / "budget"), ROWS))
    assert sum(counts.get("uncurl_num_experts_per_layer", [counts["num_experts"]] * 2)) in (7, 6)
    printed = uncurl("sweep", sparse.model, *sparse.data, "--methods", "uncurl,reap,mergemoe", "--experts", "4,2", "-o",
                     tmp_path / "sweep")
    assert "mergemoe" in printed
    uncurl("inspect", sparse.model)
    uncurl("eval", tmp_path / "pruned", "--against", sparse.model, "--task", sparse.data[1])


@pytest.mark.parametrize("command", [("observe",), ("prune", "--budget", 8), ("prune", "--experts", 2),
                                     ("sweep", "--experts", "2")], ids=lambda command: " ".join(map(str, command)))
def test_a_dense_model_is_refused_before_its_data_is_read(tmp_path, sparse, command):
    dense = create(tmp_path, num_experts=0, tokenizer=sparse.folder / "tokenizer", vocab_size=320)
    name, *options = command
    expect_error(name, dense, "--task", tmp_path / "absent.jsonl", *options, "-o", tmp_path / "out",
                 naming=[dense, "none of its 4 layers holds experts"])
    assert not (tmp_path / "out").exists()


def test_a_dense_model_is_inspected_and_evaluated(tmp_path, sparse):
    dense = create(tmp_path, num_experts=0, tokenizer=sparse.folder / "tokenizer", vocab_size=320)
    assert "0 of 4 layers" in uncurl("inspect", dense)
    uncurl("eval", dense, "--task", sparse.data[1])


def test_an_option_without_effect_is_refused(tmp_path, sparse):
    printed = uncurl("plan", sparse.model, sparse.stats, "--experts", 3, "--no-rescale", "-o", tmp_path / "plan.json",
                     expect=2)
    assert "no gate" in printed
