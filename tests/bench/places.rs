//! The kinds of place that snapshots go to, each a real server on this machine.

use std::any::Any;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::peers::nginx::Nginx;
use crate::peers::places::{self, Fields};
use crate::peers::sshd::Sshd;
use crate::peers::versitygw::Gateway;
use crate::support::TempDir;
use crate::support::harness::attempt;

/// A place that is there for as long as this is kept.
pub struct Place {
    pub kind: &'static str,
    /// What `snapshot-auto` is told of it.
    pub settings: Value,
    /// Where what it holds lies on this machine.
    pub folder: PathBuf,
    _server: Box<dyn Any>,
}

impl Place {
    /// A folder on the disk of `home`.
    pub fn folder(home: TempDir) -> Self {
        let folder = home.path().to_path_buf();
        let settings = json!({ "storage_type": "file", "path_prefix": folder });
        Self { kind: "file", settings, folder, _server: Box::new(home) }
    }
}

/// One of each kind whose server is on this machine; of the others it is said that they are skipped.
pub fn all() -> Vec<Place> {
    let far =
        [s3, sftp, http].map(|make| attempt(make).inspect_err(|why| eprintln!("skipped: {why}")));
    let folder = Place::folder(TempDir::new());
    [folder].into_iter().chain(far.into_iter().flatten()).collect()
}

/// As the API takes them.
fn told(fields: Fields) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn s3() -> Place {
    let gateway = Gateway::start();
    let mut settings = places::s3(&gateway.process.address);
    settings.push(("path_prefix", "bench".into()));
    let folder = gateway.root.clone();
    Place { kind: "aws-s3", settings: told(settings), folder, _server: Box::new(gateway) }
}

fn sftp() -> Place {
    let sshd = Sshd::start();
    let settings = told(places::sftp(sshd.settings()));
    let folder = sshd.root.clone();
    Place { kind: "sftp", settings, folder, _server: Box::new(sshd) }
}

fn http() -> Place {
    let nginx = Nginx::usual();
    let settings = told(places::http(&nginx.process.address));
    let folder = nginx.home.path().to_path_buf();
    Place { kind: "http", settings, folder, _server: Box::new(nginx) }
}
