//! Places behind a network: the real servers, each over a disk of its own where that is what is in
//! trouble.

use std::fs;

use serde_json::Value;

use super::disk;
use super::folder::Disk;
use super::peers::nginx::{DAV, Kind, Nginx};
use super::peers::places::{self, Fields};
use super::peers::process::Process;
use super::peers::proxy::{Network, Proxy};
use super::peers::sshd::Sshd;
use super::peers::versitygw::Gateway;
use super::place::{Place, Trouble};
use super::support::TempDir;

/// So many bytes pass in 20 ms each way while the network is slow.
const SLOW: usize = 256;

/// So many bytes of what is being put still come there before the network is gone.
const TORN: u64 = 32 << 10;

/// A server behind a network.
pub struct Remote {
    kind: &'static str,
    settings: Fields,
    proxy: Proxy,
    process: Process,
    /// What the server works with; unmounted when the server has ended.
    _home: TempDir,
    disk: Disk,
}

/// Where a server keeps its objects that comes into such trouble.
fn disk(trouble: Trouble) -> Disk {
    match trouble {
        Trouble::Full | Trouble::ReadOnly => Disk::own(),
        Trouble::Killed | Trouble::Cut | Trouble::Slow => Disk::shared(),
    }
}

/// WebDAV.
pub fn nginx(trouble: Trouble) -> Remote {
    let disk = disk(trouble);
    let root = disk.path().join("dav");
    let Nginx { process, home } = Nginx::start(&Kind { root: Some(&root), dav: DAV, tls: false });
    let proxy = Proxy::to(&process.address);
    let settings = places::http(&proxy.address);
    Remote { kind: "http", settings, proxy, process, _home: home, disk }
}

/// S3.
pub fn versitygw(trouble: Trouble) -> Remote {
    let disk = disk(trouble);
    let root = disk.path().join("store");
    let Gateway { process, home, .. } = Gateway::start_in(TempDir::new(), root, false);
    let proxy = Proxy::to(&process.address);
    let settings = places::s3(&proxy.address);
    Remote { kind: "s3", settings, proxy, process, _home: home, disk }
}

/// SFTP.
pub fn sshd(trouble: Trouble) -> Remote {
    let disk = disk(trouble);
    let root = disk.path().join("store");
    fs::create_dir(&root).unwrap();
    let sshd = Sshd::start_in(TempDir::new(), root, "Subsystem sftp internal-sftp");
    let proxy = Proxy::to(&sshd.process.address);
    let settings = places::sftp(sshd.at(&proxy.address));
    let Sshd { process, home, .. } = sshd;
    Remote { kind: "sftp", settings, proxy, process, _home: home, disk }
}

impl Place for Remote {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        self.settings.clone()
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
