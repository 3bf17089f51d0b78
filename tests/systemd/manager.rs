//! A service manager, as far as a server can see: where it is told things, and how it starts one.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::http::Client;
use super::support::{TempDir, free_address, program};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is told in one message: its lines.
pub type Message = Vec<String>;

/// A server with a store of its own, and what its manager hears.
pub struct Managed {
    child: Option<Child>,
    socket: UnixDatagram,
    home: TempDir,
    data: PathBuf,
    address: String,
    /// More of its configuration.
    more: String,
    args: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Managed {
    /// It does not run yet; its store is to lie in `data`, or else in a folder that goes.
    pub fn new(data: Option<PathBuf>) -> Self {
        let home = TempDir::new();
        let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
        let data = data.unwrap_or_else(|| home.path().join("data"));
        let (more, args, environment) = (String::new(), Vec::new(), Vec::new());
        let address = free_address();
        Self { child: None, socket, home, data, address, more, args, environment }
    }

    /// The same, whose manager listens at an abstract name: one that is in no folder.
    pub fn at_abstract_name() -> Self {
        let mut managed = Self::new(None);
        let name = format!("edgekeep-test{}", managed.home.path().display());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        managed.socket = UnixDatagram::bind_addr(&address).unwrap();
        managed.with("NOTIFY_SOCKET", format!("@{name}"))
    }

    pub fn configured(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    pub fn with(mut self, variable: &'static str, value: impl ToString) -> Self {
        self.environment.push((variable, value.to_string()));
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.args.push(argument.to_owned());
        self
    }

    /// Changes the configuration of one that runs.
    pub fn configure(&mut self, more: &str) {
        more.clone_into(&mut self.more);
        self.write_config();
    }

    fn write_config(&self) -> PathBuf {
        let config = self.home.path().join("edgekeep.hcl");
        let text = format!(
            "storage \"redb\" {{ path = \"{}\" }}\ndisable_mlock = true\n\
             listener \"tcp\" {{\n  address = \"{}\"\n  tls_disable = true\n}}\n{}\n",
            self.data.display(),
            self.address,
            self.more
        );
        fs::write(&config, text).unwrap();
        config
    }

    /// Starts it, and does not wait.
    pub fn start(&mut self) {
        let config = self.write_config();
        let stderr = fs::OpenOptions::new().create(true).append(true).open(self.log_file());
        let mut command = Command::new(program());
        command
            .arg("server")
            .arg(format!("-config={}", config.display()))
            .args(&self.args)
            .env("NOTIFY_SOCKET", self.home.path().join("notify"))
            .env("TMPDIR", self.home.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr.unwrap());
        self.child = Some(command.spawn().unwrap());
    }

    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// The file of its store.
    pub fn data_file(&self) -> PathBuf {
        self.data.join("edgekeep.redb")
    }

    /// The file that its log goes to.
    pub fn log_file(&self) -> PathBuf {
        self.home.path().join("log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal).unwrap();
    }

    /// Whether none of its threads runs, since it was stopped.
    pub fn stands_still(&self) -> bool {
        let id = self.child.as_ref().unwrap().id();
        fs::read_dir(format!("/proc/{id}/task")).unwrap().all(|task| {
            let about = fs::read_to_string(task.unwrap().path().join("stat"));
            about.is_ok_and(|about| about.contains(") T "))
        })
    }

    /// Waits until it has ended; whether in success.
    pub fn wait(&mut self) -> bool {
        self.child.take().unwrap().wait().unwrap().success()
    }

    /// The next message; none when none comes in that time.
    pub fn hear(&self, patience: Duration) -> Option<Message> {
        let mut message = [0; 4096];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let length = self.socket.recv(&mut message).ok()?;
        let text = std::str::from_utf8(&message[..length]).unwrap();
        Some(text.lines().map(str::to_owned).collect())
    }

    /// All messages until it has ended, and whether it did so in success.
    pub fn hear_the_rest(&mut self) -> (Vec<Message>, bool) {
        let mut heard = Vec::new();
        let mut child = self.child.take().unwrap();
        let status = loop {
            let ended = child.try_wait().unwrap();
            while let Some(message) = self.hear(Duration::from_millis(20)) {
                heard.push(message);
            }
            if let Some(status) = ended {
                break status;
            }
        };
        (heard, status.success())
    }

    /// The next message that has a line which begins so.
    pub fn hear_of(&self, line: &str) -> Message {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = (!left.is_zero()).then(|| self.hear(left)).flatten();
            match heard {
                None => panic!("the manager was not told {line:?}:\n{}", self.log()),
                Some(message) if message.iter().any(|told| told.starts_with(line)) => {
                    return message;
                }
                Some(_) => {}
            }
        }
    }

    /// Takes what was told until now away.
    pub fn forget(&self) {
        while self.hear(Duration::from_millis(1)).is_some() {}
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
