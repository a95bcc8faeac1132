# shellcheck shell=bash
#
# Shared by scripts/test and examples/first-run: finding Python, installing what is missing. Sourced from the root of the
# clone, by bash with `set -euo pipefail`.

say() { printf '\n==> %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Prints the newest Python of at least 3.11.
find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  die "no Python 3.11 or newer on PATH"
}

# Installs Debian packages, waiting for whoever holds apt's lock; what apt says is shown only when it fails.
apt_install() {
  local log=.work/apt.log options=(-qq -o DPkg::Lock::Timeout=300)
  say "apt-get install $*"
  mkdir -p .work
  export DEBIAN_FRONTEND=noninteractive
  apt-get "${options[@]}" update >"$log" 2>&1 || true # a third party's list that fails need not matter
  if ! apt-get "${options[@]}" install --yes --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    die "apt-get install $* failed"
  fi
}

# need_packages COMMAND:PACKAGE[,PACKAGE]…: installs the packages of the commands that are missing.
need_packages() {
  local pair IFS=$IFS, missing=()
  for pair; do
    # shellcheck disable=SC2206 # one word a package
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=(${pair#*:})
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    die "missing here: ${missing[*]}. On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
  apt_install "${missing[@]}"
}

# make_venv PYTHON DIR: a virtual environment with pip.
make_venv() {
  [[ -x $2/bin/pip ]] && return
  if ! "$1" -c 'import ensurepip' 2>/dev/null; then
    local version
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
      die "Python has no venv module. On Debian or Ubuntu: sudo apt-get install python$version-venv"
    fi
    apt_install "python$version-venv"
  fi
  rm -rf "$2"
  "$1" -m venv "$2"
}

# install_jettison PYTHON DIR: this clone, in a virtual environment of its own; again only when its needs change.
install_jettison() {
  make_venv "$1" "$2"
  if [[ ! -x $2/bin/jettison || pyproject.toml -nt $2/.done ]]; then
    "$2/bin/pip" install --quiet --disable-pip-version-check --editable . </dev/null >&2
    touch "$2/.done"
  fi
}

# find_uv PYTHON: prints a uv; where there is none, installs it into .work/tools.
find_uv() {
  if command -v uv >/dev/null; then
    command -v uv
    return
  fi
  make_venv "$1" .work/tools
  [[ -x .work/tools/bin/uv ]] || .work/tools/bin/pip install --quiet --disable-pip-version-check uv </dev/null >&2
  echo "$PWD/.work/tools/bin/uv"
}
