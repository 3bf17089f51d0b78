//! The kinds of place that snapshots go to, each a real server on this machine.

use std::any::Any;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::peers::nginx::Nginx;
use crate::peers::sshd::Sshd;
use crate::peers::versitygw::{BUCKET, Gateway};
use crate::support::TempDir;

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

/// One of each kind whose server is on this machine; the others say that they are skipped.
pub fn all() -> Vec<Place> {
    let folder = Some(Place::folder(TempDir::new()));
    [folder, s3(), sftp(), http()].into_iter().flatten().collect()
}

fn s3() -> Option<Place> {
    let gateway = Gateway::start()?;
    let settings = json!({
        "storage_type": "aws-s3", "aws_s3_bucket": BUCKET, "aws_s3_region": "eu-test",
        "aws_s3_endpoint": gateway.process.address, "aws_s3_disable_tls": true,
        "aws_access_key_id": "backup", "aws_secret_access_key": "s3cret", "path_prefix": "bench",
    });
    let folder = gateway.root.clone();
    Some(Place { kind: "aws-s3", settings, folder, _server: Box::new(gateway) })
}

fn sftp() -> Option<Place> {
    let sshd = Sshd::start()?;
    let at = sshd.settings();
    let settings = json!({
        "storage_type": "sftp", "sftp_host": at.host, "sftp_port": at.port, "sftp_path": at.path,
        "sftp_identity_file": at.identity_file, "sftp_known_hosts": at.known_hosts,
    });
    let folder = sshd.root.clone();
    Some(Place { kind: "sftp", settings, folder, _server: Box::new(sshd) })
}

fn http() -> Option<Place> {
    let nginx = Nginx::usual()?;
    let settings = json!({
        "storage_type": "http", "http_url": format!("http://{}/dav/", nginx.process.address),
        "http_username": "backup", "http_password": "s3cret", "http_allow_plain": true,
    });
    let folder = nginx.home.path().to_path_buf();
    Some(Place { kind: "http", settings, folder, _server: Box::new(nginx) })
}
