"""`uncurl study` on the smallest study: its stages are what the other commands make, whatever stops it, however many
processes share it."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from conftest import BUILD, ROOT, uncurl, write_json
from test_report import browser, CHROMIUM, Visit  # noqa: F401 (a fixture)

CONFIG = ROOT / "examples" / "study" / "ci.json"
PAPER_PARAMETERS = {"dense": "354,8", "8e": "1,059,9", "32e": "3,477,6", "64e": "6,701,2", "128e": "13,148,4"}


def config(folder):
    """The study of the repository with its output in `folder`."""
    value = json.loads(CONFIG.read_text())
    value["output"] = str(folder / "study")
    value["tokenizer"] = str(CONFIG.parent / value["tokenizer"])
    value["tasks"] = [str(CONFIG.parent / task) for task in value["tasks"]]
    for part in ("pretrain", "warmup", "prefinetune"):
        for source in value[part]["data"] + value[part].get("validation", {}).get("data", []):
            source["path"] = str(CONFIG.parent / source["path"])
    return write_json(folder / "ci.json", value)


def files_of(study):
    """Bytes of everything that stages left, less what tells times and names of folders."""
    told = {"train.json", "log.jsonl", "plan.json"}
    return {path.relative_to(study): path.read_bytes() for path in sorted(study.rglob("*"))
            if path.is_file() and path.name not in told}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    run = uncurl("study", config(folder))
    return folder, run


def stage(folder, pattern):
    [path] = [path for path in (folder / "study" / "stages").iterdir() if re.fullmatch(pattern + "-[0-9a-f]{10}.*", path.name)]
    return path


def test_says_its_cost_first_and_writes_nothing(tmp_path):
    run = uncurl("study", config(tmp_path), "--dry-run", "--list")
    assert "pretrain 4e, seed 0" in run
    assert "finetune uncurl 4 to 2 on weather, seed 1" in run
    assert re.search(r"^pretrain +4 +0 +32,768 ", run, re.MULTILINE)
    assert not (tmp_path / "study").exists()


def test_finished_stages_are_never_made_again(finished):
    folder, said = finished
    assert len(re.findall("^done  ", said, re.MULTILINE)) == 43
    before = files_of(folder / "study")
    again = uncurl("study", folder / "ci.json")
    assert not re.search("^done  ", again, re.MULTILINE)
    assert files_of(folder / "study") == before
    result = json.loads((folder / "study" / "study.json").read_text())
    assert result["stages"] == result["stages_done"] == 43


def test_a_killed_study_goes_on_to_the_same_bytes(finished, tmp_path):
    path = config(tmp_path)
    done = lambda: sum(".partial" not in p.name and ".lock" not in p.name for p in (tmp_path / "study").glob("stages/*"))
    for num_stages in (3, 12, 25):
        process = subprocess.Popen([BUILD / "uncurl", "study", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while done() < num_stages:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL and num_stages <= done() < 43
    uncurl("study", path)
    assert files_of(tmp_path / "study") == files_of(finished[0] / "study")


def test_two_processes_share_the_stages(finished, tmp_path):
    path = config(tmp_path)
    command = [BUILD / "uncurl", "study", path]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    done = [set(re.findall(r"^done +(.*) in ", text, re.MULTILINE)) for text in said]
    assert len(done[0] | done[1]) == 43 and all(done) and not done[0] & done[1]
    assert files_of(tmp_path / "study") == files_of(finished[0] / "study")


def test_stops_when_the_time_is_up(tmp_path):
    run = uncurl("study", config(tmp_path), "--max-minutes", "0.02")
    assert "stopped   after" in run
    result = json.loads((tmp_path / "study" / "study.json").read_text())
    assert 0 < result["stages_done"] < result["stages"]


def test_pruning_is_that_of_uncurl_prune(finished, tmp_path):
    folder, _ = finished
    for method in ("frequency", "uncurl"):
        uncurl("prune", stage(folder, "pretrain-4e-s0"), "--task", CONFIG.parent / "ci" / "weather.json", "--experts", "2",
               "--method", method, "--sequence-length", "64", "--dtype", "f32", "-o", tmp_path / method)
        ours = stage(folder, f"prune-4to2-{method}-weather-s0") / "model.safetensors"
        assert ours.read_bytes() == (tmp_path / method / "model.safetensors").read_bytes()
        result = json.loads((tmp_path / method / "result.json").read_text())
        del result["seconds"]
        assert json.loads((ours.parent / "result.json").read_text()) == result


def test_warm_up_trains_the_routers_alone(finished):
    from safetensors.numpy import load_file
    folder, _ = finished
    before = load_file(stage(folder, "prune-4to2-uncurl-weather-s0") / "model.safetensors")
    after = load_file(stage(folder, "warmup-4to2-uncurl-weather-s0") / "model.safetensors")
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {name for name in before if name.endswith("router.weight")}


def test_scores_are_those_of_uncurl_eval(finished, tmp_path):
    folder, _ = finished
    result = json.loads((folder / "study" / "study.json").read_text())
    for score in result["scores"]:
        name = f"{score['pruned_from']}to{score['experts']}-{score['method']}" if score["method"] else score["model"]
        for seed, value in enumerate(score["by_seed"]):
            out = tmp_path / f"{name}-{seed}.json"
            uncurl("eval", stage(folder, f"finetune-{name}-weather-s{seed}"), "--task", CONFIG.parent / "ci" / "weather.json",
                   "--split", "validation", "--dtype", "f32", "--output", out)
            [task] = json.loads(out.read_text())["results"]
            [accuracy] = [metric for metric in task["metrics"] if metric["metric"] == "acc"]
            assert value == pytest.approx(accuracy["value"], abs=1e-12)
        assert score["value"] == pytest.approx(np.mean(score["by_seed"]))


def test_says_how_many_seeds_find_the_difference(finished):
    """The table counts what study.json says of each comparison."""
    folder, said = finished
    differences = json.loads((folder / "study" / "study.json").read_text())["differences"]
    header, *rows = re.search(r"^\d\S* points are found.*\n(?:.*\S.*\n)+", said, re.MULTILINE)[0].splitlines()
    by_seeds = [int(seeds) for seeds in header.split(" of ")[1].split()]
    texts = {"scratch": "pruned, and as many experts from scratch", "unpruned": "pruned, and what it was pruned from",
             "dense": "sparse from scratch, and dense"}
    expected = []
    for against, text in texts.items():
        needed = [d["seeds_needed"] or 10**9 for d in differences if d["against"] == against]
        expected.append([text, "weather", len(needed)] + [sum(n <= seeds for n in needed) for seeds in by_seeds])
    assert [re.split(r" {2,}", row.strip()) for row in rows] == [[str(cell) for cell in row] for row in expected]


def test_dense_equivalents_are_read_off_the_dense_curve(finished):
    result = json.loads((finished[0] / "study" / "study.json").read_text())
    dense = sorted((m["parameters"], m["loss"]) for m in result["pretrained"] if m["experts"] == 0)
    (small, high), (large, low) = dense
    assert len(dense) == 2 and high > low
    for model in result["pretrained"]:
        if not low <= model["loss"] <= high:
            assert model["dense_equivalent"] is None
            continue
        expected = np.exp(np.interp(-model["loss"], [-high, -low], [np.log(small), np.log(large)]))
        assert model["dense_equivalent"] == pytest.approx(expected, rel=1e-9)


def test_a_token_meets_all_but_the_experts_that_are_not_chosen(finished):
    result = json.loads((finished[0] / "study" / "study.json").read_text())
    for model in result["pretrained"]:
        if model["experts"] == 0:
            assert model["active_parameters"] == model["parameters"]
            continue
        tensors = load_file(stage(finished[0], f"pretrain-{model['model']}-s0") / "model.safetensors")
        met = sum(t.size for name, t in tensors.items() if not re.search(r"experts\.[1-9]", name))
        assert (model["parameters"], model["active_parameters"]) == (sum(t.size for t in tensors.values()), met)


def test_every_comparison_of_the_paper_is_there(finished):
    result = json.loads((finished[0] / "study" / "study.json").read_text())
    found = {(d["model"], d["other"], d["against"]) for d in result["differences"]}
    assert found == {("2e", "dense", "dense"), ("4e", "dense", "dense")} | {
        (f"{method} 4 to 2", other, against) for method in ("frequency", "uncurl")
        for other, against in (("2e", "scratch"), ("4e", "unpruned"))}


def test_the_models_of_the_paper_have_its_sizes():
    run = uncurl("study", ROOT / "examples" / "study" / "paper.json", "--models")
    for model, digits in PAPER_PARAMETERS.items():
        assert re.search(rf"^{model} +[\d,]+ +{digits}", run, re.MULTILINE), model


def test_the_report_has_a_section_for_each_result(finished, tmp_path):
    out = tmp_path / "report.html"
    uncurl("report", finished[0] / "study", "-o", out)
    page = out.read_text()
    for section in ("pretraining", "pruning", "accuracy", "differences", "expert-use", "clusters"):
        assert f'id="{section}"' in page


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_is_drawn_in_silence(browser, finished, tmp_path, width):  # noqa: F811
    out = tmp_path / "report.html"
    uncurl("report", finished[0] / "study", "-o", out)
    visit = Visit(browser, out, width)
    assert visit.said == [] and visit.asked == [out.as_uri()]
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_its_charts_become_figures_of_documents(finished, tmp_path):
    pytest.importorskip("vl_convert", reason="no vl-convert-python (requirements-report.txt)")
    out, folder = tmp_path / "report.html", tmp_path / "figures"
    uncurl("report", finished[0] / "study", "-o", out)
    subprocess.run([sys.executable, ROOT / "tools" / "figures", out, folder], check=True, capture_output=True)
    figures = {path.name: path.read_text() for path in folder.iterdir()}
    assert len(figures) == out.read_text().count('class="plot"') and "loss-by-size.svg" in figures
    for name, svg in figures.items():
        assert "var(--" not in svg and "#5d636b" in svg, name
    assert "#0072b2" in figures["loss-by-size.svg"]
    assert all(model in figures["loss-by-size.svg"] for model in ("dense", "2e", "4e"))
