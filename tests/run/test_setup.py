"""The set-up of ./run on a machine made of stubs: what it says, what it installs, and that it does so once.

Each test has a copy of `run` in a folder of its own and a PATH that holds the usual small tools and stand-ins for
apt-get, dpkg-query, python3 and the compilers. A stand-in writes its name and arguments to `calls`.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL_TOOLS = "awk basename bash cat cp dirname env find grep head mkdir nproc rm sed sha256sum sort tr".split()
PACKAGES = re.search(r"build_packages=\(([^)]*)\)", (ROOT / "tools/setup.sh").read_text())[1].split()
LIBRARIES = [name for name in PACKAGES if name.startswith(("lib", "nlohmann"))]

# Knows where torch is once pip has run, as the real one does.
PYTHON = """
case "$*" in
  *"%d.%d"*) echo 3.11 ;;
  *find_spec*vl_convert*) [[ -e $machine/charts ]] && echo "$machine/charts" ;;
  *find_spec*) [[ -e $machine/pip_ran ]] && echo "$machine/torch" ;;
  *m.version*) echo 2.13.0 ;;
  "-m venv"*) mkdir -p "$4/bin"; cp "$machine/bin/python3" "$4/bin/python" ;;
  "-m pip install"*)
    echo "pip ${*:3}" >>"$machine/calls"
    : >"$machine/pip_ran"
    case "$*" in *requirements-report.txt*) : >"$machine/charts" ;; esac ;;
esac
"""


class Machine:
    def __init__(self, folder):
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        for name in SMALL_TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        (folder / "tools").mkdir()
        for name in ["run", "tools/setup.sh", "requirements.txt", "requirements-report.txt", "requirements-test.txt"]:
            shutil.copy(ROOT / name, folder / name)
        (folder / "torch/include/ATen").mkdir(parents=True)
        (folder / "torch/include/ATen/ATen.h").touch()
        (folder / "torch/lib").mkdir()
        (folder / "charts").touch()
        self.stub("python3", PYTHON)
        self.stub("chromium")
        self.stub("strace")
        self.stub("g++")
        self.stub("cmake", 'case $1 in --version) echo "cmake version 3.25.1" ;; esac')
        self.stub("ninja")
        self.stub("id", "echo 0")
        self.stub("apt-get", 'echo "apt-get $*" >>"$machine/calls"')
        self.have(LIBRARIES)

    def stub(self, name, body=""):
        path = self.bin / name
        path.write_text(f'#!{shutil.which("bash")}\nmachine="{self.folder}"\n{body}\n')
        path.chmod(0o755)

    def have(self, packages):
        lines = "".join(f"installed {name}\\n" for name in packages)
        self.stub("dpkg-query", f'[[ -e $machine/apt_works ]] && printf "installed libpcre2-dev\\n"; printf "{lines}"')

    def run(self, *arguments, **settings):
        environment = {"PATH": str(self.bin), "HOME": str(self.folder), **settings}
        return subprocess.run([self.folder / "run", *arguments], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def torch(self):
        return {"UNCURL_TORCH": str(self.folder / "torch")}

    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def without(name):
    return [other for other in LIBRARIES if other != name]


def test_installs_nothing_where_nothing_is_missing(machine):
    done = machine.run("build", **machine.torch())
    assert done.returncode == 0, done.stderr
    assert "install" not in done.stderr
    assert machine.calls() == []


def test_says_and_installs_only_what_is_missing(machine):
    machine.have(without("libpcre2-dev"))
    machine.stub("apt-get", 'echo "apt-get $*" >>"$machine/calls"; : >"$machine/apt_works"')
    done = machine.run("build", **machine.torch())
    assert done.returncode == 0, done.stderr
    assert "missing Debian packages: libpcre2-dev\n" in done.stderr
    update, install = machine.calls()
    assert "update" in update and install.endswith("install -y --no-install-recommends libpcre2-dev")


def test_uses_sudo_without_asking_where_nobody_can_type(machine):
    machine.have(without("libpcre2-dev"))
    machine.stub("id", "echo 1000")
    machine.stub("sudo", 'echo "sudo $*" >>"$machine/calls"; : >"$machine/apt_works"')
    done = machine.run("build", **machine.torch())
    assert done.returncode == 0, done.stderr
    assert all(call.startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get") for call in machine.calls())


def test_prints_the_command_for_root_where_there_is_no_way_to_become_root(machine):
    machine.have(without("libpcre2-dev"))
    machine.stub("id", "echo 1000")
    done = machine.run("build", **machine.torch())
    assert done.returncode == 1
    assert "apt-get update && apt-get install -y --no-install-recommends libpcre2-dev" in done.stderr
    assert machine.calls() == []


def test_leaves_libraries_to_cmake_on_request(machine):
    machine.have([])
    done = machine.run("build", UNCURL_NO_APT="1", **machine.torch())
    assert done.returncode == 0, done.stderr
    assert machine.calls() == []


def test_names_the_tools_where_there_is_no_apt(machine):
    for name in ["apt-get", "dpkg-query", "ninja"]:
        (machine.bin / name).unlink()
    done = machine.run("build", **machine.torch())
    assert done.returncode == 1
    assert "missing Debian packages: ninja-build\n" in done.stderr and "no apt-get" in done.stderr


def test_refuses_a_cmake_that_stays_too_old(machine):
    machine.stub("cmake", 'echo "cmake version 3.22.1"')
    done = machine.run("build", **machine.torch())
    assert done.returncode == 1
    assert "3.25 or newer" in done.stderr
    assert machine.calls()[-1].endswith("cmake")


def test_refuses_a_torch_that_is_none(machine):
    for wrong in [machine.bin, "no/such/place"]:
        done = machine.run("build", UNCURL_TORCH=str(wrong))
        assert done.returncode == 1
        assert f"UNCURL_TORCH={wrong} holds no include/ATen/ATen.h" in done.stderr


def test_installs_torch_once_with_the_settings_of_the_user(machine):
    first = machine.run("build")
    assert first.returncode == 0, first.stderr
    assert "torch==2.13.0" in first.stderr and "CUDA build" in first.stderr
    assert len(machine.calls()) == 1
    assert "index" not in machine.calls()[0] and "find-links" not in machine.calls()[0]

    second = machine.run("build")
    assert second.returncode == 0, second.stderr
    assert "install" not in second.stderr
    assert len(machine.calls()) == 1


def test_installs_the_charts_once(machine):
    (machine.folder / "charts").unlink()
    first = machine.run("build", **machine.torch())
    assert first.returncode == 0, first.stderr
    assert "for the charts of reports" in first.stderr
    assert len(machine.calls()) == 1 and machine.calls()[0].endswith("requirements-report.txt")

    second = machine.run("build", **machine.torch())
    assert second.returncode == 0, second.stderr
    assert len(machine.calls()) == 1


def test_goes_on_without_a_browser_that_cannot_be_had(machine):
    machine.stub("ctest")
    (machine.bin / "chromium").unlink()
    done = machine.run("test")
    assert "going on without Chromium" in done.stderr
    assert machine.calls()[-1].endswith("install -y --no-install-recommends chromium")


def test_goes_on_without_a_record_of_system_calls(machine):
    machine.stub("ctest")
    (machine.bin / "strace").unlink()
    done = machine.run("test")
    assert "going on without strace" in done.stderr
    assert machine.calls()[-1].endswith("install -y --no-install-recommends strace")


def test_installs_the_test_packages_beside_the_torch_that_is_there(machine):
    machine.stub("ctest")
    machine.run("test")
    _, packages = machine.calls()
    assert packages.endswith("requirements-test.txt torch==2.13.0")


def test_another_compiler_has_build_folders_of_its_own(machine):
    machine.have(LIBRARIES + ["libomp-dev"])
    machine.stub("clang++")
    machine.stub("ninja", 'echo "ninja $2" >>"$machine/calls"')
    done = machine.run("build", CXX="clang++", **machine.torch())
    assert done.returncode == 0, done.stderr
    assert machine.calls() == [f"ninja {machine.folder}/build/release-clang++"]
    machine.run("build", **machine.torch())
    assert machine.calls()[1:] == [f"ninja {machine.folder}/build/release"]


def test_a_compiler_that_is_missing_is_installed_with_its_openmp(machine):
    done = machine.run("build", CXX="clang++", **machine.torch())
    assert done.returncode == 1
    assert machine.calls()[-1].endswith("g++ clang libomp-dev")


def test_sanitizers_build_and_run_what_was_named(machine):
    machine.stub("ninja", 'echo "ninja ${*: -1}" >>"$machine/calls"')
    machine.stub("ctest", 'echo "ctest ${*: -2}" >>"$machine/calls"')
    machine.run("asan", "text", "fuzz_plan", **machine.torch())
    assert machine.calls() == ["ninja text_test", "ninja fuzz_plan", "ctest -R ^(text|fuzz_plan)$"]
    (machine.folder / "calls").unlink()
    machine.run("asan", **machine.torch())
    assert machine.calls()[0] == "ninja all" and "-R" not in machine.calls()[1]


def test_the_thread_sanitizer_runs_what_was_named_or_all_that_has_threads(machine):
    machine.have(LIBRARIES + ["libomp-dev", "libclang-rt-dev"])
    machine.stub("clang++")
    machine.stub("setarch", '"${@:2}"')
    machine.stub("ninja", 'echo "ninja $2 ${*: -1}" >>"$machine/calls"')
    machine.stub("ctest", 'echo "ctest ${*: -2}" >>"$machine/calls"')
    done = machine.run("tsan", "text", **machine.torch())
    assert done.returncode == 0, done.stderr
    assert machine.calls() == [f"ninja {machine.folder}/build/tsan text_test", "ctest -R ^(text)$"]
    (machine.folder / "calls").unlink()
    machine.run("tsan", **machine.torch())
    assert machine.calls() == [f"ninja {machine.folder}/build/tsan threaded_tests", "ctest threaded --no-tests=error"]


def test_a_failed_test_fails_the_command_and_is_named(machine):
    machine.stub("ctest", '[[ "$*" != *"-LE slow"* ]]')
    done = machine.run("test")
    assert done.returncode == 1
    assert "failed: fast C++ tests; see above" in done.stderr


def test_a_command_that_does_not_exist_is_wrong_usage(machine):
    assert machine.run("biuld").returncode == 2
