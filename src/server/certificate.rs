//! Certificates that the server makes for itself when none is named.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::base::clock::Timestamp;
use crate::base::digest::sha256;
use crate::base::entropy::Entropy;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a certificate of ours lasts; browsers and Apple's systems refuse longer ones.
const LIFE: Duration = Duration::from_secs(397 * 24 * 60 * 60);
/// How long before its end it is made anew.
const RENEWAL: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// A certificate of our own and where it lies.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    /// The certificate, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM, mode 0600.
    pub key_file: PathBuf,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// The last moment at which it is valid.
    pub expires: Timestamp,
}

impl OwnCertificate {
    /// The certificate in `folder`, which is made with mode 0700; one is made when there is none
    /// that holds at `now` and names all of `names`. A folder in which another user could put a
    /// key is refused.
    pub fn ensure(
        folder: &Path,
        names: &[String],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, CertificateError> {
        make_folder(folder).map_err(|error| CertificateError::file(folder, error))?;
        match Self::read(folder) {
            Some((own, known)) if !own.due(now) && names.iter().all(|n| known.contains(n)) => {
                Ok(own)
            }
            _ => Self::make(folder, names, now, entropy),
        }
    }

    /// Whether it is time for a new one: it ends within 60 days, or has ended.
    pub fn due(&self, now: Timestamp) -> bool {
        now.plus(RENEWAL) >= self.expires
    }

    /// The fingerprint as people compare it: `AB:CD:...`.
    pub fn fingerprint_text(&self) -> String {
        let pairs: Vec<String> = self.fingerprint.iter().map(|b| format!("{b:02X}")).collect();
        pairs.join(":")
    }

    fn files(folder: &Path) -> (PathBuf, PathBuf) {
        (folder.join("listener-cert.pem"), folder.join("listener-key.pem"))
    }

    /// What lies there, with the names in it; none when it is not whole.
    fn read(folder: &Path) -> Option<(Self, Vec<String>)> {
        let (cert_file, key_file) = Self::files(folder);
        let der = CertificateDer::from_pem_file(&cert_file).ok()?;
        if !key_file.exists() {
            return None;
        }
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
        let expires = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
        let names = certificate.subject_alternative_name().ok()??;
        let names = names.value.general_names.iter().filter_map(name_text).collect();
        let (fingerprint, expires) = (sha256(&der), Timestamp::from_secs(expires));
        Some((Self { cert_file, key_file, fingerprint, expires }, names))
    }

    fn make(
        folder: &Path,
        names: &[String],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, CertificateError> {
        let key = new_key()?;
        let mut params = leaf(names, now, entropy)?;
        // Whoever trusts it by hand trusts this certificate alone: it signs no other.
        params.is_ca = IsCa::ExplicitNoCa;
        let certificate = params.self_signed(&key)?;
        let (cert_file, key_file) = Self::files(folder);
        write(&key_file, 0o600, Zeroizing::new(key.serialize_pem()).as_bytes())?;
        write(&cert_file, 0o644, certificate.pem().as_bytes())?;
        let fingerprint = sha256(certificate.der());
        Ok(Self { cert_file, key_file, fingerprint, expires: now.plus(LIFE) })
    }
}

/// Makes a folder for keys, unless there is one that is ours alone to write to.
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    let ours = [0, rustix::process::geteuid().as_raw()].contains(&found.uid());
    if found.is_dir() && ours && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    let text = "others may write to this folder, or it is a link: remove it, or give it to the \
                server's user with mode 0700";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// The names of a listener's certificate: this machine's, and the address it listens on.
pub fn names_for(listening: Option<SocketAddr>) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !host.is_empty() && host != "localhost" && host.chars().all(is_name) {
        names.push(host);
    }
    if let Some(address) = listening
        && !address.ip().is_unspecified()
        && !address.ip().is_loopback()
    {
        names.push(address.ip().to_string());
    }
    names
}

/// The files of `-dev-tls`.
#[derive(Clone, Debug)]
pub struct DevFiles {
    /// `vault-ca.pem`: what clients trust (`VAULT_CACERT`).
    pub ca_file: PathBuf,
    /// `vault-cert.pem`
    pub cert_file: PathBuf,
    /// `vault-key.pem`, mode 0600.
    pub key_file: PathBuf,
}

/// Makes a CA and a certificate signed by it, in `folder`, under the names that
/// `vault server -dev-tls` gives them. The CA's key is not kept.
pub fn make_dev_files(
    folder: &Path,
    names: &[String],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<DevFiles, CertificateError> {
    let mut ca = params(&[], now, entropy)?;
    ca.distinguished_name.push(DnType::CommonName, "Edgekeep development CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = new_key()?;
    let ca_certificate = ca.self_signed(&ca_key)?;
    let key = new_key()?;
    let mut params = leaf(names, now, entropy)?;
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;
    let files = DevFiles {
        ca_file: folder.join("vault-ca.pem"),
        cert_file: folder.join("vault-cert.pem"),
        key_file: folder.join("vault-key.pem"),
    };
    fs::create_dir_all(folder).map_err(|e| CertificateError::file(folder, e))?;
    write(&files.ca_file, 0o644, ca_certificate.pem().as_bytes())?;
    write(&files.cert_file, 0o644, certificate.pem().as_bytes())?;
    write(&files.key_file, 0o600, Zeroizing::new(key.serialize_pem()).as_bytes())?;
    Ok(files)
}

fn new_key() -> Result<KeyPair, CertificateError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn leaf(
    names: &[String],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<CertificateParams, CertificateError> {
    let mut params = params(names, now, entropy)?;
    params.distinguished_name.push(DnType::CommonName, "edgekeep");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn params(
    names: &[String],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    // A client's clock may be behind ours.
    params.not_before = moment(Timestamp::from_secs(now.as_secs().saturating_sub(DAY.as_secs())));
    params.not_after = moment(now.plus(LIFE));
    let mut serial: [u8; 16] = entropy.bytes();
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn moment(time: Timestamp) -> OffsetDateTime {
    let secs = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn name_text(name: &x509_parser::extensions::GeneralName) -> Option<String> {
    use std::net::IpAddr;
    use x509_parser::extensions::GeneralName;
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, mode: u32, content: &[u8]) -> Result<(), CertificateError> {
    let fresh = path.with_extension("new");
    let written = (|| {
        // A file that an earlier attempt left keeps its mode: it must go first.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    })();
    written.map_err(|error| CertificateError::file(path, error))
}

/// Why no certificate could be made.
#[derive(Debug)]
pub enum CertificateError {
    /// A file that cannot be written.
    File(PathBuf, io::Error),
    /// What rcgen says against it.
    Made(rcgen::Error),
}

impl CertificateError {
    fn file(path: &Path, error: io::Error) -> Self {
        Self::File(path.to_owned(), error)
    }
}

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> Self {
        Self::Made(error)
    }
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, error) => write!(
                f,
                "{}: {error}: the listener's certificate cannot be kept there; make the folder \
                 writable or name tls_cert_file and tls_key_file",
                path.display()
            ),
            Self::Made(error) => write!(f, "no certificate can be made: {error}"),
        }
    }
}

impl std::error::Error for CertificateError {}
