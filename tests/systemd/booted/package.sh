# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# The Debian package under a systemd that runs: installed, upgraded, removed, purged.

version=$(sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")
# Of the same length, so that it can be put in its place in a program, and higher.
next=9${version#?}

# What is shipped, and the same as if it were of a later version.
make_packages() {
  local kind native
  rm -rf "$work"
  native=edgekeep-$(uname -m)
  mkdir -p "$work/programs/now" "$work/programs/next" "$work/packages"
  cp "$binary" "$work/programs/now/$native"
  LC_ALL=C sed "s/${version//./\\.}/$next/g" "$binary" >"$work/programs/next/$native"
  chmod +x "$work/programs/next/$native"
  for kind in now:$version next:$next; do
    say "making the package of version ${kind#*:}"
    EDGEKEEP_DEB_VERSION=${kind#*:} "$top/images/deb/build" "$work/programs/${kind%:*}" \
      "$work/packages/${kind%:*}" >"$work/packages.log" 2>&1 ||
      { cat "$work/packages.log"; return 1; }
  done
}

# The lines of README.md, "Deploy it", without what they tell people.
deploy_lines() {
  awk '/^## /{on = /^## Deploy it/} on && /^    /{print substr($0, 5); seen = 1; next}
       on && seen{exit}' "$top/README.md" | sed 's/ *# .*//'
}

# Types a line on the terminal, and what it asks for, and waits for its end.
typed=0
asked=0
type_line() {
  typed=$((typed + 1))
  type_in "$1; echo ended \$?"
  if [ $# -gt 1 ]; then
    asked=$((asked + 1))
    eventually shows $asked 'will be hidden'
    type_in "$2"
  fi
  eventually shows $typed 'ended [0-9]'
}

on_screen() { sed -n "s/^$1[^:]*: *\([^ ]*\)$/\1/p" <(tr -d '\r' <"$work/screen"); }

deploy() {
  local lines line share
  mapfile -t lines < <(deploy_lines)
  check "README.md brings it into service in five lines" is "${#lines[@]}" 5
  sit_down
  eventually shows 1 'root@edgekeep-boot'
  for line in "${lines[@]}"; do
    say "        # $line"
    case $line in
      *install*)
        type_line "$line"
        check "installed, it is enabled and started" is \
          "$(guest systemctl is-enabled edgekeep) $(guest systemctl is-active edgekeep)" \
          "enabled active"
        check "status: not initialised" status_is "not initialised"
        check "the socket is nobody's unasked" is \
          "$(guest systemctl is-enabled edgekeep.socket || true)" disabled
        guest cat /var/lib/edgekeep/tls/ca.pem >"$work/ca.pem"
        ;;
      *init)
        type_line "$line"
        on_screen 'Unseal Key' >"$work/shares"
        token=$(on_screen 'Initial Root Token')
        check "status: sealed, 0 of 3 keys" eventually status_is "sealed, 0 of 3 keys"
        ;;
      *unseal)
        for share in $(head -3 "$work/shares"); do type_line "$line" "$share"; done
        check "status: unsealed" eventually status_is "unsealed"
        ;;
      *login) type_line "$line" "$token" ;;
      *) type_line "$line" ;;
    esac
  done
  check "each of them ended well" is \
    "$(grep -ao 'ended [0-9]*' "$work/screen" | sort | uniq -c | xargs)" "$typed ended 0"
  type_line "edgekeep secrets enable -path=kv -version=1 kv"
  type_line "edgekeep kv put -mount=kv first v=1"
  type_line "edgekeep kv get -mount=kv -field=v first | sed 's/^/written: /'"
  check "a secret is written on that terminal" shows 1 'written: 1'
  stand_up
  if [ ! -s "$work/shares" ] || [ -z "$token" ]; then
    cat "$work/screen"
    exit 1
  fi
  export VAULT_TOKEN=$token
  check "an audit device writes to /var/log/edgekeep" \
    keeper audit enable file file_path=/var/log/edgekeep/audit.log
  check "it runs as edgekeep" is "$(guest stat -c %U "/proc/$(show MainPID)")" edgekeep
}

serves_version() {
  local answer
  answer=$(ask sys/seal-status)
  case $answer in *"edgekeep.$1\""*) ;; *) echo "$answer" && return 1 ;; esac
}

holds() { is "$(keeper kv get -mount=kv -field=v "$1")" "$2"; }

upgrade() {
  local pid
  pid=$(show MainPID)
  keeper kv put -mount=kv upgraded v=before >/dev/null
  guest "DEBIAN_FRONTEND=noninteractive apt-get -qy install /later/edgekeep_$next*.deb" \
    >"$work/upgrade.log" 2>&1
  check "an upgrade says how the new version is taken" \
    grep -q 'systemctl restart edgekeep && edgekeep operator unseal' "$work/upgrade.log"
  check "and leaves the server running as it was" eval \
    'is "$(show MainPID) $(show StatusText)" "$pid unsealed" && serves_version "$version" &&
     holds upgraded before'
  keeper kv put -mount=kv upgraded v=meanwhile >/dev/null
  guest systemctl restart edgekeep
  check "the new version comes with a restart, and waits for keys" eval \
    'eventually status_is "sealed, 0 of 3 keys" && serves_version "$next"'
  unseal
  check "it has all that the old one had" holds upgraded meanwhile
  keeper kv put -mount=kv upgraded v=after >/dev/null
  check "what the old one left lies in before-upgrade.snap" \
    guest 'edgekeep snapshot inspect /var/lib/edgekeep/before-upgrade.snap'
  guest cat /var/lib/edgekeep/before-upgrade.snap >"$work/before-upgrade.snap"
  check "and that opens, and has nothing of the new one" eval \
    'is "$(keeper snapshot read -field=v "$work/before-upgrade.snap" kv/upgraded - - - \
       < <(head -3 "$work/shares"))" meanwhile'
  check "the log tells it" logged "version .*$version had this store" -u edgekeep
  guest 'DEBIAN_FRONTEND=noninteractive apt-get -qy --allow-downgrades install ~/edgekeep_*.deb' \
    >"$work/downgrade.log" 2>&1
  guest systemctl restart edgekeep
  unseal
  check "the old version takes the store back, where the format is the same" eval \
    'serves_version "$version" && holds upgraded after'
}

removal() {
  guest systemctl -q enable --now edgekeep-snapshot@weekly.timer
  guest 'apt-get -qy remove edgekeep' >"$work/remove.log" 2>&1
  check "removed, it has stopped" eval '! guest systemctl is-active edgekeep edgekeep.socket &&
    ! guest test -e /usr/bin/edgekeep && ! ask sys/health'
  check "and no timer goes on" eval 'is "$(guest "systemctl list-units --plain --no-legend \
    \"edgekeep*\"; find /etc/systemd -name \"edgekeep*.timer\"")" ""'
  check "and has kept the data, which it says" eval \
    'guest test -s /var/lib/edgekeep/edgekeep.redb && guest test -s /etc/edgekeep/edgekeep.hcl &&
     grep -q "the secrets stay in /var/lib/edgekeep" "$work/remove.log"'
  guest 'apt-get -qy install ~/edgekeep_*.deb' >"$work/again.log" 2>&1
  check "installed again, it is started" eventually status_is "sealed, 0 of 3 keys"
  unseal
  check "and has all that it had" holds first 1
  guest 'apt-get -qy purge edgekeep' >"$work/purge.log" 2>&1
  check "purged, it says that it deletes the data" \
    grep -q 'deleting the secrets in /var/lib/edgekeep' "$work/purge.log"
  # That folder is where a disk is mounted here, and stays.
  check "and nothing is left of it" guest '! ls -A /var/lib/edgekeep | grep . &&
    ! ls -d /var/log/edgekeep /etc/edgekeep/edgekeep.hcl /usr/lib/systemd/system/edgekeep*'
  check "systemd/install and systemctl enable --now do the same by hand" eval \
    'guest "cd /later && systemd/install ./edgekeep" &&
     guest systemctl enable --now edgekeep && status_is "not initialised"'
}
