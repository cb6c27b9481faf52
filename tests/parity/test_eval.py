"""`uncurl eval` beside lm-evaluation-harness 0.4 with its `hf` model: the same checkpoint, rows and prompts, offline.

The harness reads the very rows (chosen and ordered by uncurl, found again by their place in the file) through local task
descriptions worded as its own; what is compared is the log-likelihood of every choice of every row, the score of every
row, and the texts that the model writes.
"""

import json
import os
import subprocess

import pytest
import torch

from conftest import BUILD, DATA, ROOT, random_sentences, run_program, write_json, write_rows

os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
MODEL = ROOT / "examples" / "tiny-qwen3-moe"
TOLERANCE = 1e-3  # nats, of sums over a choice's tokens in f32

pytestmark = pytest.mark.skipif(not (DATA / "superglue").exists(), reason="set UNCURL_DATA to the folder with shared data")
lm_eval = pytest.importorskip("lm_eval", reason="pip install -r requirements-test.txt")

from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402


def multiple_choice(text, target, choices, **more):
    return {"output_type": "multiple_choice", "doc_to_text": text, "doc_to_target": target, "doc_to_choice": choices,
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}], **more}


# Rows file, number of rows, and the task as lm_eval/tasks words it (names of fields as in our rows).
TASKS = {
    "boolq": ("superglue/BoolQ/val.jsonl", 24, multiple_choice(
        "{{passage}}\nQuestion: {{question}}?\nAnswer:", "{{label|int}}", ["no", "yes"])),
    "rte": ("superglue/RTE/val.jsonl", 24, multiple_choice(
        "{{premise}}\nQuestion: {{hypothesis}} True or False?\nAnswer:",
        "{{['entailment', 'not_entailment'].index(label)}}", ["True", "False"])),
    "arc_easy": ("tasks/arc_easy.jsonl", 32, multiple_choice("{{query}}\nAnswer:", "gold", "{{choices}}")),
    "piqa": ("tasks/piqa.jsonl", 32, multiple_choice("{{query}}Answer:", "gold", "{{choices}}")),
    "openbookqa": ("tasks/openbook_qa.jsonl", 16, multiple_choice("query", "gold", "{{choices}}")),
    "hellaswag": ("tasks/hellaswag_600.jsonl", 16, multiple_choice("{{query}}", "gold", "{{choices}}")),
    "winogrande": ("tasks/winogrande.jsonl", 24, multiple_choice(
        "gold", "continuation", "{{context_options}}", metric_list=[{"metric": "acc"}])),
    "lambada": ("tasks/lambada_openai.jsonl", 32, {
        "output_type": "loglikelihood", "doc_to_text": "{{context}}", "doc_to_target": "{{' ' + continuation}}",
        "target_delimiter": "",
        "metric_list": [{"metric": "perplexity", "aggregation": "perplexity"}, {"metric": "acc"}]}),
    "wikitext": ("text/wikitext2_valid.txt", 4, {
        "output_type": "loglikelihood_rolling", "doc_to_text": "",
        "metric_list": [{"metric": "word_perplexity"}, {"metric": "byte_perplexity"}, {"metric": "bits_per_byte"}]}),
    "gsm8k": ("tasks/gsm8k_train.jsonl", 6, {
        "output_type": "generate_until", "doc_to_text": "Question: {{question}}\nAnswer:", "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["Question:", "</s>", "<|im_end|>"], "do_sample": False, "temperature": 0.0},
        "metric_list": [{"metric": "exact_match", "ignore_case": True, "ignore_punctuation": False,
                         "regexes_to_ignore": [",", "\\$", "(?s).*#### ", "\\.$"]}],
        "filter_list": [
            {"name": "strict", "filter": [{"function": "regex", "regex_pattern": "#### (\\-?[0-9\\.\\,]+)"},
                                          {"function": "take_first"}]},
            {"name": "flexible", "filter": [{"function": "regex", "group_select": -1,
                                             "regex_pattern": "(-?[$0-9.,]{2,})|(-?[0-9]+)"},
                                            {"function": "take_first"}]}]}),
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """What uncurl says of all tasks: by task its results and its rows."""
    folder = tmp_path_factory.mktemp("eval")
    results, items = {}, {}
    for name, (_, limit, _) in TASKS.items():
        out = folder / f"{name}.json"
        run_program("uncurl", "eval", MODEL, "--task", name, "--limit", limit, "--dtype", "f32", "-o", out)
        (results[name],) = json.loads(out.read_text())["results"]
        items[name] = [json.loads(line) for line in out.with_suffix(".items.jsonl").read_text().splitlines()]
    return results, items


def wikitext_rows():
    """Articles between headings; the harness's data set holds one a row."""
    lines = (DATA / "text" / "wikitext2_valid.txt").read_text().splitlines(keepends=True)
    begins = [i for i, line in enumerate(lines) if line.startswith(" = ") and not line.startswith(" = = ")]
    return [{"page": "".join(lines[a:b])} for a, b in zip(begins, begins[1:] + [len(lines)])]


def rows_of(name, items):
    """The rows that uncurl took, from the file they are in."""
    file = DATA / TASKS[name][0]
    if name == "wikitext":
        rows = wikitext_rows()
        return [rows[int(item["place"].split()[-1]) - 1] for item in items]
    lines = file.read_text().splitlines()
    return [json.loads(lines[int(item["place"].rsplit(":", 1)[1]) - 1]) for item in items]


@pytest.fixture(scope="module")
def theirs(ours, tmp_path_factory):
    """What the harness says of the same rows: by task its results and its samples, in the order of the rows."""
    folder = tmp_path_factory.mktemp("harness")
    tasks = []
    for name, (_, _, task) in TASKS.items():
        rows = rows_of(name, ours[1][name])
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        task = dict(task, task=name, dataset_path="json", test_split="train", num_fewshot=0,
                    dataset_kwargs={"data_files": str(folder / f"{name}.jsonl")})
        if name == "wikitext":
            from lm_eval.tasks.wikitext import preprocess_wikitext as own
            task |= {"doc_to_target": own.wikitext_detokenizer, "process_results": own.process_results}
        if name == "winogrande":
            task |= {"doc_to_text": lambda doc: doc["gold"], "doc_to_target": lambda doc: doc["continuation"],
                     "doc_to_choice": lambda doc: doc["context_options"]}
        tasks.append(task)
    model = HFLM(pretrained=str(MODEL), dtype="float32", device="cpu", batch_size=8)
    found = lm_eval.simple_evaluate(model=model, tasks=tasks, num_fewshot=0, bootstrap_iters=0, log_samples=True,
                                    task_manager=TaskManager(include_defaults=False))
    samples = {}
    for name in TASKS:
        samples[name] = [[s for s in found["samples"][name] if s["doc_id"] == i] for i in range(len(ours[1][name]))]
    return found["results"], samples


def metric(result, name):
    (found,) = [m for m in result["metrics"] if m["metric"] == name]
    return found["value"]


def loglikelihoods(samples):
    """Of the choices of one row; a rolling text has one number."""
    responses = samples[0]["filtered_resps"]
    return [r if isinstance(r, float) else r[0] for r in responses]


@pytest.mark.parametrize("name", [n for n in TASKS if n != "gsm8k"])
def test_every_log_likelihood_equals_the_harness(ours, theirs, name):
    for item, samples in zip(ours[1][name], theirs[1][name], strict=True):
        expected = loglikelihoods(samples)
        # A rolling text is a sum over thousands of tokens: the same precision a token.
        tolerance = TOLERANCE if name != "wikitext" else TOLERANCE * item["tokens"] / 100
        assert item["loglikelihoods"] == pytest.approx(expected, abs=tolerance), item["place"]


@pytest.mark.parametrize("name", ["boolq", "rte", "arc_easy", "piqa", "openbookqa", "hellaswag", "winogrande", "lambada"])
def test_accuracy_equals_the_harness(ours, theirs, name):
    assert metric(ours[0][name], "acc") == theirs[0][name]["acc,none"]
    if "acc_norm,none" in theirs[0][name]:
        assert metric(ours[0][name], "acc_norm") == theirs[0][name]["acc_norm,none"]


def test_perplexities_equal_the_harness(ours, theirs):
    assert metric(ours[0]["lambada"], "perplexity") == pytest.approx(theirs[0]["lambada"]["perplexity,none"], rel=1e-4)
    for name in ("word_perplexity", "byte_perplexity", "bits_per_byte"):
        assert metric(ours[0]["wikitext"], name) == pytest.approx(theirs[0]["wikitext"][f"{name},none"], rel=1e-4)


def test_written_answers_equal_the_harness(ours, theirs):
    for item, samples in zip(ours[1]["gsm8k"], theirs[1]["gsm8k"], strict=True):
        (strict,) = [s for s in samples if s["filter"] == "strict"]
        assert item["answer"].removeprefix("#### ") == strict["filtered_resps"][0]
    for kind in ("strict", "flexible"):
        assert metric(ours[0]["gsm8k"], f"exact_match_{kind}") == theirs[0]["gsm8k"][f"exact_match,{kind}"]


def test_streamed_and_resident_weights_write_the_same_file(tmp_path):
    files = []
    for weights in ("streamed", "resident"):
        out = tmp_path / f"{weights}.json"
        run_program("uncurl", "eval", MODEL, "--task", "rte", "--limit", 8, "--weights", weights, "-o", out)
        files.append(out.with_suffix(".items.jsonl").read_bytes())
    assert files[0] == files[1]


def with_free_memory(kilobytes, folder, *arguments):
    """Runs uncurl where /proc/meminfo says that so much is available; skips where no namespace can be had for that."""
    lines = [line for line in open("/proc/meminfo") if not line.startswith("MemAvailable:")]
    (folder / "meminfo").write_text("".join(lines) + f"MemAvailable: {kilobytes} kB\n")
    mount = 'mount --bind "$0" /proc/meminfo && exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*command, "mount --bind /proc/version /proc/meminfo"], capture_output=True).returncode:
        pytest.skip("no mount namespace to show another /proc/meminfo in")
    subprocess.run([*command, mount, str(folder / "meminfo"), str(BUILD / "uncurl"), *map(str, arguments)], check=True,
                   capture_output=True)


def test_free_memory_changes_no_byte(tmp_path, models):
    """bf16 rounds by the number of texts that are written together, and a random model is soon on another path."""
    model = models.build(tmp_path / "model", "olmoe", dtype=torch.bfloat16)
    write_json(model / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "!"})
    write_rows(tmp_path / "rows.jsonl", random_sentences(7, 40))
    task = write_json(tmp_path / "task.json", {
        "name": "gone on", "description": "What follows?", "metric": "exact_match", "rows": {"test": "rows.jsonl"},
        "prompt": "{text}", "completion": " {text}", "answer": "{text}", "generation": {"max_tokens": 40}})
    files = []
    for name, kilobytes in (("much", 1 << 30), ("little", 64)):
        out = tmp_path / f"{name}.json"
        with_free_memory(kilobytes, tmp_path, "eval", model, "--task", task, "-o", out)
        files.append(out.with_suffix(".items.jsonl").read_bytes())
    assert len(set(json.loads(line)["answer"] for line in files[0].splitlines())) > 20
    assert files[0] == files[1]
