//! Whether what a configuration names is there and can be used, as far as that can be seen
//! without making, changing or listening to anything: a server may be running with it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::ToSocketAddrs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::listener::{Listener, NamedFiles, Tls};
use super::place::Placed;
use super::seal::SealSettings;
use super::{Config, ConfigError, Storage, Warning};
use crate::base::credential::Credential;
use crate::server::gate::listener::Address;
use crate::server::tls::{self, ClientCerts, TlsError};
use crate::storage::folder;

/// Checks it; the error is what would stop the start, the warnings what should not be so.
pub fn check(config: &Config) -> Result<Vec<Warning>, ConfigError> {
    let mut warnings = Vec::new();
    let mut known = HashSet::new();
    for listener in &config.listeners {
        warnings.extend(check_certificates(listener)?);
        let names = match &*listener.address {
            Address::Tcp(text) => resolve(&listener.address, text)?,
            Address::Unix { path, .. } => socket(&listener.address, path)?,
        };
        for name in names {
            if !known.insert(name) {
                let why = "another listener has it";
                return Err(listener.address.error(why, "leave one of the two out"));
            }
        }
    }
    if let Storage::Redb { folder, .. } = &config.storage {
        // It says what to do.
        folder::check(folder).map_err(|error| folder.error(error, ""))?;
    }
    check_files(config)?;
    Ok(warnings)
}

/// Checks what the seals are opened with, which may lie on what hangs: no start waits for this.
pub fn check_credentials(seal: &SealSettings) -> Vec<Warning> {
    let credentials = seal.all().flat_map(|seal| seal.credentials());
    credentials.filter_map(open_credential).collect()
}

/// Of that, the certificates of one listener.
pub fn check_certificates(listener: &Listener) -> Result<Option<Warning>, ConfigError> {
    let Some(tls) = &listener.tls else { return Ok(None) };
    certificates(tls)?;
    Ok(tls.files.as_ref().and_then(open_key))
}

/// Of that, the files that the server writes beside its store.
pub fn check_files(config: &Config) -> Result<(), ConfigError> {
    [&config.log.file, &config.pid_file].into_iter().flatten().try_for_each(file)
}

/// What the start says of a listener that could not be opened.
pub fn unlistened(config: &Config, address: &Address, error: &io::Error) -> Option<ConfigError> {
    let listener = config.listeners.iter().find(|listener| *listener.address == *address)?;
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "stop what listens there, or name another one",
        io::ErrorKind::AddrNotAvailable => "name an address of this machine",
        io::ErrorKind::PermissionDenied => {
            "name another one, or let the server's user listen there (for a port below 1024: \
             CAP_NET_BIND_SERVICE)"
        }
        _ => "name another one",
    };
    Some(listener.address.error(error, remedy))
}

/// Tells the listener whose port systemd holds a socket of, on another address.
pub fn held(config: &Config, address: &Address, by: &str) -> Option<ConfigError> {
    let listener = config.listeners.iter().find(|listener| *listener.address == *address)?;
    let what = format!("systemd hands over a socket on {by}, which takes the port of {address}");
    let remedy = format!(
        "say address = \"{by}\" here, or ListenStream={address} in the socket unit: both must \
         name the same"
    );
    Some(listener.address.error(what, remedy))
}

fn certificates(tls: &Tls) -> Result<(), ConfigError> {
    if let Some(files) = &tls.files {
        let usable = tls::Tls::new(tls.settings(files.paths()));
        return usable.map(drop).map_err(|error| certificate(files, tls, error));
    }
    match &tls.client_ca_file {
        Some(file) if tls.client_certs == ClientCerts::Required => {
            tls::authorities(file).map(drop).map_err(|error| authority(file, &error))
        }
        _ => Ok(()),
    }
}

/// A key that everybody may read; that a group may is usual (Debian's `ssl-cert`).
fn open_key(files: &NamedFiles) -> Option<Warning> {
    let mode = files.key.metadata().ok()?.mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        let key = files.key.display();
        let what = format!("it is open to all users (mode {mode:04o}): run chmod o= {key}");
        files.key.warning(what)
    })
}

/// What opens the store, in a file that everybody may read.
fn open_credential(credential: &Credential) -> Option<Warning> {
    let Credential::File(path) = credential else { return None };
    let mode = path.metadata().ok()?.mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        let shown = path.display();
        let what = format!("it is open to all users (mode {mode:04o}): run chmod go= {shown}");
        Warning { file: path.clone(), line: None, what }
    })
}

/// Tells a listener's TLS by the file at fault.
fn certificate(files: &NamedFiles, tls: &Tls, error: TlsError) -> ConfigError {
    let NamedFiles { certificate, key } = files;
    match (error, &tls.client_ca_file) {
        (TlsError::File(path, why), _) if path == **certificate => certificate.error(
            why,
            "name a PEM file of the certificate and its chain that the server may read",
        ),
        (TlsError::File(path, why), _) if path == **key => {
            key.error(why, "name the PEM file of the certificate's key, and let the server read it")
        }
        (error, Some(file)) => authority(file, &error),
        (error, None) => certificate.error(error, ""),
    }
}

fn authority(file: &Placed<PathBuf>, error: &TlsError) -> ConfigError {
    const REMEDY: &str = "name a PEM file of authorities that the server may read";
    match error {
        TlsError::File(_, why) => file.error(why, REMEDY),
        other => file.error(other, REMEDY),
    }
}

/// The addresses that a listener will have. A port that is found by itself counts for none.
fn resolve(address: &Placed<Address>, text: &str) -> Result<Vec<String>, ConfigError> {
    let found = text.to_socket_addrs().map_err(|error| {
        address.error(error, "name an address of this machine, or a host that it can look up")
    })?;
    Ok(found.filter(|found| found.port() != 0).map(|found| found.to_string()).collect())
}

fn socket(address: &Placed<Address>, path: &Path) -> Result<Vec<String>, ConfigError> {
    let there = fs::symlink_metadata(path);
    if there.is_ok_and(|there| !there.file_type().is_socket()) {
        let why = "something that is no socket has that name";
        return Err(address.error(why, "move it away, or name another path"));
    }
    folder_of(path).map_err(|(why, remedy)| address.error(why, remedy))?;
    Ok(vec![path.display().to_string()])
}

/// Whether a file can be written, or made.
fn file(path: &Placed<PathBuf>) -> Result<(), ConfigError> {
    let usable = match path.metadata() {
        Ok(there) if there.is_dir() => Err(("it is a folder".to_owned(), NAME_A_FILE.to_owned())),
        Ok(_) => writable(path, Access::WRITE_OK)
            .map_err(|error| (error.to_string(), "let the server's user write it".to_owned())),
        Err(_) => folder_of(path),
    };
    usable.map_err(|(why, remedy)| path.error(why, remedy))
}

const NAME_A_FILE: &str = "name a file in it";

/// Whether something can be made beside `path`; else why not, and what to do.
fn folder_of(path: &Path) -> Result<(), (String, String)> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let shown = folder.display();
    if !folder.is_dir() {
        return Err((
            format!("there is no folder {shown}"),
            "make it, for the server's user to write in (systemd: RuntimeDirectory, LogsDirectory)"
                .to_owned(),
        ));
    }
    writable(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| (format!("{shown}: {error}"), "let the server's user write there".into()))
}

/// Asks the system as the start would, for the user that runs this.
fn writable(path: &Path, access: Access) -> io::Result<()> {
    Ok(accessat(CWD, path, access, AtFlags::EACCESS)?)
}
