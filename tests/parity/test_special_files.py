"""What is no file, where a file belongs, is refused at once with what it is; links of a hub cache work."""

import os
import shutil
import socket
import subprocess

import pytest

from conftest import BUILD, expect_error, uncurl

SECONDS = 30  # a program that waits for a pipe's writer waits for ever


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def listening(path):
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket holds 107 bytes at most
    socket.socket(socket.AF_UNIX).bind(path.name)
    os.chdir(here)


def folder(path):
    path.mkdir()


def dangling(path):
    path.symlink_to("gone")


KINDS = {
    pipe: "is a pipe", device: "is a device", listening: "is a socket", folder: "is a folder",
    dangling: "is a link to gone, which does not exist",
}


@pytest.fixture(params=KINDS, ids=lambda make: make.__name__)
def special(request):
    """Puts something that is no file in place of `path`; what the error must name."""
    def replace(path):
        if path.exists():
            path.unlink()
        request.param(path)
        return [path, KINDS[request.param]]
    return replace


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_files_of_a_checkpoint(tmp_path, models, special, name):
    shutil.copytree(models.checkpoint("olmoe"), tmp_path / "model")
    naming = special(tmp_path / "model" / name)
    expect_error("observe", tmp_path / "model", "--task", models.words, "-o", tmp_path / "stats.safetensors",
                 naming=naming, timeout=SECONDS)


def test_shards(tmp_path, models, special):
    shutil.copytree(models.checkpoint("olmoe", "sharded"), tmp_path / "model")
    naming = special(sorted((tmp_path / "model").glob("model-*.safetensors"))[1])
    expect_error("inspect", tmp_path / "model", naming=naming, timeout=SECONDS)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.txt", "task.json"])
def test_data(tmp_path, models, special, name):
    naming = special(tmp_path / name)
    expect_error("observe", models.checkpoint("olmoe"), "--task", tmp_path / name, "-o",
                 tmp_path / "stats.safetensors", naming=naming, timeout=SECONDS)


def test_statistics(tmp_path, models, special):
    naming = special(tmp_path / "stats.safetensors")
    expect_error("plan", models.checkpoint("olmoe"), tmp_path / "stats.safetensors", "--experts", 4, "-o",
                 tmp_path / "plan.json", naming=naming, timeout=SECONDS)


def test_plans(tmp_path, models, special):
    naming = special(tmp_path / "plan.json")
    expect_error("apply", models.checkpoint("olmoe"), tmp_path / "plan.json", "-o", tmp_path / "out", naming=naming,
                 timeout=SECONDS)


@pytest.mark.parametrize("command", ["train", "study"])
def test_configs(tmp_path, special, command):
    naming = special(tmp_path / "config.json")
    expect_error(command, tmp_path / "config.json", naming=naming, timeout=SECONDS)


@pytest.mark.parametrize("name", ["sweep.json", "study.json", "eval.json", "result.json"])
def test_results(tmp_path, special, name):
    naming = special(tmp_path / name)
    expect_error("report", tmp_path, "-o", tmp_path / "report.html", naming=naming, timeout=SECONDS)


def test_rows_from_a_pipe_of_the_shell(tmp_path, models):
    command = '"$0" observe "$1" --task <(cat "$2") -o "$3"'
    arguments = [BUILD / "uncurl", models.checkpoint("olmoe"), models.words, tmp_path / "stats.safetensors"]
    done = subprocess.run(["bash", "-c", command, *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1 and "write what it delivers into a file" in done.stderr, done.stderr


def test_links_of_a_hub_cache(tmp_path, models):
    """snapshots/<revision>/NAME -> ../../blobs/<hash>, as huggingface_hub lays a download out."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "0123"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(models.checkpoint("olmoe").iterdir())):
        shutil.copy(path, blobs / f"{number:040x}")
        (snapshot / path.name).symlink_to(f"../../blobs/{number:040x}")
    for model in (models.checkpoint("olmoe"), snapshot):
        uncurl("observe", model, "--task", models.words, "-o", tmp_path / f"{model.name}.safetensors")
    ours, theirs = sorted(tmp_path.glob("*.safetensors"))
    assert ours.read_bytes() == theirs.read_bytes()


# ---- Bytes that are not UTF-8 -----------------------------------------------------------------------------------------

def test_a_config_that_is_not_utf8(tmp_path, models):
    shutil.copytree(models.checkpoint("olmoe"), tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_bytes(config.read_bytes().replace(b'"olmoe"', b'"olm\xffe"'))
    expect_error("inspect", tmp_path / "model", naming=[config, "UTF-8", r"olm\xff"])


def test_a_tensor_name_that_is_not_utf8(tmp_path, models):
    shutil.copytree(models.checkpoint("olmoe"), tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(b'"lm_head.weight"', b'"lm_head.weigh\xff"', 1))
    expect_error("inspect", tmp_path / "model", naming=[weights, "UTF-8", r"lm_head.weigh\xff"])


def test_control_characters_never_reach_the_terminal(tmp_path, models):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"\\u001b[2Jquestion\\r": "x"}\n')
    expect_error("observe", models.checkpoint("olmoe"), "--task", rows, "-o", tmp_path / "stats.safetensors",
                 naming=[rows, r"\x1b[2Jquestion\r"])
