//! Certificates that the server makes for itself when none is named.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::base::clock::Timestamp;
use crate::base::digest::sha256;
use crate::base::entropy::Entropy;
use crate::base::hex;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a certificate of ours lasts; browsers and Apple's systems refuse longer ones.
const LIFE: Duration = Duration::from_secs(397 * 24 * 60 * 60);
/// How long before its end it is made anew.
const RENEWAL: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// Nobody else reads a key.
const KEY_MODE: u32 = 0o600;
/// The file of the authority's certificate.
const CA: &str = "ca.pem";

/// A certificate of our own and where it lies. It changes at every renewal, so clients are given
/// the authority that signs it, which stays.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    /// What clients trust (`VAULT_CACERT`), PEM.
    pub ca_file: PathBuf,
    /// The certificate, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM, mode 0600.
    pub key_file: PathBuf,
    /// SHA-256 of the authority's certificate.
    pub ca_fingerprint: [u8; 32],
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// The first moment at which it is valid.
    pub begins: Timestamp,
    /// The last one.
    pub expires: Timestamp,
}

/// What the time is taken to be.
#[derive(Clone, Copy, Debug)]
pub enum Now {
    /// What the machine's clock says, which on a board may be any time at all.
    Claimed(Timestamp),
    /// What the store knows, too: it is not earlier than the last commit.
    Known(Timestamp),
}

impl Now {
    /// The time itself.
    pub fn time(self) -> Timestamp {
        let (Self::Claimed(time) | Self::Known(time)) = self;
        time
    }
}

impl OwnCertificate {
    /// The certificate in `folder`, which is made with mode 0700; one is made when there is none
    /// that names all of `names`, or when it is time for a new one. While that cannot be made, one
    /// that is valid is used on. A folder in which another user could put a key is refused.
    pub fn ensure(
        folder: &Path,
        names: &[String],
        now: Now,
        entropy: &dyn Entropy,
    ) -> Result<Self, CertificateError> {
        make_folder(folder).map_err(|error| CertificateError::file(folder, error))?;
        let there = Self::read(folder)
            .filter(|(_, known)| names.iter().all(|name| known.contains(name)))
            .map(|(own, _)| own);
        let made = match &there {
            Some(own) if !own.due(now) => return Ok(own.clone()),
            _ => Self::make(folder, names, now.time(), entropy),
        };
        made.or_else(|error| match there {
            Some(own) if now.time() < own.expires => {
                log::warn!("{error}: the old one is used on, until {}", own.expires.rfc3339());
                Ok(own)
            }
            _ => Err(error),
        })
    }

    /// Whether it is time for a new one: it ends within 60 days, has ended, or was made by a clock
    /// that was ahead. Only a known time tells the last from a clock that is behind.
    pub fn due(&self, now: Now) -> bool {
        let premature = matches!(now, Now::Known(now) if now < self.begins);
        premature || now.time().plus(RENEWAL) >= self.expires
    }

    /// What lies there, with the names in it; none when it is not whole, as after a power cut
    /// between the renames of two files.
    fn read(folder: &Path) -> Option<(Self, Vec<String>)> {
        let [ca_file, cert_file, key_file] = Self::files(folder);
        let ca = CertificateDer::from_pem_file(&ca_file).ok()?;
        let der = CertificateDer::from_pem_file(&cert_file).ok()?;
        let key = read_key(&key_file)?;
        let (_, authority) = x509_parser::parse_x509_certificate(&ca).ok()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
        if certificate.issuer().as_raw() != authority.subject().as_raw()
            || certificate.public_key().raw != key.subject_public_key_info()
        {
            return None;
        }
        let moment = |time: x509_parser::time::ASN1Time| {
            u64::try_from(time.timestamp()).ok().map(Timestamp::from_secs)
        };
        let begins = moment(certificate.validity().not_before)?;
        let expires = moment(certificate.validity().not_after)?;
        let names = certificate.subject_alternative_name().ok()??;
        let names = names.value.general_names.iter().filter_map(name_text).collect();
        let (ca_fingerprint, fingerprint) = (sha256(&ca), sha256(&der));
        let own =
            Self { ca_file, cert_file, key_file, ca_fingerprint, fingerprint, begins, expires };
        Some((own, names))
    }

    fn make(
        folder: &Path,
        names: &[String],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, CertificateError> {
        let authority = Authority::ensure(folder)?;
        let key = new_key()?;
        let certificate = leaf(names, now, entropy)?.signed_by(&key, &authority.issuer)?;
        let [ca_file, cert_file, key_file] = Self::files(folder);
        write_key(&key_file, &key)?;
        write(&cert_file, 0o644, certificate.pem().as_bytes())?;
        let (ca_fingerprint, fingerprint) = (authority.fingerprint, sha256(certificate.der()));
        let (begins, expires) = (beginning(now), now.plus(LIFE));
        Ok(Self { ca_file, cert_file, key_file, ca_fingerprint, fingerprint, begins, expires })
    }

    fn files(folder: &Path) -> [PathBuf; 3] {
        [CA, "listener-cert.pem", "listener-key.pem"].map(|name| folder.join(name))
    }
}

/// A fingerprint as people compare it: `AB:CD:...`.
pub fn fingerprint_text(fingerprint: &[u8; 32]) -> String {
    let pairs: Vec<String> = fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// What signs our certificates. All of it but its signature follows from its key. It does not end,
/// as a board's clock may be years off when it is made.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    fingerprint: [u8; 32],
}

impl Authority {
    /// The one in `folder`, made where there is none.
    fn ensure(folder: &Path) -> Result<Self, CertificateError> {
        let (ca_file, key_file) = (folder.join(CA), folder.join("ca-key.pem"));
        let key = match read_key(&key_file) {
            Some(key) => key,
            // Another authority would shut out all clients that were given this one.
            None if key_file.exists() => return Err(CertificateError::Authority(key_file)),
            None => {
                let key = new_key()?;
                write_key(&key_file, &key)?;
                key
            }
        };
        let identity = sha256(&key.subject_public_key_info());
        let name = format!("Edgekeep CA {}", hex::encode(&identity[..4]));
        let mut params = authority(&name, &identity[4..20])?;
        params.not_before = OffsetDateTime::UNIX_EPOCH;
        params.not_after = rcgen::date_time_ymd(9999, 12, 31);
        let kept = CertificateDer::from_pem_file(&ca_file).ok().filter(|der| {
            let parsed = x509_parser::parse_x509_certificate(der);
            parsed.is_ok_and(|(_, ca)| ca.public_key().raw == key.subject_public_key_info())
        });
        let fingerprint = match kept {
            Some(der) => sha256(&der),
            None => {
                let certificate = params.self_signed(&key)?;
                write(&ca_file, 0o644, certificate.pem().as_bytes())?;
                sha256(certificate.der())
            }
        };
        Ok(Self { issuer: Issuer::new(params, key), fingerprint })
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

impl DevFiles {
    /// The names that `vault server -dev-tls` gives them.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            ca_file: folder.join("vault-ca.pem"),
            cert_file: folder.join("vault-cert.pem"),
            key_file: folder.join("vault-key.pem"),
        }
    }
}

/// Makes a CA and a certificate signed by it, in `folder`. The CA's key is not kept.
pub fn make_dev_files(
    folder: &Path,
    names: &[String],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<DevFiles, CertificateError> {
    let mut ca = authority("Edgekeep development CA", &entropy.bytes::<16>())?;
    (ca.not_before, ca.not_after) = validity(now);
    let ca_key = new_key()?;
    let ca_certificate = ca.self_signed(&ca_key)?;
    let key = new_key()?;
    let issuer = Issuer::from_params(&ca, &ca_key);
    let certificate = leaf(names, now, entropy)?.signed_by(&key, &issuer)?;
    let files = DevFiles::in_folder(folder);
    fs::create_dir_all(folder).map_err(|e| CertificateError::file(folder, e))?;
    write(&files.ca_file, 0o644, ca_certificate.pem().as_bytes())?;
    write(&files.cert_file, 0o644, certificate.pem().as_bytes())?;
    write_key(&files.key_file, &key)?;
    Ok(files)
}

fn new_key() -> Result<KeyPair, CertificateError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

/// The key in a file, which is closed to other users where somebody has opened it.
fn read_key(file: &Path) -> Option<KeyPair> {
    let mode = fs::metadata(file).ok()?.mode() & 0o777;
    if mode & 0o077 != 0 {
        let shown = file.display();
        let closed = match fs::set_permissions(file, fs::Permissions::from_mode(KEY_MODE)) {
            Ok(()) => "it was closed now".to_owned(),
            Err(error) => format!("run chmod 600 {shown} ({error})"),
        };
        log::warn!(
            "{shown} was open to other users (mode {mode:04o}): {closed}; if somebody could read \
             it, remove it and start the server anew, for a new key"
        );
    }
    let text = Zeroizing::new(fs::read_to_string(file).ok()?);
    KeyPair::from_pem(&text).ok()
}

fn write_key(file: &Path, key: &KeyPair) -> Result<(), CertificateError> {
    write(file, KEY_MODE, Zeroizing::new(key.serialize_pem()).as_bytes())
}

fn authority(name: &str, serial: &[u8]) -> Result<CertificateParams, CertificateError> {
    let mut params = params(&[], name, serial)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(
    names: &[String],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<CertificateParams, CertificateError> {
    let mut params = params(names, "edgekeep", &entropy.bytes::<16>())?;
    (params.not_before, params.not_after) = validity(now);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn params(
    names: &[String],
    common_name: &str,
    serial: &[u8],
) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    // Positive, and as long as it is said to be (RFC 5280, 4.1.2.2).
    let mut serial = serial.to_vec();
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn validity(now: Timestamp) -> (OffsetDateTime, OffsetDateTime) {
    (moment(beginning(now)), moment(now.plus(LIFE)))
}

/// A day ago: a client's clock may be behind ours.
fn beginning(now: Timestamp) -> Timestamp {
    Timestamp::from_secs(now.as_secs().saturating_sub(DAY.as_secs()))
}

fn moment(time: Timestamp) -> OffsetDateTime {
    let secs = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A name of a certificate's subject, where it is one of a server's.
pub(super) fn name_text(name: &x509_parser::extensions::GeneralName) -> Option<String> {
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
    /// The file of the authority's key, in which none can be read.
    Authority(PathBuf),
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
            Self::Authority(path) => write!(
                f,
                "{}: no key can be read in it: put back the one of ca.pem beside it, or remove the \
                 folder to make both anew, and give clients the new ca.pem",
                path.display()
            ),
            Self::Made(error) => write!(f, "no certificate can be made: {error}"),
        }
    }
}

impl std::error::Error for CertificateError {}
