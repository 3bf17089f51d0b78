//! Servers that a test starts, kills and starts again.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to listen. A bound for a loaded machine, not an expectation.
const START: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub struct Process {
    command: Box<dyn Fn() -> Command + Send + Sync>,
    child: Option<Child>,
    /// Where it listens.
    pub address: String,
    output: PathBuf,
}

impl Process {
    /// Starts what `command` makes, and waits until it listens.
    pub fn start(
        address: String,
        output: PathBuf,
        command: impl Fn() -> Command + Send + Sync + 'static,
    ) -> Self {
        let mut process = Self { command: Box::new(command), child: None, address, output };
        process.again();
        process
    }

    /// Starts it again where it was killed.
    pub fn again(&mut self) {
        let output = File::options().create(true).append(true).open(&self.output).unwrap();
        let mut command = (self.command)();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let deadline = Instant::now() + START;
        while TcpStream::connect(&self.address).is_err() {
            let ended = child.try_wait().unwrap();
            let late = Instant::now() > deadline;
            assert!(ended.is_none() && !late, "{command:?}: {ended:?}\n{}", self.told());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
    }

    /// Ends it at once, and whom it has started.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            for pid in descendants(Pid::from_child(&child)) {
                let _ = kill_process(pid, Signal::KILL);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// How many processes work for it.
    pub fn helpers(&self) -> usize {
        self.child.iter().flat_map(|child| descendants(Pid::from_child(child))).count()
    }

    /// What it printed.
    pub fn told(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processes that a process has started, those that they have started among them.
fn descendants(of: Pid) -> Vec<Pid> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else { continue };
        // PID (NAME) STATE PARENT ...
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(2));
        if parent.and_then(|parent| parent.parse().ok()) == Some(of.as_raw_nonzero().get()) {
            found.push(pid);
            found.extend(descendants(pid));
        }
    }
    found
}

/// The program of that name, if this machine has it.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(usual);
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
