//! Certificates and keys in PEM files, for either end of TLS.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificates in a file, in their order: at least one. The error says why there is none.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|error| error.to_string())?;
    if found.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(found) }
}

/// The private key in a file. The error says why there is none.
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| error.to_string())
}
