"""What is said to be there is there after a loss of power: of every file and folder that gets its name, the record of
system calls shows that all bytes inside were synced before, and the folder that holds the name after."""

import re
import shutil
import subprocess

import pytest

import jobs

CALL = re.compile(r"^(\d+) +(.*)$")
WRITING = re.compile(r"O_WRONLY|O_RDWR")


@pytest.fixture(scope="module")
def strace(tmp_path_factory):
    if not shutil.which("strace"):
        pytest.skip("strace is absent: apt-get install strace")
    probe = subprocess.run(["strace", "-f", "-o", tmp_path_factory.mktemp("strace") / "log", "true"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("strace may not trace here (ptrace is not permitted)")
    return "strace"


def calls_of(log):
    """Lines of finished calls, in the order in which they finished."""
    begun = {}
    for line in log.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if not match:
            continue
        process, text = match.groups()
        if text.endswith("<unfinished ...>"):
            begun[process] = text.removesuffix("<unfinished ...>")
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)$", text)
        yield begun.pop(process, "") + resumed.group(1) if resumed else text


class Disk:
    """What is synced of the files and folders below `root`, as the calls go by."""

    def __init__(self, root):
        self.root = str(root)
        self.dirty = set()     # files with bytes that are not on the disk
        self.unsynced = {}     # folder -> names in it that are not on the disk
        self.faults = []
        self.renames = 0

    def take(self, call):
        name, _, rest = call.partition("(")
        if re.search(r"= -1 \w+", rest):
            return
        ours = [path for path in re.findall(r'[<"]([^<>"]+)[>"]', rest) if path.startswith(self.root)]
        if not ours:
            return
        if name == "openat" and WRITING.search(rest):
            self.dirty.add(ours[-1])
        elif name in ("write", "pwrite64", "pwritev", "writev", "ftruncate", "fallocate", "sendfile", "copy_file_range"):
            self.dirty.update(ours)
        elif name in ("fsync", "fdatasync"):
            self.dirty.discard(ours[0])
            self.unsynced.pop(ours[0], None)
        elif name in ("rename", "renameat", "renameat2"):
            self.rename(ours[-2], ours[-1])
        elif name in ("unlink", "unlinkat", "rmdir"):
            self.dirty.discard(ours[-1])

    def rename(self, old, new):
        self.renames += 1
        inside = lambda path: path == old or path.startswith(old + "/")
        for path in sorted(self.dirty):
            if inside(path):
                self.faults.append(f"{path} was not synced before {old} became {new}")
        for folder in sorted(self.unsynced):
            if inside(folder):
                self.faults.append(f"names in {folder} were not synced before {old} became {new}")
        self.dirty = {new + path[len(old):] if inside(path) else path for path in self.dirty}
        self.unsynced.setdefault(new.rpartition("/")[0], set()).add(new)


def all_jobs(models):
    return [*jobs.prune_jobs(models)[::2], jobs.replacing(jobs.prune_jobs(models)[0]), jobs.observe_job(models),
            jobs.plan_job(models), jobs.apply_job(models), jobs.eval_job(models), jobs.sweep_job(models),
            jobs.train_job(models), jobs.study_job(models)]


@pytest.mark.parametrize("number", range(12))
def test_names_are_given_to_what_is_on_the_disk(tmp_path, models, strace, number):
    job = all_jobs(models)[number]
    folder, log = tmp_path / "work", tmp_path / "log"
    folder.mkdir()
    job.prepare(folder)
    calls = "openat,write,pwrite64,writev,ftruncate,fallocate,sendfile,copy_file_range,fsync,fdatasync,unlink,unlinkat," \
            "rmdir,/^rename"
    done = job.run(folder, prefix=[strace, "-f", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={calls}"])
    assert done.returncode == 0, done.stderr
    disk = Disk(folder)
    for call in calls_of(log):
        disk.take(call)
    assert not disk.faults
    unsynced = {folder: names for folder, names in disk.unsynced.items() if ".partial" not in folder}
    assert not unsynced, "names that the last sync of their folder did not see"
    assert disk.renames > 0


def test_the_record_would_show_a_missing_sync(tmp_path):
    """The reading of the record, on records made by hand."""
    def faults(*calls):
        disk = Disk("/w")
        for call in calls:
            disk.take(call)
        return disk.faults, disk.unsynced

    opened, written = 'openat(AT_FDCWD</>, "/w/a.partial", O_WRONLY|O_CREAT, 0666) = 3</w/a.partial>', 'write(3</w/a.partial>, "x", 1) = 1'
    synced, renamed = "fsync(3</w/a.partial>) = 0", 'rename("/w/a.partial", "/w/a") = 0'
    parent = "fsync(4</w>) = 0"
    assert faults(opened, written, synced, renamed, parent) == ([], {})
    assert faults(opened, written, renamed, parent)[0]
    assert faults(opened, synced, written, renamed, parent)[0]
    assert faults(opened, written, synced, renamed)[1] == {"/w": {"/w/a"}}
    assert faults(opened, written, "fsync(3</w/a.partial>) = -1 EIO (Input/output error)", renamed)[0]
