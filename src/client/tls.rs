//! TLS towards a server: which authorities are believed, who we say we are.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::settings::SettingsError;
use crate::base::pem;

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
        let builder = if self.skip_verify {
            let any = Arc::new(AnyCertificate(provider));
            builder.dangerous().with_custom_certificate_verifier(any)
        } else {
            builder.with_root_certificates(self.authorities()?)
        };
        let config = match (&self.client_cert, &self.client_key) {
            (Some(cert), Some(key)) => {
                let bad_key =
                    |e: &dyn Display| unreadable(key, "the key of the client certificate", e);
                let chain = pem::certificates(cert)
                    .map_err(|e| unreadable(cert, "the client certificate", &e))?;
                let private = pem::private_key(key).map_err(|e| bad_key(&e))?;
                builder.with_client_auth_cert(chain, private).map_err(|e| bad_key(&e))?
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

    fn authorities(&self) -> Result<RootCertStore, SettingsError> {
        let (file, folder) = (self.ca_cert.as_deref(), self.ca_path.as_deref());
        let found = match (file, folder) {
            (None, None) => rustls_native_certs::load_native_certs(),
            // Of the two, Vault takes the file.
            (Some(file), _) => rustls_native_certs::load_certs_from_paths(Some(file), None),
            (None, folder) => rustls_native_certs::load_certs_from_paths(None, folder),
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        match file.or(folder) {
            Some(path) if store.is_empty() => {
                let why = found.errors.first().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "it holds no certificate".into());
                Err(unreadable(path, "the authorities", &why))
            }
            _ => Ok(store),
        }
    }
}

fn unreadable(path: &Path, what: &str, why: &dyn Display) -> SettingsError {
    SettingsError(format!("{what} cannot be read from {}: {why}", path.display()))
}

/// Believes any certificate, but still demands that the peer holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
