//! A server in this process, over a store on disk and a clock that is turned by hand.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgekeep::base::clock::{Clock as _, ManualClock, Timestamp};
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::base::logs::{Format, Logs};
use edgekeep::base::secret::Secret;
use edgekeep::config;
use edgekeep::node::{self, Node, Opened};
use edgekeep::server::gate::inherited::Inherited;
use serde_json::json;

use super::http::Client;
use super::{ROOT, TempDir};

/// The server with all that outlives it.
pub struct World {
    clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    home: TempDir,
    /// How many crashes there were: each leaves its store behind, and goes on with a copy.
    crashes: u64,
    unseal_key: Secret,
    /// More of the configuration.
    more: String,
    node: Option<Node>,
}

impl World {
    /// A new store with kv version 1 at `secret/`.
    pub fn new(seed: u64) -> Self {
        Self::configured(seed, "")
    }

    /// The same with `more` in its configuration.
    pub fn configured(seed: u64, more: &str) -> Self {
        Self::configured_at(Timestamp::from_secs(1_800_000_000), seed, more)
    }

    /// The same, which begins at that time.
    pub fn configured_at(begin: Timestamp, seed: u64, more: &str) -> Self {
        let mut world = Self {
            clock: Arc::new(ManualClock::at(begin)),
            entropy: Arc::new(SeededEntropy::new(seed)),
            home: TempDir::new(),
            crashes: 0,
            unseal_key: Secret::default(),
            more: more.to_owned(),
            node: None,
        };
        let config = world.config();
        let opened = world.open(&config);
        // Not by unmounting the other one: that is tidied up by and by, which are commits in the
        // midst of a test where the machine is slow.
        let store = opened.make_dev_store(Secret::new(ROOT), "1").unwrap().unwrap();
        world.unseal_key = store.unseal_key;
        world.node = Some(opened.serve(&config, Inherited::default()).unwrap());
        world
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// What its clock says.
    pub fn now(&self) -> String {
        self.clock.wall().rfc3339()
    }

    /// Turns the wall clock back.
    pub fn turn_back(&self, span: Duration) {
        let wall = self.clock.wall().as_secs() - span.as_secs();
        self.clock.set_wall(Timestamp::from_secs(wall));
    }

    /// Sets the wall clock forward; no time passes.
    pub fn jump(&self, span: Duration) {
        self.clock.set_wall(self.clock.wall().plus(span));
    }

    /// Stops the server and starts it again.
    pub fn restart(&mut self) {
        self.while_off(|_| ());
    }

    /// Goes on with what the disk holds now, as if the power had failed.
    pub fn crash(&mut self) {
        let before = self.data();
        self.crashes += 1;
        let after = self.data();
        fs::create_dir(&after).unwrap();
        fs::set_permissions(&after, fs::metadata(&before).unwrap().permissions()).unwrap();
        fs::copy(before.join("edgekeep.redb"), after.join("edgekeep.redb")).unwrap();
        self.node.take().unwrap().stop();
        self.start();
    }

    /// Another machine, of the same time, that begins with a copy of what the disk holds now.
    pub fn twin(&self) -> Self {
        self.twin_with(&self.more)
    }

    /// The same, with `more` in its configuration.
    pub fn twin_with(&self, more: &str) -> Self {
        let mut twin = Self {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            home: TempDir::new(),
            crashes: 0,
            unseal_key: self.unseal_key.clone(),
            more: more.to_owned(),
            node: None,
        };
        let (before, after) = (self.data(), twin.data());
        fs::create_dir(&after).unwrap();
        fs::set_permissions(&after, fs::metadata(&before).unwrap().permissions()).unwrap();
        fs::copy(before.join("edgekeep.redb"), after.join("edgekeep.redb")).unwrap();
        twin.start();
        twin
    }

    /// Keeps a copy of the disk, as it is now.
    pub fn remember(&self) {
        fs::copy(self.data().join("edgekeep.redb"), self.home.path().join("remembered")).unwrap();
    }

    /// Goes on with that copy.
    pub fn go_back(&mut self) {
        self.node.take().unwrap().stop();
        fs::copy(self.home.path().join("remembered"), self.data().join("edgekeep.redb")).unwrap();
        self.start();
    }

    /// The one share of the unseal key, in base64.
    pub fn unseal_key(&self) -> String {
        STANDARD.encode(self.unseal_key.expose())
    }

    /// A client without a token.
    pub fn client(&self) -> Client {
        Client::new(&self.node.as_ref().unwrap().address().unwrap().to_string())
    }

    /// A client with the root token.
    pub fn root(&self) -> Client {
        self.client().token(ROOT)
    }

    /// The folder of the store.
    pub fn data(&self) -> std::path::PathBuf {
        self.home.path().join(format!("data-{}", self.crashes))
    }

    /// Its configuration.
    fn file(&self) -> std::path::PathBuf {
        self.home.path().join("edgekeep.hcl")
    }

    /// Does something to the disk while no server runs.
    pub fn while_off(&mut self, job: impl FnOnce(&std::path::Path)) {
        self.node.take().unwrap().stop();
        job(&self.data());
        self.start();
    }

    fn config(&self) -> config::Config {
        let file = self.file();
        let text = format!(
            "storage \"redb\" {{\n  path = \"{}\"\n}}\n\
             listener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}}\n{}\n",
            self.data().display(),
            self.more
        );
        fs::write(&file, text).unwrap();
        config::read(&[file], &|_| None).unwrap().0
    }

    fn open(&self, config: &config::Config) -> Opened {
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        let logs = Arc::new(Logs::new(log::LevelFilter::Off, Format::Standard));
        let interrupted = Arc::default();
        let world = node::World { clock, entropy, run_folder: None, logs, interrupted };
        Opened::open(config, world).unwrap()
    }

    fn start(&mut self) {
        let config = self.config();
        self.node = Some(self.open(&config).serve(&config, Inherited::default()).unwrap());
        let key = self.unseal_key();
        let reply = self.client().post("sys/unseal", json!({ "key": key }));
        assert_eq!(reply.json()["sealed"], false, "{}", reply.json());
    }
}
