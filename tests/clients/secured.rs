//! A server with TLS, of a certificate that it has made itself.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::support::http::Client;
use super::support::{Server, TempDir, free_address};

/// A running server; sealed and without keys at first.
pub struct Secured {
    /// Its plain listener is for the harness alone.
    server: Server,
    folder: TempDir,
    /// Where it listens with TLS, `127.0.0.1:PORT`.
    pub address: String,
}

/// What opens a server.
pub struct Keys {
    /// The root token.
    pub token: String,
    /// The one share of its key.
    pub share: String,
}

impl Secured {
    /// A server that is not initialized.
    pub fn new() -> Self {
        let folder = TempDir::new();
        let (address, plain) = (free_address(), free_address());
        let config = folder.path().join("edgekeep.hcl");
        let text = format!(
            "storage \"redb\" {{ path = \"{}\" }}\n\
             listener \"tcp\" {{ address = \"{address}\" }}\n\
             listener \"tcp\" {{\n  address = \"{plain}\"\n  tls_disable = true\n}}\n\
             api_addr = \"https://{address}\"\n\
             disable_mlock = true\n",
            folder.path().join("data").display()
        );
        fs::write(&config, text).unwrap();
        let server = Server::start(&["server", &format!("-config={}", config.display())], plain);
        Self { server, folder, address }
    }

    /// A client of the harness, without a token.
    pub fn plain(&self) -> Client {
        self.server.client()
    }

    /// Initializes and unseals it.
    pub fn open(&self) -> Keys {
        let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = self.plain().post("sys/init", split).json();
        let key = json!({ "key": made["keys"][0] });
        assert_eq!(self.plain().post("sys/unseal", key).json()["sealed"], false, "{made}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Keys { token: text(&made["root_token"]), share: text(&made["keys"][0]) }
    }

    /// Holds that it serves still, and that nothing in it has panicked.
    pub fn lives(&self) {
        assert_eq!(self.plain().get("sys/health").status, 200);
        assert!(!self.server.output().contains("panicked"));
    }

    /// The authority that clients must trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("data/tls/ca.pem")
    }

    /// A program that finds the server, and nothing of the user's, in its environment.
    pub fn client(&self, program: impl AsRef<OsStr>) -> Command {
        let authority = self.authority();
        let mut command = Command::new(program);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_ascii_lowercase());
        }
        command
            .env_remove("VAULT_TOKEN")
            .env_remove("VAULT_NAMESPACE")
            .env("HOME", self.server.home.path())
            .env("TMPDIR", self.server.home.path())
            .env("VAULT_ADDR", format!("https://{}", self.address))
            .env("VAULT_CACERT", &authority)
            .env("NODE_EXTRA_CA_CERTS", &authority)
            .env("REQUESTS_CA_BUNDLE", &authority)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}
