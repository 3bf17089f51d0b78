//! From the configuration to the front's settings, and the certificate that we make ourselves.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::url;
use crate::config::{CertificateFiles, Config, Listener, Storage, Tls};
use crate::server::certificate::{
    CertificateError, Now, OwnCertificate, fingerprint_text, names_for,
};
use crate::server::gate::listener::Address;
use crate::server::tls::TlsSettings;
use crate::server::{ListenerSettings, Settings};
use crate::sys::about::{CertificateNotice, Noticed};

/// The longest path in which the front can make its sockets (sun_path has 108 bytes).
const LONGEST_RUN_FOLDER: usize = 60;

/// The certificate of the listeners that name none.
pub struct Certificates {
    folder: CertificateFolder,
    names: Vec<String>,
    /// Shown by `status`; empty when every listener names its own.
    notice: CertificateNotice,
    own: Option<OwnCertificate>,
}

/// Where it lies.
enum CertificateFolder {
    /// Beside the store.
    Kept(PathBuf),
    /// Under a name that nobody can foresee; removed at the end.
    Temporary(PathBuf),
}

impl CertificateFolder {
    fn path(&self) -> &Path {
        let (Self::Kept(path) | Self::Temporary(path)) = self;
        path
    }
}

impl Drop for CertificateFolder {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self {
            // It was never made when every listener names its own certificate.
            let _ = fs::remove_dir_all(path);
        }
    }
}

impl Certificates {
    /// Makes the certificate if a listener needs it and there is none that holds.
    pub fn prepare(
        config: &Config,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, CertificateError> {
        let folder = match &config.storage {
            Storage::Redb { folder, .. } => CertificateFolder::Kept(folder.join("tls")),
            Storage::Memory => {
                let name = format!("edgekeep-tls-{}", entropy.base62(20));
                CertificateFolder::Temporary(std::env::temp_dir().join(name))
            }
        };
        let mut names = Vec::new();
        for listener in &config.listeners {
            if let (Address::Tcp(address), Some(Tls { files: None, .. })) =
                (&*listener.address, &listener.tls)
            {
                names.extend(names_for(address.parse().ok()));
            }
        }
        if !names.is_empty() {
            let host = config.api_addr.as_deref().and_then(url::host);
            // rcgen takes no other names into a certificate.
            names.extend(host.filter(|host| !host.contains('_')).map(str::to_owned));
        }
        names.sort_unstable();
        names.dedup();
        let notice = CertificateNotice::default();
        let mut certificates = Self { folder, names, notice, own: None };
        certificates.renew(Now::Claimed(clock.wall()), &**entropy)?;
        Ok(certificates)
    }

    /// What `status` shows of it.
    pub fn notice(&self) -> CertificateNotice {
        self.notice.clone()
    }

    /// Makes it anew when it is time; whether it did.
    pub fn renew(&mut self, now: Now, entropy: &dyn Entropy) -> Result<bool, CertificateError> {
        if self.names.is_empty() || self.own.as_ref().is_some_and(|own| !own.due(now)) {
            return Ok(false);
        }
        let own = OwnCertificate::ensure(self.folder.path(), &self.names, now, entropy)?;
        let known = self.own.as_ref().map(|own| own.fingerprint);
        let renewed = known != Some(own.fingerprint);
        if renewed {
            let told = Noticed {
                ca_sha256: fingerprint_text(&own.ca_fingerprint),
                sha256: fingerprint_text(&own.fingerprint),
                expires: own.expires,
            };
            log::info!(
                "own certificate {}: SHA-256 {}, until {}; clients trust {}: SHA-256 {}",
                own.cert_file.display(),
                told.sha256,
                told.expires.rfc3339(),
                own.ca_file.display(),
                told.ca_sha256,
            );
            self.notice.tell(told);
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
    Settings { listeners, limits: config.limits.clone(), run_folder }
}

/// The URL at which clients reach the server: `api_addr`, or else that of the first listener.
pub fn address(config: &Config) -> String {
    if let Some(configured) = &config.api_addr {
        return configured.trim_end_matches('/').to_owned();
    }
    let url = |listener: &Listener| {
        let Address::Tcp(address) = &*listener.address else { return None };
        let scheme = if listener.tls.is_some() { "https" } else { "http" };
        // What listens everywhere is reached here.
        let (host, port) = address.rsplit_once(':')?;
        let host = if matches!(host, "0.0.0.0" | "[::]" | "") { "127.0.0.1" } else { host };
        Some(format!("{scheme}://{host}:{port}"))
    };
    config.listeners.iter().find_map(url).unwrap_or_default()
}

/// The names of the headers that listeners add to answers.
pub fn response_headers(config: &Config) -> Vec<String> {
    let added = config.listeners.iter().flat_map(|listener| listener.rules.headers.added());
    added.map(|(_, name, _)| name.to_owned()).collect()
}

fn one(listener: &Listener, certificates: &Certificates) -> ListenerSettings {
    let tls = listener.tls.as_ref().map(|tls| tls_settings(tls, certificates));
    let address = Address::clone(&listener.address);
    ListenerSettings { address, tls, rules: listener.rules.clone() }
}

fn tls_settings(tls: &Tls, certificates: &Certificates) -> TlsSettings {
    tls.settings(match &certificates.own {
        Some(own) => {
            CertificateFiles { certificate: own.cert_file.clone(), key: own.key_file.clone() }
        }
        // Then every listener names its own. Were that not so, the folder, which is no file,
        // would stop the start: TLS never turns into plain HTTP.
        None => CertificateFiles {
            certificate: certificates.folder.path().to_owned(),
            key: certificates.folder.path().to_owned(),
        },
    })
}

/// systemd's runtime folder; else the store's own, which is locked, so that what a crash left
/// there is nobody's; else, where that disk is full or read-only, the temporary files'.
fn find_run_folder(storage: &Storage) -> PathBuf {
    let short = |path: &PathBuf| path.as_os_str().len() <= LONGEST_RUN_FOLDER;
    let given = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from);
    let own = || match storage {
        Storage::Redb { folder, .. } => Some(folder.join("run")),
        Storage::Memory => None,
    };
    let anew = |path: &PathBuf| {
        // The sockets of a server that was killed; most often there are none.
        let _ = fs::remove_dir_all(path);
        DirBuilder::new().mode(0o700).create(path).is_ok()
    };
    let own = || own().filter(short).filter(anew);
    given.filter(short).or_else(own).unwrap_or_else(std::env::temp_dir)
}
