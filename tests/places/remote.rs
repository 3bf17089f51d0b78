//! Places behind a network: the real servers, each over a disk of its own where one can be mounted.

use std::fs;

use serde_json::Value;

use super::disk;
use super::folder::Disk;
use super::peers::nginx::{DAV, Kind, Nginx};
use super::peers::process::Process;
use super::peers::proxy::{Network, Proxy};
use super::peers::sshd::Sshd;
use super::peers::versitygw::{BUCKET, Gateway};
use super::place::{Place, Trouble};
use super::support::TempDir;

/// So many bytes pass in 20 ms each way while the network is slow.
const SLOW: usize = 256;

/// So many bytes of what is being put still come there before the network is gone.
const TORN: u64 = 32 << 10;

/// A server behind a network.
pub struct Remote {
    kind: &'static str,
    settings: Vec<(&'static str, Value)>,
    proxy: Proxy,
    process: Process,
    /// What the server works with; unmounted when the server has ended.
    _home: TempDir,
    disk: Disk,
}

/// WebDAV; `None`, and says so, where it cannot be had.
pub fn nginx() -> Option<Remote> {
    let disk = Disk::new();
    let root = disk.path().join("dav");
    let Nginx { process, home } = Nginx::start(&Kind { root: Some(&root), dav: DAV, tls: false })?;
    let proxy = Proxy::to(&process.address);
    let settings = vec![
        ("storage_type", "http".into()),
        ("http_url", format!("http://{}/dav/", proxy.address).into()),
        ("http_username", "backup".into()),
        ("http_password", "s3cret".into()),
        ("http_allow_plain", true.into()),
    ];
    Some(Remote { kind: "http", settings, proxy, process, _home: home, disk })
}

/// S3.
pub fn versitygw() -> Option<Remote> {
    let disk = Disk::new();
    let root = disk.path().join("store");
    let Gateway { process, home, .. } = Gateway::start_in(TempDir::new(), root, false)?;
    let proxy = Proxy::to(&process.address);
    let settings = vec![
        ("storage_type", "aws-s3".into()),
        ("aws_s3_bucket", BUCKET.into()),
        ("aws_s3_region", "eu-test".into()),
        ("aws_s3_endpoint", proxy.address.as_str().into()),
        ("aws_s3_disable_tls", true.into()),
        ("aws_access_key_id", "backup".into()),
        ("aws_secret_access_key", "s3cret".into()),
    ];
    Some(Remote { kind: "s3", settings, proxy, process, _home: home, disk })
}

/// SFTP.
pub fn sshd() -> Option<Remote> {
    let disk = Disk::new();
    let root = disk.path().join("store");
    fs::create_dir(&root).unwrap();
    let sshd = Sshd::start_in(TempDir::new(), root, "Subsystem sftp internal-sftp")?;
    let proxy = Proxy::to(&sshd.process.address);
    let at = sshd.at(&proxy.address);
    let path = |path: Option<std::path::PathBuf>| path.unwrap().display().to_string();
    let settings = vec![
        ("storage_type", "sftp".into()),
        ("sftp_host", at.host.into()),
        ("sftp_port", at.port.into()),
        ("sftp_path", at.path.into()),
        ("sftp_identity_file", path(at.identity_file).into()),
        ("sftp_known_hosts", path(at.known_hosts).into()),
    ];
    let Sshd { process, home, .. } = sshd;
    Some(Remote { kind: "sftp", settings, proxy, process, _home: home, disk })
}

impl Place for Remote {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        self.settings.clone()
    }

    fn can(&self, trouble: Trouble) -> bool {
        self.disk.is_own() || !matches!(trouble, Trouble::Full | Trouble::ReadOnly)
    }

    fn begin(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Killed => self.process.kill(),
            Trouble::Cut => self.proxy.is(Network::Closes(TORN)),
            Trouble::Full => disk::fill(&self.disk.path()),
            Trouble::ReadOnly => disk::remount(&self.disk.path(), "ro"),
            Trouble::Slow => self.proxy.is(Network::Slow(SLOW)),
        }
    }

    fn end(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Killed => self.process.again(),
            Trouble::Cut | Trouble::Slow => self.proxy.is(Network::Whole),
            Trouble::Full => disk::clear(&self.disk.path()),
            Trouble::ReadOnly => disk::remount(&self.disk.path(), "rw"),
        }
    }
}
