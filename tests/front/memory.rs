//! Memory after abuse: the built program is soon as small as before, and answers.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use edgekeep::base::process::give_back_free_pages;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_json::json;

use super::attacks::{alone, memory};
use super::support::http::Client;
use super::support::{Server, TempDir, free_address};

/// What memory may have grown by, in KiB, this long after an attack.
const MORE: u64 = 8 << 10;
const SOON: Duration = Duration::from_secs(60);

/// Bytes of a large secret.
const LARGE: usize = 512 << 10;

/// A server on whom attacks are tried.
struct Victim {
    server: Server,
    secured: String,
    token: String,
    _folder: TempDir,
}

impl Victim {
    /// With a large secret in its store, and time limits that a test can wait for.
    fn new() -> Self {
        let (folder, address, secured) = (TempDir::new(), free_address(), free_address());
        let times = "http_read_header_timeout = \"2s\"\nhttp_read_timeout = \"2s\"\n\
                     http_write_timeout = \"2s\"";
        let text = format!(
            "storage \"redb\" {{\n path = \"{}\"\n}}\n\
             listener \"tcp\" {{\n address = \"{address}\"\n tls_disable = true\n {times}\n}}\n\
             listener \"tcp\" {{\n address = \"{secured}\"\n {times}\n}}\n\
             limits {{\n tls_handshake_timeout = \"2s\"\n}}\n\
             disable_mlock = true\n",
            folder.path().join("data").display(),
        );
        let file = folder.path().join("edgekeep.hcl");
        fs::write(&file, text).unwrap();
        let server = Server::start(&["server", &format!("-config={}", file.display())], address);
        let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = server.client().post("sys/init", split).json();
        server.client().post("sys/unseal", json!({ "key": made["keys_base64"][0] }));
        let token = made["root_token"].as_str().unwrap().to_owned();
        let victim = Self { server, secured, token, _folder: folder };
        let root = victim.root();
        assert_eq!(root.post("sys/mounts/secret", json!({ "type": "kv" })).status, 204);
        assert_eq!(root.post("secret/large", json!({ "a": "a".repeat(LARGE) })).status, 204);
        assert_eq!(root.get("secret/large").status, 200);
        victim
    }

    fn root(&self) -> Client {
        self.server.client().token(&self.token)
    }

    /// A connection on which that was sent, as far as it was taken.
    fn sent(&self, bytes: &[u8]) -> TcpStream {
        Self::connected(&self.server.address, bytes)
    }

    fn connected(address: &str, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        // It may be refused before all is sent.
        let _ = stream.write_all(bytes);
        stream
    }

    /// A request with the root token, up to the end of its head.
    fn asking(&self, request: &str) -> String {
        format!("{request} HTTP/1.1\r\nHost: h\r\nX-Vault-Token: {}\r\n", self.token)
    }

    fn is_honest(&self) {
        let root = self.root();
        assert_eq!(root.post("secret/honest", json!({ "b": 1 })).status, 204);
        assert_eq!(root.get("secret/honest").json()["data"], json!({ "b": 1 }));
    }

    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// An attack, and the connections that it leaves open.
type Attack = fn(&Victim) -> Vec<TcpStream>;

const ATTACKS: &[(&str, Attack)] = &[
    ("two thousand never speak", |victim| {
        let secured = (0..500).map(|_| Victim::connected(&victim.secured, b""));
        (0..1500).map(|_| victim.sent(b"")).chain(secured).collect()
    }),
    ("handshakes never end", |victim| {
        let hello = client_hello();
        (0..300).map(|n| Victim::connected(&victim.secured, &hello[n % 2..])).collect()
    }),
    ("heads never end", |victim| {
        let head = format!("GET /v1/a HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(60_000));
        (0..300).map(|_| victim.sent(head.as_bytes())).collect()
    }),
    ("bodies never end", |victim| {
        let head = "POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n\r\n";
        let begun = [head.as_bytes(), &vec![b'x'; 2 << 20]].concat();
        (0..30).map(|_| victim.sent(&begun)).collect()
    }),
    ("bodies of 32 and 33 MiB", |victim| {
        // The first with a right to it, the second without.
        let own = victim.asking("POST /v1/secret/most");
        let foreign = "POST /v1/secret/most HTTP/1.1\r\nHost: h\r\n";
        let bodies = [(&*own, 32 << 20), (foreign, 32 << 20), (foreign, 33 << 20)];
        thread::scope(|scope| {
            for (head, length) in bodies {
                scope.spawn(move || {
                    let head =
                        format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n");
                    let mut request = head.into_bytes();
                    request.extend(b"{\"a\":\"");
                    request.resize(request.len() + length - 8, b'a');
                    request.extend(b"\"}");
                    let mut answer = Vec::new();
                    let _ = victim.sent(&request).read_to_end(&mut answer);
                    assert!(answer.starts_with(b"HTTP/1.1 "), "{length}");
                });
            }
        });
        Vec::new()
    }),
    ("resets in the middle", |victim| {
        let large = victim.asking("GET /v1/secret/large") + "\r\n";
        let snapshot = victim.asking("GET /v1/sys/storage/raft/snapshot") + "\r\n";
        let restore = victim.asking("POST /v1/sys/storage/raft/snapshot")
            + "Content-Length: 9000000\r\n\r\nabc";
        for _ in 0..20 {
            for request in [&large, &snapshot, &restore] {
                let mut stream = victim.sent(request.as_bytes());
                if request == &large {
                    let _ = stream.read_exact(&mut [0; 12]);
                }
                let now = Some(Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(&stream, now).unwrap();
            }
        }
        Vec::new()
    }),
    ("pipelines that nobody reads", |victim| {
        let request = victim.asking("GET /v1/secret/large") + "\r\n";
        let requests = request.repeat(1000);
        (0..8).map(|_| victim.sent(requests.as_bytes())).collect()
    }),
    ("large answers that nobody reads", |victim| {
        let request = victim.asking("GET /v1/secret/large") + "\r\n";
        (0..60).map(|_| victim.sent(request.as_bytes())).collect()
    }),
    ("snapshots that nobody reads", |victim| {
        let request = victim.asking("GET /v1/sys/storage/raft/snapshot") + "\r\n";
        (0..8).map(|_| victim.sent(request.as_bytes())).collect()
    }),
];

fn client_hello() -> Vec<u8> {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut hello = Vec::new();
    ClientConnection::new(config.into(), name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn after_each_attack_memory_is_soon_as_before() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let victim = Victim::new();
    // Each of its threads has worked before.
    thread::scope(|scope| {
        (0..64).for_each(|_| drop(scope.spawn(|| (0..5).for_each(|_| victim.is_honest()))));
    });
    let before = victim.resident_kib();
    for (name, attack) in ATTACKS {
        let left_open = attack(&victim);
        victim.is_honest();
        let end = Instant::now() + SOON;
        while victim.resident_kib() > before + MORE {
            let now = victim.resident_kib();
            assert!(Instant::now() < end, "{name}: {before} KiB before, {now} KiB after");
            thread::sleep(Duration::from_millis(50));
        }
        drop(left_open);
        victim.is_honest();
    }
}

#[test]
fn pages_between_blocks_in_use_are_given_back() {
    alone("memory::pages_between_blocks_in_use_are_given_back", || {
        let before = memory();
        let (large, small): (Vec<_>, Vec<_>) =
            (0..500).map(|n| (vec![1_u8; 60_000], Box::new([n; 8]))).unzip();
        drop(large);
        give_back_free_pages();
        let after = memory();
        assert!(after < before + MORE, "{before} KiB, {after} KiB, {} in use", small.len());
    });
}
