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
    address: String,
    /// More of the configuration, of its listener, and of the command line.
    more: String,
    listener: String,
    args: Vec<String>,
}

impl Store {
    /// A new store in the folder `data`, initialized, and its server, unsealed.
    pub fn make(data: &Path) -> (Self, Server) {
        Self::configured(data, "")
    }

    /// The same with `more` in its configuration.
    pub fn configured(data: &Path, more: &str) -> (Self, Server) {
        let mut store = Self {
            data: data.to_owned(),
            home: TempDir::new(),
            unseal_key: String::new(),
            token: String::new(),
            address: free_address(),
            more: more.to_owned(),
            listener: String::new(),
            args: Vec::new(),
        };
        let server = store.start_sealed();
        let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = server.client().post("sys/init", split).json();
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        store.unseal_key = text(&made["keys_base64"][0]);
        store.token = text(&made["root_token"]);
        store.unseal(&server);
        (store, server)
    }

    /// One that lies in the folder `data`, and that these open.
    pub fn known(data: &Path, unseal_key: &str, token: &str) -> Self {
        Self {
            data: data.to_owned(),
            home: TempDir::new(),
            unseal_key: unseal_key.to_owned(),
            token: token.to_owned(),
            address: free_address(),
            more: String::new(),
            listener: String::new(),
            args: Vec::new(),
        }
    }

    /// The same store, with its keys and its configuration, in the folder `data` of another machine.
    pub fn moved(&self, data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            home: TempDir::new(),
            unseal_key: self.unseal_key.clone(),
            token: self.token.clone(),
            address: free_address(),
            more: self.more.clone(),
            listener: String::new(),
            args: Vec::new(),
        }
    }

    /// The same whose servers are started with these arguments too.
    #[must_use]
    pub fn with(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// The same with this in its configuration, and nothing else that is not needed.
    #[must_use]
    pub fn having(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    /// The same with this in its listener.
    #[must_use]
    pub fn listening(mut self, more: &str) -> Self {
        more.clone_into(&mut self.listener);
        self
    }

    /// Where its servers listen, if nobody else does.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// The one share, in base64.
    pub fn unseal_key(&self) -> String {
        self.unseal_key.clone()
    }

    /// The root token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The file that everything is in.
    pub fn file(&self) -> PathBuf {
        self.data.join("edgekeep.redb")
    }

    /// Begins to start a server.
    pub fn spawn(&self) -> Server {
        let (args, address) = self.command();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Server::spawn(&args, address)
    }

    /// A server that answers and is sealed.
    pub fn start_sealed(&self) -> Server {
        let (args, address) = self.command();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Server::start(&args, address)
    }

    /// A server that is unsealed.
    pub fn start(&self) -> Server {
        self.start_with(&[])
    }

    /// The same with these in its environment.
    pub fn start_with(&self, variables: &[(&str, &Path)]) -> Server {
        let (args, address) = self.command();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let server = Server::start_with(&args, address, variables);
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
        let verified = verify(&snapshot.body[..], &self.key()).unwrap();
        assert_eq!(verified.findings(), [""; 0]);
    }

    /// What its shares make.
    pub fn key(&self) -> Key<32> {
        Key::from_bytes(&STANDARD.decode(&self.unseal_key).unwrap()).unwrap()
    }

    /// Unseals its server.
    pub fn unseal(&self, server: &Server) {
        let reply: Reply = server.client().post("sys/unseal", json!({ "key": self.unseal_key }));
        assert_eq!(reply.json()["sealed"], false, "{}", reply.json());
    }

    /// Writes the configuration for a server at `address`: its file.
    fn write_config(&self, address: &str) -> PathBuf {
        let (data, more, listener) = (self.data.display(), &self.more, &self.listener);
        let file = self.home.path().join("edgekeep.hcl");
        let text = format!(
            "storage \"redb\" {{\n  path = \"{data}\"\n}}\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n\
             {listener}\n}}\ndisable_mlock = true\n{more}"
        );
        fs::write(&file, text).unwrap();
        file
    }

    /// The configuration of a server at [`address`](Self::address).
    pub fn config(&self) -> PathBuf {
        self.write_config(&self.address)
    }

    /// The configuration of one server more, and where it will listen.
    fn command(&self) -> (Vec<String>, String) {
        let address = free_address();
        let config = format!("-config={}", self.write_config(&address).display());
        let words = ["server".to_owned(), config].into_iter();
        (words.chain(self.args.iter().cloned()).collect(), address)
    }
}
