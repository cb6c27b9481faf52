"""Commands that leave something on the disk, on tiny checkpoints: what the tests of kills, of failing system calls and
of lost power all run."""

import dataclasses
import fnmatch
import json
import pathlib
import shutil
import subprocess
import typing

from conftest import BUILD, ROOT, random_sentences, write_json, write_rows

# What differs from run to run, or names the folder of a run.
TOLD = {"seconds", "optimizer_seconds", "timings", "command", "output", "run"}


def untold(value):
    if isinstance(value, dict):
        return {key: untold(inner) for key, inner in value.items() if key not in TOLD}
    return [untold(inner) for inner in value] if isinstance(value, list) else value


def content_of(path):
    """Bytes of a file, without times."""
    if path.suffix == ".json":
        return json.dumps(untold(json.loads(path.read_text()))).encode()
    if path.suffix == ".jsonl":
        return "\n".join(json.dumps(untold(json.loads(line))) for line in path.read_text().splitlines()).encode()
    return path.read_bytes()


def content_below(folder):
    return {str(path.relative_to(folder)): content_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


@dataclasses.dataclass
class Job:
    """A command of uncurl that writes below a folder of its own."""
    name: str
    arguments: typing.Callable[[pathlib.Path], tuple]  # of its folder
    finals: tuple = ("out",)  # names in the folder that are whole whenever they are there
    prepare: typing.Callable[[pathlib.Path], None] = lambda folder: None

    def command(self, folder):
        return [str(BUILD / "uncurl"), *map(str, self.arguments(folder))]

    def run(self, folder, prefix=(), **options):
        return subprocess.run([*prefix, *self.command(folder)], capture_output=True, text=True, errors="replace",
                              timeout=300, **options)

    def start(self, folder):
        return subprocess.Popen(self.command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def expect_whole(self, folder, expected, when):
        """What has its name is what it should be, down to the last byte."""
        for name in sorted({final for pattern in self.finals for final in beginnings(expected, pattern)}):
            path = folder / name
            wanted = {key: value for key, value in expected.items() if key == name or key.startswith(name + "/")}
            found = {}
            if path.is_dir():
                found = {f"{name}/{key}": value for key, value in content_below(path).items()}
            elif path.exists():
                found = {name: content_of(path)}
            if path.exists():
                different = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
                assert not different, f"{self.name}, {when}: {different} are not what they should be"


def beginnings(paths, pattern):
    """Those of the paths, or folders of theirs, that match a pattern."""
    depth = pattern.count("/") + 1
    return {name for path in paths if fnmatch.fnmatch(name := "/".join(path.split("/")[:depth]), pattern)}


def prune_jobs(models):
    """Every kind of output: dropping and merging, a tensor per expert, fused and sharded, sequential, replacing."""
    jobs = []
    for layout in ("apart", "fused", "sharded"):
        for method in ("reap", "uncurl"):
            family = {"apart": "olmoe", "fused": "qwen3_moe", "sharded": "qwen2_moe"}[layout]
            model = models.checkpoint(family, layout)
            jobs.append(Job(f"prune-{layout}-{method}",
                            lambda folder, model=model, method=method: (
                                "prune", model, *models.tasks, "--experts", 4, "--method", method, "--save-seconds", 0,
                                "-o", folder / "out"),
                            ("out", "out.stats.safetensors")))
    model = models.checkpoint("mixtral")
    jobs.append(Job("prune-sequential",
                    lambda folder: ("prune", model, *models.tasks, "--experts", 3, "--sequential", "--save-seconds", 0,
                                    "-o", folder / "out"),
                    ("out", "out.stats.safetensors")))
    return jobs


def observe_job(models):
    model = models.folder / "deep"
    if not model.exists():
        models.build(model, "olmoe", num_hidden_layers=8)
        write_rows(models.folder / "deep.jsonl", random_sentences(6, 200))
    return Job("observe", lambda folder: ("observe", model, "--task", models.folder / "deep.jsonl", "--save-seconds", 0,
                                          "-o", folder / "out.safetensors"), ("out.safetensors",))


def plan_job(models):
    return Job("plan", lambda folder: ("plan", models.checkpoint("olmoe"), models.stats("olmoe"), "--experts", 4,
                                       "-o", folder / "plan.json"), ("plan.json",))


def apply_job(models):
    plan = models.folder / "job-plan.json"
    if not plan.exists():
        models.plan(plan, "olmoe")
    return Job("apply", lambda folder: ("apply", models.checkpoint("olmoe"), plan, "--stats", models.stats("olmoe"),
                                        "-o", folder / "out"))


def model_with_eos(models):
    """A checkpoint whose tokenizer names a token that begins and ends texts."""
    model = models.folder / "with-eos"
    if not model.exists():
        models.build(model, "qwen3_moe")
        write_json(model / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "~"})
    return model


def eval_job(models):
    return Job("eval", lambda folder: ("eval", model_with_eos(models), "--task", models.held_out, "-o",
                                       folder / "eval.json"), ("eval.json",))


def sweep_job(models):
    return Job("sweep", lambda folder: ("sweep", models.checkpoint("olmoe"), *models.tasks, "--methods",
                                        "reap,frequency", "--experts", "6,4", "--no-cross-task", "--save-seconds", 0,
                                        "-o", folder / "out"),
               ("out/sweep.json", "out/stats.safetensors"))


def train_job(models):
    model = model_with_eos(models)
    value = {"model": {"checkpoint": str(model)}, "output": "", "data": [{"path": str(models.words)}], "steps": 30,
             "sequence_length": 32, "batch": {"rows": 8}, "save": {"every_steps": 3}}
    config = write_json(models.folder / "train-job.json", value)
    return Job("train", lambda folder: ("train", config, "-o", folder / "out"))


def study_job(models):
    """The smallest study of the repository, with its output below the folder."""
    source = ROOT / "examples" / "study" / "ci.json"

    def arguments(folder):
        value = json.loads(source.read_text())
        value["output"] = str(folder / "study")
        value["tokenizer"] = str(source.parent / value["tokenizer"])
        value["tasks"] = [str(source.parent / task) for task in value["tasks"]]
        for part in ("pretrain", "warmup", "prefinetune"):
            for rows in value[part]["data"] + value[part].get("validation", {}).get("data", []):
                rows["path"] = str(source.parent / rows["path"])
        return "study", write_json(folder / "study-config.json", value)

    return Job("study", arguments, ("study/stages/*", "study/study.json"))


def replacing(job):
    """The same with --overwrite, where there is something to replace."""
    def prepare(folder):
        (folder / "out").mkdir()
        (folder / "out" / "old").write_text("old")

    return dataclasses.replace(job, name=job.name + "-overwrite", prepare=prepare, finals=(),
                               arguments=lambda folder: (*job.arguments(folder), "--overwrite"))


def result_of(job, folder):
    """Runs the job in a folder of its own and returns all that it leaves."""
    folder.mkdir(parents=True)
    job.prepare(folder)
    done = job.run(folder)
    assert done.returncode == 0, f"{job.name}\n{done.stdout}\n{done.stderr}"
    content = content_below(folder)
    shutil.rmtree(folder)
    return content
