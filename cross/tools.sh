# shellcheck shell=bash
# The tools: found on this machine, or put in a folder of their own outside of the repository.
# What reads this has set `root`.

cache=${EDGEKEEP_CROSS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edgekeep-cross}

# Makes a folder of the cache unless it is there: the command is given another, to fill.
kept() {
  local folder=$cache/$1
  shift
  [ ! -d "$folder" ] || return 0
  mkdir -p "$cache"
  rm -rf "$folder.part"
  say "making $folder"
  "$@" "$folder.part" >&2
  mv "$folder.part" "$folder"
}

# Zig brings a C compiler, a linker and musl for every target; cargo-zigbuild brings them to cargo.
use_zig() {
  local name
  name=zig-$(sha256sum "${root:?}/cross/tools.txt" | cut -c -12)
  kept "$name" install_zig
  PATH=$cache/$name/bin:$PATH
  export CARGO_ZIGBUILD_CACHE_DIR=$cache/$name-cache XDG_CACHE_HOME=$cache/$name-cache
}

install_zig() {
  python3 -m venv "$1" || die "python3 makes no venv here: Debian has it in python3-venv"
  "$1/bin/python3" -m pip install --require-hashes -r "$root/cross/tools.txt"
}

# A rustc beside the source of its standard library, which is built here for every target by the
# flags of the program. It is the toolchain's own where rustup can bring that source, else Debian's.
use_rust() {
  RUSTC=$(rustup_rust) || {
    kept rust unpack_rust
    RUSTC=$cache/rust/rustc
  }
  export RUSTC
}

# Where a rustc has the source of its standard library.
rust_source() { echo "$("$1" --print sysroot)/lib/rustlib/src/rust"; }

rustup_rust() {
  [ "${EDGEKEEP_CROSS_RUST:-}" != debian ] && command -v rustup >/dev/null || return
  local rustc
  cd "$root" || return
  rustc=$(rustup which rustc) || return
  if [ ! -d "$(rust_source "$rustc")/library" ]; then
    rustup component add rust-src >&2 || return
  fi
  echo "$rustc"
}

unpack_rust() {
  local std llvm
  apt get update || true
  std=$(depended_on libstd-rust-web-dev libstd-rust)
  llvm=$(depended_on "$std" libllvm)
  debian "$1" rustc-web rust-web-src libstd-rust-web-dev "$std" "$llvm"
  cat >"$1/rustc" <<'END'
#!/bin/sh
here=$(dirname "$0")/usr
LD_LIBRARY_PATH=$(echo "$here"/lib/*-linux-gnu) exec "$here/bin/rustc" "$@"
END
  chmod +x "$1/rustc"
}

# The package, whose name begins so, that another depends on.
depended_on() { apt cache depends "$1" | sed -n "s/^ *Depends: \($2.*\)/\1/p"; }

# What runs the program of a target on this machine, a word a line; nothing where none is needed.
runner() {
  [ "$1" != "$(uname -m)" ] || return 0
  local words found
  read -ra words < <(row "$1" | cut -d ' ' -f 3-)
  # By its whole path: some tests start the program where there is none to search.
  if ! found=$(command -v "${words[0]}"); then
    kept qemu unpack_qemu
    found=$cache/qemu/usr/bin/${words[0]}
  fi
  words[0]=$found
  printf '%s\n' "${words[@]}"
}

unpack_qemu() { debian "$1" qemu-user-static; }

# The qemu that takes a library before it, and one that turns the clock.
unpack_late() { debian "$1" qemu-user libfaketime; }

# Unpacks packages of Debian in a folder. Nothing is installed, and nobody need be root.
debian() {
  local into=$1 debs
  shift
  debs=$(mktemp -d)
  apt get update || true
  (cd "$debs" && apt get download "$@")
  mkdir -p "$into"
  for deb in "$debs"/*.deb; do
    dpkg -x "$deb" "$into"
    basename "$deb" >>"$into/packages"
  done
  rm -r "$debs"
}

# Runs a program of apt over lists of its own: the machine's stay as they are, and may hold other
# architectures, one of which, broken, makes apt leave out all.
apt() {
  command -v apt-get >/dev/null || die "what is missing can be had only from Debian, by apt-get"
  mkdir -p "$cache"/apt/{lists,archives}/partial
  cat >"$cache/apt/config" <<END
APT::Architectures { "$(dpkg --print-architecture)"; };
APT::Sandbox::User "root";
Dir::State::Lists "$cache/apt/lists";
Dir::Cache "$cache/apt";
END
  APT_CONFIG=$cache/apt/config "apt-$1" -q "${@:2}"
}
