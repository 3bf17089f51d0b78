//! A folder on a host that is reached by SSH, through the machine's own OpenSSH client: whom it
//! trusts, how it logs in and what its configuration says hold here too.
//!
//! An object is written under a temporary name, synced, and given its own by a rename.

mod idle;
mod packet;
mod session;
mod trouble;
mod wire;

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use self::idle::Idle;
use self::packet::Status;
use self::session::{Failure, Session};
pub use self::wire::end_clients;
use super::exactly::Exactly;
use super::remote::{Leftovers, Means, is_temporary};
use super::{Listed, MOST_LISTED, Name, Target, TargetError};
use crate::base::sync::lock;
use crate::client::SettingsError;

/// Where a host is, and who logs in.
#[derive(Clone, Debug, Default)]
pub struct SftpSettings {
    /// Its name or address, or what the client's configuration calls it.
    pub host: String,
    /// By default what the client's configuration says, or 22.
    pub port: Option<u16>,
    /// By default what the client's configuration says, or the user of this process.
    pub username: Option<String>,
    /// The folder, which must be there: a whole path, or one from the user's home.
    pub path: String,
    /// The file of the private key; by default those that the client looks for.
    pub identity_file: Option<PathBuf>,
    /// The file of the host keys that are known; by default those that the client looks for.
    pub known_hosts: Option<PathBuf>,
    /// The client; by default the `ssh` that is on the path.
    pub program: Option<PathBuf>,
}

/// A folder on a host that is reached by SSH.
pub struct SftpTarget {
    settings: SftpSettings,
    program: PathBuf,
    /// The folder's URL.
    at: String,
    means: Means,
    idle: Arc<Idle>,
    leftovers: Leftovers<String>,
    /// The folders that are known to be there.
    made: Mutex<HashSet<String>>,
}

/// What lies in a folder: a folder, or a file of some length.
struct Inside {
    base: String,
    file: Option<u64>,
}

/// What is less is no room.
const NO_ROOM: u64 = 1 << 20;

impl SftpTarget {
    /// The target of these settings; nobody is asked yet. An error where this machine has no
    /// OpenSSH client.
    pub fn new(mut settings: SftpSettings, means: Means) -> Result<Self, SettingsError> {
        let refused = |text: &str| Err(SettingsError(text.to_owned()));
        // What begins with a dash would be an option.
        let word = |text: &str, more: &[u8]| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
            !text.is_empty() && !text.starts_with('-') && text.bytes().all(fits)
        };
        if !word(&settings.host, b".-_:%") {
            return refused("that is no host: write its name or its address");
        }
        if settings.username.as_deref().is_some_and(|name| !word(name, b".-_+@\\")) {
            return refused("that is no user name for SSH");
        }
        if settings.path.contains(char::is_control) || settings.path.contains("..") {
            return refused("that is no path of a folder");
        }
        // The client reads the names of files in its options as a list, with `%` and `~` in them.
        let plain = |path: &PathBuf| {
            let text = path.to_str().unwrap_or("%");
            path.is_absolute()
                && !text.contains(['%', '"', '\'', '\\', '$'])
                && !text.contains(char::is_whitespace)
        };
        if ![&settings.identity_file, &settings.known_hosts].into_iter().flatten().all(plain) {
            return refused("a file for SSH is named by its whole path, without spaces and %");
        }
        let program = match &settings.program {
            Some(program) => Some(program.clone()).filter(|program| program.is_file()),
            None => client(),
        };
        let Some(program) = program else {
            return refused("there is no OpenSSH client: install it (Debian: openssh-client)");
        };
        if settings.path.len() > 1 {
            settings.path.truncate(settings.path.trim_end_matches('/').len().max(1));
        }
        let at = url(&settings);
        let made = Mutex::new(HashSet::new());
        let (idle, leftovers) = (Arc::new(Idle::new(means.patience)), Leftovers::new());
        Ok(Self { settings, program, at, means, idle, leftovers, made })
    }

    /// A session for one call; who has done with it gives it back where nothing went wrong.
    fn session(&self) -> Result<Session, TargetError> {
        self.idle.take().map_or_else(|| self.log_in(), Ok)
    }

    fn log_in(&self) -> Result<Session, TargetError> {
        let SftpSettings { host, port, username, identity_file, known_hosts, .. } = &self.settings;
        let mut command = Command::new(&self.program);
        command.env_clear().env("LC_ALL", "C");
        for name in ["PATH", "HOME", "SSH_AUTH_SOCK"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        let connect = self.means.patience.as_secs().clamp(1, 30);
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "UpdateHostKeys=no",
            "ClearAllForwardings=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "ControlMaster=no",
            "RequestTTY=no",
            "EscapeChar=none",
            "LogLevel=ERROR",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
        ] {
            command.arg("-o").arg(option);
        }
        command.arg("-o").arg(format!("ConnectTimeout={connect}"));
        if let Some(file) = known_hosts {
            command.arg("-o").arg(format!("UserKnownHostsFile={}", file.display()));
            command.arg("-o").arg("GlobalKnownHostsFile=/dev/null");
        }
        if let Some(file) = identity_file {
            command.arg("-o").arg("IdentitiesOnly=yes").arg("-i").arg(file);
        }
        if let Some(port) = port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(name) = username {
            command.arg("-l").arg(name);
        }
        command.args(["-s", "--", host, "sftp"]);
        Session::open(&mut command, &self.at, self.means.patience)
    }

    /// The path of what lies below the folder.
    fn path(&self, below: &str) -> String {
        match self.settings.path.as_str() {
            "" if below.is_empty() => ".".to_owned(),
            "" => below.to_owned(),
            base if below.is_empty() => base.to_owned(),
            "/" => format!("/{below}"),
            base => format!("{base}/{below}"),
        }
    }

    /// Why nothing can be below the folder that the settings name.
    fn no_base(&self) -> TargetError {
        TargetError::Failed(format!(
            "there is no folder at {}: make it on the host (is its disk mounted?)",
            self.at
        ))
    }

    /// What a failure says of something at a path; the server is asked why where it only says that
    /// it failed.
    fn told(
        &self,
        session: &mut Session,
        failure: Failure,
        what: &str,
        below: &str,
    ) -> TargetError {
        let status = match failure {
            Failure::Over(error) => return error,
            Failure::Status(status) => status,
        };
        let at = if below.is_empty() { self.at.clone() } else { format!("{}/{below}", self.at) };
        let text = format!("{what} {at}: {}", status.message);
        match status.code {
            Status::NO_SUCH_FILE => TargetError::Absent(text),
            Status::PERMISSION_DENIED => TargetError::Denied(text),
            Status::UNSUPPORTED => TargetError::Failed(format!("{text}: the server lacks that")),
            Status::FAILURE => match session.room(&self.path("")) {
                Ok(Some(room)) if room.read_only => {
                    TargetError::ReadOnly(format!("{text}: its disk is read-only"))
                }
                Ok(Some(room)) if room.free < NO_ROOM || room.files == 0 => {
                    TargetError::Full(format!("{text}: its disk is full"))
                }
                _ => TargetError::Failed(format!("{text}: see to its rights, disk and quota")),
            },
            _ => TargetError::Failed(text),
        }
    }

    /// Sees to it that a folder is there, and those in which it lies.
    fn make(&self, session: &mut Session, folder: &str) -> Result<(), TargetError> {
        if folder.is_empty() || lock(&self.made).contains(folder) {
            return Ok(());
        }
        self.make(session, folder.rsplit_once('/').map_or("", |(outer, _)| outer))?;
        let path = self.path(folder);
        match session.make_folder(&path) {
            Ok(()) => {}
            Err(Failure::Status(status)) if status.code == Status::NO_SUCH_FILE => {
                return Err(self.no_base());
            }
            Err(Failure::Status(status)) => match session.stat(&path) {
                Ok(there) if there.is_folder() => {}
                _ => {
                    let failure = Failure::Status(status);
                    return Err(self.told(session, failure, "make", folder));
                }
            },
            Err(failure) => return Err(self.told(session, failure, "make", folder)),
        }
        lock(&self.made).insert(folder.to_owned());
        Ok(())
    }

    fn put_at(
        &self,
        session: &mut Session,
        temporary: &str,
        name: &Name,
        length: u64,
        content: &mut dyn Read,
    ) -> Result<(), TargetError> {
        let path = self.path(temporary);
        let mut content = Exactly::new(content, length);
        let outcome = session.create(&path).and_then(|handle| {
            match session.write(&handle, &mut content) {
                Ok(written) => written?,
                // It is told below.
                Err(_) => return Ok(None),
            }
            let there = session.length(&handle)?;
            session.sync(&handle)?;
            session.close(&handle)?;
            Ok(there)
        });
        if let Some(failure) = content.into_failure() {
            return Err(TargetError::Source(failure));
        }
        let there = outcome.map_err(|failure| self.told(session, failure, "write", temporary))?;
        if there != Some(length) {
            let there = there.map_or_else(|| "?".into(), |there| there.to_string());
            return Err(TargetError::Failed(format!(
                "of {length} bytes that were put at {}/{temporary} {there} are there",
                self.at
            )));
        }
        let renamed = session.rename(&path, &self.path(name.as_str()));
        renamed.map_err(|failure| self.told(session, failure, "rename", temporary))
    }

    fn remove(&self, session: &mut Session, below: &str) -> Result<(), TargetError> {
        match session.remove(&self.path(below)) {
            Ok(()) => Ok(()),
            Err(Failure::Status(status)) if status.code == Status::NO_SUCH_FILE => Ok(()),
            Err(failure) => Err(self.told(session, failure, "delete", below)),
        }
    }

    /// What lies directly in a folder; `None` for no such folder.
    fn look(
        &self,
        session: &mut Session,
        folder: &str,
    ) -> Result<Option<Vec<Inside>>, TargetError> {
        let path = self.path(folder);
        let inside = match session.list(&path, MOST_LISTED) {
            Ok(inside) => inside,
            Err(Failure::Status(status)) if status.code == Status::NO_SUCH_FILE => return Ok(None),
            Err(Failure::Status(status)) if status.code == Status::FAILURE => {
                return match session.stat(&path) {
                    // Below what is no folder nothing lies.
                    Ok(there) if !there.is_folder() => Ok(None),
                    Err(Failure::Status(_)) => Ok(None),
                    _ => Err(self.told(session, Failure::Status(status), "list", folder)),
                };
            }
            Err(failure) => return Err(self.told(session, failure, "list", folder)),
        };
        let known = |(name, told): (Vec<u8>, packet::Attributes)| {
            let name = String::from_utf8(name).ok()?;
            let inside = Inside { base: name, file: told.file() };
            (told.is_folder() || inside.file.is_some()).then_some(inside)
        };
        Ok(Some(inside.into_iter().filter_map(known).collect()))
    }
}

impl Target for SftpTarget {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        let folder = name.folder();
        let mut session = self.session()?;
        let shared = Mutex::new(&mut session);
        let find = |folder: &str| {
            let inside = self.look(&mut lock(&shared), folder)?.unwrap_or_default();
            let stale = |inside: Inside| {
                let stale = inside.file.is_some() && is_temporary(&inside.base);
                stale.then(|| join(folder, &inside.base))
            };
            Ok(inside.into_iter().filter_map(stale).collect())
        };
        let remove = |path: &String| self.remove(&mut lock(&shared), path);
        self.leftovers.sweep(folder, find, remove)?;
        self.make(&mut lock(&shared), folder)?;
        let temporary = self.means.temporary(name);
        let outcome = self.leftovers.attempt(
            folder,
            &temporary,
            || self.put_at(&mut lock(&shared), &temporary, name, length, content),
            || self.remove(&mut lock(&shared), &temporary),
        );
        if outcome.is_ok() {
            self.idle.give(session);
        } else {
            // The folder may have been removed meanwhile.
            lock(&self.made).clear();
        }
        outcome
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        let mut session = self.session()?;
        let opened = session.read(&self.path(name.as_str())).and_then(|handle| {
            let length = session.length(&handle)?;
            Ok((handle, length))
        });
        match opened {
            Ok((handle, Some(length))) => Ok(Box::new(session.object(handle, length, &self.idle))),
            Ok((_, None)) => {
                Err(TargetError::Failed(format!("{} is no regular file", self.url(name))))
            }
            Err(failure) => Err(self.told(&mut session, failure, "read", name.as_str())),
        }
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let under = under.trim_end_matches('/');
        if !under.is_empty() && Name::parse(under).is_none() {
            return Ok(Vec::new());
        }
        let mut session = self.session()?;
        let (mut found, mut folders, mut seen) = (Vec::new(), vec![under.to_owned()], 0);
        while let Some(folder) = folders.pop() {
            let Some(inside) = self.look(&mut session, &folder)? else {
                // A disk that is not mounted is no empty target.
                let base = session.stat(&self.path(""));
                if folder.is_empty() || !base.is_ok_and(|base| base.is_folder()) {
                    return Err(self.no_base());
                }
                continue;
            };
            seen += inside.len();
            if seen > MOST_LISTED {
                let text = format!("there is more at {} than can be listed", self.at);
                return Err(TargetError::Failed(text));
            }
            for Inside { base, file } in inside {
                let Some(name) = Name::parse(join(&folder, &base)) else { continue };
                match file {
                    None => folders.push(name.as_str().to_owned()),
                    Some(length) => found.push(Listed { name, length }),
                }
            }
        }
        self.idle.give(session);
        found.sort_unstable();
        Ok(found)
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        let mut session = self.session()?;
        self.remove(&mut session, name.as_str())?;
        self.idle.give(session);
        Ok(())
    }

    fn url(&self, name: &Name) -> String {
        format!("{}/{name}", self.at)
    }
}

impl Drop for SftpTarget {
    fn drop(&mut self) {
        self.idle.close();
    }
}

fn join(folder: &str, base: &str) -> String {
    if folder.is_empty() { base.to_owned() } else { format!("{folder}/{base}") }
}

/// The client on the path.
fn client() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/usr/local/bin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).filter(|f| f.is_absolute()).chain(usual);
    folders.find_map(|folder| Some(folder.join("ssh")).filter(|path: &PathBuf| is_program(path)))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|there| there.is_file() && there.permissions().mode() & 0o111 != 0)
}

/// The folder's URL: `sftp://USER@HOST:PORT/PATH`; a path from the user's home begins with `~`.
fn url(settings: &SftpSettings) -> String {
    let user = settings.username.as_ref().map_or_else(String::new, |name| format!("{name}@"));
    let host = match settings.host.contains(':') {
        true => format!("[{}]", settings.host),
        false => settings.host.clone(),
    };
    let port = settings.port.map_or_else(String::new, |port| format!(":{port}"));
    let path = match settings.path.as_str() {
        "" => "/~".to_owned(),
        "/" => String::new(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/~/{path}"),
    };
    format!("sftp://{user}{host}{port}{path}")
}
