//! Do the listeners' certificates hold, and for how long?

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::Subject;
use super::finding::{Finding, Status};
use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::base::url;
use crate::config::{self, Config, Listener, Storage, Tls};
use crate::server::chain::{self, Certificate};
use crate::server::gate::listener::Address;

/// A certificate that ends within this time is warned of.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Looks at those of each listener.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let now = SystemClock.wall();
    let listeners = subject.config.listeners.iter();
    listeners.flat_map(|listener| of_listener(&subject.config, listener, now)).collect()
}

fn of_listener(config: &Config, listener: &Listener, now: Timestamp) -> Vec<Finding> {
    let name = listener.address.to_string();
    match (&*listener.address, &listener.tls) {
        (Address::Unix { .. }, _) => vec![Finding::skipped(format!("{name}: a socket has none"))],
        (Address::Tcp(text), None) if is_local(text) => {
            vec![Finding::ok(format!("{name}: no TLS, and none but this machine hears it"))]
        }
        (Address::Tcp(_), None) => vec![Finding::warn(
            format!("{name}: no TLS: whoever is on the way reads every secret"),
            "take tls_disable out, or let the listener listen on 127.0.0.1 alone",
        )],
        (Address::Tcp(_), Some(tls)) => {
            let mut findings = match (&tls.files, &config.storage) {
                (Some(files), _) => named(config, listener, &files.certificate, now),
                (None, Storage::Redb { folder, .. }) => own(&folder.join("tls"), now),
                (None, Storage::Memory) => vec![Finding::ok("made at each start")],
            };
            findings.extend(authorities(tls, now));
            findings.iter_mut().for_each(|finding| {
                finding.what = format!("{name}: {}", finding.what);
            });
            findings
        }
    }
}

/// Those that the listener names.
fn named(config: &Config, listener: &Listener, file: &Path, now: Timestamp) -> Vec<Finding> {
    let warning = match config::check_certificates(listener) {
        Ok(warning) => warning,
        Err(error) => return vec![error.into()],
    };
    let mut findings = dates(file, now, "put a new one there, then send the server SIGHUP");
    findings.extend(warning.map(Finding::from));
    let host = config.api_addr.as_deref().and_then(url::host);
    if let (Some(host), Ok(chain)) = (host, chain::read(file))
        && let Some(first) = chain.first()
        && !first.is_for(host)
    {
        findings.push(Finding::warn(
            format!("{} is not for {host}, the host of api_addr", file.display()),
            "let the certificate bear that name, or name another api_addr",
        ));
    }
    findings
}

/// That which the server makes itself, and makes anew in time.
fn own(folder: &Path, now: Timestamp) -> Vec<Finding> {
    let [certificate, key] =
        ["listener-cert.pem", "listener-key.pem"].map(|name| folder.join(name));
    if !certificate.exists() {
        return match fs::metadata(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                vec![super::storage::unseen(folder)]
            }
            _ => vec![Finding::ok("made by the server at its start")],
        };
    }
    if let Ok(meta) = fs::metadata(&key)
        && meta.mode() & 0o077 != 0
    {
        let (key, mode) = (key.display(), meta.mode() & 0o777);
        return vec![Finding::warn(
            format!("{key} is open to other users (mode {mode:04o})"),
            format!("find out who could read it, then remove {key} for a new one"),
        )];
    }
    dates(&certificate, now, "start the server: it makes a new one")
}

/// The authorities that vouch for clients.
fn authorities(tls: &Tls, now: Timestamp) -> Vec<Finding> {
    let Some(file) = tls.client_authorities() else { return Vec::new() };
    let mut findings = dates(file, now, "put a new one there, then send the server SIGHUP");
    findings.retain(|finding| finding.status != Status::Ok);
    findings
}

/// From when to when the certificates of a file are valid.
fn dates(file: &Path, now: Timestamp, remedy: &str) -> Vec<Finding> {
    let chain = match chain::read(file) {
        Ok(chain) => chain,
        Err(why) => {
            let what = format!("{}: {why}", file.display());
            return vec![Finding::fail(what, "name a PEM file that the server may read")];
        }
    };
    let mut findings: Vec<Finding> =
        chain.iter().filter_map(|one| doubt(one, now, file, remedy)).collect();
    if findings.is_empty()
        && let Some(first) = chain.iter().min_by_key(|one| one.ends)
    {
        findings.push(Finding::ok(format!("valid until {}", first.ends.rfc3339())));
    }
    findings
}

fn doubt(one: &Certificate, now: Timestamp, file: &Path, remedy: &str) -> Option<Finding> {
    let Certificate { subject, begins, ends, .. } = one;
    let name = format!("{} ({subject})", file.display());
    if now >= *ends {
        return Some(Finding::fail(format!("{name} ended {}", ends.rfc3339()), remedy));
    }
    if now < *begins {
        let what = format!("{name} begins {}, and it is {}", begins.rfc3339(), now.rfc3339());
        return Some(Finding::fail(what, "set the clock, or wait"));
    }
    (now.plus(SOON) >= *ends)
        .then(|| Finding::warn(format!("{name} ends {}", ends.rfc3339()), remedy))
}

/// Whether only this machine can connect there.
fn is_local(address: &str) -> bool {
    let found = address.to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>);
    found.is_ok_and(|found| !found.is_empty() && found.iter().all(|one| one.ip().is_loopback()))
}
