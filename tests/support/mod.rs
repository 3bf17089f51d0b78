//! What several tests need: a server of the built program, an HTTP client that says exactly what
//! it is told, folders that vanish.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test uses its own part")]

pub mod archive;
pub mod dice;
pub mod harness;
pub mod http;
pub mod hung;
pub mod mount;
pub mod shell;
pub mod store;
pub mod volume;
pub mod world;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::{Client, Reply};

/// The token of [`Server::dev`].
pub const ROOT: &str = "root";

/// Nothing listens there: the port is for nobody (RFC 863 aside).
pub const NOBODY: &str = "http://127.0.0.1:9";

/// How long a server may take to answer. It is a bound for a loaded machine, not an expectation.
const START: Duration = Duration::from_secs(60);

/// The program that the tests run: the built one, or one for another machine behind what runs it
/// here (`cross/test`).
pub fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let built = env!("CARGO_BIN_EXE_edgekeep").to_owned();
        std::env::var("EDGEKEEP_TEST_PROGRAM").unwrap_or(built)
    });
    &PROGRAM
}

/// A running server of the built program; killed when dropped. A thread of it that panics fails the
/// test.
pub struct Server {
    child: Child,
    /// Where it listens, `127.0.0.1:PORT`.
    pub address: String,
    /// Its home folder, with its output in `stdout` and `stderr`.
    pub home: TempDir,
    /// Whether a thread of it may panic: the test sees to that.
    pub may_panic: bool,
}

impl Server {
    /// An unsealed server with nothing in it, whose root token is [`ROOT`].
    pub fn dev() -> Self {
        Self::start_dev(&[]).unsealed()
    }

    /// The same over a new store that stays in `folder`.
    pub fn dev_in(folder: &Path) -> Self {
        Self::dev_in_sealed(folder).unsealed()
    }

    /// The same over a store that was there before, and is sealed.
    pub fn dev_in_sealed(folder: &Path) -> Self {
        Self::start_dev(&[&format!("-dev-data={}", folder.display())])
    }

    /// A server that is not initialised, over a store in memory.
    pub fn uninitialised() -> Self {
        let address = free_address();
        // It is read once, at the start.
        let folder = TempDir::new();
        let config = folder.path().join("server.hcl");
        let text = format!(
            "storage \"inmem\" {{}}\nlistener \"tcp\" {{\n  address = \"{address}\"\n  \
             tls_disable = true\n}}\ndisable_mlock = true\n"
        );
        fs::write(&config, text).unwrap();
        Self::start(&["server", &format!("-config={}", config.display())], address)
    }

    fn start_dev(more: &[&str]) -> Self {
        let address = free_address();
        let root = format!("-dev-root-token-id={ROOT}");
        let listen = format!("-dev-listen-address={address}");
        let args = ["server", "-dev", "-dev-no-store-token", &root, &listen];
        Self::start(&[&args, more].concat(), address)
    }

    /// Waits for a development server, which answers before it has made its store.
    fn unsealed(mut self) -> Self {
        self.wait_for_health("unsealed", |status| !matches!(status, 501 | 503));
        self
    }

    /// A server with these arguments, which make it listen at `address`. Returns once it answers.
    pub fn start(args: &[&str], address: String) -> Self {
        Self::start_with(args, address, &[])
    }

    /// The same with these in its environment.
    pub fn start_with(args: &[&str], address: String, variables: &[(&str, &Path)]) -> Self {
        let mut server = Self::spawn_with(args, address, variables);
        server.wait_for_health("answering", |_| true);
        server
    }

    /// A server with these arguments. It may not answer yet, or may have ended.
    pub fn spawn(args: &[&str], address: String) -> Self {
        Self::spawn_with(args, address, &[])
    }

    fn spawn_with(args: &[&str], address: String, variables: &[(&str, &Path)]) -> Self {
        let home = TempDir::new();
        let output = |name| fs::File::create(home.path().join(name)).unwrap();
        let child = Command::new(program())
            .args(args)
            .env("HOME", home.path())
            // What a killed server leaves there goes with its home.
            .env("TMPDIR", home.path())
            .envs(variables.iter().copied())
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .unwrap();
        Self { child, address, home, may_panic: false }
    }

    /// Waits until it ends by itself. Whether that was in success, and what it printed.
    pub fn wait(mut self) -> (bool, String) {
        let status = self.child.wait().unwrap();
        (status.success(), self.output())
    }

    /// A client without a token.
    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// A client with the root token.
    pub fn root(&self) -> Client {
        self.client().token(ROOT)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Bytes of memory that are locked, as those are that hold keys.
    pub fn locked(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        locked.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// What it printed on both streams.
    pub fn output(&self) -> String {
        let read = |name| fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
        read("stdout") + &read("stderr")
    }

    /// The unseal key that a development server prints, which may answer before that.
    pub fn unseal_key(&self) -> String {
        let mut key = None;
        eventually("its unseal key is printed", || {
            let output = self.output();
            let line = output.lines().find_map(|line| line.strip_prefix("Unseal Key: "));
            key = line.map(|key| key.trim().to_owned());
            key.is_some()
        });
        key.unwrap()
    }

    /// Waits until it has printed a text.
    pub fn wait_for_output(&mut self, text: &str) {
        let deadline = Instant::now() + START;
        while !self.output().contains(text) {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended:\n{}", self.output());
            assert!(Instant::now() < deadline, "no {text:?} in:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until `sys/health` answers with a wanted status.
    fn wait_for_health(&mut self, state: &str, wanted: impl Fn(u16) -> bool) {
        let deadline = Instant::now() + START;
        loop {
            let answer = self.client().try_send("GET", "/v1/sys/health", &[], None);
            if answer.is_ok_and(|reply| wanted(reply.status)) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended with {status}:\n{}", self.output());
            }
            assert!(Instant::now() < deadline, "it is not {state}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if harness::is_failing() {
            eprintln!("the server at {} said:\n{}", self.address, self.output());
        } else if !self.may_panic && !std::thread::panicking() {
            // It may well have gone on, without what that thread was there for.
            let output = self.output();
            assert!(!output.contains("panicked at"), "a thread of the server broke:\n{output}");
        }
    }
}

/// An address of the loopback on which nothing listens. Nobody who asks for any port gets it before
/// it is listened on: those that the kernel gives begin at 32768.
pub fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % 200 * 100;
    loop {
        let port = 10_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

/// A folder that is removed when dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new one, empty.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("edgekeep-test-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Looks again and again until it is so.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to be that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The `data` of an answer.
pub fn data(reply: &Reply) -> serde_json::Value {
    reply.json()["data"].clone()
}
