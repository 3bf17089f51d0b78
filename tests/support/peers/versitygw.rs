//! S3: Versity's gateway over a folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::environment;
use super::process::Process;
use crate::support::harness::needs;
use crate::support::{TempDir, free_address};

/// The bucket that is there.
pub const BUCKET: &str = "backups";

/// A gateway, and the folder that it makes a bucket of.
pub struct Gateway {
    /// The server.
    pub process: Process,
    /// Holds the bucket.
    pub root: PathBuf,
    /// Its folder.
    pub home: TempDir,
}

impl Gateway {
    /// Over a folder in its home.
    pub fn start() -> Self {
        let home = TempDir::new();
        let root = home.path().join("root");
        Self::start_in(home, root, false)
    }

    /// Where one can be had.
    pub fn start_in(home: TempDir, root: PathBuf, tls: bool) -> Self {
        let program = needs("s3", environment::go_program("versitygw"));
        fs::create_dir_all(root.join(BUCKET)).unwrap();
        let address = free_address();
        let at = home.path().to_owned();
        if tls {
            let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
            fs::write(at.join("cert.pem"), made.cert.pem()).unwrap();
            fs::write(at.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        }
        let (port, folder, output) = (address.clone(), root.clone(), at.join("output"));
        let process = Process::start(address, output, move || {
            let mut command = Command::new(&program);
            command.env("ROOT_ACCESS_KEY_ID", "backup").env("ROOT_SECRET_ACCESS_KEY", "s3cret");
            command.args(["--port", &port, "--region", "eu-test", "--keep-alive"]);
            if tls {
                command.arg("--cert").arg(at.join("cert.pem"));
                command.arg("--key").arg(at.join("key.pem"));
            }
            command.arg("posix").arg(&folder).current_dir(&at);
            command
        });
        Self { process, root, home }
    }
}
