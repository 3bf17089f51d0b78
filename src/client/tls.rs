//! TLS towards a server: which authorities are believed, who we say we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use super::settings::SettingsError;
use super::verifier::Verifier;
use crate::base::clock::SystemClock;
use crate::base::pem::{self, Unfit};
use crate::base::variable::Given;

/// How TLS is spoken; the default believes the system's authorities.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// A PEM file of authorities to believe instead of the system's.
    pub ca_cert: Option<PathBuf>,
    /// Such authorities themselves, as PEM.
    pub ca_bytes: Option<Given>,
    /// A folder of such files.
    pub ca_path: Option<PathBuf>,
    /// Who the client is.
    pub identity: Option<Identity>,
    /// Believe any certificate.
    pub skip_verify: bool,
    /// The name that the server's certificate must bear, instead of the address's.
    pub server_name: Option<String>,
}

/// A client's own certificate.
#[derive(Clone, Debug)]
pub struct Identity {
    /// A PEM file of the certificate and its chain.
    pub certificate: PathBuf,
    /// The PEM file of its key.
    pub key: PathBuf,
}

impl Tls {
    /// The configuration of connections. Reads the files; the error names the one at fault.
    pub fn config(&self) -> Result<Arc<ClientConfig>, SettingsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clock = Arc::new(SystemClock);
        let builder = ClientConfig::builder_with_details(Arc::clone(&provider), clock)
            .with_safe_default_protocol_versions()
            .map_err(|e| SettingsError(format!("TLS cannot be set up: {e}")))?;
        let builder = match self.verifier(&provider)? {
            Some(own) => builder.dangerous().with_custom_certificate_verifier(Arc::new(own)),
            None => builder.with_root_certificates(system_authorities()),
        };
        let config = match &self.identity {
            Some(Identity { certificate, key }) => {
                let pair = pem::pair(certificate, key, &provider).map_err(|unfit| match unfit {
                    Unfit::Certificate(why) => {
                        unusable("the client certificate", certificate, &why)
                    }
                    Unfit::Key(why) => unusable("the key of the client certificate", key, &why),
                })?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }

    /// What judges the server's certificate, where it is not the system's authorities.
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Option<Verifier>, SettingsError> {
        if self.skip_verify {
            return Ok(Some(Verifier::any(Arc::clone(provider))));
        }
        // Of several, Vault takes the first.
        let (named, found) = match (&self.ca_cert, &self.ca_bytes, &self.ca_path) {
            (Some(file), ..) => (file.display().to_string(), pem::certificates(file)),
            (None, Some(given), _) => {
                (given.by.clone(), pem::certificates_in(given.value.as_bytes()))
            }
            (None, None, Some(folder)) => (folder.display().to_string(), in_folder(folder)),
            (None, None, None) => return Ok(None),
        };
        let verifier = found.and_then(|found| {
            Verifier::named(found, Arc::clone(provider)).ok_or_else(|| NONE.to_owned())
        });
        verifier.map(Some).map_err(|why| {
            SettingsError(format!("the authorities cannot be read from {named}: {why}"))
        })
    }
}

/// The certificates in the files of a folder; the error says why there is none.
fn in_folder(folder: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = rustls_native_certs::load_certs_from_paths(None, Some(folder));
    if found.certs.is_empty() {
        return Err(found.errors.first().map_or_else(|| NONE.to_owned(), ToString::to_string));
    }
    Ok(found.certs)
}

const NONE: &str = "it holds no certificate";

fn system_authorities() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

fn unusable(what: &str, file: &Path, why: &str) -> SettingsError {
    SettingsError(format!("{what} in {} cannot be used: {why}", file.display()))
}
