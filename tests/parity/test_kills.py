"""SIGKILLs at random moments of everything that takes long, a full disk and too little memory: nothing half written has
its name, what was saved is not lost, and in the end the bytes are those of a run that nothing disturbed."""

import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import time

import pytest

import jobs

KILLS = int(os.environ.get("UNCURL_KILLS", "8"))  # of each job
NAMES = [*(f"prune-{layout}-{method}" for layout in ("apart", "fused", "sharded") for method in ("reap", "uncurl")),
         "prune-sequential", "observe", "sweep", "train", "apply", "prune-overwrite", "study"]


def job_named(models, name):
    prune = {job.name: job for job in jobs.prune_jobs(models)}
    others = {"observe": jobs.observe_job, "sweep": jobs.sweep_job, "train": jobs.train_job, "apply": jobs.apply_job,
              "study": jobs.study_job}
    if name == "prune-overwrite":
        return jobs.replacing(prune["prune-apart-reap"])
    return prune[name] if name in prune else others[name](models)


def saved_layer(state):
    """The layer after which a state resumes, from the header of its file; None without a state."""
    path = state / "hidden.safetensors"
    if not path.exists():
        return None
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return json.loads(header["__metadata__"]["uncurl"])["next_layer"]


def kill(job, folder, seconds):
    """Starts the job and kills it after so long. Returns whether it was still at work."""
    process = job.start(folder)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode in (0, 1, -signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_random_moments(tmp_path, models, name):
    job = job_named(models, name)
    folder, chooser = tmp_path / "work", random.Random(name)
    begin = time.monotonic()
    expected = jobs.result_of(job, folder)
    duration = time.monotonic() - begin
    kills = 0
    for _ in range(4 * KILLS):
        folder.mkdir()
        job.prepare(folder)
        while kills < KILLS:
            was_killed = kill(job, folder, chooser.uniform(0.1, 1.0) * duration)
            kills += was_killed
            job.expect_whole(folder, expected, f"after kill {kills}")
            if not was_killed:
                break
        state = folder / (job.finals[-1] + ".state" if job.finals else "none")
        saved = saved_layer(state)
        last = job.run(folder)
        finished = last.returncode == 1 and "exists" in last.stderr
        assert last.returncode == 0 or finished, f"{name}\n{last.stderr}"
        if saved is not None:
            assert f"resuming after layer {saved}" in last.stderr
        assert jobs.content_below(folder) == expected, f"{name}: other bytes, or something is left"
        shutil.rmtree(folder)
        if kills >= KILLS:
            break
    assert kills >= KILLS, "it ended before it could be killed so often"


# ---- Disk and memory ------------------------------------------------------------------------------------------------

@pytest.fixture
def small_disk(tmp_path):
    """Makes a file system of so many bytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    resize = lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)
    yield place, resize
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("name", ["prune-apart-uncurl", "observe", "sweep", "train"])
def test_a_full_disk(tmp_path, models, small_disk, name):
    place, resize = small_disk
    job, folder, chooser = job_named(models, name), place / "work", random.Random(name)
    expected = jobs.result_of(job, tmp_path / "work")
    size = sum(map(len, expected.values()))
    failed = 0
    for _ in range(6):
        resize(64 * 1024 + chooser.randint(0, size))
        folder.mkdir(exist_ok=True)
        done = job.run(folder)
        assert done.returncode in (0, 1) and "terminate" not in done.stderr, done.stderr
        if done.returncode == 1 and "exists" not in done.stderr:
            failed += 1
            assert any(word in done.stderr for word in ("No space left", "free; make room", "cannot be reserved")), done.stderr
        job.expect_whole(folder, expected, "on a full disk")
    assert failed > 0
    resize("256m")
    last = job.run(folder)
    assert last.returncode == 0 or "exists" in last.stderr, last.stderr
    assert jobs.content_below(folder) == expected


@pytest.mark.parametrize("name", ["prune-apart-uncurl", "observe", "train"])
def test_too_little_memory(tmp_path, models, name):
    job, folder, chooser = job_named(models, name), tmp_path / "work", random.Random(name)
    expected = jobs.result_of(job, folder)
    folder.mkdir()
    failed = 0
    # Of address space, of which the libraries alone take some 400 MiB. From little to much: the first run that fits ends
    # the work.
    for limit in sorted(chooser.randint(300, 700) << 20 for _ in range(8)):
        done = job.run(folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        if done.returncode != 0 and "exists" not in done.stderr:
            failed += 1
            # The libraries below us may end with a signal where they get no memory (docs/reliability.md).
            assert done.stderr.strip() or done.returncode < 0, f"status {done.returncode} without a word at {limit} bytes"
        job.expect_whole(folder, expected, "with too little memory")
    assert failed > 0
    last = job.run(folder)
    assert last.returncode == 0 or "exists" in last.stderr, last.stderr
    assert jobs.content_below(folder) == expected
