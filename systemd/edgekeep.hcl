# The configuration of Edgekeep, with every key. What stands behind a # without a space is a key with
# its default or an example: take the # away to set it. A folder of such files is read as one.
# `edgekeep operator diagnose -config=/etc/edgekeep` tells whether it is right, and the machine around
# it; `systemctl reload edgekeep` reads certificates and log_level anew.

# Where the data lies: one file in this folder. Under systemd it is the unit's StateDirectory. The
# section's old name is `backend`.
storage "redb" {
  path = "/var/lib/edgekeep"
  # Memory for pages of the file.
  #cache_size = "4MiB"
}

# Where requests are taken; more of these sections listen in more places.
listener "tcp" {
  # With edgekeep.socket its ListenStream= says the same, to the letter.
  address = "0.0.0.0:8200"

  # Without these a certificate is made and renewed; clients are given /var/lib/edgekeep/tls/ca.pem.
  # With LoadCredentialEncrypted=tls-key:... in the unit the key is
  # /run/credentials/edgekeep.service/tls-key.
  #tls_cert_file = "/etc/edgekeep/tls.pem"
  #tls_key_file  = "/etc/edgekeep/tls.key"
  # No TLS at all: only where nobody is on the way.
  #tls_disable = false
  # The lowest and the highest version, and the suites of TLS 1.2 by their IANA names.
  #tls_min_version = "tls12"
  #tls_max_version = "tls13"
  #tls_cipher_suites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]
  # Who may vouch for certificates of clients; whether such a one is demanded, or never asked for.
  #tls_client_ca_file = "/etc/edgekeep/clients.pem"
  #tls_require_and_verify_client_cert = false
  #tls_disable_client_certs = false

  # The largest body, at most 32MiB.
  #max_request_size = "32MiB"
  # How long a peer may take: for a request's head, for progress of a body, for progress of an
  # answer, for rest between two requests.
  #http_read_header_timeout = "10s"
  #http_read_timeout = "30s"
  #http_write_timeout = "30s"
  #http_idle_timeout = "5m"
  # Refuse what has no header `X-Vault-Request: true`: no page in a browser can send it by itself.
  #require_request_header = false
  # Headers of answers, by their status.
  #custom_response_headers { "default" = { "X-Content-Type-Options" = ["nosniff"] } }
  # Tell the metrics here to everybody; else a token has to allow it.
  #telemetry { unauthenticated_metrics_access = false }
}

# A socket in the file system, for programs on this machine. It takes the keys of "tcp" above that
# are not of TLS, too.
#listener "unix" {
#  address = "/run/edgekeep/edgekeep.sock"
#  # Its permissions; its owner and group by name or number. Only root can give it to others.
#  socket_mode = "0600"
#  socket_user = "edgekeep"
#  socket_group = "edgekeep"
#}

# What opens the store after each start; without one of these people do, with their shares. Take one.
# Two, one of them `disabled`, change from that one to the other: `edgekeep operator unseal -migrate`.
# Without one VAULT_SEAL_TYPE names it, and VAULT_TRANSIT_SEAL_KEY_NAME, VAULT_HSM_PIN and the like say
# its keys, as to Vault: src/config/README.md has the variable of each.
# People, as without any.
#seal "shamir" {
#  disabled = false
#}

# A key of 32 bytes that lies elsewhere: on a stick, or in a credential of systemd.
#seal "static" {
#  current_key_id = "2026"
#  current_key = "file:///media/stick/edgekeep.key"
#  # The key before it, for once: the store goes over to the current one.
#  previous_key_id = "2025"
#  previous_key = "systemd://old-key"
#  disabled = false
#}

# The transit engine of another Vault or OpenBao.
#seal "transit" {
#  address = "https://vault.example.com:8200"
#  token = "systemd://transit-token"
#  key_name = "edgekeep"
#  mount_path = "transit"
#  # Somebody else renews the token.
#  disable_renewal = false
#  tls_ca_cert = "/etc/edgekeep/vault-ca.pem"
#  tls_client_cert = "/etc/edgekeep/vault-client.pem"
#  tls_client_key = "/etc/edgekeep/vault-client.key"
#  tls_server_name = "vault.example.com"
#  tls_skip_verify = false
#  # A `namespace` is refused: there are none.
#  disabled = false
#}

# The board's TPM 2.0, through tpm2-tools.
#seal "tpm2" {
#  # These must stay as they are now.
#  pcrs = ["0", "7"]
#  tcti = "device:/dev/tpmrm0"
#  disabled = false
#}

# A security module or a card, through OpenSC's pkcs11-tool.
#seal "pkcs11" {
#  lib = "/usr/lib/softhsm/libsofthsm2.so"
#  # Or `slot`, its number.
#  token_label = "edgekeep"
#  pin = "systemd://pin"
#  key_id = "01"
#  mechanism = "ckm_aes_cbc_pad"
#  disabled = false
#}

# The URL that clients use: its host goes into the certificate that the server makes.
#api_addr = "https://gateway.local:8200"
# The name that `status` shows.
#cluster_name = "gateway"

# Keys stay in memory that is never swapped; true where that cannot be had.
#disable_mlock = false

# How long what is leased lasts if nothing else is said, and at most.
#default_lease_ttl = "768h"
#max_lease_ttl = "768h"

# How much is logged (trace, debug, info, warn, error), and whether for people or as JSON. Under
# systemd it goes to the journal with its levels and fields; else to stderr, or into a file.
#log_level = "info"
#log_format = "standard"
#log_file = "/var/log/edgekeep/edgekeep.log"
# A file that holds the process id while the server runs.
#pid_file = "/run/edgekeep/edgekeep.pid"

# What all peers together may take up. The defaults suit a board with 512 MB.
#limits {
#  # Connections at once, and memory for what they send and are sent.
#  max_connections = 2048
#  max_held_bytes = "96MiB"
#  # Requests that run at once, and the memory that they work in.
#  workers = 32
#  max_worked_bytes = "128MiB"
#  # How long a TLS handshake may take, and requests that run when the server ends.
#  tls_handshake_timeout = "10s"
#  drain_timeout = "30s"
#  # Requests a second that need no token, of one client and of all: 0 is no limit.
#  unauthenticated_rate = 100
#  unauthenticated_total_rate = 1000
#  # Logins a second that hash a password, of one client and of all.
#  password_rate = 10
#  password_total_rate = 20
#}

# When a user is locked out: after so many failed logins, for so long; when they are forgotten. In
# place of "all": "userpass", "approle".
#user_lockout "all" {
#  lockout_threshold = 5
#  lockout_duration = "15m"
#  lockout_counter_reset = "15m"
#  disable_lockout = false
#}

# How sys/metrics tells what is counted.
#telemetry {
#  # "0" switches Prometheus' form off.
#  prometheus_retention_time = "24h"
#  # How old counts of tokens, leases and secrets may be; "none" switches them off.
#  usage_gauge_period = "10m"
#  # Policies and mounts that are counted each by itself.
#  maximum_gauge_cardinality = 500
#  # No name has the host in it.
#  disable_hostname = true
#}

# Where snapshots go by themselves, and the journal between them. Any number of these.
#snapshot "box" {
#  # A folder on another disk. The unit has to allow it: see README.md, "A folder for snapshots".
#  type = "file"
#  path_prefix = "/mnt/backup/edgekeep"
#  interval = "24h"
#  # How many are kept: so many newest ones, the last of so many hours, days, weeks, months, and all
#  # of some time.
#  retain = 1
#  keep_last = 3
#  keep_hourly = 24
#  keep_daily = 7
#  keep_weekly = 4
#  keep_monthly = 12
#  keep_within = "48h"
#  # What the files' names begin with.
#  file_prefix = "vault-snapshot"
#  # All of them together may take so many bytes.
#  local_max_space = "10GiB"
#  # Read the newest one again after this time.
#  verify_after = "168h"
#  # Files of this machine that come along, sealed.
#  include = ["/etc/edgekeep"]
#  # Ship each transaction within seconds, too; so much of it waits here while the place is away.
#  journal = true
#  journal_max = "64MiB"
#}

# A stick that edgekeep-usb@.service mounts, by its label or UUID.
#snapshot "stick" {
#  type = "usb"
#  usb_volume = "EDGEKEEP"
#  interval = "1h"
#  keep_daily = 30
#}

# A bucket of S3. Credentials are literal, or "env://NAME", "file:///PATH", "systemd://NAME".
#snapshot "bucket" {
#  type = "aws-s3"
#  interval = "24h"
#  path_prefix = "gateway/"
#  aws_s3_bucket = "backups"
#  aws_s3_region = "us-east-1"
#  # Another server than Amazon's; names in paths, not in the host; without TLS.
#  aws_s3_endpoint = "s3.example.com"
#  aws_s3_force_path_style = true
#  aws_s3_disable_tls = false
#  # Let the server encrypt, too; by its KMS, and with which key of it.
#  aws_s3_server_side_encryption = false
#  aws_s3_enable_kms = false
#  aws_s3_kms_key = "alias/backups"
#  aws_access_key_id = "AKIA..."
#  aws_secret_access_key = "systemd://s3-secret"
#  aws_session_token = "env://AWS_SESSION_TOKEN"
#  # Who may have signed the server's certificate, if not the system's authorities; or anybody.
#  ca_cert = "/etc/edgekeep/s3-ca.pem"
#  tls_skip_verify = false
#}

# Another host, through the SSH client. Its key and the known hosts are files that `edgekeep` reads.
#snapshot "host" {
#  type = "sftp"
#  interval = "24h"
#  sftp_host = "backup.example.com"
#  sftp_port = 22
#  sftp_username = "edgekeep"
#  sftp_path = "/srv/edgekeep"
#  sftp_identity_file = "/etc/edgekeep/backup.key"
#  sftp_known_hosts = "/etc/edgekeep/known_hosts"
#}

# A folder of WebDAV.
#snapshot "dav" {
#  type = "http"
#  interval = "24h"
#  http_url = "https://dav.example.com/edgekeep/"
#  http_username = "edgekeep"
#  http_password = "systemd://webdav-password"
#  # Without TLS, where the URL says http://.
#  http_allow_plain = false
#}
