"""`uncurl eval` beside lm-evaluation-harness (`hf` model) on the same model, rows and prompts, by turns in one run.

    python bench/compare_eval.py BUILD/uncurl [ROUNDS]

Multiple choice by log-likelihood on examples/tiny-qwen3-moe in f32, 2 threads: boolq, rte, arc_easy, piqa, lambada and
MultiRC, as many rows as below. What is timed, ours: the whole process, with opening the model, tokenising, converting
weights and writing the files. Theirs: `simple_evaluate` with the model already in memory and the data sets already
made, in the fastest of several batch sizes with each of transformers' expert implementations that fit. Ours must be 1.5 times as fast at least. Both accuracies are printed.
"""
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"

import lm_eval
import torch
import transformers
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path(os.environ.get("UNCURL_DATA", ROOT.parent / "shared" / "data"))
MODEL = ROOT / "examples" / "tiny-qwen3-moe"
THREADS, TARGET = 2, 1.5
BATCH_SIZES = (1, 4, 8, 16)
EXPERTS = ("eager", "grouped_mm")  # batched_mm copies the weights of an expert for every token


def choice(text, target, choices):
    return {"output_type": "multiple_choice", "doc_to_text": text, "doc_to_target": target, "doc_to_choice": choices,
            "metric_list": [{"metric": "acc"}]}


# Rows of the file, how many, and the harness's task. MultiRC is one row an answer.
TASKS = {
    "boolq": ("superglue/BoolQ/val.jsonl", 80, choice(
        "{{passage}}\nQuestion: {{question}}?\nAnswer:", "{{label|int}}", ["no", "yes"])),
    "rte": ("superglue/RTE/val.jsonl", 100, choice(
        "{{premise}}\nQuestion: {{hypothesis}} True or False?\nAnswer:",
        "{{['entailment', 'not_entailment'].index(label)}}", ["True", "False"])),
    "arc_easy": ("tasks/arc_easy.jsonl", 120, choice("{{query}}\nAnswer:", "gold", "{{choices}}")),
    "piqa": ("tasks/piqa.jsonl", 120, choice("{{query}}Answer:", "gold", "{{choices}}")),
    "lambada": ("tasks/lambada_openai.jsonl", 120, {
        "output_type": "loglikelihood", "doc_to_text": "{{context}}", "doc_to_target": "{{' ' + continuation}}",
        "target_delimiter": "", "metric_list": [{"metric": "acc"}]}),
    "multirc": ("superglue/MultiRC/val.jsonl", 2, choice(
        "{{paragraph}}\nQuestion: {{question}}\nAnswer:", "label",
        "{{[answer + '\\nIs the answer correct? no', answer + '\\nIs the answer correct? yes']}}")),
}


def answers_of(line):
    """One row a question and answer of a MultiRC passage."""
    passage = line["passage"]
    return [{"paragraph": passage["text"], "question": question["question"], "answer": answer["text"],
             "label": answer["label"]} for question in passage["questions"] for answer in question["answers"]]


def make_tasks(folder):
    """The first rows of each file: for us as task files beside their rows, for the harness as data sets."""
    harness = []
    for name, (file, limit, task) in TASKS.items():
        lines = [json.loads(line) for line in (DATA / file).read_text().splitlines()[:limit]]
        ours = json.loads((ROOT / "tasks" / f"{name}.json").read_text())
        ours["rows"] = {"validation": f"{name}.ours.jsonl"}
        (folder / f"{name}.json").write_text(json.dumps(ours))
        (folder / f"{name}.ours.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        rows = [row for line in lines for row in answers_of(line)] if name == "multirc" else lines
        (folder / f"{name}.theirs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        harness.append(dict(task, task=name, dataset_path="json", test_split="train", num_fewshot=0,
                            dataset_kwargs={"data_files": str(folder / f"{name}.theirs.jsonl")}))
    return harness


def run_ours(program, folder):
    """(seconds, accuracies)"""
    arguments = [program, "eval", MODEL, "--dtype", "f32", "--threads", THREADS, "--overwrite", "-o", folder / "eval.json"]
    for name in TASKS:
        arguments += ["--task", folder / f"{name}.json"]
    begin = time.perf_counter()
    subprocess.run([str(argument) for argument in arguments], check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    results = json.loads((folder / "eval.json").read_text())["results"]
    return seconds, {r["task"]: next(m["value"] for m in r["metrics"] if m["metric"] == "acc") for r in results}


def run_theirs(tasks, experts, batch_size):
    model = HFLM(pretrained=str(MODEL), dtype="float32", device="cpu", batch_size=batch_size,
                 experts_implementation=experts)
    manager = TaskManager(include_defaults=False)
    begin = time.perf_counter()
    found = lm_eval.simple_evaluate(model=model, tasks=tasks, num_fewshot=0, bootstrap_iters=0, log_samples=False,
                                    task_manager=manager)
    seconds = time.perf_counter() - begin
    return seconds, {name: found["results"][name]["acc,none"] for name in TASKS}


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if not DATA.exists():
        sys.exit(f"no {DATA}: set UNCURL_DATA to the folder with shared data")
    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tasks = make_tasks(folder)
        run_theirs(tasks, EXPERTS[0], BATCH_SIZES[-1])  # makes the data sets
        first = {way: run_theirs(tasks, *way)[0] for way in itertools.product(EXPERTS, BATCH_SIZES)}
        best = min(first, key=first.get)
        for (experts, size), seconds in first.items():
            print(f"  lm-evaluation-harness, {experts}, batches of {size}: {seconds:.1f} s", flush=True)
        run_ours(program, folder)
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(run_ours(program, folder))
            theirs.append(run_theirs(tasks, *best))
    print(f"  uncurl eval             {spread([run[0] for run in ours])} s, the whole process")
    print(f"  lm-evaluation-harness   {spread([run[0] for run in theirs])} s, {best[0]}, batches of {best[1]}")
    for task in TASKS:
        print(f"    {task:10} accuracy {ours[0][1][task]:.4f} and {theirs[0][1][task]:.4f}")
    ratios = [peer[0] / mine[0] for mine, peer in zip(ours, theirs)]
    print(f"  ratio {spread(ratios)}, target {TARGET}")


if __name__ == "__main__":
    main()
