//! The machine of README.md: a folder in which the page's paths are, and the server on it.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use edgekeep::base::clock::Timestamp;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use super::support::http::Client;
use super::support::shell::words;
use super::support::store::Store;
use super::support::{ROOT, Server, TempDir, data, eventually, program};

/// Where the page has something on the machine.
const PLACES: [&str; 5] = ["/etc/", "/var/lib/", "/var/log/", "/mnt/", "/media/"];

/// The server that the page talks to, which has no TLS here.
const ADDRESSES: [&str; 2] = ["http://127.0.0.1:8200", "https://127.0.0.1:8200"];

/// The times of the page: before all, and the one to go back to.
const BEFORE: &str = "2026-11-22T09:00:00Z";
const THEN: &str = "2026-11-22T09:59:59Z";

/// A machine, whose server may be gone.
pub struct Machine {
    root: TempDir,
    store: Option<Store>,
    server: Option<Server>,
    address: String,
    token: String,
    /// What the page says, and what it is here.
    names: Vec<(&'static str, String)>,
}

impl Machine {
    /// One with a development server.
    pub fn developing() -> Self {
        let root = TempDir::new();
        fs::write(root.path().join(".vault-token"), ROOT).unwrap();
        let server = Server::dev();
        let address = server.address.clone();
        let (token, names) = (String::new(), Vec::new());
        Self { root, store: None, server: Some(server), address, token, names }
    }

    /// One whose server has this in its configuration, and a kv engine.
    pub fn serving(settings: &str) -> Self {
        let root = TempDir::new();
        for place in ["etc/edgekeep", "mnt/backup/edgekeep", "media/stick"] {
            fs::create_dir_all(root.path().join(place)).unwrap();
        }
        let at = |text: &str| placed(text, &root);
        let (store, server) =
            Store::configured(&root.path().join("var/lib/edgekeep"), &at(settings));
        let machine = Self::with(root, store, server);
        let kv = json!({ "type": "kv", "options": { "version": "2" } });
        assert_eq!(machine.root().post("sys/mounts/secret", kv).status, 204);
        machine
    }

    /// One with a development server whose listener is told so.
    pub fn listening(listener: &str) -> Self {
        let inner = listener.trim().strip_prefix("listener \"tcp\" {").unwrap();
        let inner = inner.strip_suffix('}').unwrap().to_owned();
        let mut machine = Self::serving("");
        machine.server = None;
        machine.store = machine.store.map(|store| store.listening(&inner));
        machine.serves();
        machine
    }

    fn with(root: TempDir, store: Store, server: Server) -> Self {
        let (address, token) = (server.address.clone(), store.token().to_owned());
        let began = now();
        let names = vec![(BEFORE, began)];
        let machine =
            Self { root, store: Some(store), server: Some(server), address, token, names };
        machine.configure();
        machine
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("it has a store")
    }

    /// Writes its configuration where the page has it.
    fn configure(&self) {
        let config = self.store().config();
        fs::copy(&config, self.path("etc/edgekeep/edgekeep.hcl")).unwrap();
        fs::copy(&config, self.path("etc/edgekeep.hcl")).unwrap();
    }

    /// A path on it; what is named by no folder lies in the home of who types.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Its one unseal key.
    pub fn unseal_key(&self) -> String {
        self.store().unseal_key()
    }

    /// Types a command at a terminal, and at each of these prompts the answer: what is shown.
    pub fn types(&self, line: &str, answers: &[(&str, &str)]) -> String {
        let line = self.here(line);
        let bin = self.path("bin");
        if !bin.exists() {
            fs::create_dir(&bin).unwrap();
            symlink(program(), bin.join("edgekeep")).unwrap();
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &line]).current_dir(self.root.path()).env_clear();
        shell.env("PATH", path).env("HOME", self.root.path()).env("NO_COLOR", "1");
        shell.env("VAULT_ADDR", format!("http://{}", self.address));
        if !self.token.is_empty() {
            shell.env("VAULT_TOKEN", &self.token);
        }
        let (success, shown) = at_a_terminal(shell, answers);
        assert!(success, "{line}\n{shown}");
        shown
    }

    /// Starts the server that a line of the page starts.
    pub fn starts(&mut self, line: &str) {
        let line = self.here(line);
        let words = words(line.split('#').next().unwrap());
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        self.address = self.store().address();
        self.server = Some(Server::start(&words, self.address.clone()));
    }

    /// Starts its server anew, and unseals it.
    pub fn serves(&mut self) {
        let server = self.store().start();
        self.address.clone_from(&server.address);
        self.server = Some(server);
    }

    /// Its server ends, and its disk is a new one.
    pub fn is_lost(&mut self) {
        self.server = None;
        fs::remove_dir_all(self.path("var/lib/edgekeep")).unwrap();
    }

    /// What the page says, and what it is here.
    pub fn names(&mut self, word: &'static str, is: Option<&str>) {
        self.names.push((word, is.unwrap_or_else(|| panic!("what is {word}?")).to_owned()));
    }

    /// This is the instant that the page goes back to, and the revision, when the target of that
    /// name has it.
    pub fn remembers(&mut self, target: &str) {
        let revision = self.shipped(target);
        self.names.push((THEN, now()));
        self.names.push(("4711", revision.to_string()));
        self.names.push(("4712", (revision + 1).to_string()));
    }

    fn here(&self, line: &str) -> String {
        let (line, here) = (placed(line, &self.root), format!("http://{}", self.address));
        let line = ADDRESSES.iter().fold(line, |line, address| line.replace(address, &here));
        self.names.iter().fold(line, |line, (word, is)| line.replace(word, is))
    }

    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    pub fn root(&self) -> Client {
        self.client().token(&self.token)
    }

    /// Writes the secret of the page.
    pub fn write(&self, value: &str) {
        let secret = json!({ "data": { "a": value } });
        assert_eq!(self.root().post("secret/data/db", secret).status, 200);
    }

    /// The secret of the page.
    pub fn read(&self) -> String {
        let secret = data(&self.root().get("secret/data/db"));
        secret["data"]["a"].as_str().unwrap_or_else(|| panic!("{secret}")).to_owned()
    }

    /// How many versions of it there are.
    pub fn versions(&self) -> usize {
        let metadata = data(&self.root().get("secret/metadata/db"));
        metadata["versions"].as_object().unwrap().len()
    }

    /// Waits until a target has all: the revision.
    pub fn shipped(&self, name: &str) -> u64 {
        let journal = || {
            let target = data(&self.root().get(&format!("sys/snapshots/targets/{name}")));
            target["journal"].clone()
        };
        eventually("all is shipped", || journal()["behind"] == 0 && journal()["revision"].is_u64());
        journal()["revision"].as_u64().unwrap()
    }

    /// Whether it follows, and came to this revision.
    pub fn follows(&self, revision: u64) -> bool {
        self.client().get("sys/health").json()["follows"]["revision"] == revision
    }
}

/// Runs a command at a terminal of its own: whether in success, and what is shown. What it asks is
/// answered as it comes, for who hides what is typed forgets what was typed before.
fn at_a_terminal(mut command: Command, answers: &[(&str, &str)]) -> (bool, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let name = OsStr::from_bytes(name.as_bytes());
    let end = OpenOptions::new().read(true).write(true).open(name).unwrap();
    command.stdin(end.try_clone().unwrap()).stdout(end.try_clone().unwrap()).stderr(end);
    let mut child = command.spawn().unwrap();
    drop(command);

    let mut terminal = fs::File::from(terminal);
    let mut answers = answers.iter();
    let (mut next, mut shown, mut seen) = (answers.next(), Vec::new(), 0);
    let mut some = [0; 4096];
    // Where nobody holds its other end any more, a terminal ends with an error.
    while let Ok(read) = terminal.read(&mut some) {
        shown.extend_from_slice(&some[..read]);
        while let Some((prompt, answer)) = next
            && let Some(at) = find(&shown[seen..], prompt.as_bytes())
        {
            writeln!(terminal, "{answer}").unwrap();
            seen += at + prompt.len();
            next = answers.next();
        }
    }
    let shown = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
    assert_eq!(next, None, "it asked for less:\n{shown}");
    (child.wait().unwrap().success(), shown)
}

/// Where the one is in the other.
fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn placed(text: &str, root: &TempDir) -> String {
    let root = root.path().display();
    PLACES
        .iter()
        .fold(text.to_owned(), |text, place| text.replace(place, &format!("{root}{place}")))
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(since.as_nanos().try_into().unwrap()).rfc3339()
}
