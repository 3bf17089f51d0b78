//! From the configuration to the front's settings, and the certificate that we make ourselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::config::{ClientCertificates, Config, Listener, Place, Storage, Tls, TlsVersion};
use crate::server::certificate::{CertificateError, OwnCertificate, names_for};
use crate::server::gate::listener::Address;
use crate::server::limits::Limits;
use crate::server::tls::{self, ClientCerts, TlsSettings};
use crate::server::{ListenerSettings, Settings};
use crate::sys::about::CertificateNotice;

/// The longest path in which the front can make its sockets (sun_path has 108 bytes).
const LONGEST_RUN_FOLDER: usize = 60;

/// The certificate of the listeners that name none.
pub struct Certificates {
    folder: PathBuf,
    names: Vec<String>,
    /// Shown by `status`; empty when every listener names its own.
    notice: CertificateNotice,
    own: Option<OwnCertificate>,
}

impl Certificates {
    /// Makes the certificate if a listener needs it and there is none that holds.
    pub fn prepare(
        config: &Config,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, CertificateError> {
        let folder = match &config.storage {
            Storage::Redb { folder, .. } => folder.join("tls"),
            Storage::Memory => {
                std::env::temp_dir().join(format!("edgekeep-tls-{}", std::process::id()))
            }
        };
        let mut names = Vec::new();
        for listener in &config.listeners {
            if let Place::Tcp { address, tls: Some(Tls { files: None, .. }) } = &listener.place {
                names.extend(names_for(address.parse().ok()));
            }
        }
        names.sort_unstable();
        names.dedup();
        let notice = CertificateNotice::default();
        let mut certificates = Self { folder, names, notice, own: None };
        certificates.renew(&**clock, &**entropy)?;
        Ok(certificates)
    }

    /// What `status` shows of it.
    pub fn notice(&self) -> CertificateNotice {
        self.notice.clone()
    }

    /// Makes it anew when it is time; whether it did.
    pub fn renew(
        &mut self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<bool, CertificateError> {
        if self.names.is_empty() {
            return Ok(false);
        }
        let own = OwnCertificate::ensure(&self.folder, &self.names, clock.wall(), entropy)?;
        let known = self.own.as_ref().map(|own| own.fingerprint);
        let renewed = known != Some(own.fingerprint);
        if renewed {
            let (fingerprint, expires) = (own.fingerprint_text(), own.expires);
            let file = own.cert_file.display();
            log::info!(
                "own certificate {file}: SHA-256 {fingerprint}, until {}",
                expires.rfc3339()
            );
            self.notice.tell(fingerprint, expires);
            self.own = Some(own);
        }
        Ok(renewed)
    }
}

/// The settings of the front.
pub fn settings(
    config: &Config,
    certificates: &Certificates,
    run_folder: Option<PathBuf>,
) -> Settings {
    let listeners = config.listeners.iter().map(|listener| one(listener, certificates)).collect();
    let run_folder = run_folder.unwrap_or_else(|| find_run_folder(&config.storage));
    Settings { listeners, limits: limits(config), run_folder }
}

fn one(listener: &Listener, certificates: &Certificates) -> ListenerSettings {
    match &listener.place {
        Place::Unix { path, mode, user, group } => ListenerSettings {
            address: Address::Unix {
                path: path.clone(),
                mode: Some(*mode),
                owner: user.clone(),
                group: group.clone(),
            },
            tls: None,
        },
        Place::Tcp { address, tls } => ListenerSettings {
            address: Address::Tcp(address.clone()),
            tls: tls.as_ref().and_then(|tls| tls_settings(tls, certificates)),
        },
    }
}

/// `None` cannot be: a listener without files is one for which our own was made.
fn tls_settings(tls: &Tls, certificates: &Certificates) -> Option<TlsSettings> {
    let (certificate, key) = match (&tls.files, &certificates.own) {
        (Some(files), _) => (files.certificate.clone(), files.key.clone()),
        (None, own) => own.as_ref().map(|own| (own.cert_file.clone(), own.key_file.clone()))?,
    };
    let mut settings = TlsSettings::new(certificate, key);
    let version = |version| match version {
        TlsVersion::Tls12 => tls::TlsVersion::V12,
        TlsVersion::Tls13 => tls::TlsVersion::V13,
    };
    settings.min_version = version(tls.min);
    settings.max_version = version(tls.max);
    match &tls.clients {
        ClientCertificates::Never => settings.client_certs = ClientCerts::Off,
        ClientCertificates::Asked => settings.client_certs = ClientCerts::Asked,
        ClientCertificates::Required(file) => {
            settings.client_certs = ClientCerts::Required;
            settings.client_ca_file = Some(file.clone());
        }
    }
    Some(settings)
}

/// The front has one set of bounds: of what listeners say differently, the largest.
fn limits(config: &Config) -> Limits {
    let largest = |of: fn(&Listener) -> Duration| config.listeners.iter().map(of).max();
    let defaults = Limits::default();
    let read = largest(|listener| listener.bounds.read);
    let write = largest(|listener| listener.bounds.write);
    let body = config.listeners.iter().map(|listener| listener.bounds.request_bytes).max();
    Limits {
        connections: config.limits.connections,
        held_bytes: usize::try_from(config.limits.held_bytes).unwrap_or(usize::MAX),
        workers: config.limits.workers,
        handshake: config.limits.handshake,
        drain: config.limits.drain,
        body_bytes: body.unwrap_or(defaults.body_bytes),
        head: largest(|listener| listener.bounds.head).unwrap_or(defaults.head),
        idle: largest(|listener| listener.bounds.idle).unwrap_or(defaults.idle),
        stall: read.max(write).unwrap_or(defaults.stall),
        ..defaults
    }
}

/// systemd's runtime folder; else the store's own, which is locked, so that what a crash left
/// there is nobody's.
fn find_run_folder(storage: &Storage) -> PathBuf {
    let short = |path: &Path| path.as_os_str().len() <= LONGEST_RUN_FOLDER;
    let given = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from);
    let own = match storage {
        Storage::Redb { folder, .. } => Some(folder.join("run")),
        Storage::Memory => None,
    };
    given.into_iter().chain(own).find(|path| short(path)).unwrap_or_else(std::env::temp_dir)
}
