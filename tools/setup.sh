# shellcheck shell=bash disable=SC2154,SC2034  # $root comes from ./run, which uses $build_packages, $torch and $charts
# What ./run needs from the machine: Debian packages, a Python environment, libtorch. Sourced by ./run.
# Every function looks first, says what it is about to install, then installs; it is silent where nothing is missing.
# pip runs with the user's own settings and nothing of ours: which index torch comes from is theirs to say.

build_packages=(cmake ninja-build g++ libcli11-dev nlohmann-json3-dev libpcre2-dev libsentencepiece-dev libxxhash-dev
  libutf8proc-dev libgtest-dev libgmock-dev)
python=   # set by find_python: the interpreter that environments are made of
venv=     # set by find_python: the environment for packages we install
torch=    # set by setup_torch: the folder with include/ and lib/
charts=   # set by setup_charts: a Python that has vl-convert-python

say() { printf 'run: %s\n' "$@" >&2; }
fail() {
  say "$@"
  exit 1
}

# ---- Debian packages

cmake_is_new_enough() {
  local version
  version=$(cmake --version 2>/dev/null | sed -n 's/^cmake version \([0-9.]*\).*/\1/p')
  [[ -n $version && $(printf '3.25\n%s\n' "$version" | sort -V | head -1) == 3.25 ]]
}

# Tools may come from anywhere on PATH. Libraries are asked of dpkg; where there is no dpkg, or where the user does not
# want its packages, CMake takes what it finds and fetches pinned releases of the rest.
is_installed() {
  case $1 in
    cmake) cmake_is_new_enough ;;
    ninja-build) command -v ninja >/dev/null ;;
    g++) command -v "${CXX:-g++}" >/dev/null ;;
    clang) command -v "$CXX" >/dev/null ;;
    clang-format) command -v clang-format >/dev/null ;;
    chromium | strace) command -v "$1" >/dev/null ;;
    python3) [[ -n $python ]] ;;
    python3*-venv) "$venv/bin/python" -c '' 2>/dev/null || "$python" -c 'import venv, ensurepip' 2>/dev/null ;;
    *) [[ -n ${UNCURL_NO_APT:-} ]] || ! command -v dpkg-query >/dev/null || is_debian_package_installed "$1" ;;
  esac
}

installed_debian_packages=
is_debian_package_installed() {
  if [[ -z $installed_debian_packages ]]; then
    # shellcheck disable=SC2016  # dpkg-query expands the braces
    installed_debian_packages=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n')
  fi
  grep -qxF "installed $1" <<<"$installed_debian_packages"
}

# setup_packages NAME...: install those that are missing with apt-get.
setup_packages() {
  local missing=() name
  for name in "$@"; do
    is_installed "$name" || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  say "missing Debian packages: ${missing[*]}"

  local command="apt-get install -y --no-install-recommends ${missing[*]}" as_root=()
  if [[ -n ${UNCURL_NO_APT:-} ]] || ! command -v apt-get >/dev/null; then
    fail "they are not installed here: there is no apt-get, or UNCURL_NO_APT is set." \
      "Install their equivalents yourself (cmake 3.25 or newer, ninja, a C++20 compiler such as GCC 12, Python 3.11" \
      "or newer), then run this again."
  fi
  if (($(id -u) != 0)); then
    command -v sudo >/dev/null || fail "neither root nor sudo here. Ask someone who is root to run" \
      "  apt-get update && $command" \
      "then run this again. Where only libraries (lib*, nlohmann-*) are missing, UNCURL_NO_APT=1 lets CMake" \
      "download and build them instead."
    as_root=(sudo)
    [[ -t 0 ]] || as_root+=(-n) # nobody is there to type a password
  fi

  say "installing them: ${as_root[*]:+${as_root[*]} }$command"
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  "${as_root[@]}" apt-get update -qq </dev/null >&2 || say "apt-get update failed; trying with the lists as they are"
  # shellcheck disable=SC2086  # the words of the command
  "${as_root[@]}" ${command/apt-get/apt-get -qq -o Dpkg::Use-Pty=0} </dev/null >/dev/null ||
    fail "apt-get could not install them. Run it by hand to see why: $command"
  hash -r
  check_installed "${missing[@]}"
}

# A distribution may have a package and yet too old a version of it.
check_installed() {
  installed_debian_packages=
  local name
  for name in "$@"; do
    [[ $name != python3 ]] || find_python
    is_installed "$name" || fail "$name is installed and still not usable: Python must be 3.11 or newer," \
      "cmake 3.25 or newer (Debian 12, Ubuntu 24.04, or 'python3 -m pip install cmake'), and CXX, where it is set, the" \
      "name of a compiler."
  done
}

# ---- Python

python_version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# Chooses $python and $venv. A Python named by UNCURL_TORCH is the base of an environment of its own, so that switching
# back and forth does not throw away the other torch.
find_python() {
  local name
  venv=$root/.venv
  if torch_is_python; then
    python=$(absolute_path "$(command -v "$UNCURL_TORCH")")
    venv=$root/build/venv
    return
  fi
  for name in python3.11 python3 python3.12 python3.13; do
    python=$(command -v "$name") || continue
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
  done
  python=
}

# Named by version, since python3-venv serves only the Python that the distribution prefers.
venv_package() { printf 'python%s-venv' "$(python_version "$python")"; }

# install_once STAMP TEXT FILE [REQUIREMENT]: pip install into $venv what FILE lists, unless the stamp says that it was
# done for the same lines. TEXT is what to say before.
install_once() {
  local stamp=$venv/.uncurl-$1 text=$2 file=$3 requirements=("${@:4}") key quiet=()
  key="Python $(python_version "$python"), ${requirements[*]}, $(sha256sum <"$file")"
  [[ ! -f $stamp || $(<"$stamp") != "$key" ]] || return 0
  say "$text"
  make_venv
  [[ -t 2 ]] || quiet=(--quiet)
  "$venv/bin/python" -m pip install --disable-pip-version-check "${quiet[@]}" \
    -r "$file" "${requirements[@]}" </dev/null >&2 ||
    fail "pip could not install them; its message is above." \
      "Its settings are shown by: ${venv#"$root"/}/bin/python -m pip config list"
  printf '%s\n' "$key" >"$stamp"
}

make_venv() {
  setup_packages "$(venv_package)"
  if [[ $(python_version "$venv/bin/python") != "$(python_version "$python")" ]] ||
    ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "making the Python environment ${venv#"$root"/} with $python"
    "$python" -m venv --clear "$venv" || fail "$python could not make an environment in $venv"
  fi
}

# ---- libtorch

absolute_path() { printf '%s/%s' "$(cd "$(dirname "$1")" && pwd)" "$(basename "$1")"; }
torch_is_python() { [[ -n ${UNCURL_TORCH:-} && ! -d $UNCURL_TORCH ]] && command -v "$UNCURL_TORCH" >/dev/null; }
# folder_of PACKAGE PYTHON: where that Python has the package.
folder_of() {
  local code="import importlib.util as u; print(u.find_spec(\"$1\").submodule_search_locations[0])"
  (cd / && "$2" -c "$code") 2>/dev/null
}
torch_of() { folder_of torch "$1"; }

# Sets $torch: what UNCURL_TORCH names, or the pinned package in .venv.
setup_torch() {
  if torch_is_python; then
    torch=$(torch_of "$python") || fail "UNCURL_TORCH=$UNCURL_TORCH is a program, but not a Python that has torch:" \
      "name a Python for which 'import torch' works, or a folder with include/ and lib/."
  elif [[ -n ${UNCURL_TORCH:-} ]]; then
    [[ -f $UNCURL_TORCH/include/ATen/ATen.h && -d $UNCURL_TORCH/lib ]] ||
      fail "UNCURL_TORCH=$UNCURL_TORCH holds no include/ATen/ATen.h and lib/: name the folder of the torch package" \
        "(.../site-packages/torch), an unpacked libtorch, or a Python for which 'import torch' works."
    torch=$(cd "$UNCURL_TORCH" && pwd)
  else
    install_torch
    torch=$(torch_of "$venv/bin/python")
  fi
}

install_torch() {
  [[ -n $(torch_of "$venv/bin/python") ]] || rm -f "$venv/.uncurl-torch"
  install_once torch "installing into .venv with pip: $(grep -v '^#' "$root/requirements.txt")
     With pip's own defaults that is the CUDA build, several GB with its NVIDIA packages. Your pip settings decide:
     for the CPU build (0.2 GB to download) stop now and set PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu,
     or point UNCURL_TORCH at a torch you have (./run help)." "$root/requirements.txt"
}

# ---- The chart library of reports

# Sets $charts: the Python that find_python found if it has the package, else that of .venv, where it is installed.
setup_charts() {
  charts=$python
  [[ -z $(folder_of vl_convert "$python") ]] || return 0
  charts=$venv/bin/python
  [[ -n $(folder_of vl_convert "$charts") ]] || rm -f "$venv/.uncurl-report"
  install_once report "installing into ${venv#"$root"/} with pip, for the charts of reports (35 MB to download):
     $(grep -v '^#' "$root/requirements-report.txt")" "$root/requirements-report.txt"
}

# ---- Tests

# The reports are looked at in Chromium. Where it cannot be had, those tests skip and say so.
setup_browser() {
  (setup_packages chromium) || say "going on without Chromium: the tests of reports in a browser will be skipped"
}

# That files are synced before they get their names, and what a failing system call leaves, is seen with strace. Where
# it cannot be had, those tests skip and say so.
setup_strace() {
  (setup_packages strace) || say "going on without strace: the tests of lost power and failing system calls will be skipped"
}

# The packages of tests/parity beside a torch that Python can import: the one of the build where that is a package.
setup_test_packages() {
  if torch_is_python; then
    borrow_packages
  else
    [[ -z ${UNCURL_TORCH:-} ]] ||
      say "building with the libtorch of UNCURL_TORCH; the Python tests need a torch package of their own in .venv"
    install_torch
  fi
  local version packages
  version=$(cd / && "$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("torch"))')
  packages=$(grep -v '^#' "$root/requirements-test.txt" | tr '\n' ' ')
  install_once tests "installing into ${venv#"$root"/} with pip, for the tests: $packages" \
    "$root/requirements-test.txt" "torch==$version"
}

# The environment sees the packages of the Python that UNCURL_TORCH names. --system-site-packages would show those of
# that Python's own base, which are others if it lives in an environment itself.
borrow_packages() {
  local key
  key="$python $torch"
  [[ ! -f $venv/.uncurl-base || $(<"$venv/.uncurl-base") != "$key" ]] || return 0
  make_venv
  (cd / && "$python" -c 'import sys; print(*[p for p in sys.path if p.endswith("-packages")], sep="\n")') \
    >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/uncurl_torch.pth"
  rm -f "$venv/.uncurl-tests"
  printf '%s\n' "$key" >"$venv/.uncurl-base"
}
