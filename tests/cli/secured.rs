//! Which servers are believed over TLS, and what is said of those that are not.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::canned::answer;
use super::support::{Server, TempDir, free_address};
use super::{edgekeep, text};

/// Of X.509 version 1, as `openssl x509 -req` makes it when it is given no extensions.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFTCBuwIURzjnQGcv8c3xNM8G5VvZ5MDg49kwCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCdjEwHhcNMjYxMTI5MDIwNjI5WhcNMjYxMjI5MDIwNjI5WjANMQswCQYD
VQQDDAJ2MTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAkJCuaSCln8qbsmniRS
y5pT6U9d/sfbryZ+o9PUwe2YQT3gYcp/ckIbjVBs5l+EFu2KBEY2ks5YMbOxWVAc
OYkwCgYIKoZIzj0EAwIDSQAwRgIhAKsuEuwtfNat0kmF/uJ4eI1PicNkEmZ9aYne
s4FYhXxDAiEAzAXpV/hTKfpqp725Qa7zcqAArmtxhv6qpMDAv6Fmugk=
-----END CERTIFICATE-----
";

/// Servers whose certificates are their own authorities, as `openssl req -x509` makes them.
struct SelfSigned {
    folder: TempDir,
    config: String,
}

impl SelfSigned {
    fn new() -> Self {
        let config = "storage \"inmem\" {}\ndisable_mlock = true\n".to_owned();
        Self { folder: TempDir::new(), config }
    }

    /// One more; its address. Its certificate is `NAME.pem`.
    fn add(&mut self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
        let file = self.make(name, change);
        self.listen(&file, "")
    }

    /// Makes a certificate `NAME.pem` and its key `NAME.key`; the path of both without an ending.
    fn make(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> PathBuf {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let file = self.folder.path().join(name);
        fs::write(file.with_extension("pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(file.with_extension("key"), key.serialize_pem()).unwrap();
        file
    }

    /// A listener with a certificate and `more` lines; its address.
    fn listen(&mut self, file: &Path, more: &str) -> String {
        let address = free_address();
        self.config.push_str(&format!(
            "listener \"tcp\" {{\n  address = \"{address}\"\n  tls_cert_file = {:?}\n  \
             tls_key_file = {:?}\n{more}}}\n",
            file.with_extension("pem"),
            file.with_extension("key")
        ));
        address
    }

    fn start(&mut self) -> Server {
        let plain = free_address();
        self.config.push_str(&format!(
            "listener \"tcp\" {{\n  address = \"{plain}\"\n  tls_disable = true\n}}\n"
        ));
        let config = self.folder.path().join("server.hcl");
        fs::write(&config, &self.config).unwrap();
        Server::start(&["server", &format!("-config={}", config.display())], plain)
    }

    /// What `status` of the server at an address says when it is told what to believe.
    fn status(&self, address: &str, believing: &[(&str, &Path)]) -> String {
        let mut command = edgekeep(&self.folder, &format!("https://{address}"), &["status"]);
        let done = command.envs(believing.iter().copied()).output().unwrap();
        text(&done.stdout) + &text(&done.stderr)
    }
}

pub fn a_certificate_may_be_its_own_authority() {
    let mut servers = SelfSigned::new();
    let good = servers.add("good", |_| {});
    let usual = servers.add("usual", |params| {
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let elsewhere = servers.add("elsewhere", |params| {
        *params = CertificateParams::new(["elsewhere.test".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let ended = servers.add("ended", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let client = servers.add("client", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let _running = servers.start();
    let file = |name: &str| servers.folder.path().join(format!("{name}.pem"));
    let believes =
        |address: &str, name: &str| servers.status(address, &[("VAULT_CACERT", &file(name))]);

    for (address, name) in [(&good, "good"), (&usual, "usual")] {
        let said = believes(address, name);
        assert!(said.starts_with("Key "), "{name}: {said}");
    }
    let said = servers.status(&good, &[("VAULT_CAPATH", servers.folder.path())]);
    assert!(said.starts_with("Key "), "{said}");
    let pem = fs::read_to_string(file("good")).unwrap();
    let said = servers.status(&good, &[("VAULT_CACERT_BYTES", Path::new(&pem))]);
    assert!(said.starts_with("Key "), "{said}");

    let home = TempDir::new();
    let from = format!("-from-address=https://{good}");
    let mut import = edgekeep(&home, &format!("https://{good}"), &["import", &from]);
    let done = import.env("EDGEKEEP_FROM_TOKEN", "x").env("VAULT_CACERT", file("good")).output();
    let said = text(&done.unwrap().stderr);
    assert!(said.contains("with -from-ca-cert or EDGEKEEP_FROM_CACERT"), "{said}");
    let done = edgekeep(&home, &format!("http://{good}"), &["status"]).output().unwrap();
    let said = text(&done.stderr);
    assert!(said.ends_with(&format!("Try: export VAULT_ADDR=https://{good}\n")), "{said}");

    let unknown = "with -ca-cert or VAULT_CACERT";
    assert!(believes(&good, "elsewhere").contains(unknown), "{}", believes(&good, "elsewhere"));
    assert!(believes(&usual, "good").contains(unknown), "{}", believes(&usual, "good"));
    let said = believes(&elsewhere, "elsewhere");
    assert!(said.contains("use a name that the certificate bears"), "{said}");
    let named = [
        ("VAULT_CACERT", file("elsewhere")),
        ("VAULT_TLS_SERVER_NAME", PathBuf::from("elsewhere.test")),
    ];
    let named = named.each_ref().map(|(name, value)| (*name, value.as_path()));
    let said = servers.status(&elsewhere, &named);
    assert!(said.starts_with("Key "), "{said}");
    let said = believes(&ended, "ended");
    assert!(said.contains("its certificate has run out"), "{said}");
    let said = believes(&client, "client");
    assert!(said.contains("its certificate is not one for a server"), "{said}");
}

pub fn a_server_may_ask_who_the_client_is() {
    let mut servers = SelfSigned::new();
    let file = |name: &str| servers.folder.path().join(name);
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::from_params(&authority, &authority_key);
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client_key = KeyPair::generate().unwrap();
    let signed = params.signed_by(&client_key, &issuer).unwrap();
    let (clients, client, key) = (file("clients.pem"), file("client.pem"), file("client.key"));
    fs::write(&clients, authority_pem).unwrap();
    fs::write(&client, signed.pem()).unwrap();
    fs::write(&key, client_key.serialize_pem()).unwrap();
    let stranger = servers.make("stranger", |params| params.is_ca = IsCa::NoCa);
    let own = servers.make("own", |_| {});
    let asking = format!(
        "  tls_require_and_verify_client_cert = true\n  tls_client_ca_file = {clients:?}\n"
    );
    let address = servers.listen(&own, &asking);
    let _running = servers.start();
    let own = own.with_extension("pem");

    let said = servers.status(&address, &[("VAULT_CACERT", &own)]);
    assert!(said.contains("it wants a client certificate: -client-cert and -client-key"), "{said}");
    let said = servers.status(
        &address,
        &[("VAULT_CACERT", &own), ("VAULT_CLIENT_CERT", &client), ("EDGEKEEP_CLIENT_KEY", &key)],
    );
    assert!(said.starts_with("Key "), "{said}");
    let (stranger, strangers_key) =
        (stranger.with_extension("pem"), stranger.with_extension("key"));
    let said = servers.status(
        &address,
        &[
            ("VAULT_CACERT", &own),
            ("VAULT_CLIENT_CERT", &stranger),
            ("VAULT_CLIENT_KEY", &strangers_key),
        ],
    );
    assert!(said.contains("it does not take the client certificate"), "{said}");
    let said = servers.status(
        &address,
        &[
            ("VAULT_SKIP_VERIFY", Path::new("true")),
            ("VAULT_CLIENT_CERT", &client),
            ("VAULT_CLIENT_KEY", &key),
        ],
    );
    assert!(said.starts_with("Key "), "{said}");
}

pub fn what_speaks_no_tls_is_told_apart() {
    let home = TempDir::new();
    let status = |address: &str| {
        let done = edgekeep(&home, &format!("https://{address}"), &["status"]).output().unwrap();
        text(&done.stderr)
    };
    // Go's servers answer in HTTP to what they do not understand.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(answer("400 Bad Request", "", "").as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(
        status(&address.to_string()),
        format!(
            "Error checking seal status: http: server gave HTTP response to HTTPS client: it \
             speaks no TLS. Try: export VAULT_ADDR=http://{address}\n"
        )
    );
    served.join().unwrap();
    // What is none of HTTP is answered in HTTP or ends the connection, as its random bytes fall.
    let silent = Server::dev();
    let said = status(&silent.address);
    assert!(
        ["server gave HTTP response to HTTPS client", "ended the connection before a word of TLS"]
            .into_iter()
            .any(|told| said.contains(told)),
        "{said}"
    );
    assert!(said.contains(&format!("export VAULT_ADDR=http://{}\n", silent.address)), "{said}");
}

pub fn the_file_at_fault_is_named() {
    let folder = TempDir::new();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("old.pem", VERSION_1);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["x".to_owned()]).unwrap();
    write("new.pem", &params.self_signed(&key).unwrap().pem());
    write("new.key", &key.serialize_pem());
    write("other.key", &KeyPair::generate().unwrap().serialize_pem());
    for (certificate, key, wanted) in [
        (
            "old.pem",
            "new.key",
            "the client certificate in old.pem cannot be used: it is of X.509 version 1; have \
             one of version 3 made (openssl x509 -req makes one when it is given -extfile)\n",
        ),
        (
            "new.pem",
            "other.key",
            "the key of the client certificate in other.key cannot be used: it is not that of \
             new.pem\n",
        ),
        (
            "new.pem",
            "new.pem",
            "the key of the client certificate in new.pem cannot be used: it holds no key\n",
        ),
        (
            "new.key",
            "new.key",
            "the client certificate in new.key cannot be used: it holds no certificate\n",
        ),
        (
            "none.pem",
            "new.key",
            "the client certificate in none.pem cannot be used: No such file or directory (os \
             error 2)\n",
        ),
    ] {
        let words = ["status", "-client-cert", certificate, "-client-key", key];
        let done = edgekeep(&folder, "https://127.0.0.1:9", &words).output().unwrap();
        assert_eq!(text(&done.stderr), wanted);
    }
}
