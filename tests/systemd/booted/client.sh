# shellcheck shell=bash disable=SC2154 # what stands in `boot`
# Whoever uses the server from outside of the machine.

keeper() {
  VAULT_ADDR=https://127.0.0.1:$port VAULT_CACERT=$work/ca.pem HOME=$work "$binary" "$@"
}

ask() {
  local path=$1
  shift
  curl -s --max-time 60 --cacert "$work/ca.pem" -H "X-Vault-Token: ${token:-}" "$@" \
    "https://127.0.0.1:$port/v1/$path"
}

unseal() {
  local share
  for share in $(head -3 "$work/shares"); do keeper operator unseal "$share" >/dev/null; done
}

show() { guest systemctl show -P "$1" edgekeep.service; }
status_is() { is "$(show StatusText)" "$1"; }

# Starts writers, which note what was acknowledged.
start_writers() {
  rm -f "$work/end"
  touch "$work/acknowledged"
  local who
  for who in 1 2 3 4; do
    (
      n=0
      while [ ! -e "$work/end" ]; do
        n=$((n + 1))
        code=$(ask "kv/$1-$who-$n" -o /dev/null -w '%{http_code}' -X PUT \
          -d "{\"v\":\"$1-$who-$n\"}") || true
        if [ "$code" = 204 ]; then echo "$1-$who-$n" >>"$work/acknowledged"; else sleep 0.2; fi
      done
    ) &
    writers+=($!)
  done
}

stop_writers() {
  touch "$work/end"
  wait "${writers[@]}" || true
  writers=()
}

written() { [ "$(grep -c "^$1-" "$work/acknowledged" || true)" -ge "$2" ]; }

nothing_is_lost() {
  local key
  {
    printf 'silent\ncacert = "%s"\nheader = "X-Vault-Token: %s"\n' "$work/ca.pem" "$token"
    while read -r key; do
      printf 'url = "https://127.0.0.1:%s/v1/kv/%s"\n' "$port" "$key"
    done <"$work/acknowledged"
  } >"$work/curl"
  curl -K "$work/curl" | grep -o '"v":"[^"]*"' | sed 's/"v":"\(.*\)"/\1/' | sort >"$work/found"
  sort "$work/acknowledged" | comm -23 - "$work/found" >"$work/lost"
  echo "$(wc -l <"$work/acknowledged") were acknowledged; lost:"
  cat "$work/lost"
  [ -s "$work/acknowledged" ] && [ ! -s "$work/lost" ]
}
