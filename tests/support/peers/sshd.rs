//! SFTP: OpenSSH's server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use edgekeep::snapshot::target::sftp::SftpSettings;

use super::process::{Process, program};
use crate::support::harness::{needs, needs_package};
use crate::support::{TempDir, free_address};

/// A server with a host key and a user key of its own.
pub struct Sshd {
    /// The server.
    pub process: Process,
    /// Its folder, with the keys.
    pub home: TempDir,
    /// Holds the objects.
    pub root: PathBuf,
}

impl Sshd {
    /// Over a folder in its home.
    pub fn start() -> Self {
        let home = TempDir::new();
        let root = home.path().join("root");
        Self::start_in(home, root, "Subsystem sftp internal-sftp")
    }

    /// Where this machine has one.
    pub fn start_in(home: TempDir, root: PathBuf, more: &str) -> Self {
        for needed in ["ssh", "ssh-keygen"] {
            needs_package("sftp", program(needed), "openssh-client");
        }
        let sshd = needs_package("sftp", program("sshd"), "openssh-server");
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            // Where it parts with its privileges; the service's start makes it.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        let (at, address) = (home.path().to_owned(), free_address());
        for key in ["host", "user", "other"] {
            keygen(&at.join(key));
        }
        fs::copy(at.join("user.pub"), at.join("authorized_keys")).unwrap();
        let config = format!(
            "ListenAddress {address}\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             MaxStartups 100\nUseDNS no\n{more}\n",
            at.display()
        );
        fs::write(at.join("sshd_config"), config).unwrap();
        let output = at.join("output");
        let process = Process::start(address, output, move || {
            let mut command = Command::new(&sshd);
            command.args(["-D", "-e", "-f"]).arg(at.join("sshd_config"));
            command
        });
        let sshd = Self { process, home, root };
        if !is_root {
            needs("sftp", sshd.lets_in());
        }
        sshd
    }

    /// Whether it lets in who runs the tests: of an account that is locked it takes no key.
    fn lets_in(&self) -> Result<(), String> {
        let (host, port) = self.process.address.split_once(':').unwrap();
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-p", port, "-i"]).arg(self.home.path().join("user"));
        for option in ["BatchMode=yes", "IdentitiesOnly=yes", "LogLevel=ERROR"] {
            command.args(["-o", option]);
        }
        command.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        let output = command.args([host, "true"]).stdin(Stdio::null()).output().unwrap();
        // Any other code is that of the command there.
        match output.status.code() {
            Some(255) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            _ => Ok(()),
        }
    }

    /// The settings to reach it at an address, whose host key is known.
    pub fn at(&self, address: &str) -> SftpSettings {
        let known = self.home.path().join(format!("known-{}", address.replace(':', "-")));
        know(&known, address, &self.home.path().join("host.pub"));
        let (host, port) = address.split_once(':').unwrap();
        SftpSettings {
            host: host.into(),
            port: port.parse().ok(),
            path: self.root.display().to_string(),
            identity_file: Some(self.home.path().join("user")),
            known_hosts: Some(known),
            ..SftpSettings::default()
        }
    }

    /// The settings to reach it.
    pub fn settings(&self) -> SftpSettings {
        self.at(&self.process.address)
    }
}

fn keygen(key: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key).stdin(Stdio::null());
    assert!(command.status().unwrap().success());
}

/// Writes down a host key.
pub fn know(file: &Path, address: &str, key: &Path) {
    let (host, port) = address.split_once(':').unwrap();
    let key = fs::read_to_string(key).unwrap();
    fs::write(file, format!("[{host}]:{port} {key}")).unwrap();
}
