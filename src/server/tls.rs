//! TLS on a listener, in the words of Vault's `listener "tcp"`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

pub use rustls::CipherSuite;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{UnbufferedServerConnection, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

use super::tickets::Tickets;
use crate::base::clock::SystemClock;
use crate::base::entropy::SystemEntropy;
use crate::base::pem::{self, Unfit};
use crate::base::sync::{read, write};

/// A listener's TLS fields.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// `tls_cert_file`: the certificate and what it was signed by, PEM.
    pub cert_file: PathBuf,
    /// `tls_key_file`: its private key, PEM.
    pub key_file: PathBuf,
    /// `tls_client_ca_file`: who may sign client certificates, PEM.
    pub client_ca_file: Option<PathBuf>,
    /// What is asked of clients.
    pub client_certs: ClientCerts,
    /// `tls_min_version`.
    pub min_version: TlsVersion,
    /// `tls_max_version`.
    pub max_version: TlsVersion,
    /// `tls_cipher_suites`, for TLS 1.2; empty means all.
    pub cipher_suites: Vec<CipherSuite>,
}

impl TlsSettings {
    /// Vault's defaults around a certificate.
    pub fn new(cert_file: PathBuf, key_file: PathBuf) -> Self {
        Self {
            cert_file,
            key_file,
            client_ca_file: None,
            client_certs: ClientCerts::Asked,
            min_version: TlsVersion::V12,
            max_version: TlsVersion::V13,
            cipher_suites: Vec::new(),
        }
    }
}

/// What is asked of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCerts {
    /// A certificate if they have one; who signed it is for the auth method to judge.
    Asked,
    /// One signed by `tls_client_ca_file` (`tls_require_and_verify_client_cert`).
    Required,
    /// None (`tls_disable_client_certs`).
    Off,
}

/// A version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2, RFC 5246
    V12,
    /// 1.3, RFC 8446
    V13,
}

impl TlsVersion {
    /// Reads `tls_min_version`: what is older than 1.2 means 1.2.
    pub fn parse_min(text: &str) -> Result<Self, TlsError> {
        match text {
            "tls10" | "tls11" => Ok(Self::V12),
            other => Self::parse_max(other),
        }
    }

    /// Reads `tls_max_version`.
    pub fn parse_max(text: &str) -> Result<Self, TlsError> {
        match text {
            "tls12" => Ok(Self::V12),
            "tls13" => Ok(Self::V13),
            other => Err(TlsError::Version(other.to_owned())),
        }
    }
}

/// Go's name of each suite that is spoken under TLS 1.2, and rustls's.
const SUITES: [(&str, CipherSuite); 8] = [
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Reads `tls_cipher_suites`: Go's names, separated by commas. Those of TLS 1.3 are always on,
/// and may be named.
pub fn parse_cipher_suites(text: &str) -> Result<Vec<CipherSuite>, TlsError> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut suites = Vec::new();
    for name in names {
        if let Some((_, suite)) = SUITES.iter().find(|(known, _)| *known == name) {
            suites.push(*suite);
        } else if !matches!(
            name,
            "TLS_AES_128_GCM_SHA256" | "TLS_AES_256_GCM_SHA384" | "TLS_CHACHA20_POLY1305_SHA256"
        ) {
            return Err(TlsError::CipherSuite(name.to_owned()));
        }
    }
    Ok(suites)
}

/// TLS of one listener.
pub struct Tls {
    config: RwLock<Arc<ServerConfig>>,
    settings: TlsSettings,
}

impl Tls {
    /// Reads the files that the settings name.
    pub fn new(settings: TlsSettings) -> Result<Self, TlsError> {
        Ok(Self { config: RwLock::new(Self::read(&settings)?), settings })
    }

    fn read(settings: &TlsSettings) -> Result<Arc<ServerConfig>, TlsError> {
        let mut provider = aws_lc_rs::default_provider();
        if !settings.cipher_suites.is_empty() {
            provider.cipher_suites.retain(|suite| {
                suite.version() == &TLS13 || settings.cipher_suites.contains(&suite.suite())
            });
        }
        let provider = Arc::new(provider);
        let versions: Vec<&SupportedProtocolVersion> =
            [(TlsVersion::V12, &TLS12), (TlsVersion::V13, &TLS13)]
                .into_iter()
                .filter(|(v, _)| (settings.min_version..=settings.max_version).contains(v))
                .map(|(_, version)| version)
                .collect();
        if versions.is_empty() {
            return Err(TlsError::NoVersion);
        }
        let certificate = Arc::new(SingleCertAndKey::from(load(settings, &provider)?));
        let builder = ServerConfig::builder_with_details(provider.clone(), Arc::new(SystemClock))
            .with_protocol_versions(&versions)
            .map_err(TlsError::Rustls)?;
        let mut config = match settings.client_certs {
            ClientCerts::Off => builder.with_no_client_auth(),
            ClientCerts::Asked => {
                builder.with_client_cert_verifier(Arc::new(AnySigner(provider.clone())))
            }
            ClientCerts::Required => {
                let file = settings.client_ca_file.as_ref().ok_or(TlsError::NoClientCa)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(
                    Arc::new(authorities(file)?),
                    provider.clone(),
                );
                builder.with_client_cert_verifier(
                    verifier.build().map_err(|e| TlsError::file(file, e.to_string()))?,
                )
            }
        }
        .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Sessions are resumed by tickets, which cost the server no memory.
        config.ticketer = Arc::new(Tickets::new(SystemClock, SystemEntropy));
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }

    /// Whether a session only comes about with a client whose certificate was verified.
    pub fn verifies_clients(&self) -> bool {
        self.settings.client_certs == ClientCerts::Required
    }

    /// A new connection's session.
    pub fn session(&self) -> Result<Box<UnbufferedServerConnection>, TlsError> {
        let config = read(&self.config).clone();
        let session = UnbufferedServerConnection::new(config);
        session.map(Box::new).map_err(TlsError::Rustls)
    }

    /// Reads certificate, key and the clients' CAs again. Connections that are open keep theirs,
    /// but no session is resumed that was begun before; should it fail, all stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Self::read(&self.settings)?;
        *write(&self.config) = fresh;
        Ok(())
    }
}

/// Reads the certificate and its key, and checks that they belong together.
fn load(settings: &TlsSettings, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let (certificate, key) = (&settings.cert_file, &settings.key_file);
    for file in [certificate, key] {
        pem::regular(file).map_err(|why| TlsError::file(file, why))?;
    }
    pem::pair(certificate, key, provider).map_err(|unfit| match unfit {
        Unfit::Certificate(why) => TlsError::file(certificate, why),
        Unfit::Key(why) => TlsError::file(key, why),
    })
}

/// The authorities in a file.
pub fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = pem::regular(file).and_then(|()| pem::certificates(file));
    for certificate in found.map_err(|why| TlsError::file(file, why))? {
        roots.add(certificate).map_err(|e| TlsError::file(file, e.to_string()))?;
    }
    Ok(roots)
}

/// Takes a client's certificate whoever signed it: that the client has its key is proved by the
/// handshake, and the cert auth method judges the rest, as Vault does.
#[derive(Debug)]
struct AnySigner(Arc<CryptoProvider>);

impl ClientCertVerifier for AnySigner {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
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

/// Why a listener's TLS cannot be set up.
#[derive(Debug)]
pub enum TlsError {
    /// A file that cannot be read or does not hold what it should, and why.
    File(PathBuf, String),
    /// Not a version of TLS.
    Version(String),
    /// `tls_min_version` above `tls_max_version`.
    NoVersion,
    /// A cipher suite that is not spoken.
    CipherSuite(String),
    /// `tls_require_and_verify_client_cert` without `tls_client_ca_file`.
    NoClientCa,
    /// What rustls says against the settings.
    Rustls(rustls::Error),
}

impl TlsError {
    fn file(path: &Path, why: String) -> Self {
        Self::File(path.to_owned(), why)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Version(text) => {
                write!(f, "{text:?} is no TLS version that is spoken: use tls12 or tls13")
            }
            Self::NoVersion => write!(f, "tls_min_version is above tls_max_version"),
            Self::CipherSuite(name) => {
                write!(f, "{name:?} is no cipher suite that is spoken; these are:")?;
                SUITES.iter().try_for_each(|(known, _)| write!(f, " {known}"))
            }
            Self::NoClientCa => write!(
                f,
                "tls_require_and_verify_client_cert needs tls_client_ca_file: name the file with \
                 the CA that signs the clients' certificates"
            ),
            Self::Rustls(error) => write!(f, "TLS cannot be set up: {error}"),
        }
    }
}

impl std::error::Error for TlsError {}
