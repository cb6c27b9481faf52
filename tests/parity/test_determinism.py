"""The same bytes for one thread and several, for one file and many, and for an observation that was interrupted."""

import json
import os
import signal
import subprocess
import time

import pytest
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file

from conftest import BUILD, groups_of, random_sentences, uncurl, write_rows


def prune_with(threads, model, out, *options):
    """Content of every file of a run: statistics, plan, weights, and what was measured, but for how long it took.

    Threads that spin while they wait take the cores from those they wait for where others work on them: passive ones
    made these tests five times as fast on a busy machine of two cores.
    """
    out.mkdir()
    uncurl("prune", model, *options, "--threads", threads, "-o", out / "pruned",
           env=dict(os.environ, OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive"))
    files = {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}
    result = json.loads(files["pruned/result.json"])
    assert result.pop("seconds")
    return {**files, "pruned/result.json": result}


# (family, what is built of it, options): both merging methods, both layouts, a shared expert, and wider products, of
# which threads would share the rows or columns in other ways.
THREADED = {
    "f32": ("qwen3_moe", dict(num_experts=16), ()),
    "bf16": ("qwen3_moe", dict(num_experts=16, dtype=torch.bfloat16), ()),
    "frequency-merge": ("olmoe", dict(num_experts=16), ("--method", "frequency-merge")),
    "fused": ("mixtral", dict(num_local_experts=16, layout="fused"), ("--router", "lse", "--keep-inputs", "512")),
    "shared": ("qwen2_moe", dict(num_experts=16), ("--router", "wmean")),
    "sequential": ("olmoe", dict(num_experts=16), ("--method", "frequency-merge", "--sequential")),
    "wide": ("qwen3_moe", dict(num_experts=16, hidden_size=256, moe_intermediate_size=128), ()),
    "wide-bf16": ("olmoe", dict(num_experts=16, hidden_size=256, intermediate_size=128, dtype=torch.bfloat16), ()),
}


@pytest.mark.parametrize("case", THREADED)
def test_threads_change_no_byte(tmp_path, models, case):
    """16 experts, 200 rows: enough tokens that one expert's share is split differently by one thread and several."""
    family, changes, options = THREADED[case]
    model = models.build(tmp_path / "model", family, **changes)
    task = write_rows(tmp_path / "task.jsonl", random_sentences(5, 200))
    assert sum(map(len, models.rows(task))) >= 3000
    one, two, three = (prune_with(threads, model, tmp_path / f"threads-{threads}", "--task", task, "--experts", 6,
                                  *options) for threads in (1, 2, 3))
    assert len(one) >= 8
    assert {name for name in one if not one[name] == two.get(name) == three.get(name)} == set()


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral"])
def test_shards_change_no_tensor_and_no_group(tmp_path, models, family):
    stats = [load_arrays(models.stats(family, layout)) for layout in ("apart", "sharded")]
    assert set(stats[0]) == set(stats[1])
    assert all(stats[0][name].tobytes() == stats[1][name].tobytes() for name in stats[0])
    plans = [models.plan(tmp_path / f"{layout}.json", family, layout=layout) for layout in ("apart", "sharded")]
    assert [groups_of(layer) for layer in plans[0]["layers"]] == [groups_of(layer) for layer in plans[1]["layers"]]
    folders = [models.output(family, "--router", "lse", layout=layout) for layout in ("apart", "sharded")]
    whole, sharded = ({name: tensor for file in folder.glob("*.safetensors")
                       for name, tensor in load_file(file).items()} for folder in folders)
    assert set(whole) == set(sharded) and all(torch.equal(whole[name], sharded[name]) for name in whole)


# ---- Interrupted observations --------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def long_observation(models, tmp_path_factory):
    """(arguments but the output, bytes of the statistics) of an observation that takes a second or two."""
    folder = tmp_path_factory.mktemp("long")
    model = models.build(folder / "model", "olmoe", num_hidden_layers=12)
    task = write_rows(folder / "task.jsonl", random_sentences(6, 400))
    arguments = ("observe", model, "--task", task, "--keep-inputs", 100, "--save-seconds", 0)
    uncurl(*arguments, "-o", folder / "stats.safetensors")
    return arguments, (folder / "stats.safetensors").read_bytes()


def stop_after_a_layer(arguments, out, how):
    """Starts an observation and ends it as soon as the state of a finished layer is there; returns its exit status."""
    state = out.with_name(out.name + ".state")
    process = subprocess.Popen([str(BUILD / arguments[0]), *map(str, arguments[1:]), "-o", str(out)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (state / "hidden.safetensors").exists():
        assert process.poll() is None, "the observation ended before it could be interrupted"
        time.sleep(0.001)
    process.send_signal(how)
    message = process.communicate(timeout=60)[1]
    assert state.exists() and not out.exists()
    return process.returncode, message


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_an_interrupted_observation_resumes_to_the_same_bytes(tmp_path, long_observation, how):
    arguments, expected = long_observation
    out = tmp_path / "stats.safetensors"
    status, message = stop_after_a_layer(("uncurl", *arguments), out, how)
    if how == signal.SIGKILL:
        assert status == -signal.SIGKILL
    else:
        assert status == 130 and "resumes" in message
    assert "resuming after layer" in uncurl(*arguments, "-o", out)
    assert out.read_bytes() == expected
    assert sorted(file.name for file in tmp_path.iterdir()) == ["stats.safetensors"]


def test_the_state_of_another_observation_is_not_resumed(tmp_path, models, long_observation):
    arguments, _ = long_observation
    out = tmp_path / "stats.safetensors"
    stop_after_a_layer(("uncurl", *arguments), out, signal.SIGINT)
    printed = uncurl("observe", models.checkpoint("olmoe"), *models.tasks, "-o", out)
    assert "another observation" in printed and "resuming" not in printed
    assert out.read_bytes() == models.stats("olmoe").read_bytes()
    assert not out.with_name(out.name + ".state").exists()
