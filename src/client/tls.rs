//! TLS towards a server: which authorities are believed, who we say we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use super::settings::SettingsError;
use super::verifier::Verifier;
use crate::base::pem::{self, Unfit};

/// How TLS is spoken; the default believes the system's authorities.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// A PEM file of authorities to believe instead of the system's.
    pub ca_cert: Option<PathBuf>,
    /// A folder of such files.
    pub ca_path: Option<PathBuf>,
    /// A PEM file of the client's certificate and its chain.
    pub client_cert: Option<PathBuf>,
    /// The PEM file of its key.
    pub client_key: Option<PathBuf>,
    /// Believe any certificate.
    pub skip_verify: bool,
    /// The name that the server's certificate must bear, instead of the address's.
    pub server_name: Option<String>,
}

impl Tls {
    /// The configuration of connections. Reads the files; the error names the one at fault.
    pub fn config(&self) -> Result<Arc<ClientConfig>, SettingsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| SettingsError(format!("TLS cannot be set up: {e}")))?;
        let builder = match self.verifier(&provider)? {
            Some(own) => builder.dangerous().with_custom_certificate_verifier(Arc::new(own)),
            None => builder.with_root_certificates(system_authorities()),
        };
        let config = match (&self.client_cert, &self.client_key) {
            (Some(cert), Some(key)) => {
                let pair = pem::pair(cert, key, &provider).map_err(|unfit| match unfit {
                    Unfit::Certificate(why) => unusable("the client certificate", cert, &why),
                    Unfit::Key(why) => unusable("the key of the client certificate", key, &why),
                })?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
            }
            (None, None) => builder.with_no_client_auth(),
            _ => {
                let text = "a client certificate needs its key: give both -client-cert and \
                            -client-key (VAULT_CLIENT_CERT, VAULT_CLIENT_KEY)";
                return Err(SettingsError(text.into()));
            }
        };
        Ok(Arc::new(config))
    }

    /// What judges the server's certificate, where it is not the system's authorities.
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Option<Verifier>, SettingsError> {
        if self.skip_verify {
            return Ok(Some(Verifier::any(Arc::clone(provider))));
        }
        // Of the two, Vault takes the file.
        let (file, folder) = (self.ca_cert.as_deref(), self.ca_path.as_deref());
        let (named, found) = match (file, folder) {
            (None, None) => return Ok(None),
            (Some(file), _) => (file, rustls_native_certs::load_certs_from_paths(Some(file), None)),
            (None, Some(folder)) => {
                (folder, rustls_native_certs::load_certs_from_paths(None, Some(folder)))
            }
        };
        match Verifier::named(found.certs, Arc::clone(provider)) {
            Some(verifier) => Ok(Some(verifier)),
            None => {
                let why = found.errors.first().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "it holds no certificate".into());
                let (file, what) = (named.display(), "the authorities cannot be read from");
                Err(SettingsError(format!("{what} {file}: {why}")))
            }
        }
    }
}

fn system_authorities() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

fn unusable(what: &str, file: &Path, why: &str) -> SettingsError {
    SettingsError(format!("{what} in {} cannot be used: {why}", file.display()))
}
