# shellcheck shell=bash disable=SC2154,SC2016,SC2317,SC2034
# What the unit promises of a server that runs.

journal() {
  check "the journal has its levels and fields" eval 'is "$(guest journalctl -q -u edgekeep -n 1 \
    -o cat --output-fields=PRIORITY,SYSLOG_IDENTIFIER _TRANSPORT=journal \
    EDGEKEEP_MODULE=sys.unsealing |
    sort | xargs)" "6 edgekeep"'
  check "nothing was warned of" is "$(guest journalctl -q -u edgekeep -p warning -o cat)" ""
}

certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
    -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout "$work/$1.key" -out "$work/$1.pem" \
    2>/dev/null
}

bears() {
  local subject
  subject=$(openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null |
    openssl x509 -noout -subject)
  is "${subject// /}" "subject=CN=$1"
}

reload() {
  local name
  for name in one two three; do certificate $name; done
  cat "$work/one.pem" "$work/two.pem" "$work/three.pem" "$work/ca.pem" >"$work/all.pem"
  mv "$work/all.pem" "$work/ca.pem"
  guest install -m 0640 -g edgekeep /dev/null /etc/edgekeep/tls.key
  guest "sed -i 's|#tls_cert_file|tls_cert_file|; s|#tls_key_file |tls_key_file|' \
    /etc/edgekeep/edgekeep.hcl"
  exchange() {
    put /etc/edgekeep/tls.pem <"$work/$1.pem"
    put /etc/edgekeep/tls.key <"$work/$1.key"
    guest chmod 0644 /etc/edgekeep/tls.pem
  }
  exchange one
  guest systemctl restart edgekeep
  unseal
  check "it bears the certificate that is configured" bears one
  exchange two
  local pid
  pid=$(show MainPID)
  if is "$(show Type)" notify-reload >/dev/null; then
    check "notify-reload: systemctl reload returns when it bears the new one" \
      eval 'guest systemctl reload edgekeep && bears two'
  else
    say "skipped notify-reload: systemd is $(guest systemctl --version | head -1)"
  fi
  guest 'rm -rf /usr/lib/systemd/system/edgekeep.service.d; systemctl daemon-reload'
  exchange three
  check "notify: systemctl reload has it bear the new one" \
    eval 'is "$(show Type)" notify && guest systemctl reload edgekeep && eventually bears three'
  check "it is the same process, unsealed and active" \
    eval 'is "$(show MainPID) $(show ActiveState)" "$pid active" && eventually status_is unsealed'
}

watchdog() {
  guest 'mkdir -p /run/systemd/system/edgekeep.service.d
    printf "[Service]\nWatchdogSec=12\n" >/run/systemd/system/edgekeep.service.d/quick.conf
    systemctl daemon-reload; systemctl restart edgekeep'
  unseal
  local pid
  pid=$(show MainPID)
  guest kill -STOP "$pid"
  other() { [ "$(show MainPID)" != "$1" ] && is "$(show ActiveState)" active; }
  check "a server that stands still is started anew" eventually other "$pid"
  check "that was the watchdog" logged "Watchdog timeout" -u edgekeep
  unseal
  pid=$(show MainPID)
  guest fsfreeze --freeze /var/lib/edgekeep
  (ask kv/hangs -X PUT -d '{"v":"1"}' -o /dev/null || true) &
  local write=$!
  check "a writer that hangs is noticed" eventually logged 'the writer hangs' -u edgekeep
  check "and the server that has it killed" \
    eventually logged "Killing process $pid " -u edgekeep _PID=1
  # A process that waits for a disk ends when the disk lets it.
  guest fsfreeze --unfreeze /var/lib/edgekeep
  wait $write
  check "it is started anew when the disk is back" eventually other "$pid"
  unseal
  guest 'rm /run/systemd/system/edgekeep.service.d/quick.conf; systemctl daemon-reload'
}

load() {
  start_writers stop
  eventually written stop 40
  check "systemctl stop ends in success under load" \
    eval 'guest systemctl stop edgekeep && is "$(show Result)" success'
  guest systemctl start edgekeep
  stop_writers
  unseal
  check "nothing that was acknowledged is lost" nothing_is_lost
}

sockets() {
  guest 'systemctl stop edgekeep; systemctl -q enable --now edgekeep.socket
    systemctl start edgekeep'
  rm -f "$work/end" "$work/answers"
  local who askers=()
  for who in 1 2 3 4; do
    (
      while [ ! -e "$work/end" ]; do
        ask 'sys/health?sealedcode=200' -o /dev/null -w '%{http_code}\n' >>"$work/answers" || true
      done
    ) &
    askers+=($!)
  done
  touch "$work/answers"
  answered() { [ "$(wc -l <"$work/answers")" -ge "$1" ]; }
  for _ in 1 2 3; do
    eventually answered $(($(wc -l <"$work/answers") + 8))
    guest systemctl restart edgekeep
  done
  eventually answered $(($(wc -l <"$work/answers") + 8))
  touch "$work/end"
  wait "${askers[@]}"
  check "no request is lost while it is restarted behind its socket" eval \
    'sort "$work/answers" | uniq -c; [ "$(sort -u "$work/answers")" = 200 ] &&
     [ "$(wc -l <"$work/answers")" -gt 20 ]'
  say "        $(wc -l <"$work/answers") requests over three restarts"
  guest systemctl stop edgekeep 2>/dev/null
  check "a request starts it" eval \
    'is "$(ask "sys/health?sealedcode=200" -o /dev/null -w "%{http_code}")" 200'
  unseal
}

power() {
  start_writers power
  eventually written power 40
  cut_the_power
  stop_writers
  switch_on
  check "after a power cut it serves by itself" eventually status_is "sealed, 0 of 3 keys"
  unseal
  check "nothing that was acknowledged is lost by it" nothing_is_lost
  check "every entry is as it was written" eval \
    'keeper snapshot save "$work/after.snap" && keeper snapshot inspect "$work/after.snap"'
}
