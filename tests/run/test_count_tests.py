"""tools/count_tests and .ci/run: every part runs whatever the others found, and the last line counts all tests."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# As ctest 3.25 writes it: two programs of GoogleTest that pass and fail, one that crashes, one that is no GoogleTest,
# and one that ctest skipped.
CTEST = """<testsuite tests="5" failures="2" skipped="1">
<testcase name="base" status="run"><system-out>[==========] 4 tests ran.
[  PASSED  ] 3 tests.
[  SKIPPED ] 1 test, listed below:</system-out></testcase>
<testcase name="text" status="fail"><failure message=""/><system-out>[==========] 7 tests ran.
[  PASSED  ] 5 tests.
[  FAILED  ] 2 tests, listed below:
[  FAILED  ] Text.One</system-out></testcase>
<testcase name="prune" status="fail"><failure message="SEGFAULT"/><system-out>[ RUN ] Plan.Two</system-out></testcase>
<testcase name="layers" status="run"><system-out/></testcase>
<testcase name="kernels_cpu_v4" status="notrun"><skipped message=""/><system-out/></testcase>
</testsuite>"""
PYTEST = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>
<testcase name="c"><skipped/></testcase><testcase name="d"><error/></testcase></testsuite></testsuites>"""


def count(folder, *parts):
    return subprocess.run([sys.executable, ROOT / "tools/count_tests", folder, *parts], capture_output=True, text=True)


def last_line(done):
    return done.stdout.splitlines()[-1]


def test_counts_tests_and_not_programs(tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test/fast.xml").write_text(CTEST)
    (tmp_path / "test/python.xml").write_text(PYTEST)
    done = count(tmp_path, "test=1")
    assert last_line(done) == "10 passed, 5 failed"  # 3 + 5 + layers + a; 2 + the crash + b + d
    assert done.returncode == 1


def test_a_part_without_tests_counts_once(tmp_path):
    assert last_line(count(tmp_path, "check=0")) == "1 passed, 0 failed"
    assert count(tmp_path, "check=0").returncode == 0
    assert last_line(count(tmp_path, "check=0", "asan=2")) == "1 passed, 1 failed"
    assert count(tmp_path, "check=0", "asan=2").returncode == 1


def test_a_part_that_fails_beside_its_tests_counts_as_failed(tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test/python.xml").write_text("<testsuite><testcase name='a'/></testsuite>")
    assert last_line(count(tmp_path, "test=1")) == "1 passed, 1 failed"


@pytest.fixture
def machine(tmp_path):
    """A tree whose ./run writes its arguments to `calls` and fails where `fails` names the command."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    shutil.copy(ROOT / "tools/count_tests", tmp_path / "tools/count_tests")
    (tmp_path / "run").write_text("#!/usr/bin/env bash\ncd \"$(dirname \"$0\")\"\necho \"$*\" >>calls\n"
                                  "[[ ! -e fails || $(<fails) != \"$1\" ]]\n")
    (tmp_path / "run").chmod(0o755)
    return tmp_path


def test_ci_runs_every_part_and_fails_if_one_failed(machine):
    good = subprocess.run([machine / ".ci/run"], capture_output=True, text=True)
    parts = (machine / "calls").read_text().splitlines()
    assert good.returncode == 0 and last_line(good) == f"{len(parts)} passed, 0 failed"
    assert {"check", "test"} <= set(parts) and any(part.startswith("asan ") for part in parts)

    (machine / "calls").unlink()
    (machine / "fails").write_text("check")
    bad = subprocess.run([machine / ".ci/run"], capture_output=True, text=True)
    assert (machine / "calls").read_text().splitlines() == parts
    assert bad.returncode == 1 and last_line(bad) == f"{len(parts) - 1} passed, 1 failed"
