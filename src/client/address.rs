//! Where a server is: `http://`, `https://` or `unix://`.

use std::path::{Path, PathBuf};

/// A server's address, as `VAULT_ADDR` and `-address` give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://` or `https://` with host, port and perhaps a path; no slash at its end.
    Web(String),
    /// `unix://` and the path of a socket.
    Unix(PathBuf),
}

impl Address {
    /// Reads an address; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches('/');
        if text.is_empty() {
            return Err("the address is empty: write https://HOST:PORT, or leave it out".into());
        }
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(format!("{text:?} names no socket: write unix:///run/edgekeep.sock"))
            };
        }
        if text.contains('@') {
            // Told without the text: an address is printed and recorded, and that is a secret.
            return Err("an address holds no user and no password (nothing with @): write \
                        https://HOST:PORT, and log in with `edgekeep login`"
                .into());
        }
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match host {
            None => Err(format!("{text:?} has no scheme: write http://, https:// or unix://")),
            Some(host) if ureq::http::Uri::try_from(text).is_err() || host.starts_with(':') => {
                Err(format!("{text:?} is no address: write https://HOST:PORT"))
            }
            Some(_) => Ok(Self::Web(text.to_owned())),
        }
    }

    /// What a path is appended to; a Unix socket is spoken to as `http://localhost`.
    pub fn base(&self) -> &str {
        match self {
            Self::Web(base) => base,
            Self::Unix(_) => "http://localhost",
        }
    }

    /// The socket to connect to instead of a host.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Web(_) => None,
            Self::Unix(path) => Some(path),
        }
    }

    /// Whether it says where to go on the host; a socket is all that there is.
    pub fn has_port(&self) -> bool {
        let uri = ureq::http::Uri::try_from(self.base());
        self.socket().is_some() || uri.is_ok_and(|uri| uri.port().is_some())
    }

    /// Whether what goes there is encrypted.
    pub fn is_https(&self) -> bool {
        self.base().starts_with("https://")
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Web(base) => f.write_str(base),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_read_and_mistakes_named() {
        let web = Address::parse("http://127.0.0.1:8200/").unwrap();
        assert_eq!(web.base(), "http://127.0.0.1:8200");
        let https = Address::parse("https://[::1]:8200").unwrap();
        assert!(https.is_https() && https.has_port());
        assert!(!Address::parse("https://vault.test").unwrap().has_port());
        let unix = Address::parse("unix:///run/edgekeep.sock").unwrap();
        assert_eq!(unix.socket().unwrap().to_str(), Some("/run/edgekeep.sock"));
        for wrong in ["127.0.0.1:1", ":::nonsense", "http://", "http:// x", "unix://x", ""] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
        for secret in ["http://u:s3cret@host:1", "u:s3cret@host", "https://u:s3/cret@host"] {
            let told = Address::parse(secret).unwrap_err();
            assert!(told.contains("no password") && !told.contains("s3"), "{told}");
        }
    }
}
