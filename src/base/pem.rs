//! Certificates and keys in PEM files, for either end of TLS.

use std::fs;
use std::path::Path;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::bounded;

/// Refuses what is no file of a disk, though links may lead to it: a pipe keeps who reads it
/// waiting, and is empty the second time.
pub fn regular(file: &Path) -> Result<(), String> {
    match fs::metadata(file) {
        Ok(meta) if !meta.is_file() && !meta.is_dir() => {
            Err("it is a device, a pipe or a socket, and no file".to_owned())
        }
        // Whoever reads it says what else is wrong.
        _ => Ok(()),
    }
}

/// What is in a file, which may be a key.
fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    bounded::read_file(file, bounded::SETTINGS).map_err(|error| error.to_string())
}

/// The certificates in a file, in their order: at least one. The error says why there is none.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    certificates_in(&read(file)?)
}

/// The certificates in a text, in the same way.
pub fn certificates_in(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    const NONE: &str = "it holds no certificate";
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| told(&error, NONE))?;
    if found.is_empty() { Err(NONE.to_owned()) } else { Ok(found) }
}

/// The private key in a file. The error says why there is none.
fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|error| told(&error, "it holds no key"))
}

fn told(error: &Error, none: &str) -> String {
    match error {
        Error::NoItemsFound => none.to_owned(),
        Error::Io(error) => error.to_string(),
        Error::MissingSectionEnd { .. } => "it is cut short".to_owned(),
        other => format!("it is no PEM ({other})"),
    }
}

/// Which file of a certificate and its key is at fault, and why.
#[derive(Debug)]
pub enum Unfit {
    /// The certificate's.
    Certificate(String),
    /// The key's.
    Key(String),
}

/// A certificate with what it was signed by, and the key that belongs to it.
pub fn pair(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Unfit> {
    let chain = certificates(certificate).map_err(Unfit::Certificate)?;
    let private = private_key(key).map_err(Unfit::Key)?;
    CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            Unfit::Key(format!("it is not that of {}", certificate.display()))
        }
        rustls::Error::InvalidCertificate(why) => Unfit::Certificate(unparsed(&why)),
        other => Unfit::Key(format!("it is none that TLS can use ({other})")),
    })
}

fn unparsed(why: &rustls::CertificateError) -> String {
    let why = why.to_string();
    // rustls passes on what webpki says of it, as text.
    if why.contains("UnsupportedCertVersion") {
        return "it is of X.509 version 1; have one of version 3 made (openssl x509 -req makes one \
                when it is given -extfile)"
            .to_owned();
    }
    format!("it is none that TLS can use ({why})")
}
