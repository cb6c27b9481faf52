"""uncurl sweep: its numbers are those of `prune` and `eval` on written checkpoints, and no point is measured twice."""

import json
import signal
import subprocess
import time

import pytest

from conftest import BUILD, uncurl, write_json

METHODS, COUNTS = ["uncurl", "reap", "frequency"], [6, 4]


@pytest.fixture(scope="module")
def model(models):
    return models.checkpoint("olmoe")


@pytest.fixture(scope="module")
def question_task(tmp_path_factory):
    """A task with two choices a row, and rows for it."""
    folder = tmp_path_factory.mktemp("task")
    rows = lambda first, count: [{"question": f"{i} + {i + 1} =", "a": f" {2 * i + 1}", "b": f" {i}", "label": i % 2}
                                 for i in range(first, first + count)]
    for split, first, count in (("train", 0, 40), ("validation", 100, 24)):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(first, count)))
    return write_json(folder / "sums.json", {
        "name": "sums", "description": "which is the sum?", "metric": "accuracy",
        "rows": {split: str(folder / f"{split}.jsonl") for split in ("train", "validation")},
        "prompt": "{question}", "choices": ["{a}", "{b}"], "label": {"field": "label"}})


def sweep_arguments(model, tasks, out, *options):
    return ("sweep", model, *tasks, "--methods", ",".join(METHODS), "--experts", ",".join(map(str, COUNTS)), "-o", out,
            *options)


@pytest.fixture(scope="module")
def swept(models, model, tmp_path_factory):
    """(folder, sweep.json, what was printed)"""
    out = tmp_path_factory.mktemp("sweep")
    printed = uncurl(*sweep_arguments(model, models.tasks, out, "--allow-mixed-counts"))
    return out, json.loads((out / "sweep.json").read_text()), printed


def without_times(value):
    """The same without what differs from run to run, and without the command."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in ("seconds", "timings", "command")}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def point(sweep, method, experts):
    found = [p for p in sweep["points"] if (p["method"], p["experts"], p["mixed"]) == (method, experts, False)]
    assert len(found) == 1
    return found[0]


def by_task(results):
    return {result["task"]: result for result in results}


def same_estimate(estimate, expected):
    assert [estimate[k] for k in ("value", "low", "high")] == [expected[k] for k in ("mean", "low", "high")]


@pytest.mark.parametrize("method", METHODS)
def test_a_point_is_what_prune_measures_on_the_written_checkpoint(tmp_path, models, model, swept, method):
    uncurl("prune", model, *models.tasks, "--method", method, "--experts", 4, "-o", tmp_path / "out")
    pruned = json.loads((tmp_path / "out" / "result.json").read_text())
    found = point(swept[1], method, 4)
    assert (found["parameters"], found["bytes"]) == (pruned["pruned"]["parameters"], pruned["pruned"]["bytes"])
    for result, expected in zip(found["results"], pruned["held_out"], strict=True):
        same_estimate(result["kl"], expected["kl"])
        same_estimate(result["agreement"], expected["top1_agreement"])
        same_estimate(result["perplexity"], expected["pruned"]["perplexity"])
    for result, expected in zip(swept[1]["original"]["results"], pruned["held_out"], strict=True):
        same_estimate(result["perplexity"], expected["original"]["perplexity"])


def test_the_file_holds_every_point_once(swept):
    out, sweep, _ = swept
    uniform = [(p["method"], p["experts"]) for p in sweep["points"] if not p["mixed"]]
    assert sorted(uniform) == sorted((m, g) for m in [*METHODS, "auto"] for g in COUNTS)
    keys = [json.loads(line)["key"] for line in (out / "points.jsonl").read_text().splitlines()]
    assert len(set(keys)) == len(keys)
    assert {m["method"] for m in sweep["threshold"]["methods"]} == {*METHODS, "auto"}
    assert sweep["tasks"][0]["name"] == "words" and sweep["tasks"][1]["name"] == "sums"
    assert abs(sum(t["weight"] for t in sweep["tasks"]) - 1) < 1e-12
    assert sweep["prediction"]["pairs"] == len(sweep["points"])
    assert sweep["cross_task"] is None  # the held-out file is of no task's name
    for layer in sweep["layers"]:
        assert len(layer["usage"]) == 2 and all(abs(sum(row) - 1) < 1e-9 for row in layer["usage"])
        assert sorted(sum(layer["groups"]["uncurl"]["4"], [])) == list(range(8))


def test_mixed_counts_keep_the_total(swept):
    mixed = [p for p in swept[1]["points"] if p["mixed"]]
    assert mixed
    for p in mixed:
        assert sum(p["experts_of_layer"]) <= p["experts"] * len(p["experts_of_layer"])
        assert set(p["experts_of_layer"]) <= {*COUNTS, 8}


def test_a_mixed_point_is_what_prune_writes_for_its_counts(tmp_path, models, model, swept):
    mixed = next(p for p in swept[1]["points"] if p["mixed"])
    layers = [f"{layer}:{count}" for layer, count in enumerate(mixed["experts_of_layer"])]
    options = [option for layer in layers for option in ("--layer-experts", layer)]
    uncurl("prune", model, *models.tasks, "--method", mixed["method"].removesuffix(" (mixed)"), "--experts",
           mixed["experts"], "--allow-mixed-counts", *options, "-o", tmp_path / "out")
    pruned = json.loads((tmp_path / "out" / "result.json").read_text())
    same_estimate(by_task(mixed["results"])["held-out"]["kl"], pruned["held_out"][0]["kl"])


def test_a_second_run_measures_nothing_again(models, model, swept):
    out, sweep, _ = swept
    before = (out / "points.jsonl").read_bytes()
    uncurl(*sweep_arguments(model, models.tasks, out, "--allow-mixed-counts"))
    assert (out / "points.jsonl").read_bytes() == before
    assert without_times(json.loads((out / "sweep.json").read_text())) == without_times(sweep)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda s: s.name)
def test_an_interrupted_sweep_goes_on_after_its_last_point(tmp_path, models, model, swept, how):
    arguments = [str(a) for a in sweep_arguments(model, models.tasks, tmp_path, "--allow-mixed-counts")]
    points = tmp_path / "points.jsonl"
    process = subprocess.Popen([str(BUILD / "uncurl"), *arguments], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (points.exists() and points.read_text().count("\n") >= 2):
        assert process.poll() is None and time.monotonic() < deadline, "it ended, or measured nothing, before it was stopped"
        time.sleep(0.002)
    process.send_signal(how)
    assert process.wait(timeout=60) == (130 if how == signal.SIGINT else -how)
    assert not (tmp_path / "sweep.json").exists()
    kept = [line for line in points.read_text().splitlines(keepends=True) if line.endswith("\n")]

    printed = uncurl(*arguments)
    assert "observed  before" in printed
    lines = points.read_text().splitlines(keepends=True)
    assert lines[: len(kept)] == kept
    keys = [json.loads(line)["key"] for line in lines]
    assert len(set(keys)) == len(keys) == (swept[0] / "points.jsonl").read_text().count("\n")
    assert without_times(json.loads((tmp_path / "sweep.json").read_text())) == without_times(swept[1])


def test_pruning_for_one_task_is_what_prune_does_on_that_task_alone(tmp_path, models, model):
    for name, texts in (("words", 3), ("sums", 2)):
        lines = (models.folder / f"{name}.jsonl").read_text().splitlines(keepends=True)
        (tmp_path / f"{name}.test.jsonl").write_text("".join(lines[::texts + 4]).replace("the", "one"))
    held_out = ("--held-out", tmp_path / "words.test.jsonl", "--held-out", tmp_path / "sums.test.jsonl")
    tasks = ("--task", models.words, "--task", models.sums, *held_out)
    uncurl("sweep", model, *tasks, "--methods", "reap", "--experts", 4, "-o", tmp_path / "sweep")
    cross = json.loads((tmp_path / "sweep" / "sweep.json").read_text())["cross_task"]
    assert (cross["method"], cross["experts"], cross["tasks"]) == ("reap", 4, ["words", "sums"])
    for row, task in enumerate((models.words, models.sums)):
        out = tmp_path / f"out-{row}"
        uncurl("prune", model, "--task", task, *held_out, "--method", "reap", "--experts", 4, "-o", out)
        measured = json.loads((out / "result.json").read_text())["held_out"]
        for column in range(2):
            same_estimate(cross["kl"][row][column], measured[column]["kl"])


def test_a_task_with_choices_is_scored_as_eval_does(tmp_path, models, question_task):
    model = models.build(tmp_path / "model", "olmoe")
    write_json(model / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "!"})
    out = tmp_path / "sweep"
    uncurl("sweep", model, "--task", question_task, "--methods", "frequency,uncurl", "--experts", 4, "-o", out)
    sweep = json.loads((out / "sweep.json").read_text())

    def score_of(folder):
        uncurl("eval", folder, "--task", question_task, "-o", tmp_path / "eval.json", "--overwrite")
        metric = json.loads((tmp_path / "eval.json").read_text())["results"][0]["score"]
        return metric

    assert sweep["original"]["results"][0]["score"] == score_of(model)
    uncurl("prune", model, "--task", question_task, "--method", "uncurl", "--experts", 4, "-o", tmp_path / "out")
    assert point(sweep, "uncurl", 4)["results"][0]["score"] == score_of(tmp_path / "out")
    assert point(sweep, "uncurl", 4)["results"][0]["score"]["n"] == 24


def test_a_task_that_only_calibrates_is_measured_by_its_loss(tmp_path, model, question_task):
    task = json.loads(question_task.read_text())
    file = write_json(tmp_path / "calibrate.json", {**{k: v for k, v in task.items() if k not in ("choices", "label")}, "completion": "{b}"})
    printed = uncurl("sweep", model, "--task", file, "--methods", "reap", "--experts", 4, "-o", tmp_path / "sweep")
    assert "its answers are not scored, since its metric needs 'choices' with 'label'" in printed
    found = point(json.loads((tmp_path / "sweep" / "sweep.json").read_text()), "reap", 4)
    assert found["results"][0]["score"] is None and found["results"][0]["kl"]["value"] > 0


def test_a_folder_with_another_sweep_is_left_alone(tmp_path, models, model, swept):
    out, _, _ = swept
    before = (out / "points.jsonl").read_bytes()
    arguments = ("sweep", model, "--task", models.words, "--methods", "reap", "--experts", 4, "-o", out)
    assert "--overwrite" in uncurl(*arguments, expect=1)
    assert (out / "points.jsonl").read_bytes() == before


@pytest.mark.parametrize("options, named, status", [
    (("--methods", "reap,no-such", "--experts", "4"), "no-such", 2),
    (("--methods", "reap", "--experts", "4,4"), "twice", 2),
    (("--methods", "reap", "--experts", "1"), "cannot keep 1", 1),
    (("--methods", "reap", "--experts", "4", "--router", "anchor"), "no effect", 2),
    (("--methods", "uncurl", "--experts", "4", "--router", "reinit"), "trained", 2),
    (("--methods", "reap", "--experts", "4", "--allow-mixed-counts", "--keep-inputs", "0"), "--keep-inputs", 1),
])
def test_what_cannot_work_is_refused_before_anything_is_observed(tmp_path, models, model, options, named, status):
    out = tmp_path / "out"
    assert named in uncurl("sweep", model, *models.tasks, *options, "-o", out, expect=status)
    assert not out.exists()


def test_a_budget_is_spent_as_predicted(tmp_path, models, model, swept):
    stats, plan_file = swept[0] / "stats.safetensors", tmp_path / "plan.json"
    printed = uncurl("plan", model, stats, "--budget", 13, "--method", "reap", "--allow-mixed-counts", "-o", plan_file)
    counts = [len(layer["groups"]) for layer in json.loads(plan_file.read_text())["layers"]]
    assert sum(counts) <= 13 and len(set(counts)) > 1  # three layers: 4 each leave one expert over
    budget, all_layers = (next(line for line in printed.splitlines() if line.startswith(start))
                          for start in ("budget", "all "))
    assert f"predicted error {all_layers.split()[-1]};" in budget  # what was promised is what the plan is predicted to lose
    printed = uncurl("plan", model, stats, "--budget", 13, "-o", plan_file, "--overwrite")
    assert [len(layer["groups"]) for layer in json.loads(plan_file.read_text())["layers"]] == [4, 4, 4]
    assert "no effect" in uncurl("plan", model, stats, "--budget", 13, "--method", "reap", "-o", tmp_path / "x.json",
                                 expect=2)


def test_prune_spends_a_budget_as_plan_does(tmp_path, models, model, swept):
    uncurl("plan", model, swept[0] / "stats.safetensors", "--budget", 13, "-o", tmp_path / "plan.json")
    printed = uncurl("prune", model, *models.tasks, "--budget", 13, "-o", tmp_path / "out")
    layers_of = lambda path: json.loads(path.read_text())["layers"]
    assert layers_of(tmp_path / "out" / "plan.json") == layers_of(tmp_path / "plan.json")
    assert "12 of 13 experts spent" in printed
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_experts"] == 4


@pytest.mark.parametrize("options, complaint, status", [
    (("--budget", 13, "--sequential"), "--sequential plans each layer before the next", 2),
    (("--budget", 13, "--method", "reap"), "--method has no effect", 2),
    (("--budget", 13, "--allow-mixed-counts", "--method", "mc-smoe"), "spreads a total over the layers itself", 2),
    (("--budget", 5), "too small", 1),
    (("--budget", 13, "--keep-inputs", 0), "--budget predicts errors from them", 1),
    (("--budget", 13, "--experts", 4), "--experts", 2),
], ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else None)
def test_prune_refuses_a_budget_before_it_observes(tmp_path, models, model, options, complaint, status):
    printed = uncurl("prune", model, *models.tasks, *options, "-o", tmp_path / "out", expect=status)
    assert complaint in printed and "observing" not in printed
    assert not list(tmp_path.iterdir())
