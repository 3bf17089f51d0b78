//! The two halves of the table, secrets engines and auth methods, and what Vault says of each.

use crate::base::fault::Fault;
use crate::base::golang;
use crate::mount::table::{AUTH, Mount};

/// What begins so is the server's own: nothing is mounted, moved or unmounted there.
pub const RESERVED: [&str; 5] = ["audit/", AUTH, "sys/", "cubbyhole/", "identity/"];
/// The auth method that is always there.
pub const TOKEN: &str = "auth/token/";

/// Which half of the table an endpoint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `sys/mounts`.
    Secrets,
    /// `sys/auth`.
    Auth,
}

impl Table {
    /// Whether a mount is in it.
    pub fn holds(self, mount: &Mount) -> bool {
        mount.is_auth() == (self == Self::Auth)
    }

    /// The whole path of what was sent as a path in it.
    pub fn path(self, sent: &str) -> String {
        match self {
            Self::Secrets => whole(sent),
            Self::Auth => format!("{AUTH}{}", whole(sent)),
        }
    }

    /// What is said where `path` is asked for and there is no mount.
    pub fn nothing_at(self, sent: &str) -> Fault {
        let what = match self {
            Self::Secrets => "secret engine mount",
            Self::Auth => "auth engine",
        };
        Fault::bad_request(format!("No {what} at {}", whole(sent)))
    }
}

/// A path as it is in the table: a slash at its end, none at its beginning.
pub fn whole(sent: &str) -> String {
    let inner = sent.strip_prefix('/').unwrap_or(sent);
    if inner.ends_with('/') { inner.to_owned() } else { format!("{inner}/") }
}

/// Whether `path` is among the server's own.
pub fn is_reserved(path: &str) -> bool {
    RESERVED.iter().any(|reserved| path.starts_with(reserved))
}

/// Whether what is mounted at `path` is always there, and nothing of it can be tuned.
pub fn is_fixed(path: &str) -> bool {
    RESERVED.iter().any(|fixed| *fixed != AUTH && path.starts_with(fixed))
}

/// Whether requests to a mount at `path` would arrive there: the gate redirects or refuses other
/// paths, and `tune` is a word of `sys/mounts`.
pub fn can_be_reached(path: &str) -> bool {
    let inner = path.strip_suffix('/').unwrap_or(path);
    let clean =
        |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(golang::is_printable);
    path.len() <= MAX_PATH && inner.split('/').all(clean) && !inner.ends_with("/tune")
}

/// The longest path of a mount, in bytes: requests are still to name something below it.
const MAX_PATH: usize = 2048;
