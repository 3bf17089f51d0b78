# shellcheck shell=bash disable=SC2154,SC2016,SC2317
# Where snapshots go: a folder that the unit allows, another host, the timer's file, sticks.

# Adds what it reads to the configuration.
configure() {
  put "/etc/edgekeep/$1.hcl"
  guest "chgrp edgekeep /etc/edgekeep/$1.hcl; chmod 0640 /etc/edgekeep/$1.hcl
    systemctl daemon-reload; systemctl restart edgekeep"
  unseal
}

last_is_good() {
  keeper snapshot status "$1"
  keeper snapshot status -format=json "$1" | grep -q '"state": *"good"'
}

snapshots() {
  guest 'useradd -m keeper && mkdir -p /srv/snapshots /home/keeper/snapshots ~keeper/.ssh
    chown edgekeep: /srv/snapshots
    ssh-keygen -q -t ed25519 -N "" -f /etc/edgekeep/backup.key
    chown edgekeep: /etc/edgekeep/backup.key
    cp /etc/edgekeep/backup.key.pub ~keeper/.ssh/authorized_keys
    chown -R keeper: ~keeper
    sed "s/^/127.0.0.1 /" /etc/ssh/ssh_host_ed25519_key.pub >/etc/edgekeep/known_hosts
    chmod 0644 /etc/edgekeep/known_hosts
    mkdir -p /etc/systemd/system/edgekeep.service.d
    printf "[Service]\nReadWritePaths=/srv/snapshots\n" \
      >/etc/systemd/system/edgekeep.service.d/folder.conf'
  configure snapshots <<'CONFIG'
snapshot "folder" {
  type = "file"
  path_prefix = "/srv/snapshots"
  interval = "1h"
  journal = true
}
snapshot "host" {
  type = "sftp"
  interval = "1h"
  sftp_host = "127.0.0.1"
  sftp_username = "keeper"
  sftp_path = "/home/keeper/snapshots"
  sftp_identity_file = "/etc/edgekeep/backup.key"
  sftp_known_hosts = "/etc/edgekeep/known_hosts"
}
CONFIG
  local name place
  for place in /srv/snapshots /home/keeper/snapshots; do
    has_snapshot() { guest "find $place -name '*.snap' -size +0" | grep -q .; }
    check "a snapshot comes into $place" eventually has_snapshot
  done
  for name in folder host; do
    check "$name: the last snapshot is good" eventually last_is_good $name
  done

  # By the timer's unit, with a token that lies encrypted.
  keeper policy write snapshot - <<'POLICY' >/dev/null
path "sys/storage/raft/snapshot" { capabilities = ["read"] }
POLICY
  keeper token create -policy=snapshot -period=768h -orphan -field=token >"$work/token"
  guest mkdir -p /etc/systemd/system/edgekeep-snapshot@.service.d
  # The second is there where another phase has configured one.
  guest 'cat /var/lib/edgekeep/tls/ca.pem /etc/edgekeep/tls.pem 2>/dev/null || true' |
    put /etc/edgekeep/snapshot.pem
  put /etc/systemd/system/edgekeep-snapshot@.service.d/token.conf <<'UNIT'
[Service]
LoadCredential=
LoadCredential=ca.pem:/etc/edgekeep/snapshot.pem
LoadCredentialEncrypted=.vault-token:/etc/edgekeep/snapshot.cred
UNIT
  put /run/token <"$work/token"
  guest 'cd /run && systemd-creds encrypt --with-key=host --name=.vault-token token \
      /etc/edgekeep/snapshot.cred 2>/dev/null
    rm token; systemctl daemon-reload'
  check "edgekeep-snapshot@daily saves one" eval 'guest systemctl start edgekeep-snapshot@daily ||
    { guest journalctl -q -u edgekeep-snapshot@daily -o cat; false; }'
  check "and that is whole" \
    guest 'edgekeep snapshot inspect /var/lib/edgekeep-snapshots/daily-*.snap'
  check "the timer knows its time" guest systemctl start edgekeep-snapshot@daily.timer
  check "any other time, too" guest \
    'systemctl start "edgekeep-snapshot@$(systemd-escape "Mon,Thu 04:30").timer"'
}

lender_said() { [ "$(guest journalctl -q -u "'edgekeep-usb@*'" -o cat | grep -c "$1")" -ge "$2" ]; }
in_use() { guest mountpoint -q /run/edgekeep-usb/EDGEKEEP; }
being_written() { guest 'find /run/edgekeep-usb/EDGEKEEP -name "*.partial" | grep -q .'; }
light_is() { is "$(guest "sed 's/.*\[\(.*\)\].*/\1/' $light/trigger")" "$1"; }
beeped() { grep -qa $'\a' "$work"/console.*.log; }
nobody_lends() { is "$(guest systemctl list-units --plain --no-legend "'edgekeep-usb@*'")" ""; }

# stick_holds KEY VALUE: what whoever has the stick and the keys makes of it, on another machine.
stick_holds() {
  local on
  on=$(guest 'blkid -L EDGEKEEP')
  guest "mkdir -p /mnt/stick && mount -o ro $on /mnt/stick"
  on=$(reach root@127.0.0.1 edgekeep snapshot read -field=v /mnt/stick/edgekeep "kv/$1" - - - \
    < <(head -3 "$work/shares") 2>&1) || true
  guest umount /mnt/stick
  is "$on" "$2"
}

sticks() {
  # The keyboard's LED stands in for that of a board.
  light=$(guest 'modprobe -aq ledtrig-timer ledtrig-default-on input-leds atkbd
    ls -d /sys/class/leds/*scrolllock | head -1') || true
  guest "mkdir -p /etc/systemd/system/edgekeep-usb@.service.d
    printf '[Service]\nEnvironment=EDGEKEEP_LED=$(basename "${light:-none}")\n' \
      >/etc/systemd/system/edgekeep-usb@.service.d/led.conf"
  local before
  before=$(guest "sed 's/.*\[\(.*\)\].*/\1/' $light/trigger") || true
  configure stick <<'CONFIG'
snapshot "stick" {
  type = "usb"
  usb_volume = "EDGEKEEP"
  interval = "1h"
  journal = true
}
CONFIG
  # So much that the slow stick is written for a while.
  head -c 1500000 /dev/urandom | base64 -w 0 | keeper kv put -mount=kv large v=- >/dev/null
  keeper kv put -mount=kv on-stick v=1 >/dev/null

  plug fat
  check "FAT32: plugged in, it is mounted by udev's rule" eventually in_use
  check "a snapshot is on its way onto it" eventually being_written
  if [ -n "$light" ]; then check "the light blinks" eventually light_is timer; fi
  pull fat
  check "pulled while it is written, it is let go of" eventually lender_said 'taken away in use' 1
  check "nobody lends it any longer" eventually nobody_lends
  if [ -n "$light" ]; then check "the light is as it was" eventually light_is "$before"; fi
  check "the server goes on" eval 'status_is unsealed && keeper kv put -mount=kv on-stick v=2'
  plug fat
  # It is torn or not, as the moment was: what is marked is checked first.
  check "plugged in again, it can be pulled when all is on it" \
    eventually lender_said 'can be pulled' 1
  if [ -n "$light" ]; then check "the light shines" eventually light_is default-on; fi
  check "the console beeps" eventually beeped
  check "what came meanwhile is on it" stick_holds on-stick 2
  check "stick: the last snapshot is good" last_is_good stick
  pull fat
  check "nobody lends it any longer" eventually nobody_lends

  plug exfat
  check "exFAT: another of that label is written in its turn" \
    eventually lender_said 'can be pulled' 2
  check "all is on it" stick_holds on-stick 2
  keeper kv put -mount=kv on-stick v=3 >/dev/null
  check "left in, it is written again when there is more" eventually lender_said 'can be pulled' 3
  check "and has that, too" eventually stick_holds on-stick 3
  pull exfat
  check "nobody lends it any longer" eventually nobody_lends
}
