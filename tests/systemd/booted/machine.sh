# shellcheck shell=bash disable=SC2154,SC2034 # what stands in `boot`
# The machine that `boot` boots, and how it says what it found.

port=$((20000 + $$ % 10000))
ssh_port=$((port + 10000))
failed=0
machine=
writers=()

# --- What is checked.

say() { printf '[%4d s] %s\n' $SECONDS "$*"; }

# check WHAT COMMAND...: whether the command succeeds.
check() {
  local what=$1
  shift
  if "$@" >"$work/check.out" 2>&1; then
    say "ok      $what"
  else
    failed=$((failed + 1))
    say "FAILED  $what"
    sed 's/^/          /' "$work/check.out" | tail -20
  fi
}

# eventually COMMAND...: whether it succeeds within some minutes, for a machine may be loaded.
eventually() {
  local end=$((SECONDS + 600))
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "it never came: $*"; return 1; }
    sleep 0.5
  done
}

is() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }

# --- What it is made of.

skipped() {
  echo "skipped: the boot: $*"
  exit 77
}

tools() {
  local wanted=(mmdebstrap qemu-system-x86_64 mkfs.ext4 mkfs.vfat mkfs.exfat cpio ssh curl openssl
    systemctl) tool missing=()
  [ "$(id -u)" -eq 0 ] || skipped "only root makes a root"
  PATH=$PATH:/usr/sbin:/sbin
  for tool in "${wanted[@]}"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null; then
    apt-get -q update >/dev/null 2>&1 || true
    apt-get -qy install --no-install-recommends mmdebstrap qemu-system-x86 e2fsprogs dosfstools \
      exfatprogs debian-archive-keyring cpio openssh-client curl openssl >/dev/null 2>&1 || true
  fi
  for tool in "${wanted[@]}"; do
    command -v "$tool" >/dev/null || skipped "there is no $tool"
  done
  command -v nfpm >/dev/null || command -v go >/dev/null ||
    skipped "there is neither nfpm nor go, which gets it"
}

# A Debian with the kernel that knows of USB, and of its modules those that a machine of QEMU wants.
make_base() {
  # shellcheck disable=SC2054
  local recipe=(--variant=minbase --aptopt='Acquire::Languages "none"'
    --include=linux-image-amd64,busybox-static,systemd-sysv,udev,dbus,kmod
    --include=openssh-server,openssh-client,ca-certificates,dosfstools,exfatprogs
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*') kernel
  for kernel in /lib/modules/\*/kernel /usr/lib/modules/\*/kernel; do
    recipe+=(--dpkgopt="path-exclude=$kernel/"{drivers,net,sound}/\*
      --dpkgopt="path-include=$kernel/drivers/"{usb,scsi,block,virtio,input,leds}/\*
      --dpkgopt="path-include=$kernel/"{net/core,drivers/net/virtio_net,drivers/net/net_failover}\*)
  done
  base=$keep/$suite-$(printf '%s ' "${recipe[@]}" | sha256sum | head -c 8).tar
  [ ! -e "$base" ] || return 0
  say "getting Debian's $suite"
  # Its initial RAM disk is not used, and takes long to be made.
  INITRD=No mmdebstrap --quiet --mode=root --format=tar "${recipe[@]}" "$suite" "$base.part" ||
    skipped "Debian cannot be had"
  mv "$base.part" "$base"
}

# No more than mounts the root: Debian's own takes the emulated processor a quarter of a minute.
make_initrd() {
  local of=$work/initrd.d version name module
  mkdir -p "$of/bin" "$of/dev" "$of/root"
  cp "$1/bin/busybox" "$of/bin/busybox"
  version=$(basename "$1"/boot/vmlinuz-*)
  version=${version#vmlinuz-}
  for name in virtio_pci virtio_blk ext4; do
    modprobe -d "$1" -S "$version" --show-depends "$name" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' | while read -r module; do
    name=$(basename "$module")
    case $module in
      *.xz) xz -dc "$module" ;;
      *.zst) zstd -dc "$module" ;;
      *) cat "$module" ;;
    esac >"$of/${name%.ko*}.ko"
    echo "/bin/busybox insmod /${name%.ko*}.ko"
  done >"$of/modules"
  cat >"$of/init" <<'INIT'
#!/bin/busybox sh
if [ "$1" = probe ]; then
  echo "this processor boots"
  /bin/busybox reboot -f
fi
/bin/busybox mount -t devtmpfs none /dev
. /modules
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /sbin/init
INIT
  chmod +x "$of/init"
  (cd "$of" && find . | cpio -o -H newc --quiet >"$work/initrd")
}

make_disks() {
  mkdir -p "$work/root"
  tar -C "$work/root" -xf "$base" --exclude='./dev/*'
  local root=$work/root
  cp "$root"/boot/vmlinuz-* "$work/kernel"
  make_initrd "$root"
  ssh-keygen -q -t ed25519 -N '' -f "$work/key"
  install -D -m 0600 "$work/key.pub" "$root/root/.ssh/authorized_keys"
  echo edgekeep-boot >"$root/etc/hostname"
  # The network, and nothing that takes the processor's time and is not looked at.
  cat >"$root/etc/systemd/system/qemu-network.service" <<'UNIT'
[Unit]
DefaultDependencies=no
After=systemd-udevd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/busybox sh -c 'until ip addr add 10.0.2.15/24 dev eth0; do sleep 0.2; done'
ExecStart=/bin/busybox sh -c 'ip link set lo up; ip link set eth0 up'
[Install]
WantedBy=sysinit.target
UNIT
  systemctl -q --root="$root" enable qemu-network
  systemctl -q --root="$root" mask systemd-networkd getty@tty1 serial-getty@ttyS0 \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_reap systemd-timesyncd
  # The data lies on a disk of its own, which can be made to hang.
  mkdir -p "$root/var/lib/edgekeep"
  echo 'LABEL=DATA /var/lib/edgekeep ext4 x-systemd.device-timeout=600 0 2' >>"$root/etc/fstab"
  # What somebody has brought along: a package. The others come later.
  cp "$work/packages/now/"*.deb "$root/root/"
  mkdir "$root/later"
  cp "$work/packages/next/"*.deb "$root/later/"
  cp -r "$top/systemd" "$root/later/"
  cp "$binary" "$root/later/edgekeep"
  truncate -s 2G "$work/root.img"
  mkfs.ext4 -q -F -d "$root" "$work/root.img"
  rm -rf "$root"
  truncate -s 256M "$work/data.img" "$work/fat.img" "$work/exfat.img"
  mkfs.ext4 -q -F -L DATA "$work/data.img"
  mkfs.vfat -F 32 -n EDGEKEEP "$work/fat.img" >/dev/null
  mkfs.exfat -L EDGEKEEP "$work/exfat.img" >/dev/null
  mkfifo "$work/monitor.in" "$work/monitor.out"
}

# --- The machine.

# A KVM may be there that boots no kernel, one in a virtual machine for instance.
choose_accelerator() {
  if [ -z "${ACCEL:-}" ]; then
    ACCEL=tcg
    if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
      {
        timeout -k 1 30 qemu-system-x86_64 -accel kvm -cpu host -m 512 -display none -nodefaults \
          -no-reboot -serial "file:$work/probe.log" -kernel "$work/kernel" -initrd "$work/initrd" \
          -append "console=ttyS0 quiet panic=-1 probe" || true
      } >"$work/probe.err" 2>&1
      if grep -q "this processor boots" "$work/probe.log" 2>/dev/null; then ACCEL=kvm; fi
    fi
  fi
  case $ACCEL in
    kvm*) accelerator=(-accel "$ACCEL" -cpu host) ;;
    *) accelerator=(-accel "$ACCEL,thread=multi") ;;
  esac
  say "the processor is that of $ACCEL"
}

start_machine() {
  local ports=hostfwd=tcp:127.0.0.1:$ssh_port-:22,hostfwd=tcp:127.0.0.1:$port-:8200
  nice -n 10 qemu-system-x86_64 "${accelerator[@]}" -m 512 -smp 2 \
    -display none -nodefaults -no-reboot -serial "file:$work/console.$SECONDS.log" \
    -chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor \
    -kernel "$work/kernel" -initrd "$work/initrd" \
    -append "console=ttyS0 quiet panic=-1 no_timer_check net.ifnames=0 \
      systemd.default_timeout_start_sec=600 udev.event_timeout=600" \
    -drive "file=$work/root.img,if=virtio,format=raw" \
    -drive "file=$work/data.img,if=virtio,format=raw" \
    -object throttle-group,id=slow,x-bps-write=65536 \
    -blockdev "raw,node-name=fat.img,file.driver=file,file.filename=$work/fat.img" \
    -blockdev throttle,node-name=fat,throttle-group=slow,file=fat.img \
    -blockdev "raw,node-name=exfat,file.driver=file,file.filename=$work/exfat.img" \
    -device qemu-xhci,id=usb -device virtio-rng-pci -device virtio-net-pci,netdev=net \
    -netdev "user,id=net,restrict=on,$ports" &
  machine=$!
  cat "$work/monitor.out" >>"$work/monitor.log" &
}

# Sticks: the slow `fat`, and `exfat`.
plug() { echo "device_add usb-storage,id=stick-$1,drive=$1,bus=usb.0" >"$work/monitor.in"; }
pull() { echo "device_del stick-$1" >"$work/monitor.in"; }

# A kernel may find no order in a clock that a loaded machine emulates: then it ends, and is
# started again.
is_up() {
  kill -0 "$machine" 2>/dev/null || start_machine
  guest true
}

switch_on() {
  say "switching on"
  start_machine
  eventually is_up
  say "it is up"
}

# As a power cut does: what its kernel had not written is gone.
cut_the_power() {
  kill -9 "$machine"
  wait "$machine" 2>/dev/null || true
  machine=
  ssh -o ControlPath="$work/ssh" -O exit guest 2>/dev/null || true
  rm -f "$work/ssh"
  say "the power was cut"
}

end() {
  touch "$work/end" 2>/dev/null || true
  [ -z "$machine" ] || kill -9 "$machine" 2>/dev/null || true
  ssh -o ControlPath="$work/ssh" -O exit guest 2>/dev/null || true
  wait 2>/dev/null || true
}
trap end EXIT
trap 'say "FAILED  line $LINENO: $BASH_COMMAND" >&2' ERR
set -E

reach() {
  ssh -q -p "$ssh_port" -i "$work/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout=30 -o ControlMaster=auto -o ControlPath="$work/ssh" -o ControlPersist=600 \
    "$@"
}

guest() { reach root@127.0.0.1 "$@" </dev/null; }

# logged TEXT OPTION...: whether the guest's journal has it. It is read to its end, or ssh fails.
logged() { [ "$(guest journalctl -q "${@:2}" | grep -c -- "$1")" -gt 0 ]; }

# Puts what it reads into a file of the guest.
put() { reach root@127.0.0.1 "cat >'$1'"; }

# --- A terminal of the guest, and whoever sits at it.

sit_down() {
  mkfifo "$work/typed"
  TERM=dumb reach -tt root@127.0.0.1 <"$work/typed" >"$work/screen" 2>&1 &
  exec 9>"$work/typed"
}

type_in() { printf '%s\n' "$*" >&9; }

# shows TIMES TEXT: whether it stands on the screen so many times.
shows() { [ "$(grep -ao -- "$2" "$work/screen" | wc -l)" -ge "$1" ]; }

stand_up() {
  type_in exit
  exec 9>&-
}
