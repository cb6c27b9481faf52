"""The same command after it was stopped between two stations: it goes on by itself. Another one is refused."""

import signal
import subprocess
import time

import pytest

from conftest import BUILD, uncurl

FILES = ("model.safetensors", "config.json", "plan.json")


def prune(models, out, *options):
    return ("prune", models.checkpoint("olmoe"), *models.tasks, "--experts", 4, "-o", out, *options)


def kill_when(arguments, is_time):
    process = subprocess.Popen([str(BUILD / "uncurl"), *map(str, arguments)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while not is_time():
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL


@pytest.fixture
def killed_after_observing(tmp_path, models):
    """OUT of a prune that was killed while its checkpoint was written."""
    out = tmp_path / "out"
    kill_when(prune(models, out), (tmp_path / "out.partial" / "checkpoint" / "model.safetensors").exists)
    assert (tmp_path / "out.stats.safetensors").exists() and not out.exists()
    return out


def test_prune_takes_its_own_statistics(tmp_path, models, killed_after_observing):
    out = killed_after_observing
    stats = tmp_path / "out.stats.safetensors"
    before = stats.stat().st_mtime_ns
    printed = uncurl(*prune(models, out))
    assert "observed  before" in printed and "observing" not in printed
    assert stats.stat().st_mtime_ns == before
    uncurl(*prune(models, tmp_path / "whole"))
    assert (tmp_path / "whole.stats.safetensors").read_bytes() == stats.read_bytes()
    for name in FILES[:2]:
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(p.name for p in tmp_path.glob("out*")) == ["out", "out.stats.safetensors"]


def test_other_counts_and_methods_take_them_too(models, killed_after_observing):
    printed = uncurl(*prune(models, killed_after_observing, "--method", "reap"))
    assert "observed  before" in printed


@pytest.mark.parametrize("options", [("--max-tokens", 500), ("--dtype", "bf16"), ("--task", "words")],
                         ids=lambda options: options[0])
def test_those_of_another_observation_are_refused(tmp_path, models, killed_after_observing, options):
    options = [models.words if option == "words" else option for option in options]
    before = (tmp_path / "out.stats.safetensors").read_bytes()
    printed = uncurl(*prune(models, killed_after_observing, *options), expect=1)
    assert "out.stats.safetensors: exists, and the statistics in it are of another observation" in printed
    assert "--overwrite" in printed and "observing" not in printed
    assert (tmp_path / "out.stats.safetensors").read_bytes() == before
    uncurl(*prune(models, killed_after_observing, *options, "--overwrite"))
    assert (tmp_path / "out.stats.safetensors").read_bytes() != before


def test_damaged_statistics_are_refused_with_the_reason(tmp_path, models, killed_after_observing):
    stats = tmp_path / "out.stats.safetensors"
    stats.write_bytes(stats.read_bytes()[:-1000])
    printed = uncurl(*prune(models, killed_after_observing), expect=1)
    assert "cannot be used (" in printed and "--overwrite" in printed
    uncurl(*prune(models, killed_after_observing, "--overwrite"))


def test_observe_sees_that_it_is_done(tmp_path, models):
    arguments = ("observe", models.checkpoint("olmoe"), *models.tasks, "-o", tmp_path / "stats.safetensors")
    uncurl(*arguments)
    before = (tmp_path / "stats.safetensors").stat().st_mtime_ns
    assert "observed  before" in uncurl(*arguments)
    assert (tmp_path / "stats.safetensors").stat().st_mtime_ns == before
    assert "observing" in uncurl(*arguments, "--overwrite")


def test_an_interruption_after_the_output_stands_says_so(tmp_path, models):
    """The comparison with dropping comes when OUT has its name: nothing may take it away then."""
    out = tmp_path / "out"
    process = subprocess.Popen([str(BUILD / "uncurl"), *map(str, prune(models, out))], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    while not out.exists():
        assert process.poll() is None
        time.sleep(0.0005)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode in (0, 130)  # 0: it was over before the signal came
    if process.returncode == 130:
        assert f"{out} is complete" in message
    assert (out / "result.json").exists() and not (tmp_path / "out.partial").exists()
