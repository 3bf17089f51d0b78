//! A password or a key that a setting names: by where it is kept, or as it is.

use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::{Zeroize, Zeroizing};

use super::secret::Secret;

/// The longest credential, in bytes.
const MOST: usize = 64 << 10;

/// What the places begin with.
const PLACES: [&str; 3] = [VARIABLE, FILE, SYSTEMD];
const VARIABLE: &str = "env://";
const FILE: &str = "file://";
const SYSTEMD: &str = "systemd://";

/// Where a credential is kept. It is read each time that it is used, so that one which was changed
/// is seen. What prints one prints the place, and nothing of a literal.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// `env://NAME`: a variable of the environment.
    Variable(String),
    /// `file:///PATH`: a file, one line break at its end left out.
    File(PathBuf),
    /// `systemd://NAME`: what the service manager put into `$CREDENTIALS_DIRECTORY`.
    Systemd(String),
    /// Anything else: the credential itself.
    Literal(Secret),
}

/// Why there is no credential; the text says where it was looked for, and never what was found.
#[derive(Debug, PartialEq, Eq)]
pub struct CredentialError(String);

impl Credential {
    /// Reads a setting. Only a place that can be none is refused.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let wrong = |why: &str| Err(CredentialError(why.to_owned()));
        if let Some(name) = text.strip_prefix(VARIABLE) {
            if name.is_empty() || name.contains(['=', '\0']) {
                return wrong("env:// is followed by the name of a variable: env://NAME");
            }
            return Ok(Self::Variable(name.to_owned()));
        }
        if let Some(path) = text.strip_prefix(FILE) {
            if !path.starts_with('/') || path.contains('\0') {
                return wrong("file:// is followed by a whole path: file:///etc/edgekeep/password");
            }
            return Ok(Self::File(path.into()));
        }
        if let Some(name) = text.strip_prefix(SYSTEMD) {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
                return wrong("systemd:// is followed by the name of a credential: systemd://NAME");
            }
            return Ok(Self::Systemd(name.to_owned()));
        }
        Self::literal(text)
    }

    /// Whether a setting is the place of one.
    pub fn is_place(text: &str) -> bool {
        PLACES.iter().any(|place| text.starts_with(place))
    }

    /// What was sent by somebody who may read nothing else of this machine: the credential itself,
    /// and never the place of one.
    pub fn sent(text: &str) -> Result<Self, CredentialError> {
        match PLACES.iter().find(|place| text.starts_with(*place)) {
            Some(place) => Err(CredentialError(format!(
                "{place} is for the configuration file alone, since it names what the server may \
                 read: declare the target in the configuration file, or give the value itself"
            ))),
            None => Self::literal(text),
        }
    }

    fn literal(text: &str) -> Result<Self, CredentialError> {
        match text {
            "" => Err(CredentialError("a credential is not empty".to_owned())),
            text => Ok(Self::Literal(Secret::new(text))),
        }
    }

    /// The credential itself, for the one use of it; of a file's or a variable's, without the line
    /// break at its end.
    pub fn read(&self) -> Result<Secret, CredentialError> {
        if let Self::Literal(secret) = self {
            return Ok(secret.clone());
        }
        let whole = self.read_whole()?;
        let bytes = whole.expose();
        let line = bytes.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        match line.unwrap_or(bytes) {
            b"" => Err(self.told("empty")),
            line => Ok(Secret::new(line)),
        }
    }

    /// The same to its last byte: a key of bytes may end as a line does.
    pub fn read_whole(&self) -> Result<Secret, CredentialError> {
        match self {
            Self::Literal(secret) => Ok(secret.clone()),
            Self::Variable(name) => self.fit(variable(name).ok_or_else(|| self.told("not set"))?),
            Self::File(path) => self.fit(contents(path).map_err(|e| self.told(&e.to_string()))?),
            Self::Systemd(name) => {
                let folder = given().ok_or_else(|| {
                    self.told(
                        "the service manager gave no credentials ($CREDENTIALS_DIRECTORY): \
                         name it with LoadCredential= in the unit; a command by hand has those of \
                         the running unit by \
                         CREDENTIALS_DIRECTORY=/run/credentials/edgekeep.service",
                    )
                })?;
                let path = Path::new(&folder).join(name);
                self.fit(contents(&path).map_err(|e| self.told(&e.to_string()))?)
            }
        }
    }

    /// Its name, where only a unit is given it and this process is none.
    pub fn withheld(&self) -> Option<&str> {
        match self {
            Self::Systemd(name) if given().is_none() => Some(name),
            _ => None,
        }
    }

    /// Where it is kept, in words.
    pub fn place(&self) -> String {
        match self {
            Self::Literal(_) => "in the configuration".to_owned(),
            place => place.to_string(),
        }
    }

    /// What is empty or too long is none.
    fn fit(&self, bytes: Zeroizing<Vec<u8>>) -> Result<Secret, CredentialError> {
        match bytes.len() {
            0 => Err(self.told("empty")),
            1..=MOST => Ok(Secret::new(&bytes[..])),
            _ => Err(self.told(&format!("longer than {MOST} bytes"))),
        }
    }

    fn told(&self, why: &str) -> CredentialError {
        CredentialError(format!("the credential {self} cannot be read: {why}"))
    }
}

fn variable(name: &str) -> Option<Zeroizing<Vec<u8>>> {
    std::env::var_os(name).map(OsString::into_vec).map(Zeroizing::new)
}

/// What is in a file, and a byte more than may be at most.
fn contents(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // A pipe is not waited for.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    // In one piece: a vector that grows would leave copies behind.
    let mut room = Zeroizing::new(vec![0; MOST + 1]);
    let mut length = 0;
    loop {
        match (&file).take((room.len() - length) as u64).read(&mut room[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    room[length..].zeroize();
    room.truncate(length);
    Ok(room)
}

/// Where the service manager put what it gave.
fn given() -> Option<OsString> {
    std::env::var_os("CREDENTIALS_DIRECTORY")
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "{VARIABLE}{name}"),
            Self::File(path) => write!(f, "{FILE}{}", path.display()),
            Self::Systemd(name) => write!(f, "{SYSTEMD}{name}"),
            Self::Literal(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({self})")
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CredentialError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let credential = Credential::parse(text).map_err(|e| e.to_string())?;
        let secret = credential.read().map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(secret.expose()).into_owned())
    }

    #[test]
    fn each_kind_of_place_is_read() {
        assert_eq!(read("s3cret").as_deref(), Ok("s3cret"));
        assert_eq!(read("env://PATH").unwrap(), std::env::var("PATH").unwrap());
        let told = read("env://EDGEKEEP_NOT_THERE").unwrap_err();
        assert_eq!(told, "the credential env://EDGEKEEP_NOT_THERE cannot be read: not set");
        for wrong in ["", "env://", "env://a=b", "file://x", "systemd://", "systemd://../x"] {
            assert!(Credential::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_sent_is_no_place() {
        for place in ["env://PATH", "file:///etc/hostname", "systemd://x", "env://", ""] {
            assert!(Credential::sent(place).is_err(), "{place}");
        }
        assert_eq!(Credential::sent("s3cret"), Credential::parse("s3cret"));
    }

    #[test]
    fn a_file_is_read_anew_without_its_line_break() {
        let path = std::env::temp_dir().join(format!("edgekeep-credential-{}", std::process::id()));
        let url = format!("file://{}", path.display());
        assert!(read(&url).unwrap_err().contains("cannot be read"));
        for (bytes, wanted) in [("a", "a"), ("b\n", "b"), ("c\r\n", "c"), ("d\n\n", "d\n")] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&url).as_deref(), Ok(wanted));
        }
        for wrong in [String::new(), "\n".into(), "x".repeat(MOST + 1)] {
            std::fs::write(&path, &wrong).unwrap();
            assert!(read(&url).is_err(), "{}", wrong.len());
        }
        std::fs::write(&path, "x".repeat(MOST)).unwrap();
        assert_eq!(read(&url).unwrap().len(), MOST);
        std::fs::remove_file(&path).unwrap();
        assert!(read("file:///dev/null").unwrap_err().contains("no regular file"));
    }

    #[test]
    fn nothing_of_a_literal_is_printed() {
        let literal = Credential::parse("s3cret").unwrap();
        assert_eq!(
            (literal.to_string(), format!("{literal:?}")),
            (String::new(), "Credential()".into())
        );
        let systemd = Credential::parse("systemd://backup").unwrap();
        assert_eq!(systemd.to_string(), "systemd://backup");
    }
}
