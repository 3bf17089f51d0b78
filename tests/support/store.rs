//! A store on disk that outlives its servers.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgekeep::base::pages::Key;
use edgekeep::snapshot::verify::verify;
use serde_json::{Value, json};

use super::http::{Client, Reply};
use super::{Server, TempDir, free_address};

/// A data folder, and what opens it.
pub struct Store {
    data: PathBuf,
    /// Holds the configuration.
    home: TempDir,
    unseal_key: String,
    token: String,
}

impl Store {
    /// A new store in the folder `data`, initialized, and its server, unsealed.
    pub fn make(data: &Path) -> (Self, Server) {
        let (data, home) = (data.to_owned(), TempDir::new());
        let mut store = Self { data, home, unseal_key: String::new(), token: String::new() };
        let server = store.start_sealed();
        let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = server.client().post("sys/init", split).json();
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        store.unseal_key = text(&made["keys_base64"][0]);
        store.token = text(&made["root_token"]);
        store.unseal(&server);
        (store, server)
    }

    /// The file that everything is in.
    pub fn file(&self) -> PathBuf {
        self.data.join("edgekeep.redb")
    }

    /// Begins to start a server.
    pub fn spawn(&self) -> Server {
        let (args, address) = self.command();
        Server::spawn(&args.each_ref().map(String::as_str), address)
    }

    /// A server that answers and is sealed.
    pub fn start_sealed(&self) -> Server {
        let (args, address) = self.command();
        Server::start(&args.each_ref().map(String::as_str), address)
    }

    /// A server that is unsealed.
    pub fn start(&self) -> Server {
        let server = self.start_sealed();
        self.unseal(&server);
        server
    }

    /// What a server says that does not start.
    pub fn refusal(&self) -> String {
        let (success, output) = self.spawn().wait();
        assert!(!success, "{output}");
        output
    }

    /// A client with the root token.
    pub fn root(&self, server: &Server) -> Client {
        server.client().token(&self.token)
    }

    /// Takes a snapshot and verifies it: every entry opens, and all add up to the root record.
    pub fn verify(&self, server: &Server) {
        let snapshot = self.root(server).get("sys/storage/raft/snapshot");
        assert_eq!(snapshot.status, 200, "{}", snapshot.json());
        let key = Key::from_bytes(&STANDARD.decode(&self.unseal_key).unwrap()).unwrap();
        let verified = verify(&snapshot.body[..], &key).unwrap();
        assert_eq!(verified.findings(), [""; 0]);
    }

    /// Unseals its server.
    pub fn unseal(&self, server: &Server) {
        let reply: Reply = server.client().post("sys/unseal", json!({ "key": self.unseal_key }));
        assert_eq!(reply.json()["sealed"], false, "{}", reply.json());
    }

    /// Writes the configuration of one server more.
    fn command(&self) -> ([String; 2], String) {
        let (address, data) = (free_address(), self.data.display());
        let file = self.home.path().join("edgekeep.hcl");
        let text = format!(
            "storage \"redb\" {{\n  path = \"{data}\"\n}}\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n}}\n\
             disable_mlock = true\n"
        );
        fs::write(&file, text).unwrap();
        (["server".to_owned(), format!("-config={}", file.display())], address)
    }
}
