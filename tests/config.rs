//! Configurations as operators write them, and what comes of them.

mod support;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use edgekeep::barrier::seal::auto::Settings;
use edgekeep::barrier::seal::{pkcs11, transit};
use edgekeep::base::credential::Credential;
use edgekeep::base::logs::Format;
use edgekeep::base::variable::{Given, Variable};
use edgekeep::config::{self, Config, ConfigError, SealSettings, Storage, Warning, keys};
use edgekeep::pipeline::lockout::Terms;
use edgekeep::quota::strangers::Allowance;
use edgekeep::server::gate::listener::Address;
use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Pid, Signal, Uid, kill_process};
use serde_json::json;
use support::{Server, free_address, program};

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edgekeep-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> Result<(Config, Vec<Warning>), ConfigError> {
    config::read(&[path.to_owned()], &|_| None)
}

/// The configuration of one text; the folder's name is cut out of warnings and errors.
fn read_text(name: &str, text: &str) -> Result<(Config, Vec<String>), String> {
    let folder = Folder::new(name);
    let path = folder.write("c.hcl", text);
    let plain = |text: String| text.replace(&format!("{}/", folder.0.display()), "");
    read(&path)
        .map(|(config, warnings)| {
            (config, warnings.iter().map(|warning| plain(warning.to_string())).collect())
        })
        .map_err(|error| plain(error.to_string()))
}

const LEAST: &str = "listener \"tcp\" {}\nstorage \"inmem\" {}\n";
const IN_MEMORY: &str = "c.hcl:2: storage in memory: all is lost when the server ends";

#[test]
fn the_least_configuration_takes_all_defaults() {
    let (config, warnings) = read_text("least", LEAST).unwrap();
    assert_eq!(warnings, [IN_MEMORY]);
    let summary = format!("{config:#?}");
    assert_eq!(config.listeners.len(), 1, "{summary}");
    let listener = &config.listeners[0];
    assert!(matches!(&*listener.address, Address::Tcp(address) if address == "127.0.0.1:8200"));
    assert!(listener.tls.as_ref().is_some_and(|tls| tls.files.is_none()));
    assert!(
        summary.contains("client_certs: Asked")
            && summary.contains("min_version: V12")
            && summary.contains("max_version: V13"),
        "{summary}"
    );
    assert_eq!(config.limits.body_bytes, 32 << 20);
    assert_eq!(config.limits.idle, Duration::from_secs(300));
    assert_eq!(config.default_lease_ttl, Duration::from_secs(768 * 3600));
    assert_eq!(config.log.level, log::LevelFilter::Info);
    assert_eq!(config.log.format, Format::Standard);
    assert_eq!(config.limits.connections, 2048);
    assert_eq!(config.limits.held_bytes, 96 << 20);
    let all = |allowance: Allowance| (allowance.each, allowance.all);
    assert_eq!(all(config.strangers.requests), (100, 1000));
    assert_eq!(all(config.strangers.passwords), (10, 20));
    assert!(config.lock_memory);
}

#[test]
fn the_rates_of_strangers_may_be_lifted() {
    let text = format!("{LEAST}limits {{\n unauthenticated_rate = 0\n password_total_rate = 7 }}");
    let (config, _) = read_text("rates", &text).unwrap();
    assert_eq!(config.strangers.requests, Allowance { each: 0, all: 1000 });
    assert_eq!(config.strangers.passwords, Allowance { each: 10, all: 7 });
}

#[test]
fn users_are_locked_out_as_the_sections_say() {
    let text = format!(
        "{LEAST}user_lockout \"userpass\" {{\n lockout_duration = \"30m\" }}
         user_lockout \"all\" {{
           lockout_threshold = \"7\"
           lockout_counter_reset = 60
           disable_lockout = true
         }}"
    );
    let (config, _) = read_text("lockout", &text).unwrap();
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let all =
        Terms { threshold: 7, duration: minutes(15), counter_reset: minutes(1), disabled: true };
    assert_eq!(config.user_lockout.all, all);
    let own = Terms { duration: minutes(30), ..all };
    assert_eq!(
        config.user_lockout.kinds.into_iter().collect::<Vec<_>>(),
        [("userpass".to_owned(), own)]
    );
    assert_eq!(config.user_lockout.disabled, None);
    let error = read_text("lockout", &format!("{LEAST}user_lockout \"cert\" {{}}")).unwrap_err();
    assert!(error.contains("c.hcl:3: there is no user_lockout \"cert\""), "{error}");
}

#[test]
fn every_key_is_read() {
    let text = r#"
listener "tcp" {
  address = "[::]:8443"
  tls_cert_file = "/c.pem"
  tls_key_file = "/k.pem"
  tls_min_version = "tls13"
  tls_cipher_suites = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
  tls_require_and_verify_client_cert = "true"
  tls_client_ca_file = "/ca.pem"
  max_request_size = 1048576
  http_idle_timeout = 60
  http_read_timeout = "45s"
  http_write_timeout = "15s"
}
listener "tcp" { address = "localhost" tls_disable = 1 }
listener "unix" { address = "/run/e.sock" socket_mode = "0660" socket_user = 7 socket_group = "root" }
backend "redb" { path = "/srv/no-such-folder" cache_size = "8MiB" }
seal "shamir" {}
api_addr = "https://e.example:8443"
max_lease_ttl = "24h"
log_level = "Warning"
log_format = "json"
pid_file = "/run/e.pid"
disable_mlock = true
CLUSTER_name = "attic"
limits { max_connections = 64 max_held_bytes = "16MiB" workers = 2 drain_timeout = "5s" }
"#;
    let (config, warnings) = read_text("every", text).unwrap();
    let limits = "its limits differ from another listener's: the most generous count for all";
    assert_eq!(warnings, [format!("c.hcl:15: {limits}"), format!("c.hcl:16: {limits}")]);
    let summary = format!("{config:?}");
    for wanted in [
        "Tcp(\"[::]:8443\"), tls: Some",
        "certificate: \"/c.pem\", key: \"/k.pem\"",
        "client_ca_file: Some(\"/ca.pem\"), client_certs: Required",
        "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
        "Tcp(\"localhost:8200\"), tls: None",
        "path: \"/run/e.sock\", mode: Some(432), owner: Some(7), group: Some(0)",
        "Redb { folder: \"/srv/no-such-folder\", cache_bytes: 8388608 }",
        "default_lease_ttl: 86400s, max_lease_ttl: 86400s",
        "Log { level: Warn, format: Json, file: None }",
        "pid_file: Some(\"/run/e.pid\"), lock_memory: false",
        "cluster_name: Some(\"attic\")",
        "connections: 64",
        "body_bytes: 33554432, held_bytes: 16777216",
        "idle: 300s",
        "read_stall: 45s, write_stall: 30s",
        "drain: 5s",
        "workers: 2",
    ] {
        assert!(summary.contains(wanted), "{wanted} in {summary}");
    }
}

#[test]
fn json_says_the_same() {
    let hcl = "listener \"tcp\" { address = \"0.0.0.0:1\" tls_disable = true }\n\
               storage \"file\" { path = \"/srv/no-such-folder\" }\ndisable_mlock = true";
    let json = r#"{"listener": [{"tcp": {"address": "0.0.0.0:1", "tls_disable": true}}],
                   "storage": {"file": {"path": "/srv/no-such-folder"}}, "disable_mlock": true}"#;
    let (from_hcl, _) = read_text("as-hcl", hcl).unwrap();
    let (from_json, warnings) = read_text("as-json", json).unwrap();
    assert_eq!(format!("{from_hcl:?}"), format!("{from_json:?}"));
    assert_eq!(
        warnings,
        ["c.hcl:2: storage \"file\" is taken for \"redb\" at its path: one file, edgekeep.redb"]
    );
}

#[test]
fn a_key_that_is_missed_is_told_with_the_one_that_was_mistyped() {
    let target = "snapshot \"box\" {\n  type = \"file\"\n  path_prefix = \"/mnt/box\"\n  ";
    let missed = |key: &str| {
        read_text("missed", &format!("{LEAST}{target}{key} = \"24h\"\n}}\n")).unwrap_err()
    };
    assert_eq!(
        missed("intervall"),
        "c.hcl:3: interval is required; c.hcl:6: unknown key \"intervall\" is not heeded: did you \
         mean interval?"
    );
    let alone = "c.hcl:3: interval is required; see snapshot in the reference of the configuration";
    assert_eq!(missed("keep_within"), alone);
}

#[test]
fn warnings_name_the_line() {
    let cases = [
        ("colour = \"red\"", "c.hcl:3: unknown key \"colour\" is not heeded: take it out"),
        (
            "cluster_addr = \"https://x:8201\"",
            "c.hcl:3: cluster_addr has no meaning here: one server is all there is: nothing to \
             forward or elect",
        ),
        (
            "log_format = \"json\"\nlog_format = \"json\"",
            "c.hcl:4: log_format stands twice: the last one counts",
        ),
        ("ui = true", "c.hcl:3: ui has no meaning here: the web interface is not there yet"),
        (
            "listener \"tcp\" {\n  x_forwarded_for_hop_skips = 1\n}",
            "c.hcl:4: x_forwarded_for_hop_skips has no meaning here: not supported: the peer's \
             own address counts",
        ),
        ("limits { speed = 9 }", "c.hcl:3: unknown key \"speed\" is not heeded: take it out"),
        (
            "API_adr = \"https://x\"",
            "c.hcl:3: unknown key \"API_adr\" is not heeded: did you mean api_addr?",
        ),
        (
            "listener \"tcp\" {\n  tls_min_version = \"tls10\"\n}",
            "c.hcl:4: tls_min_version \"tls10\" is taken for \"tls12\": none older is spoken",
        ),
        (
            "telemetry {\n  statsd_address = \"localhost:8125\"\n}",
            "c.hcl:4: statsd_address has no meaning here: metrics are asked for at sys/metrics, \
             not sent",
        ),
        (
            "telemetry { disable_hostname = false }",
            "c.hcl:3: no name has the host in front, as if this was true",
        ),
        (
            "listener \"tcp\" {\n  telemetry { open = true }\n}",
            "c.hcl:4: unknown key \"open\" is not heeded: take it out",
        ),
    ];
    for (text, wanted) in cases {
        let (_, warnings) = read_text("warnings", &format!("{LEAST}{text}")).unwrap();
        assert!(warnings.contains(&wanted.to_owned()), "{wanted} in {warnings:?}");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}

#[test]
fn errors_name_the_line_and_the_remedy() {
    let cases = [
        (
            "default_lease_ttl = \"soon\"",
            "c.hcl:3: the value of default_lease_ttl is \"soon\"; it must be a duration such as \
             \"768h\", \"90s\" or 30 (seconds)",
        ),
        (
            "\ndefault_lease_ttl = \"9000h\"",
            "c.hcl:4: default_lease_ttl is longer than max_lease_ttl; shorten it, or raise \
             max_lease_ttl",
        ),
        (
            "log_level = \"loud\"",
            "c.hcl:3: the value of log_level is \"loud\"; it must be one of trace, debug, info, \
             notice, warn, warning, error, err",
        ),
        (
            "disable_mlock = \"maybe\"",
            "c.hcl:3: the value of disable_mlock is \"maybe\"; it must be true or false",
        ),
        (
            "limits { workers = 0 }",
            "c.hcl:3: the value of workers is 0; it must be a whole number above 0",
        ),
        (
            "limits { password_rate = -1 }",
            "c.hcl:3: the value of password_rate is -1; it must be a whole number a second, or 0 \
             for no limit",
        ),
        (
            "listener \"tcp\" {\n max_request_size = \"33MiB\"\n}",
            "c.hcl:4: max_request_size is 34603008 bytes, more than the store takes; set it to at \
             most 33554432 (\"32MiB\"), or leave it out",
        ),
        ("limits = 3", "c.hcl:3: limits is a section, not a value; write limits { ... }"),
        (
            "storage \"redb\" { path = \"/x\" }",
            "c.hcl:3: a second storage section; keep one of them",
        ),
        (
            "seal \"awskms\" {}",
            "c.hcl:3: seal \"awskms\" is not supported; name one of shamir, static, transit, tpm2 \
             and pkcs11, or leave the section out: the keys that operator init gives unseal the \
             server then",
        ),
        (
            "seal \"static\" {}",
            "c.hcl:3: seal \"static\" without current_key; name the file of the key: \
             current_key_id = \"1\" and current_key = \"file:///PATH\"; `openssl rand -out PATH \
             32` makes one",
        ),
        (
            "seal \"static\" { current_key_id = \"1\" }",
            "c.hcl:3: current_key_id without current_key; add current_key",
        ),
        (
            "seal \"static\" { current_key_id = \"1\" current_key = \"short\" }",
            "c.hcl:3: current_key is not 32 bytes, as they are or in hex or base64; name the file \
             of the key instead: file:///PATH",
        ),
        (
            "seal \"static\" { current_key_id = \"1\" current_key = \"file://x\" }",
            "c.hcl:3: current_key: file:// is followed by a whole path: \
             file:///etc/edgekeep/password",
        ),
        (
            "seal \"transit\" { token = \"file:///t\" key_name = \"k\" }",
            "c.hcl:3: seal \"transit\" without address; add address",
        ),
        (
            "seal \"transit\" {\n address = \"https://v\" token = \"file:///t\" key_name = \"k\"\n \
             namespace = \"ns1\" }",
            "c.hcl:5: a namespace of the transit seal; name the whole path of the engine in \
             mount_path: NAMESPACE/transit",
        ),
        (
            "seal \"transit\" { address = \"https://v\" token = \"file:///t\" key_name = \"k\" \
             tls_client_cert = \"/c\" }",
            "c.hcl:3: a client certificate needs its key; name both tls_client_cert and \
             tls_client_key",
        ),
        ("seal \"tpm2\" { pcrs = [\"24\"] }", "c.hcl:3: \"24\" is no PCR; name some of 0 to 23"),
        (
            "seal \"pkcs11\" { lib = \"/l\" pin = \"1234\" key_id = \"01\" }",
            "c.hcl:3: seal \"pkcs11\" names one token; say either token_label or slot",
        ),
        (
            "seal \"pkcs11\" { lib = \"/l\" slot = \"first\" pin = \"1234\" key_id = \"01\" }",
            "c.hcl:3: slot \"first\" is no number; write it as `pkcs11-tool -L` shows it: 0 or 0x1f",
        ),
        (
            "seal \"pkcs11\" { lib = \"/l\" token_label = \"t\" pin = \"1234\" key_id = \"seal\" }",
            "c.hcl:3: key_id \"seal\" is no id; write its bytes in hex, as `pkcs11-tool -O` shows \
             it",
        ),
        (
            "seal \"tpm2\" {}\nseal \"tpm2\" { disabled = \"true\" }",
            "c.hcl:4: two seals of one kind; keep the one in use; the older key of static is its \
             previous_key, else open the store with recovery keys and change those, which seals \
             it anew",
        ),
        (
            "seal \"shamir\" {}\nseal \"shamir\" {}",
            "c.hcl:4: a second seal; set disabled = \"true\" in the one that is to be left",
        ),
        (
            "listener \"udp\" {}",
            "c.hcl:3: there is no listener \"udp\"; write listener \"tcp\" or listener \"unix\"",
        ),
        (
            "listener \"unix\" {}",
            "c.hcl:3: a unix listener without a path; add address = \
             \"/run/edgekeep/edgekeep.sock\"",
        ),
        (
            "listener \"tcp\" {\n tls_cert_file = \"/c\"\n}",
            "c.hcl:4: tls_cert_file without tls_key_file; name both, or neither: then a \
             certificate is made",
        ),
        (
            "listener \"tcp\" { tls_require_and_verify_client_cert = true }",
            "c.hcl:3: client certificates are required, but not who may vouch for them; name the \
             authorities in tls_client_ca_file",
        ),
        (
            "listener \"tcp\" { tls_max_version = \"tls10\" }",
            "c.hcl:3: the value of tls_max_version is \"tls10\"; it must be one of tls12, tls13",
        ),
        (
            "listener \"tcp\" { address = \"{{ GetPrivateIP }}\" }",
            "c.hcl:3: \"{{ GetPrivateIP }}\" is no address; write a host or IP address and a \
             port, such as \"0.0.0.0:8200\" or \"[::]:8200\"",
        ),
        (
            "listener \"unix\" { address = \"/x\" socket_mode = \"rw\" }",
            "c.hcl:3: the value of socket_mode is \"rw\"; it must be permissions in octal such as \
             \"0660\"",
        ),
        (
            "listener \"unix\" { address = \"/x\" socket_user = \"no:body\" }",
            "c.hcl:3: the value of socket_user is \"no:body\"; it must be a name of /etc/passwd, or \
             a number",
        ),
        (
            "api_addr = \"nonsense\"",
            "c.hcl:3: the value of api_addr is \"nonsense\"; it must be a URL such as \
             \"https://gateway.local:8200\"",
        ),
        (
            "api_addr = \"https://\"",
            "c.hcl:3: the value of api_addr is \"https://\"; it must be a URL such as \
             \"https://gateway.local:8200\"",
        ),
        (
            "api_addr = 5",
            "c.hcl:3: the value of api_addr is 5; it must be a URL such as \
             \"https://gateway.local:8200\"",
        ),
        ("pid_file = 3", "c.hcl:3: the value of pid_file is 3; it must be text in quotes"),
        (
            "ui = tru",
            "c.hcl:3: at column 6: Unknown token: 3:6 IDENT tru; write HCL or JSON as Vault's \
             documentation has it",
        ),
        (
            "ui =",
            "c.hcl:3: at column 4: a key without a value; write HCL or JSON as Vault's \
             documentation has it",
        ),
    ];
    for (text, wanted) in cases {
        let error = read_text("errors", &format!("{LEAST}{text}")).unwrap_err();
        assert_eq!(error, wanted);
    }
}

#[test]
fn what_is_missing_is_named() {
    let error = read_text("missing", "storage \"inmem\" {}").unwrap_err();
    assert_eq!(
        error,
        "c.hcl: no listener section; add listener \"tcp\" { address = \"127.0.0.1:8200\" }"
    );
    let error = read_text("missing", "listener \"tcp\" {}").unwrap_err();
    assert!(error.starts_with("c.hcl: no storage section; add storage \"redb\""), "{error}");
    let error = read_text("missing", "storage \"consul\" {}").unwrap_err();
    assert!(error.starts_with("c.hcl:1: storage \"consul\" is not supported; "), "{error}");
    let error = read(Path::new("/no/such/file.hcl")).unwrap_err().to_string();
    assert!(error.starts_with("/no/such/file.hcl: the file cannot be read: "), "{error}");
}

#[test]
fn data_of_vault_is_refused() {
    let markers = ["vault.db", "raft/raft.db", "core/_keyring", "sys/token/id/_h1"];
    for marker in markers {
        let folder = Folder::new("vaults");
        folder.write(&format!("data/{marker}"), "x");
        let data = folder.0.join("data");
        let text = format!("listener \"tcp\" {{}}\nstorage \"file\" {{ path = {data:?} }}");
        let error = read(&folder.write("c.hcl", &text)).unwrap_err();
        assert_eq!(error.line, Some(2));
        assert_eq!(
            error.what,
            format!(
                "{}/{marker} belongs to Vault: its data can not be opened here",
                data.display()
            )
        );
        assert!(error.remedy.contains("edgekeep import"), "{}", error.remedy);
    }
}

#[test]
fn a_folder_is_read_in_the_order_of_names() {
    let folder = Folder::new("folder");
    folder.write("10-base.hcl", &format!("{LEAST}log_level = \"debug\"\ndisable_mlock = false"));
    folder.write(
        "20-more.json",
        r#"{"listener": {"unix": {"address": "/s"}}, "disable_mlock": true}"#,
    );
    folder.write("notes.txt", "not read");
    folder.write("deeper/x.hcl", "not read");
    let (config, warnings) = read(&folder.0).unwrap();
    assert_eq!(config.listeners.len(), 2);
    assert_eq!(config.storage, Storage::Memory);
    assert_eq!(config.log.level, log::LevelFilter::Debug);
    assert!(!config.lock_memory);
    let last = warnings.iter().map(ToString::to_string).find(|text| text.contains("twice"));
    assert!(
        last.unwrap().ends_with("20-more.json:1: disable_mlock stands twice: the last one counts")
    );

    let empty = Folder::new("empty");
    let error = read(&empty.0).unwrap_err().to_string();
    assert!(error.contains("the folder holds no *.hcl and no *.json; "), "{error}");
}

#[test]
fn the_environment_goes_before_the_file() {
    let folder = Folder::new("environment");
    let path =
        folder.write("c.hcl", &format!("{LEAST}log_level = \"error\"\nlog_format = \"standard\""));
    let given = |variable: Variable, value: &str| {
        Some(Given { by: variable.vaults(), value: value.to_owned() })
    };
    let environment = |variable| match variable {
        Variable::DisableUserLockout => given(variable, "1"),
        Variable::LogLevel => given(variable, "trace"),
        Variable::LogFormat => given(variable, "json"),
        _ => None,
    };
    let (config, _) = config::read(std::slice::from_ref(&path), &environment).unwrap();
    assert_eq!(config.user_lockout.disabled, Some(true));
    assert_eq!(config.log.level, log::LevelFilter::Trace);
    assert_eq!(config.log.format, Format::Json);

    let wrong = |variable| match variable {
        Variable::LogFormat => given(variable, "x"),
        _ => None,
    };
    let error = config::read(&[path], &wrong);
    assert_eq!(
        error.unwrap_err().to_string(),
        "VAULT_LOG_FORMAT: the value of log_format is \"x\"; it must be one of standard, json"
    );
}

/// The seals of a configuration beside which the environment says this; or what is wrong.
fn seals(folder: &Folder, text: &str, said: &[(&str, &str)]) -> Result<SealSettings, String> {
    let path = folder.write("c.hcl", &format!("{LEAST}{text}"));
    let environment = |variable: Variable| {
        let name = variable.vaults();
        let value = said.iter().find(|(said, _)| *said == name).map(|(_, value)| *value);
        Some(Given { by: name, value: value?.to_owned() })
    };
    let read = config::read(&[path], &environment);
    let plain = |text: String| text.replace(&format!("{}/", folder.0.display()), "");
    read.map(|(config, _)| config.seal).map_err(|error| plain(error.to_string()))
}

#[test]
fn the_environment_says_a_seal_as_it_does_to_vault() {
    let folder = Folder::new("seals");
    let read = |text: &str, said: &[(&str, &str)]| seals(&folder, text, said);
    let variable = |name: &str| Credential::Variable(name.to_owned());
    let transit = |settings: SealSettings| match settings.present {
        Some(Settings::Transit(transit)) => transit,
        other => panic!("{other:?}"),
    };
    const ALL: [(&str, &str); 10] = [
        ("VAULT_SEAL_TYPE", "transit"),
        ("VAULT_ADDR", "https://keys.local:8200"),
        ("VAULT_TOKEN", "file:///is/a/token/to/vault"),
        ("VAULT_TRANSIT_SEAL_KEY_NAME", "edge"),
        ("VAULT_TRANSIT_SEAL_MOUNT_PATH", "/site/transit/"),
        ("VAULT_TRANSIT_SEAL_DISABLE_RENEWAL", "true"),
        ("VAULT_CACERT", "/ca.pem"),
        ("VAULT_CLIENT_CERT", "/c.pem"),
        ("VAULT_CLIENT_KEY", "/k.pem"),
        ("VAULT_TLS_SERVER_NAME", "keys"),
    ];
    // All of it, and no section at all; or the one for people.
    for text in ["", "seal \"shamir\" {}\n"] {
        let settings = read(text, &ALL).unwrap();
        assert_eq!(settings.hidden, ["VAULT_TOKEN"], "no child is told");
        let wanted = transit::Settings {
            address: "https://keys.local:8200".to_owned(),
            token: variable("VAULT_TOKEN"),
            key_name: "edge".to_owned(),
            mount_path: "site/transit".to_owned(),
            ca_cert: Some("/ca.pem".into()),
            client_cert: Some("/c.pem".into()),
            client_key: Some("/k.pem".into()),
            server_name: Some("keys".to_owned()),
            skip_verify: false,
            disable_renewal: true,
        };
        assert_eq!(transit(settings), wanted);
    }
    // Address, token and TLS of the file go before it, all else behind.
    let text = "seal \"transit\" {\n address = \"https://file\"\n token = \"file:///t\"\n key_name = \
                \"k\"\n mount_path = \"m\"\n tls_server_name = \"file\"\n}\n";
    let mixed = transit(read(text, &ALL).unwrap());
    assert_eq!((&*mixed.address, mixed.token), ("https://file", Credential::File("/t".into())));
    assert_eq!((&*mixed.key_name, &*mixed.mount_path), ("edge", "site/transit"));
    assert_eq!((mixed.server_name.as_deref(), mixed.ca_cert), (Some("file"), None));
    assert_eq!((mixed.client_cert, mixed.client_key), (None, None));
    // Nothing of it concerns who has no such seal.
    let people = read("", &ALL[1..]).unwrap();
    assert_eq!((people.present, people.hidden), (None, Vec::new()));

    let hsm = [
        ("VAULT_SEAL_TYPE", "pkcs11"),
        ("VAULT_HSM_LIB", "/lib.so"),
        ("VAULT_HSM_SLOT", "0x1f"),
        ("VAULT_HSM_PIN", "1234"),
        ("VAULT_HSM_KEY_ID", "0xA1"),
        ("VAULT_HSM_MECHANISM", "0x1085"),
    ];
    let text = "seal \"pkcs11\" {\n lib = \"/l\"\n token_label = \"t\"\n pin = \"env://PIN\"\n key_id \
                = \"01\"\n}\n";
    for text in ["", text] {
        let settings = read(text, &hsm).unwrap();
        let wanted = pkcs11::Settings {
            lib: "/lib.so".into(),
            token: pkcs11::Token::Slot(0x1f),
            pin: variable("VAULT_HSM_PIN"),
            key_id: "a1".to_owned(),
        };
        assert_eq!(settings.present, Some(Settings::Pkcs11(wanted)));
        assert!(settings.hidden.contains(&"VAULT_HSM_PIN".to_owned()));
    }
    let labelled = [("VAULT_HSM_TOKEN_LABEL", "other")];
    let Some(Settings::Pkcs11(other)) = read(text, &labelled).unwrap().present else { panic!() };
    assert_eq!(other.token, pkcs11::Token::Label("other".to_owned()));

    for (text, said, why) in [
        (
            "seal \"tpm2\" {}\n",
            &ALL[..],
            "VAULT_SEAL_TYPE: it says \"transit\", and the configuration has seal \"tpm2\"; say the \
             same in both, or unset it: a seal is changed by a second section, with disabled = \
             \"true\" in the one that is to be left",
        ),
        ("", &ALL[..2], "VAULT_SEAL_TYPE: seal \"transit\" without token; add token"),
        (
            "",
            &[ALL[0], ALL[1], ALL[2], ALL[3], ("VAULT_NAMESPACE", "ns1")],
            "VAULT_NAMESPACE: a namespace of the transit seal; name the whole path of the engine \
             in mount_path: NAMESPACE/transit",
        ),
        (
            "",
            &[("VAULT_SEAL_TYPE", "awskms")],
            "VAULT_SEAL_TYPE: seal \"awskms\" is not supported; name one of shamir, static, \
             transit, tpm2 and pkcs11, or leave the section out: the keys that operator init \
             gives unseal the server then",
        ),
        (
            "",
            &[hsm[0], hsm[1], ("VAULT_HSM_SLOT", "first"), hsm[3], hsm[4]],
            "VAULT_HSM_SLOT: slot \"first\" is no number; write it as `pkcs11-tool -L` shows it: 0 \
             or 0x1f",
        ),
    ] {
        assert_eq!(read(text, said).unwrap_err(), why);
    }
}

#[test]
fn the_reference_tells_every_key() {
    let reference = keys::reference();
    for table in keys::TABLES {
        assert!(reference.contains(&format!("## {}\n", table.title)));
        for key in table.keys {
            assert!(reference.contains(&format!("`{}`", key.name)), "{}", key.name);
            assert!(!key.help.is_empty(), "{}", key.name);
        }
    }
    assert!(reference.contains("| `log_level` |"));
    assert!(reference.contains("`VAULT_LOG_LEVEL` goes before it."));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(keys::REFERENCE);
    if std::env::var_os("EDGEKEEP_WRITE_REFERENCE").is_some() {
        fs::write(&page, &reference).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(written == reference, "set EDGEKEEP_WRITE_REFERENCE to write {page:?} anew");
}

/// What is wrong with what a text names; `$F` is the folder, and cut out of what is said.
fn check(folder: &Folder, text: &str) -> String {
    let shown = folder.0.display().to_string();
    let path = folder.write("c.hcl", &text.replace("$F", &shown));
    let (config, _) = read(&path).unwrap();
    let said: Vec<String> = match config::check(&config) {
        Ok(warnings) => warnings.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    };
    said.concat().replace(&format!("{shown}/c.hcl"), "c.hcl").replace(&shown, "$F")
}

#[test]
fn what_is_named_must_be_there() {
    let folder = Folder::new("named");
    for (name, keys) in [("a", KeyPair::generate()), ("b", KeyPair::generate())] {
        let key = keys.unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        folder.write(&format!("{name}.pem"), &params.self_signed(&key).unwrap().pem());
        let file = folder.write(&format!("{name}.key"), &key.serialize_pem());
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    }
    folder.write("plain", "text");
    let tls = |rest: &str| format!("listener \"tcp\" {{\n{rest}\n}}\nstorage \"inmem\" {{}}\n");
    let files = |certificate: &str, key: &str| {
        tls(&format!("tls_cert_file = \"$F/{certificate}\"\ntls_key_file = \"$F/{key}\""))
    };
    let unix = |path: &str| {
        format!("storage \"inmem\" {{}}\nlistener \"unix\" {{\n  address = \"{path}\"\n}}\n")
    };
    let name_certificate =
        "name a PEM file of the certificate and its chain that the server may read";
    let name_key = "name the PEM file of the certificate's key, and let the server read it";
    let name_authorities = "name a PEM file of authorities that the server may read";
    let gone = "No such file or directory (os error 2)";
    let make = "make it, for the server's user to write in (systemd: RuntimeDirectory, \
                LogsDirectory)";
    let cases = [
        (files("a.pem", "a.key"), String::new()),
        (
            files("none.pem", "a.key"),
            format!("c.hcl:2: tls_cert_file \"$F/none.pem\": {gone}; {name_certificate}"),
        ),
        (
            files("a.key", "a.key"),
            format!(
                "c.hcl:2: tls_cert_file \"$F/a.key\": it holds no certificate; {name_certificate}"
            ),
        ),
        (
            files("a.pem", "b.key"),
            format!("c.hcl:3: tls_key_file \"$F/b.key\": it is not that of $F/a.pem; {name_key}"),
        ),
        (
            files("a.pem", "plain"),
            format!("c.hcl:3: tls_key_file \"$F/plain\": it holds no key; {name_key}"),
        ),
        (
            tls("tls_require_and_verify_client_cert = 1\ntls_client_ca_file = \"$F/none.pem\""),
            format!("c.hcl:3: tls_client_ca_file \"$F/none.pem\": {gone}; {name_authorities}"),
        ),
        (
            format!("{LEAST}listener \"tcp\" {{\n  tls_disable = true\n}}"),
            "c.hcl:3: address \"127.0.0.1:8200\": another listener has it; leave one of the two \
             out"
            .to_owned(),
        ),
        (
            unix("$F/none/e.sock"),
            format!("c.hcl:3: address \"$F/none/e.sock\": there is no folder $F/none; {make}"),
        ),
        (
            unix("$F/plain"),
            "c.hcl:3: address \"$F/plain\": something that is no socket has that name; move it \
             away, or name another path"
                .to_owned(),
        ),
        (
            format!("{LEAST}pid_file = \"$F/none/pid\""),
            format!("c.hcl:3: pid_file \"$F/none/pid\": there is no folder $F/none; {make}"),
        ),
        (
            format!("{LEAST}\nlog_file = \"$F\""),
            "c.hcl:4: log_file \"$F\": it is a folder; name a file in it".to_owned(),
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(check(&folder, &text), wanted, "{text}");
    }
    fs::set_permissions(folder.0.join("a.key"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        check(&folder, &files("a.pem", "a.key")),
        "c.hcl:3: tls_key_file \"$F/a.key\": it is open to all users (mode 0644): run chmod o= \
         $F/a.key"
    );
    let nowhere = tls("address = \"host..nowhere:8200\"");
    let said = check(&folder, &nowhere);
    assert!(said.starts_with("c.hcl:2: address \"host..nowhere:8200\": "), "{said}");
    assert!(said.ends_with("; name an address of this machine, or a host that it can look up"));
}

#[test]
fn the_folder_of_the_store_must_be_of_use() {
    let folder = Folder::new("store");
    let text = |path: &str| {
        format!("listener \"tcp\" {{}}\nstorage \"redb\" {{\n  path = \"$F/{path}\"\n}}")
    };
    let said = |path: &str| check(&folder, &text(path));
    folder.write("plain", "text");
    assert_eq!(
        said("plain"),
        "c.hcl:3: path \"$F/plain\": cannot open $F/plain: not a directory: the path of the \
         storage is a folder"
    );
    assert_eq!(said("new/of/two"), "");
    let data = folder.write("old/edgekeep.redb", "data");
    fs::set_permissions(&data, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        said("old"),
        "c.hcl:3: path \"$F/old\": $F/old/edgekeep.redb is open to other users (mode 0644): find \
         out who could read it, then run chmod 600 $F/old/edgekeep.redb"
    );
    fs::set_permissions(&data, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(said("old"), "");
    fs::write(&data, "").unwrap();
    assert!(said("old").contains("it is empty. Move the file away"), "{}", said("old"));
    fs::remove_file(&data).unwrap();
    assert_eq!(said("old"), "");
    folder.write("old/edgekeep.reserve", "");
    assert!(said("old").contains("there was a store in $F/old, and edgekeep.redb is gone"));
    symlink("/none/edgekeep.redb", &data).unwrap();
    assert!(said("old").contains("a link to /none/edgekeep.redb, which is not there: is its disk"));
    fs::remove_file(&data).unwrap();
    symlink("/dev/zero", &data).unwrap();
    assert!(said("old").contains("$F/old/edgekeep.redb is no file, and a store is one"));
    // Whom nothing is forbidden this does not concern: root becomes somebody else.
    let closed = folder.write("c.hcl", "");
    let refused = std::thread::scope(|scope| {
        let nobody = scope.spawn(|| {
            fs::set_permissions(&folder.0, Permissions::from_mode(0o555)).unwrap();
            fs::set_permissions(&closed, Permissions::from_mode(0o666)).unwrap();
            if rustix::process::geteuid().is_root() {
                let nobody = Uid::from_raw(65_534);
                // Of this thread alone.
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            said("new")
        });
        nobody.join().unwrap()
    });
    fs::set_permissions(&folder.0, Permissions::from_mode(0o700)).unwrap();
    assert!(refused.ends_with(": let the user that runs edgekeep write to $F"), "{refused}");
    assert!(!folder.0.join("new").exists(), "a check makes nothing");
}

/// What the check of a configuration says, the start says too.
#[test]
fn the_start_refuses_what_the_check_refuses() {
    let folder = Folder::new("refused");
    let text = format!("disable_mlock = true\n{LEAST}pid_file = \"/none/pid\"\n");
    let config = format!("-config={}", folder.write("c.hcl", &text).display());
    for more in [&["-test"][..], &[]] {
        let args = [&["server", &config], more].concat();
        let (ended_well, said) = Server::spawn(&args, free_address()).wait();
        assert!(!ended_well && said.contains("c.hcl:4: pid_file \"/none/pid\": "), "{said}");
    }
    let config = format!("-config={}", folder.write("c.hcl", LEAST).display());
    let args = ["server", &config, "-test", "-log-level=bogus"];
    let (ended_well, said) = Server::spawn(&args, free_address()).wait();
    assert!(!ended_well && said.contains("-log-level bogus: it must be one of trace, "), "{said}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = format!(
        "disable_mlock = true\nstorage \"inmem\" {{}}\nlistener \"tcp\" {{\n  address = \
         \"{address}\"\n  tls_disable = true\n}}\n"
    );
    let config = format!("-config={}", folder.write("c.hcl", &text).display());
    let (ended_well, said) = Server::spawn(&["server", &config], free_address()).wait();
    // The C library's own words stand before the number.
    let wanted = format!("c.hcl:4: address \"{address}\": Address ");
    let remedy = " in use (os error 98); stop what listens there, or name another one";
    assert!(!ended_well && said.contains(&wanted) && said.contains(remedy), "{said}");
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "it never came to be that {what}");
        std::thread::yield_now();
    }
}

/// A server with its own certificate and a log file, told by signals what to do.
#[test]
fn a_server_reads_anew_and_leaves_no_key_behind() {
    let folder = Folder::new("signals");
    let (address, log) = (free_address(), folder.0.join("log"));
    let path = folder.write(
        "c.hcl",
        &format!(
            "listener \"tcp\" {{ address = \"{address}\" tls_disable = true }}\n\
             listener \"tcp\" {{ address = \"127.0.0.1:0\" }}\n\
             storage \"inmem\" {{}}\ndisable_mlock = true\nlog_file = {log:?}\n\
             cluster_name = \"attic\"\n"
        ),
    );
    let server = Server::start(&["server", "-config", path.to_str().unwrap()], address);
    let init = r#"{"secret_shares":1,"secret_threshold":1}"#;
    let keys = server.client().post("sys/init", serde_json::from_str(init).unwrap()).json();
    server.client().post("sys/unseal", serde_json::json!({ "key": keys["keys"][0] }));
    assert_eq!(server.client().get("sys/seal-status").json()["cluster_name"], "attic");
    assert_eq!(server.client().get("sys/health").json()["cluster_name"], "attic");

    let signal = |signal| {
        kill_process(Pid::from_raw(server.id() as i32).unwrap(), signal).unwrap();
    };
    let logged = |text: &str| fs::read_to_string(&log).is_ok_and(|log| log.contains(text));

    let left = || {
        let entries = fs::read_dir(server.home.path()).unwrap().flatten();
        let own = |path: &PathBuf| path.display().to_string().contains("/edgekeep-tls-");
        entries.map(|entry| entry.path()).find(own)
    };
    let certificate = left().unwrap();
    assert_eq!(fs::metadata(&certificate).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!certificate.ends_with(format!("edgekeep-tls-{}", server.id())), "guessable");

    fs::rename(&log, folder.0.join("log.1")).unwrap();
    signal(Signal::HUP);
    eventually("the log level is read into a new file", || logged("log level was read anew: INFO"));
    assert!(logged("certificates were read anew"));

    fs::write(&path, "ui = tru").unwrap();
    fs::remove_file(certificate.join("listener-cert.pem")).unwrap();
    fs::rename(&log, folder.0.join("log.2")).unwrap();
    signal(Signal::HUP);
    eventually("the mistake is told", || logged("; the old one stays"));
    assert!(logged("; the old ones stay"));
    assert!(!logged("anew"), "{}", fs::read_to_string(&log).unwrap());

    signal(Signal::TERM);
    eventually("the key is gone", || left().is_none());
    assert!(server.wait().0);
}

#[test]
fn what_is_configured_can_be_shown_and_no_more() {
    let folder = Folder::new("sanitized");
    let address = free_address();
    let data = folder.0.join("data");
    let path = folder.write(
        "c.hcl",
        &format!(
            "listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n}}\n\
             listener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n}}\n\
             storage \"redb\" {{ path = {data:?} }}\n\
             api_addr = \"https://keep.local:8200\"\ncluster_name = \"attic\"\n\
             default_lease_ttl = \"2h\"\nmax_lease_ttl = \"30d\"\ndisable_mlock = true\n\
             seal \"shamir\" {{ token = \"hunter2\" }}\n\
             telemetry {{ circonus_api_token = \"hunter2\" }}\n"
        ),
    );
    let server =
        Server::start(&["server", &format!("-config={}", path.display())], address.clone());
    let made = server
        .client()
        .post("sys/init", json!({ "secret_shares": 1, "secret_threshold": 1 }))
        .json();
    server.client().post("sys/unseal", json!({ "key": made["keys"][0] }));
    let root = server.client().token(made["root_token"].as_str().unwrap());
    let reply = root.get("sys/config/state/sanitized");
    assert!(!String::from_utf8_lossy(&reply.body).contains("hunter2"));
    let shown = &reply.json()["data"];
    for (name, value) in [
        ("api_addr", json!("https://keep.local:8200")),
        ("cluster_name", json!("attic")),
        ("default_lease_ttl", json!(7200)),
        ("max_lease_ttl", json!(30 * 86_400)),
        ("disable_mlock", json!(true)),
        ("log_level", json!("info")),
        ("log_format", json!("standard")),
        ("seals", json!([{ "type": "shamir", "disabled": false }])),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert_eq!(shown["storage"]["type"], "redb");
    let config = |n: usize| shown["listeners"][n]["config"].clone();
    assert_eq!(config(0), json!({ "address": address, "tls_disable": true }));
    assert_eq!(
        (&config(1)["tls_disable"], &config(1)["tls_cert_file"]),
        (&json!(false), &json!(null))
    );
    assert_eq!(server.client().get("sys/config/state/sanitized").status, 403);
}

/// What a client was given to trust outlives the certificate that the server made for itself.
#[test]
fn a_new_certificate_is_signed_by_the_authority_that_clients_know() {
    let folder = Folder::new("authority");
    let (data, pin) = (folder.0.join("data"), folder.0.join("pin.pem"));
    let seen = ["one", "two"].map(|name| {
        let (plain, secured) = (free_address(), free_address());
        let path = folder.write(
            "c.hcl",
            &format!(
                "listener \"tcp\" {{ address = \"{plain}\" tls_disable = true }}\n\
                 listener \"tcp\" {{ address = \"{secured}\" }}\n\
                 storage \"redb\" {{ path = {data:?} }}\ndisable_mlock = true\n\
                 api_addr = \"https://{name}.example:8200\"\n"
            ),
        );
        let mut server = Server::start(&["server", "-config", path.to_str().unwrap()], plain);
        let keys = ["tls/ca-key.pem", "tls/listener-key.pem"].map(|name| data.join(name));
        if name == "one" {
            fs::copy(data.join("tls/ca.pem"), &pin).unwrap();
            let opened = Permissions::from_mode(0o644);
            keys.iter().for_each(|key| fs::set_permissions(key, opened.clone()).unwrap());
        } else {
            let mode = |key: &PathBuf| fs::metadata(key).unwrap().permissions().mode() & 0o777;
            assert_eq!(keys.each_ref().map(mode), [0o600; 2]);
            let warned = server.output().matches("was open to other users (mode 0644)").count();
            assert_eq!(warned, 2, "{}", server.output());
        }
        let status = Command::new(program())
            .args(["status", "-format=json", &format!("-address=https://{secured}")])
            .env("VAULT_CACERT", &pin)
            .output()
            .unwrap();
        server.kill();
        serde_json::from_slice::<serde_json::Value>(&status.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&status.stderr)))
    });
    assert_eq!(seen[0]["certificate_ca_sha256"], seen[1]["certificate_ca_sha256"]);
    assert_ne!(seen[0]["certificate_sha256"], seen[1]["certificate_sha256"]);
}
