# shellcheck shell=bash
# What the scripts of this folder share.

shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What is finished, and what is worked on.
# shellcheck disable=SC2034
dist=${EDGEKEEP_DIST:-$root/target/dist}
# shellcheck disable=SC2034
work=${CARGO_TARGET_DIR:-$root/target}/cross

say() { printf '== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The names of all targets.
targets() { sed -n 's/^\([^# ]*\) .*/\1/p' "$root/cross/targets"; }

# The files of tests/ that start the program.
test_files() { sed -n 's/^file //p' "$root/cross/tests" | tr ' ' '\n'; }

# What the table says of a target, one space between words.
row() {
  tr -s ' ' <"$root/cross/targets" | grep "^$1 " || die "no target $1: there are $(targets | xargs)"
}

# Rust's name of a target.
triple() { row "$1" | cut -d ' ' -f 2; }

# shellcheck source=cross/tools.sh
. "$root/cross/tools.sh"
