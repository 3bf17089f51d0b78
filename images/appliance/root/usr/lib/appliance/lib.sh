# shellcheck shell=sh
# What the scripts of the appliance share.
# shellcheck disable=SC2034  # of use to those that read this file

PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
export VAULT_ADDR=https://127.0.0.1:8200 VAULT_CACERT=/data/edgekeep/tls/ca.pem

# Says something on every console.
tell() {
  tr ' ' '\n' </sys/class/tty/console/active | while read -r console; do
    printf '%s\r\n' "$*" >"/dev/$console"
  done
}

# The device of a partition, by its name in the partition table.
partition() {
  uevent=$(grep -lx "PARTNAME=$1" /sys/class/block/*/uevent | head -n 1)
  [ -n "$uevent" ] && sed -n 's,^DEVNAME=,/dev/,p' "$uevent"
}

# A word of the kernel's command line.
option() {
  tr ' ' '\n' </proc/cmdline | sed -n "s/^edgekeep\.$1=//p"
}

# Lets a command write to the boot partition, which else is read-only.
on_boot() {
  mount -o remount,rw /boot
  "$@"
  done=$?
  sync
  mount -o remount,ro /boot
  return $done
}

# The first address that is not of this machine alone.
address() {
  ip -4 -o addr show scope global | sed -n 's,.* inet \([0-9.]*\)/.*,\1,p;q'
}
