//! Every key that a configuration may hold: declared once, read and documented from here.

mod seal;

use std::fmt::Write as _;

pub use self::seal::{SEAL_PKCS11, SEAL_SHAMIR, SEAL_STATIC, SEAL_TPM2, SEAL_TRANSIT};

use crate::base::logs;
use crate::base::variable::Variable;

/// A key of a section.
#[derive(Debug)]
pub struct Key {
    /// Its name; case does not matter.
    pub name: &'static str,
    /// What its value must be.
    pub form: Form,
    /// What holds when it is absent, in the key's own form; empty for nothing.
    pub default: &'static str,
    /// The environment variable that says it, too, if there is one.
    pub env: Option<Said>,
    /// What it does or, for one that is not heeded, why.
    pub help: &'static str,
    /// Whether it is heeded.
    pub standing: Standing,
}

/// That a variable of the environment says it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It goes before the file.
    Before(Variable),
    /// It counts where the file has none of these keys.
    Without(Variable, &'static [&'static str]),
}

impl Said {
    fn describe(self) -> String {
        match self {
            Self::Before(env) => format!("`{}` goes before it.", env.vaults()),
            Self::Without(env, [_]) => format!("`{}` says it where it is absent.", env.vaults()),
            Self::Without(env, _) => {
                format!("`{}` says it where no key of TLS is given.", env.vaults())
            }
        }
    }
}

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text.
    Text,
    /// The path of a file or folder.
    Path,
    /// A server's URL.
    Url,
    /// A user or a group of this machine, by name or number.
    Account,
    /// `true` or `false`; 1 and 0 too.
    Flag,
    /// A duration: `768h`, `1h30m`, `30d`; a bare number is seconds.
    Duration,
    /// A whole number above 0.
    Count,
    /// So many a second; 0 for as many as come.
    Rate,
    /// A number of bytes; `64KiB`, `32MiB` and `1GiB` too.
    Bytes,
    /// A file's permission bits, in octal.
    Mode,
    /// A list of texts, or one text with commas.
    List,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A section of its own: `name { ... }` or `name "label" { ... }`.
    Section,
}

/// Whether a key is heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Heeded,
    /// Vault knows it; here it has no meaning, and a warning says so.
    Ignored,
}

/// A section and its keys.
#[derive(Debug)]
pub struct Table {
    /// How the section is written.
    pub title: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

impl Table {
    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name.eq_ignore_ascii_case(name))
    }
}

const fn key(name: &'static str, form: Form, default: &'static str, help: &'static str) -> Key {
    Key { name, form, default, env: None, help, standing: Standing::Heeded }
}

const fn with_env(key: Key, env: Variable) -> Key {
    Key { env: Some(Said::Before(env)), ..key }
}

const fn ignored(name: &'static str, help: &'static str) -> Key {
    Key { name, form: Form::Text, default: "", env: None, help, standing: Standing::Ignored }
}

const NOT_SENT: &str = "metrics are asked for at sys/metrics, not sent";
const NO_CLUSTER: &str = "one server is all there is: nothing to forward or elect";
const NO_PLUGINS: &str = "engines and auth methods are built in";
const NO_PROXY: &str = "not supported: the peer's own address counts";
const NO_CUT: &str = "a request ends by itself; a peer that stalls is cut off";

const REQUEST_HEADER: Key = key(
    "require_request_header",
    Form::Flag,
    "false",
    "Refuse requests without `X-Vault-Request: true`.",
);
const RESPONSE_HEADERS: Key = key(
    "custom_response_headers",
    Form::Section,
    "",
    "Headers of answers by their status (`default`, `2xx` or `404`), each a section such as \
     `\"2xx\" = { \"X-A\" = [\"b\"] }`; the narrowest goes first.",
);

/// The top of the file.
pub static TOP: Table = Table {
    title: "the top of the file",
    help: "What concerns the whole server.",
    keys: &[
        key("listener", Form::Section, "", "Where requests are taken; at least one, may repeat."),
        key("storage", Form::Section, "", "Where the data lies; exactly one."),
        key("backend", Form::Section, "", "The old name of storage."),
        key(
            "seal",
            Form::Section,
            "",
            "What gives the unseal key; people do (`shamir`) where there is none. Two, one of them \
             `disabled`, change from that one to the other. Where there is none that is in use, \
             `VAULT_SEAL_TYPE` names its kind, and variables say its keys.",
        ),
        key("limits", Form::Section, "", "What all peers together may take up."),
        key("telemetry", Form::Section, "", "How `sys/metrics` tells what is counted."),
        key("user_lockout", Form::Section, "", "When users are locked out; may repeat."),
        key("snapshot", Form::Section, "", "Where snapshots go by themselves; may repeat."),
        key("default_lease_ttl", Form::Duration, "768h", "The lease of what names none."),
        key("max_lease_ttl", Form::Duration, "768h", "The longest lease."),
        with_env(
            key(
                "log_level",
                Form::Word(logs::LEVELS),
                "info",
                "How much is logged; SIGHUP reloads it.",
            ),
            Variable::LogLevel,
        ),
        with_env(
            key("log_format", Form::Word(logs::FORMATS), "standard", "A log line's form."),
            Variable::LogFormat,
        ),
        key("log_file", Form::Path, "", "The log goes there, not to stderr; SIGHUP reopens it."),
        key("pid_file", Form::Path, "", "A file that holds the process id while it runs."),
        key("disable_mlock", Form::Flag, "false", "Do not lock the memory in which keys live."),
        key("cluster_name", Form::Text, "", "The name that status shows; else one is made."),
        with_env(
            key(
                "api_addr",
                Form::Url,
                "",
                "The URL that clients use: its host is in the own certificate.",
            ),
            Variable::ApiAddr,
        ),
        ignored("ui", "the web interface is not there yet"),
        ignored("cluster_addr", NO_CLUSTER),
        ignored("disable_clustering", NO_CLUSTER),
        ignored("ha_storage", NO_CLUSTER),
        ignored("service_registration", NO_CLUSTER),
        ignored("replication", NO_CLUSTER),
        ignored("disable_performance_standby", NO_CLUSTER),
        ignored("disable_sealwrap", "everything is sealed alike"),
        ignored("disable_cache", "the cache is bounded and always consistent"),
        ignored("cache_size", "counted in entries; see cache_size of the storage section"),
        ignored("disable_printable_check", "every name of Vault's form is taken"),
        ignored("disable_indexing", "nothing is indexed for Sentinel"),
        ignored("disable_sentinel_trace", "there is no Sentinel"),
        ignored("raw_storage_endpoint", "stored names and values are sealed: there is no raw view"),
        ignored("introspection_endpoint", "who has sudo there may always ask it"),
        ignored("enable_response_header_hostname", "no answer names the host"),
        ignored("enable_response_header_raft_node_id", NO_CLUSTER),
        ignored("enable_ui", "its name is ui"),
        ignored("plugin_directory", NO_PLUGINS),
        ignored("plugin_file_uid", NO_PLUGINS),
        ignored("plugin_file_permissions", NO_PLUGINS),
        ignored("entropy", "random numbers come from the kernel"),
        ignored("kms_library", "there is no PKCS#11"),
        ignored("license_path", "there is no license"),
        ignored("log_requests_level", "requests are logged at debug"),
        ignored("log_rotate_bytes", "leave rotating to journald or logrotate"),
        ignored("log_rotate_duration", "leave rotating to journald or logrotate"),
        ignored("log_rotate_max_files", "leave rotating to journald or logrotate"),
    ],
};

/// `listener "tcp"`.
pub static LISTENER_TCP: Table = Table {
    title: "listener \"tcp\"",
    help: "A port. Without certificate files one is made at the first start and renewed.",
    keys: &[
        key("address", Form::Text, "127.0.0.1:8200", "Address and port; port 8200 if left out."),
        key("tls_disable", Form::Flag, "false", "Speak plain HTTP."),
        key("tls_cert_file", Form::Path, "", "The certificate and its chain, PEM."),
        key("tls_key_file", Form::Path, "", "Its private key, PEM."),
        key("tls_min_version", Form::Word(OLD_VERSIONS), "tls12", "The lowest TLS; at least 1.2."),
        key("tls_max_version", Form::Word(TLS_VERSIONS), "tls13", "The highest version of TLS."),
        key("tls_cipher_suites", Form::List, "", "The suites of TLS 1.2 by their IANA names."),
        key(
            "tls_require_and_verify_client_cert",
            Form::Flag,
            "false",
            "Refuse peers without a certificate of tls_client_ca_file.",
        ),
        key("tls_client_ca_file", Form::Path, "", "Who may vouch for client certificates, PEM."),
        key("tls_disable_client_certs", Form::Flag, "false", "Never ask for a certificate."),
        key("max_request_size", Form::Bytes, "32MiB", "The largest body; at most 32MiB."),
        key("http_read_header_timeout", Form::Duration, "10s", "For a request's head."),
        key("http_read_timeout", Form::Duration, "30s", "For a body to make progress."),
        key("http_write_timeout", Form::Duration, "30s", "For an answer to make progress."),
        key("http_idle_timeout", Form::Duration, "5m", "For rest between two requests."),
        REQUEST_HEADER,
        RESPONSE_HEADERS,
        key("telemetry", Form::Section, "", TOLD_TO),
        ignored("max_request_duration", NO_CUT),
        ignored("cluster_address", NO_CLUSTER),
        ignored("tls_prefer_server_cipher_suites", "the server's order always counts"),
        ignored("proxy_protocol_behavior", NO_PROXY),
        ignored("proxy_protocol_authorized_addrs", NO_PROXY),
        ignored("x_forwarded_for_authorized_addrs", NO_PROXY),
        ignored("x_forwarded_for_hop_skips", NO_PROXY),
        ignored("x_forwarded_for_reject_not_authorized", NO_PROXY),
        ignored("x_forwarded_for_reject_not_present", NO_PROXY),
        ignored("profiling", "there is no profiling endpoint"),
        ignored("inflight_requests_logging", "sys/in-flight-req is for those who may read it"),
    ],
};

const OLD_VERSIONS: &[&str] = &["tls10", "tls11", "tls12", "tls13"];
const TLS_VERSIONS: &[&str] = &["tls12", "tls13"];

/// `listener "unix"`.
pub static LISTENER_UNIX: Table = Table {
    title: "listener \"unix\"",
    help: "A socket in the file system, without TLS.",
    keys: &[
        key("address", Form::Path, "", "The socket's path."),
        key("socket_mode", Form::Mode, "0600", "Its permissions."),
        key("socket_user", Form::Account, "", "Its owner."),
        key("socket_group", Form::Account, "", "Its group."),
        key("max_request_size", Form::Bytes, "32MiB", "The largest body; at most 32MiB."),
        key("http_read_header_timeout", Form::Duration, "10s", "For a request's head."),
        key("http_read_timeout", Form::Duration, "30s", "For a body to make progress."),
        key("http_write_timeout", Form::Duration, "30s", "For an answer to make progress."),
        key("http_idle_timeout", Form::Duration, "5m", "For rest between two requests."),
        REQUEST_HEADER,
        RESPONSE_HEADERS,
        key("telemetry", Form::Section, "", TOLD_TO),
        ignored("max_request_duration", NO_CUT),
        ignored("tls_disable", "a unix socket has no TLS"),
    ],
};

const TOLD_TO: &str = "Who is told the metrics here.";

/// `telemetry` of a listener.
pub static LISTENER_TELEMETRY: Table = Table {
    title: "telemetry of a listener",
    help: "Metrics name mount points and policies, but no path below a mount and no user.",
    keys: &[key(
        "unauthenticated_metrics_access",
        Form::Flag,
        "false",
        "Tell them to everybody, a sealed server's too; else a token has to allow it.",
    )],
};

/// `storage "redb"`, and `storage "file"` and `storage "raft"` in its place.
pub static STORAGE: Table = Table {
    title: "storage \"redb\"",
    help: "One file, edgekeep.redb, in a folder that is made with mode 0700. `file` and `raft` of \
           a Vault configuration are taken for it, `inmem` keeps everything in memory.",
    keys: &[
        key("path", Form::Path, "", "The folder."),
        key("cache_size", Form::Bytes, "4MiB", "Memory for pages of the file."),
        ignored("node_id", NO_CLUSTER),
        ignored("retry_join", NO_CLUSTER),
        ignored("retry_join_as_non_voter", NO_CLUSTER),
        ignored("performance_multiplier", NO_CLUSTER),
        ignored("trailing_logs", NO_CLUSTER),
        ignored("snapshot_threshold", NO_CLUSTER),
        ignored("autopilot_reconcile_interval", NO_CLUSTER),
        ignored("autopilot_update_interval", NO_CLUSTER),
        ignored("max_entry_size", "an entry may be as large as a request's body"),
        ignored("max_parallel", "writes wait for each other in memory"),
    ],
};

/// `limits`.
pub static LIMITS: Table = Table {
    title: "limits",
    help: "The defaults fit a board with 512 MB.\n\nRates are for requests that need no token \
           (logins, wrapping look-ups, init and unseal); 0 is no limit. They are averaged over ten \
           seconds and counted for each client, which is an IPv4 address or an IPv6 /64, and for \
           all clients together; a request that is one too many is answered 429 with Retry-After \
           and takes nothing from the others. `sys/health` and `sys/seal-status` are never \
           counted. What comes over the loopback or a unix socket may take up as much as all \
           others and is not counted with them: a proxy for many may stand there, or an operator \
           whom they must not lock out.\n\nThe rates for passwords hold for logins that hash one \
           (userpass: bcrypt with cost 10), which takes a tenth of a second of one processor on a \
           Raspberry Pi 4, a quarter on a Pi 3: 20 a second are half of a Pi 4, and the 10 of a \
           single client just over half of a Pi 3, so that whoever has a token is served whatever \
           others send. The other requests cost a fraction of a millisecond; 1000 a second of them \
           are about a third of what a Pi 4 answers over TLS. On a faster machine, or where \
           thousands of clients log in at once, raise them.",
    keys: &[
        key("max_connections", Form::Count, "2048", "At once, idle ones included."),
        key("max_held_bytes", Form::Bytes, "96MiB", "Of requests and answers held at once."),
        key("max_worked_bytes", Form::Bytes, "128MiB", "Of memory for requests that run at once."),
        key("workers", Form::Count, "32", "Requests that run at once."),
        key("tls_handshake_timeout", Form::Duration, "10s", "For the TLS handshake."),
        key("drain_timeout", Form::Duration, "30s", "For requests to end when the server stops."),
        key("unauthenticated_rate", Form::Rate, "100", "Requests without a token, of one client."),
        key("unauthenticated_total_rate", Form::Rate, "1000", "The same, of all clients."),
        key("password_rate", Form::Rate, "10", "Logins that hash a password, of one client."),
        key("password_total_rate", Form::Rate, "20", "The same, of all clients."),
    ],
};

/// `user_lockout`.
pub static USER_LOCKOUT: Table = Table {
    title: "user_lockout \"all\"",
    help: "Failed logins, for the auth methods whose users have names: `all` of them, or those of \
           the type `userpass`, `approle` or `ldap`, for which `all` holds in what they do not \
           say. A method can be tuned besides (`user_lockout_config`). \
           `VAULT_DISABLE_USER_LOCKOUT` goes before all of it.",
    keys: &[
        key("lockout_threshold", Form::Count, "5", "So many lock a user out."),
        key("lockout_duration", Form::Duration, "15m", "For so long after the last of them."),
        key("lockout_counter_reset", Form::Duration, "15m", "They are forgotten after so long."),
        key("disable_lockout", Form::Flag, "false", "Lock nobody out."),
    ],
};

/// `telemetry`.
pub static TELEMETRY: Table = Table {
    title: "telemetry",
    help: "Everything is counted since the start, whatever stands here: it costs next to nothing.",
    keys: &[
        key(
            "prometheus_retention_time",
            Form::Duration,
            "24h",
            "0 switches the Prometheus format off. Nothing is forgotten after that time.",
        ),
        key(
            "usage_gauge_period",
            Form::Duration,
            "10m",
            "How old counts of tokens, leases, entities and secrets may be; they are younger where \
             counting is quick. `none` switches them off.",
        ),
        key(
            "maximum_gauge_cardinality",
            Form::Count,
            "500",
            "Policies, and mounts of kv, that are counted each by itself.",
        ),
        key("disable_hostname", Form::Flag, "true", "No name has the host in it: always so."),
        ignored("enable_hostname_label", "no label names the host"),
        ignored("metrics_prefix", "the names are Vault's; our own begin with edgekeep"),
        ignored("prefix_filter", "all metrics are told"),
        ignored("filter_default", "all metrics are told"),
        ignored("lease_metrics_epsilon", NO_FORECAST),
        ignored("num_lease_metrics_buckets", NO_FORECAST),
        ignored("add_lease_metrics_namespace_labels", NO_FORECAST),
        ignored("add_mount_point_rollback_metrics", "nothing is rolled back"),
        ignored("statsite_address", NOT_SENT),
        ignored("statsd_address", NOT_SENT),
        ignored("dogstatsd_addr", NOT_SENT),
        ignored("dogstatsd_tags", NOT_SENT),
        ignored("circonus_api_token", NOT_SENT),
        ignored("circonus_api_app", NOT_SENT),
        ignored("circonus_api_url", NOT_SENT),
        ignored("circonus_submission_interval", NOT_SENT),
        ignored("circonus_submission_url", NOT_SENT),
        ignored("circonus_check_id", NOT_SENT),
        ignored("circonus_check_force_metric_activation", NOT_SENT),
        ignored("circonus_check_instance_id", NOT_SENT),
        ignored("circonus_check_search_tag", NOT_SENT),
        ignored("circonus_check_display_name", NOT_SENT),
        ignored("circonus_check_tags", NOT_SENT),
        ignored("circonus_broker_id", NOT_SENT),
        ignored("circonus_broker_select_tag", NOT_SENT),
        ignored("stackdriver_project_id", NOT_SENT),
        ignored("stackdriver_location", NOT_SENT),
        ignored("stackdriver_namespace", NOT_SENT),
        ignored("stackdriver_debug_logs", NOT_SENT),
    ],
};

const NO_FORECAST: &str = "it is not told when leases will end";

/// `snapshot "NAME"`.
pub static SNAPSHOT: Table = Table {
    title: "snapshot \"NAME\"",
    help: "A place to which snapshots, and the journal between them, go by themselves; those that \
           are set through the API (`sys/storage/raft/snapshot-auto/config`) are served beside \
           them, and take the same words, but for `include` and for references to credentials \
           (env://, file://, systemd://). A snapshot counts once it was read back and verified, \
           and the last good one is never dropped. No two targets have one place, unless their \
           file_prefix differs and neither has a journal. What is kept is told as restic's \
           `forget` is told it, in UTC.",
    keys: &[
        key("type", Form::Text, "", "`file`, `usb`, `aws-s3`, `sftp` or `http`."),
        key("path_prefix", Form::Path, "", "The folder; else names begin so."),
        key("interval", Form::Duration, "", "The time from one snapshot to the next."),
        key("retain", Form::Count, "1", "How many are kept; 1 unless a keep_ says otherwise."),
        key("keep_last", Form::Count, "", "The newest ones, as retain."),
        key("keep_hourly", Form::Count, "", "The newest one of each of so many hours."),
        key("keep_daily", Form::Count, "", "The same of days."),
        key("keep_weekly", Form::Count, "", "The same of weeks."),
        key("keep_monthly", Form::Count, "", "The same of months."),
        key("keep_within", Form::Duration, "", "All of so long before the newest one."),
        key("file_prefix", Form::Text, "vault-snapshot", "What the files' names begin with."),
        key("local_max_space", Form::Bytes, "", "All may take so much; else an attempt fails."),
        key(
            "verify_after",
            Form::Duration,
            "",
            "Read the newest one and the journal behind it again after this time.",
        ),
        key(
            "include",
            Form::List,
            "",
            "Files and folders of this machine that its snapshots bring along, sealed: \
             configuration, units, TLS. They lie in the store itself, so every target has them; at \
             most 64 files of 1 MiB, 8 MiB in all. `edgekeep restore -include` brings them back.",
        ),
        key("journal", Form::Flag, "false", "Ship each transaction within seconds, too."),
        key(
            "journal_max",
            Form::Bytes,
            "64MiB",
            "So much of the journal waits here at most, and no more than it leaves free on the \
             disk; of several targets the most counts.",
        ),
        key("usb_volume", Form::Text, "", "Of usb: the volume's label or UUID."),
        key("aws_s3_bucket", Form::Text, "", "Of aws-s3: the bucket, which must be there."),
        key("aws_s3_region", Form::Text, "", "The region; us-east-1 unless said."),
        key("aws_s3_endpoint", Form::Text, "", "Another server than Amazon's: HOST or HOST:PORT."),
        key(
            "aws_s3_force_path_style",
            Form::Flag,
            "false",
            "Name the bucket in paths, not in the host.",
        ),
        key("aws_s3_disable_tls", Form::Flag, "false", "Speak without TLS."),
        key("aws_s3_enable_kms", Form::Flag, "false", "Let the server encrypt by its KMS, too."),
        key("aws_s3_kms_key", Form::Text, "", "With which key of it."),
        key("aws_s3_server_side_encryption", Form::Flag, "false", "Let the server encrypt, too."),
        key("aws_access_key_id", Form::Text, "", "Who asks; AWS_ACCESS_KEY_ID unless said."),
        key(
            "aws_secret_access_key",
            Form::Text,
            "",
            "The key, or env://, file:// or systemd:// of it.",
        ),
        key("aws_session_token", Form::Text, "", "The token of a session, in the same way."),
        key("sftp_host", Form::Text, "", "Of sftp: the host, or what the SSH client calls it."),
        key("sftp_port", Form::Count, "", "Its port; what the client's configuration says, or 22."),
        key("sftp_username", Form::Text, "", "Who logs in; the user of the server unless said."),
        key("sftp_path", Form::Text, "", "The folder there, which must be there."),
        key("sftp_identity_file", Form::Path, "", "The file of the private key."),
        key("sftp_known_hosts", Form::Path, "", "The file of the host keys that are known."),
        key("http_url", Form::Text, "", "Of http: the WebDAV folder's URL."),
        key("http_username", Form::Text, "", "Who logs in."),
        key(
            "http_password",
            Form::Text,
            "",
            "The password, or env://, file:// or systemd:// of it.",
        ),
        key(
            "http_allow_plain",
            Form::Flag,
            "false",
            "Speak without TLS where the URL says http://.",
        ),
        key(
            "ca_cert",
            Form::Path,
            "",
            "A PEM file of authorities, not the system's; read as it changes.",
        ),
        key("tls_skip_verify", Form::Flag, "false", "Believe any certificate."),
    ],
};

/// All sections in the order of the reference.
pub static TABLES: &[&Table] = &[
    &TOP,
    &LISTENER_TCP,
    &LISTENER_UNIX,
    &LISTENER_TELEMETRY,
    &STORAGE,
    &SEAL_SHAMIR,
    &SEAL_STATIC,
    &SEAL_TRANSIT,
    &SEAL_TPM2,
    &SEAL_PKCS11,
    &LIMITS,
    &TELEMETRY,
    &USER_LOCKOUT,
    &SNAPSHOT,
];

impl Form {
    fn describe(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Path => "path".into(),
            Self::Url => "URL".into(),
            Self::Account => "name or number".into(),
            Self::Flag => "true or false".into(),
            Self::Duration => "duration".into(),
            Self::Count => "number".into(),
            Self::Rate => "number a second".into(),
            Self::Bytes => "bytes".into(),
            Self::Mode => "octal mode".into(),
            Self::List => "list of texts".into(),
            Self::Word(words) => words.join(", "),
            Self::Section => "section".into(),
        }
    }
}

/// Where the reference is to be read, as errors name it.
pub const REFERENCE: &str = "src/config/README.md";

/// The reference of all keys, in Markdown: what [`REFERENCE`] holds.
pub fn reference() -> String {
    let mut out = String::from(
        "# The configuration\n\nHCL or JSON, as Vault reads it. Names are taken in any case. This \
         page is made from `keys.rs`; a test holds them equal.\n\n",
    );
    for table in TABLES {
        let _ = write!(out, "## {}\n\n{}\n", table.title, table.help);
        let (heeded, ignored): (Vec<&Key>, Vec<&Key>) =
            table.keys.iter().partition(|key| key.standing == Standing::Heeded);
        if !heeded.is_empty() {
            out.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
        }
        for key in heeded {
            let env = match key.env {
                None => String::new(),
                Some(said) => format!(" {}", said.describe()),
            };
            let form = key.form.describe();
            let _ =
                writeln!(out, "| `{}` | {form} | {} | {}{env} |", key.name, key.default, key.help);
        }
        if !ignored.is_empty() {
            out.push_str("\nTaken with a warning, and not heeded:\n\n");
        }
        for key in ignored {
            let _ = writeln!(out, "- `{}`: {}", key.name, key.help);
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}
