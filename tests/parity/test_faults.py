"""System calls that fail one by one: each leaves the old or the new under its name, with an error that says so, and the
next run of the same command goes on to the same bytes. UNCURL_FAULTS=all tries every call; otherwise some of each
kind, evenly spread over the run."""

import collections
import os
import re
import shutil
import subprocess

import pytest

import jobs
from test_durable import calls_of, strace  # noqa: F401 (a fixture)

KINDS = ("openat", "mkdir", "rename", "unlink", "unlinkat", "rmdir", "write", "pwrite64", "fsync", "ftruncate",
         "fallocate")
REMOVING = ("unlink", "unlinkat", "rmdir")  # of what is no longer needed: that it stays loses nothing
POINTS = 3  # of each kind and command, unless all are asked for


def counted_calls(job, folder, log, kind):
    """Numbers, from one, of the calls of a kind by the main thread that touch the folder."""
    folder.mkdir()
    job.prepare(folder)
    done = job.run(folder, prefix=["strace", "-f", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={kind}"])
    assert done.returncode == 0, done.stderr
    process, numbers, count = None, [], 0
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(rf"^(\d+) +{kind}\(", line)
        if not match:
            continue
        process = process or match.group(1)
        if match.group(1) != process:
            continue
        count += 1
        # A terminal that cannot be written to, and what is only read, are other matters.
        if str(folder) in line and not (kind == "openat" and "O_RDONLY" in line and "O_DIRECTORY" not in line):
            numbers.append(count)
    shutil.rmtree(folder)
    return numbers


def chosen(numbers):
    if os.environ.get("UNCURL_FAULTS") == "all" or len(numbers) <= POINTS:
        return numbers
    return [numbers[i * (len(numbers) - 1) // (POINTS - 1)] for i in range(POINTS)]


def leaves_old_or_new(job, folder, expected, replaces):
    """A folder that is to be replaced is the old or the new one, whole; nothing else has its name by half."""
    job.expect_whole(folder, expected, "after the fault")
    out = folder / "out"
    if not replaces:
        return
    assert out.is_dir() or list((folder / "out.partial").glob("*")), "the old folder is lost"
    if out.is_dir() and (out / "old").exists():
        assert sorted(path.name for path in out.iterdir()) == ["old"]
    elif out.is_dir():
        found = {os.path.join("out", name): content for name, content in jobs.content_below(out).items()}
        assert found == {name: content for name, content in expected.items() if name.startswith("out" + os.sep)}


def check_fault(job, kind, number, folder, expected, replaces):
    folder.mkdir()
    job.prepare(folder)
    inject = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={kind}", "-e", f"inject={kind}:error=EIO:when={number}"]
    done = job.run(folder, prefix=inject)
    where = f"{job.name}, {kind} number {number}"
    assert done.returncode in (0, 1), f"{where}: exit status {done.returncode}\n{done.stderr}"
    if done.returncode == 1:
        assert "error: " in done.stderr, f"{where}: no message\n{done.stderr}"
        assert "terminate called" not in done.stderr, where
    leaves_old_or_new(job, folder, expected, replaces)
    again = job.run(folder)
    # What the fault left finished is not made a second time: it exists.
    finished = again.returncode == 1 and "exists" in again.stderr
    assert again.returncode == 0 or finished, f"{where}, run again:\n{done.stderr}\n{again.stderr}"
    left = jobs.content_below(folder)
    if kind in REMOVING:
        left = {name: content for name, content in left.items() if not re.search(r"\.partial|\.state/|\.lock$", name)}
    assert left == expected, f"{where}, run again: other bytes, or something is left: {left.keys() ^ expected.keys()}"
    shutil.rmtree(folder)
    return done.returncode == 1


def some_jobs(models):
    prune = jobs.prune_jobs(models)
    return [prune[0], jobs.replacing(prune[1]), jobs.observe_job(models), jobs.apply_job(models),
            jobs.replacing(jobs.apply_job(models)), jobs.eval_job(models), jobs.sweep_job(models), jobs.train_job(models)]


@pytest.mark.parametrize("number", range(8))
def test_every_system_call_may_fail_once(tmp_path, models, strace, number):
    job = some_jobs(models)[number]
    replaces = job.name.endswith("-overwrite")
    expected = jobs.result_of(job, tmp_path / "work")
    tried = failed = 0
    for kind in KINDS:
        for call in chosen(counted_calls(job, tmp_path / "work", tmp_path / "log", kind)):
            failed += check_fault(job, kind, call, tmp_path / "work", expected, replaces)
            tried += 1
    print(f"{job.name}: {tried} calls failed, {failed} of them ended the run with an error")
    assert failed > 0


def test_killed_while_the_mark_is_made(tmp_path, models, strace):
    job = jobs.prune_jobs(models)[0]
    expected = jobs.result_of(job, tmp_path / "work")
    for kind, number in (("mkdir", 1), ("ftruncate", 1)):
        folder = tmp_path / "work"
        folder.mkdir()
        killed = job.run(folder, prefix=["strace", "-f", "-o", "/dev/null", "-e", f"trace={kind}", "-e",
                                         f"inject={kind}:signal=SIGKILL:when={number}"])
        assert killed.returncode != 0 and not (folder / "out").exists()
        again = job.run(folder)
        assert again.returncode == 0, again.stderr
        assert jobs.content_below(folder) == expected
        shutil.rmtree(folder)


# ---- Weights that cannot be read ------------------------------------------------------------------------------------

def reads_of(weights, job, folder, log):
    """How often the thread that reads this file most often does."""
    folder.mkdir()
    done = job.run(folder, prefix=["strace", "-f", "-P", str(weights), "-e", "trace=pread64", "-o", str(log)])
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder)
    threads = re.findall(r"^(\d+) +pread64\(", log.read_text(errors="replace"), re.MULTILINE)
    return max(collections.Counter(threads).values())


@pytest.mark.parametrize("method", ["reap", "uncurl"])
def test_a_read_of_the_weights_may_fail(tmp_path, models, strace, method):
    """At any of the reads, counted by thread: a disk that fails is told by the file, and the next run goes on."""
    job = next(job for job in jobs.prune_jobs(models) if job.name == f"prune-apart-{method}")
    weights = models.checkpoint("olmoe", "apart") / "model.safetensors"
    expected = jobs.result_of(job, tmp_path / "work")
    count = reads_of(weights, job, tmp_path / "work", tmp_path / "log")
    for number in chosen(range(1, count + 1)):
        folder = tmp_path / "work"
        folder.mkdir()
        done = job.run(folder, prefix=["strace", "-f", "-o", "/dev/null", "-P", str(weights), "-e", "trace=pread64", "-e",
                                       f"inject=pread64:error=EIO:when={number}"])
        assert f"{weights}: cannot be read at byte " in done.stderr.splitlines()[-1], done.stderr
        if done.returncode == 0:  # the comparison with dropping, which comes last, is left out and said to be
            assert done.stderr.endswith(f"{folder / 'out'} is complete\n"), f"read {number} of {count}: {done.stderr}"
        else:
            assert done.stderr.splitlines()[-1].startswith("error: "), done.stderr
            again = job.run(folder)
            assert again.returncode == 0, f"read {number} of {count}, run again: {again.stderr}"
            assert jobs.content_below(folder) == expected
        shutil.rmtree(folder)


def test_weights_that_are_cut_short_while_they_are_read_end_the_run_with_their_name(tmp_path, models, strace):
    model = shutil.copytree(models.checkpoint("olmoe", "apart"), tmp_path / "model")
    weights = model / "model.safetensors"
    command = [str(jobs.BUILD / "uncurl"), "prune", str(model), *map(str, models.tasks), "--experts", "4", "--method",
               "reap", "-o", str(tmp_path / "out")]
    # A third of the reads are done when the next one waits, long enough for the file to be cut.
    waiting = subprocess.Popen(["strace", "-f", "-o", str(tmp_path / "log"), "-P", str(weights), "-e", "trace=pread64",
                                "-e", "inject=pread64:delay_enter=3s:when=60", *command],
                               stderr=subprocess.PIPE, text=True)
    while not ((tmp_path / "log").exists() and (tmp_path / "log").read_text(errors="replace").count("pread64(") >= 60):
        assert waiting.poll() is None, "it ended before the file was cut"
    os.truncate(weights, 5000)
    _, message = waiting.communicate(timeout=300)
    assert waiting.returncode == 1, message
    assert message.splitlines()[-1].startswith(f"error: {weights}: has 5000 bytes now, but had "), message
    assert not (tmp_path / "out").exists()


# ---- Two runs on one output -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["prune", "observe", "sweep", "train"])
def test_a_second_run_on_the_same_output_is_refused_at_once(tmp_path, models, strace, name):
    job = {"prune": jobs.prune_jobs(models)[0], "observe": jobs.observe_job(models), "sweep": jobs.sweep_job(models),
           "train": jobs.train_job(models)}[name]
    expected = jobs.result_of(job, tmp_path / "work")
    folder = tmp_path / "work"
    folder.mkdir()
    # The first run waits in the middle: it is stopped where it first syncs something.
    first = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e",
                              "inject=fsync:delay_enter=4s:when=1", *job.command(folder)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    mark = {"prune": "out.partial/.uncurl", "observe": "out.safetensors.lock", "sweep": "out/sweep.lock",
            "train": "out.partial/.uncurl-train"}[name]
    while not ((folder / mark).exists() and (folder / mark).read_text().endswith("\n")):
        assert first.poll() is None, "it ended before a second could be started"
    second = job.run(folder)
    assert second.returncode == 1 and "another run is working on it (process " in second.stderr, second.stderr
    assert "uncurl " + name in second.stderr
    assert first.poll() is None, "the first had ended already"
    _, message = first.communicate(timeout=300)
    assert first.returncode == 0, message
    assert jobs.content_below(folder) == expected
