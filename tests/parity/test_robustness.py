"""What is wrong is said in one line before any long work, and nothing is left behind."""

import json
import os
import shutil
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file

from conftest import BUILD, expect_error, uncurl, write_rows

@pytest.fixture
def nothing_left(tmp_path):
    """Checks at the end that the folder of the test holds what it held when the fixture was called."""
    expected = []
    yield lambda: expected.extend(sorted(tmp_path.rglob("*")))
    assert sorted(tmp_path.rglob("*")) == expected


# ---- Checkpoints ---------------------------------------------------------------------------------------------------

def edit_config(**changes):
    def damage(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return damage


def edit_tensor(name, change):
    def damage(folder):
        tensors = load_file(folder / "model.safetensors")
        tensors[name] = change(tensors[name])
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return damage


def add_tensor(name):
    def edit(folder):
        path = folder / "model.safetensors"
        save_file({**load_file(path), name: torch.ones(64)}, path, {"format": "pt"})
    return edit


def with_nan(tensor):
    tensor = tensor.clone()
    tensor.view(-1)[7] = float("nan")
    return tensor


def remove(name):
    return lambda folder: (folder / name).unlink()


def truncate(name):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) * 2 // 3])
    return damage


def second_shard(folder):
    return sorted(folder.glob("model-*.safetensors"))[1]


UP = "model.layers.2.mlp.experts.3.up_proj.weight"
ROUTER = "model.layers.1.mlp.gate.weight"
DAMAGES = {
    "unknown family": (edit_config(model_type="llama"), "apart", ["config.json", "llama", "olmoe"]),
    "no config": (remove("config.json"), "apart", ["config.json"]),
    "config is no JSON": (truncate("config.json"), "apart", ["config.json"]),
    "quantised": (edit_config(quantization_config={"bits": 4}), "apart", ["config.json", "quantization_config"]),
    "more layers than tensors": (edit_config(num_hidden_layers=10**9), "apart", ["config.json", "num_hidden_layers"]),
    "two numbers of experts": (edit_config(num_experts=8, num_local_experts=7), "apart",
                               ["config.json", "num_experts is 8", "num_local_experts is 7"]),
    "a bias nobody reads": (add_tensor("model.layers.1.self_attn.q_proj.bias"), "apart",
                            ["model.layers.1.self_attn.q_proj.bias", "architecture"]),
    "a scale of FP8": (add_tensor(UP + "_scale_inv"), "apart", [UP + "_scale_inv", "expand"]),
    "missing shard": (lambda folder: second_shard(folder).unlink(), "sharded", ["model-00002-of-"]),
    "truncated weights": (truncate("model.safetensors"), "apart", ["model.safetensors"]),
    "no weights": (remove("model.safetensors"), "apart", ["safetensors"]),
    "no tokenizer": (remove("tokenizer.json"), "apart", ["tokenizer"]),
    "tokenizer is no JSON": (truncate("tokenizer.json"), "apart", ["tokenizer.json"]),
    "other width": (edit_config(intermediate_size=48), "apart",
                    ["model.layers.0.mlp.experts.0.gate_proj.weight", "config.json"]),
    "other shape": (edit_tensor(UP, lambda t: t[:-1].clone()), "apart", [UP, "[31, 64]", "[32, 64]"]),
    "fewer experts": (edit_config(num_experts=7, num_local_experts=7), "apart", ["model.layers.0.mlp.", "7"]),
    "more experts": (edit_config(num_experts=9, num_local_experts=9), "apart", ["model.layers.0.mlp."]),
    "NaN in an expert": (edit_tensor(UP, with_nan), "apart", [UP, "layer 2", "expert 3"]),
    "NaN in a router": (edit_tensor(ROUTER, with_nan), "apart", [ROUTER, "NaN"]),
    "NaN in attention": (edit_tensor("model.layers.0.self_attn.q_proj.weight", with_nan), "apart",
                         ["model.layers.0.self_attn.q_proj.weight", "NaN"]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_refused(tmp_path, models, nothing_left, name):
    damage, layout, naming = DAMAGES[name]
    folder = tmp_path / "model"
    shutil.copytree(models.checkpoint("olmoe", layout), folder)
    damage(folder)
    nothing_left()
    expect_error("prune", folder, *models.tasks, "--experts", 4, "-o", tmp_path / "out", naming=naming)


def test_infinite_logits_are_refused_by_layer_and_expert(tmp_path, models, nothing_left):
    """Each weight is finite, their products are not."""
    folder = tmp_path / "model"
    shutil.copytree(models.checkpoint("olmoe"), folder)
    edit_tensor(ROUTER, lambda t: torch.cat([t[:5], t[5:6].sign() * 3e38, t[6:]]))(folder)
    nothing_left()
    expect_error("observe", folder, *models.tasks, "-o", tmp_path / "stats.safetensors", naming=["layer 1", "expert 5"])


# ---- Data ----------------------------------------------------------------------------------------------------------

TASKS = {
    "missing.jsonl": (None, ["missing.jsonl"]),
    "empty.jsonl": ("", ["empty.jsonl", "no usable rows"]),
    "blank.txt": ("\n \n\n", ["blank.txt", "no usable rows"]),
    "fields.jsonl": ('{"question": "a"}\n', ["fields.jsonl", "question"]),
    "broken.jsonl": ('{"text": "a b c"}\n{"text": \n', ["broken.jsonl", "2"]),
    "table.csv": ("a,b\n", ["table.csv", ".jsonl"]),
    "task.json": ('{"name": "x"}', ["task.json"]),
    "no_such_task": (None, ["no_such_task", "boolq"]),
    "short.jsonl": ('{"text": "a"}\n', ["short.jsonl"]),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_without_usable_rows_is_refused(tmp_path, models, nothing_left, name):
    content, naming = TASKS[name]
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    nothing_left()
    task = name if name == "no_such_task" else path
    expect_error("observe", models.checkpoint("olmoe"), "--task", task, "-o", tmp_path / "s.safetensors", naming=naming)


# ---- Options -------------------------------------------------------------------------------------------------------

def test_an_option_may_stand_before_the_model(tmp_path, models):
    """An option that repeats takes one value each time, not all that follow."""
    uncurl("observe", "--task", models.words, models.checkpoint("olmoe"), "-o", tmp_path / "stats.safetensors")
    assert (tmp_path / "stats.safetensors").exists()


BAD_PLANS = {
    "below top_k": (["--experts", 2], 1, ["2", "3"]),
    "above E": (["--experts", 9], 1, ["9", "8"]),
    "share above E": (["--keep", 1.5], 2, ["--keep"]),
    "no count": ([], 2, ["--experts", "--keep"]),
    "unknown method": (["--experts", 4, "--method", "best"], 2, ["best", "reap"]),
    "slice for merging": (["--experts", 4, "--router", "slice"], 2, ["slice", "anchor"]),
    "layer method without layer": (["--experts", 4, "--layer-method", "frequency"], 2, ["--layer-method"]),
    "layer method without method": (["--experts", 4, "--layer-method", "0:"], 2, ["--layer-method"]),
    "layer method of no layer": (["--experts", 4, "--layer-method", "7:reap"], 1, ["--layer-method", "7"]),
    "protected expert of no layer": (["--experts", 4, "--protect", "0:8"], 1, ["--protect", "8", "layer 0"]),
    "protected too many": (["--experts", 3, "--protect", "0:1,2,3,4"], 1, ["layer 0", "4"]),
    "clusters too small": (["--experts", 3, "--max-cluster-size", 2], 1, ["layer 0"]),
    "layer experts alone": (["--experts", 4, "--layer-experts", "0:6"], 1, ["--allow-mixed-counts"]),
    "weights of one source": (["--experts", 4, "--weights", "1"], 1, ["2 sources"]),
    "negative weight": (["--experts", 4, "--weights", "1,-1"], 1, ["-1"]),
    # Options without effect.
    "router of dropping": (["--experts", 4, "--method", "reap", "--router", "anchor"], 2, ["--router", "no effect"]),
    "centering of dropping": (["--experts", 4, "--method", "reap", "--centering", "token"], 2, ["--centering"]),
    "map of dropping": (["--experts", 4, "--method", "reap", "--affinity-map", "half"], 2, ["--affinity-map"]),
    "power of dropping": (["--experts", 4, "--method", "reap", "--affinity-power", 2], 2, ["--affinity-power"]),
    "cluster size of dropping": (["--experts", 4, "--method", "ean", "--max-cluster-size", 2], 2, ["--max-cluster-size"]),
    "alignment of dropping": (["--experts", 4, "--method", "reap", "--no-permute"], 2, ["--no-permute"]),
    "scale of dropping": (["--experts", 4, "--method", "reap", "--no-rescale"], 2, ["--no-rescale"]),
    "laplacian without clusters": (["--experts", 4, "--method", "frequency-merge", "--laplacian", "njw"], 2, ["--laplacian"]),
    "restarts without clusters": (["--experts", 4, "--method", "frequency-merge", "--num-restarts", 3], 2, ["--num-restarts"]),
    "renormalised gates without reap": (["--experts", 4, "--renormalize-gates"], 2, ["--renormalize-gates"]),
    "ridge of another router": (["--experts", 4, "--router", "wmean", "--ridge", 0.1], 2, ["--ridge"]),
    "paper with another method": (["--experts", 4, "--method", "reap", "--paper"], 2, ["--paper"]),
    "paper with a changed recipe": (["--experts", 4, "--paper", "--centering", "token"], 2, ["--paper"]),
    "seed without chance": (["--experts", 4, "--method", "reap", "--seed", 1], 2, ["--seed"]),
    "two methods for a layer": (["--experts", 4, "--layer-method", "0:reap", "--layer-method", "0:ean"], 2, ["layer 0"]),
    "protected expert beyond 32 bits": (["--experts", 4, "--protect", "0:4294967299"], 2, ["--protect"]),
    "ridge of zero": (["--experts", 4, "--router", "lse", "--ridge", 0], 1, ["--ridge"]),
    "power of zero": (["--experts", 4, "--affinity-power", 0], 1, ["--affinity-power"]),
    "compensated merging": (["--experts", 4, "--compensate"], 2, ["--compensate"]),
}


@pytest.mark.parametrize("name", BAD_PLANS)
def test_a_plan_that_cannot_be_made_is_refused(tmp_path, models, nothing_left, name):
    options, status, naming = BAD_PLANS[name]
    nothing_left()
    expect_error("plan", models.checkpoint("olmoe"), models.stats("olmoe"), *options, "-o", tmp_path / "plan.json",
                 status=status, naming=naming)


@pytest.mark.parametrize("name", [name for name in BAD_PLANS if "weight" not in name])
def test_prune_refuses_it_before_it_observes(tmp_path, models, nothing_left, name):
    options, status, naming = BAD_PLANS[name]
    nothing_left()
    printed = expect_error("prune", models.checkpoint("olmoe"), *models.tasks, *options, "-o", tmp_path / "out",
                           status=status, naming=naming)
    assert "observing" not in printed


def test_compensation_of_renormalised_gates_has_no_effect(tmp_path, models, nothing_left):
    nothing_left()
    expect_error("plan", models.checkpoint("mixtral"), models.stats("mixtral"), "--experts", 3, "--method", "reap",
                 "--compensate", "-o", tmp_path / "plan.json", status=2, naming=["--compensate", "no effect"])


UNPARSED = [["--experts", "four"], ["--keep", 0.5, "--experts", 4], ["--unknown"], ["--seed", -1], ["--seed", 2**64],
            ["--router", "best"], ["--centering", "all"], ["--affinity-map", "all"], ["--laplacian", "all"],
            ["--num-restarts", 0]]


@pytest.mark.parametrize("options", UNPARSED, ids=lambda options: " ".join(map(str, options)))
def test_options_that_do_not_parse_are_wrong_usage(tmp_path, models, options):
    done = subprocess.run([str(BUILD / "uncurl"), "plan", models.checkpoint("olmoe"), models.stats("olmoe"),
                           *map(str, options), "-o", str(tmp_path / "plan.json")], capture_output=True, text=True)
    assert done.returncode == 2 and options[0] in done.stderr and not list(tmp_path.iterdir())


# ---- Outputs -------------------------------------------------------------------------------------------------------

@pytest.fixture
def plan(tmp_path, models):
    models.plan(tmp_path / "plan.json", "olmoe")
    return tmp_path / "plan.json"


def apply(models, plan, out):
    return "apply", models.checkpoint("olmoe"), plan, "--stats", models.stats("olmoe"), "-o", out


def prune(models, out):
    return "prune", models.checkpoint("olmoe"), *models.tasks, "--experts", 4, "-o", out


def test_an_existing_output_is_kept_unless_overwriting_is_asked_for(tmp_path, models, plan, nothing_left):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("precious")
    nothing_left()
    expect_error(*apply(models, plan, out), naming=[out, "--overwrite"])
    expect_error(*prune(models, out), naming=[out, "--overwrite"])
    inputs = models.checkpoint("olmoe"), models.stats("olmoe")
    expect_error("plan", *inputs, "--experts", 4, "-o", plan, naming=[plan, "--overwrite"])
    expect_error("observe", inputs[0], *models.tasks, "-o", plan, naming=[plan, "--overwrite"])


def test_overwriting_replaces_the_folder_as_a_whole(tmp_path, models, plan):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("old")
    uncurl(*apply(models, plan, out), "--overwrite")
    assert (out / "model.safetensors").exists() and not (out / "mine").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "plan.json"]


@pytest.mark.parametrize("place", [".", "inside", ".."])
def test_the_input_is_never_the_output(tmp_path, models, plan, nothing_left, place):
    folder = tmp_path / "holder" / "model"
    shutil.copytree(models.checkpoint("olmoe"), folder)
    nothing_left()
    arguments = ("apply", folder, plan, "--stats", models.stats("olmoe"), "--overwrite", "-o", folder / place)
    expect_error(*arguments, naming=["input folder"])


def test_the_input_is_recognised_through_a_link(tmp_path, models, plan, nothing_left):
    shutil.copytree(models.checkpoint("olmoe"), tmp_path / "model")
    (tmp_path / "link").symlink_to("model")
    nothing_left()
    expect_error("apply", tmp_path / "model", plan, "--stats", models.stats("olmoe"), "--overwrite", "-o", tmp_path / "link",
                 naming=["input folder"])


def test_an_output_without_a_folder_to_stand_in_is_refused(tmp_path, models, plan, nothing_left):
    (tmp_path / "file").write_text("")
    nothing_left()
    for parent in ("missing", "file"):
        out = tmp_path / parent / "out"
        expect_error(*apply(models, plan, out), naming=[out])
        expect_error(*prune(models, out), naming=[out])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_without_permission_is_refused(tmp_path, models, plan, nothing_left):
    (tmp_path / "locked").mkdir(mode=0o500)
    nothing_left()
    expect_error(*apply(models, plan, tmp_path / "locked" / "out"), naming=["permission"])


# ---- Statistics and edited plans -----------------------------------------------------------------------------------

def test_statistics_must_be_those_of_the_plan_and_of_the_model(tmp_path, models, plan, nothing_left):
    other = tmp_path / "other.safetensors"
    uncurl("observe", models.checkpoint("olmoe"), "--task", models.words, "-o", other)
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(other.read_bytes()[:-100])
    olmoe, mixtral = models.checkpoint("olmoe"), models.checkpoint("mixtral")
    nothing_left()
    out = tmp_path / "out"
    expect_error("apply", olmoe, plan, "--stats", other, "-o", out, naming=[other, "hash"])
    expect_error("apply", olmoe, plan, "--stats", tmp_path / "none", "-o", out, naming=[tmp_path / "none", "--stats"])
    expect_error("apply", mixtral, plan, "-o", out, naming=[plan])
    for stats, naming in ((models.stats("mixtral"), "fingerprint"), (truncated, truncated), (plan, plan),
                          (olmoe / "model.safetensors", "model.safetensors"), (tmp_path / "none", tmp_path / "none")):
        expect_error("plan", olmoe, stats, "--experts", 4, "-o", out, naming=[naming])


def test_moved_statistics_are_found_by_option(tmp_path, models, plan):
    moved = tmp_path / "moved.safetensors"
    shutil.copy(models.stats("olmoe"), moved)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(plan, elsewhere / "plan.json")
    uncurl("apply", models.checkpoint("olmoe"), elsewhere / "plan.json", "--stats", moved, "-o", tmp_path / "out")
    again = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert (tmp_path / "out" / again["stats"]["path"]).resolve() == moved.resolve()


def edit_groups(edit):
    return lambda plan: edit(plan["layers"][1]["groups"])


def put(index, group):
    return edit_groups(lambda groups: groups.__setitem__(index, group))


def merged(**changes):
    return {"members": [4, 5], "anchor": 4, "weights": [0.5, 0.5], **changes}


# Layer 1 of the plan under edit is [0, 1, 2, 3].
EDITS = {
    "expert twice": (put(1, 0), ["plan.json", "layer 1", "expert 0", "twice"]),
    "expert twice in a group": (put(0, merged(members=[4, 4])), ["layer 1", "expert 4"]),
    "expert out of range": (put(0, 8), ["layer 1", "group 0", "8"]),
    "negative expert": (put(0, -1), ["layer 1", "group 0", "-1"]),
    "expert beyond 32 bits": (put(3, 2**32 + 3), ["4294967299"]),
    "member beyond 32 bits": (put(3, {"members": [2**32 + 3]}), ["4294967299"]),
    "expert as text": (put(0, "4"), ["group 0", "string"]),
    "half an expert": (put(0, 0.5), ["group 0", "number"]),
    "anchor no member": (put(0, merged(anchor=6)), ["layer 1", "group 0", "anchor 6"]),
    "no anchor": (put(0, {"members": [4, 5], "weights": [0.5, 0.5]}), ["anchor"]),
    "weights not summing to 1": (put(0, merged(weights=[0.5, 0.6])), ["layer 1", "group 0", "1.1"]),
    "negative weight": (put(0, merged(weights=[1.5, -0.5])), ["layer 1", "group 0", "-0.5"]),
    "too few weights": (put(0, merged(weights=[1.0])), ["layer 1", "group 0", "weights"]),
    "no weights": (put(0, {"members": [4, 5], "anchor": 4}), ["weights"]),
    "no members": (put(0, {"members": []}), ["members"]),
    "members out of order": (put(0, merged(members=[5, 4])), ["layer 1", "group 0", "order"]),
    "scale zero": (put(0, {"members": [0], "scale": 0.0}), ["layer 1", "group 0", "scale"]),
    "unknown key of a group": (put(0, merged(factor=2)), ["factor"]),
    "slice with merged groups": (lambda plan: (plan["layers"][1].update(router="slice"), put(0, merged())(plan)),
                                 ["layer 1", "slice", "anchor"]),
    "different counts": (edit_groups(lambda groups: groups.append(7)), ["layer 1", "5", "4", "--allow-mixed-counts"]),
    "fewer than top_k": (edit_groups(lambda groups: groups.__delitem__(slice(2, 4))), ["layer 1", "2", "3"]),
    "unknown router": (lambda plan: plan["layers"][1].update(router="best"), ["layer 1", "best", "wmean"]),
    "layer missing": (lambda plan: plan["layers"].pop(), ["layers"]),
    "layer twice": (lambda plan: plan["layers"][2].update(layer=1), ["layer 1", "layer 2"]),
    "unknown key": (lambda plan: plan.update(extra=1), ["plan.json", "extra"]),
    "unknown key of a layer": (lambda plan: plan["layers"][1].update(extra=1), ["extra"]),
    "newer version": (lambda plan: plan.update(version=2), ["version"]),
    "other family": (lambda plan: plan["model"].update(type="mixtral"), ["mixtral", "olmoe"]),
    "other fingerprint": (lambda plan: plan["model"].update(fingerprint="0" * 16), ["fingerprint"]),
    "other hash": (lambda plan: plan["stats"].update(hash="0" * 16), ["stats.safetensors", "hash"]),
    "no layers": (lambda plan: plan.pop("layers"), ["layers"]),
    "layers no list": (lambda plan: plan.update(layers=3), ["layers"]),
    "weights of sources as text": (lambda plan: plan["options"].update(weights="x"), ["plan.json", "weights"]),
    "weights of sources as null": (lambda plan: plan["options"].update(weights=None), ["plan.json", "weights"]),
    "weights of other sources": (lambda plan: plan["options"].update(weights=[1.0]), ["plan", "2 sources"]),
    "method as number": (lambda plan: plan["options"].update(method=3), ["plan.json", "method"]),
    "negative ridge": (lambda plan: plan.update(ridge=-1.0), ["plan.json", "ridge"]),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_plan_is_checked(tmp_path, models, nothing_left, name):
    edit, naming = EDITS[name]
    plan = models.plan(tmp_path / "plan.json", "olmoe")
    for layer in plan["layers"]:
        layer["groups"] = [0, 1, 2, 3]
    edit(plan)
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    nothing_left()
    expect_error(*apply(models, tmp_path / "plan.json", tmp_path / "out"), naming=naming)


def test_an_edited_plan_that_is_sound_is_built(tmp_path, models):
    plan = models.plan(tmp_path / "plan.json", "olmoe")
    plan["layers"][1]["groups"] = [7, {"members": [0, 3], "anchor": 3, "weights": [0.25, 0.75]}, 2,
                                   {"members": [5], "scale": 0.5}]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    uncurl(*apply(models, tmp_path / "plan.json", tmp_path / "out"))
    before, after = (load_file(f / "model.safetensors") for f in (models.checkpoint("olmoe"), tmp_path / "out"))
    expert = lambda tensors, e, part: tensors[f"model.layers.1.mlp.experts.{e}.{part}_proj.weight"]
    assert torch.equal(expert(after, 0, "down"), expert(before, 7, "down"))
    assert torch.equal(expert(after, 3, "down"), expert(before, 5, "down") * 0.5)
    assert torch.equal(expert(after, 3, "up"), expert(before, 5, "up"))
