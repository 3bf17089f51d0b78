# shellcheck shell=bash
# What the scripts of this folder share.

shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034  # of use to those that read this file
version=$(sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
# Files in an image are as old as the commit: so the same commit makes the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null ||
  stat -c %Y "$root/CHANGELOG.md")}
export SOURCE_DATE_EPOCH

say() { printf '== %s\n' "$*" >&2; }
set -o errtrace
trap '[ $? -eq 77 ] || say "${BASH_SOURCE[0]}: line $LINENO failed"' ERR
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
# Ends a test that this machine cannot run, for no fault of what is tested.
skip() { printf 'skipped: %s: %s\n' "${0##*/}" "$*" >&2; exit 77; }

# Runs a command that gets something through a network, thrice if it must.
get() {
  for _ in 1 2 3; do
    if "$@" >&2; then return; fi
    sleep 5
  done
  skip "cannot be had here: $*"
}

# Debian in a folder, which is named last and is not there yet.
debian() { get unpack_debian "$@"; }
unpack_debian() { rm -rf "${!#}" && mmdebstrap --quiet "$@"; }

# What the table says of a target, one space between words, and `-` for nothing.
row() { tr -s ' ' <"$root/images/targets" | grep "^$1 " || die "$1 is not in images/targets"; }

# The targets of which a folder holds a program, as cross/build names it.
built() {
  local target found=
  while read -r target _; do
    if [ "$target" != '#' ] && [ -f "$1/edgekeep-$target" ]; then
      echo "$target"
      found=yes
    fi
  done <"$root/images/targets"
  [ -n "$found" ] || die "no edgekeep-TARGET in $1: cross/build makes them"
}

# The program of this machine's kind.
native() {
  local program
  program=$1/edgekeep-$(uname -m)
  [ -x "$program" ] || die "$program is not there: cross/build $(uname -m)"
  echo "$program"
}

# What is needed beside what is always there, each a command or a file, and Debian's package of it:
# installed for whoever may.
need() {
  local wanted missing=()
  for pair; do
    wanted=${pair%%:*}
    [ -e "$wanted" ] || PATH=$PATH:/usr/sbin:/sbin command -v "$wanted" >/dev/null ||
      missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    skip "please install: ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  apt-get -q update >&2 || true
  DEBIAN_FRONTEND=noninteractive \
    get apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
}
