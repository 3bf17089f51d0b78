//! Where a quota holds.

use serde::{Deserialize, Serialize};

/// A place, from the widest to the narrowest. A mount's path ends in a slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Everywhere.
    Global,
    /// In one mount.
    Mount(String),
    /// On the paths of a mount that begin so.
    Below {
        /// The mount.
        mount: String,
        /// What they begin with, below it.
        prefix: String,
    },
    /// On one path of a mount.
    Path {
        /// The mount.
        mount: String,
        /// The path below it.
        path: String,
    },
    /// For logins as one role of an auth method.
    Role {
        /// The method's mount.
        mount: String,
        /// The role.
        role: String,
    },
}

impl Place {
    /// The place that `below` is in `mount`: a `*` at its end stands for any rest.
    pub fn within(mount: &str, below: &str) -> Self {
        let mount = mount.to_owned();
        // As Vault does, which takes one slash for a matter of taste.
        let below = below.strip_suffix('/').unwrap_or(below);
        match below.strip_suffix('*') {
            _ if below.is_empty() => Self::Mount(mount),
            Some(prefix) => Self::Below { mount, prefix: prefix.to_owned() },
            None => Self::Path { mount, path: below.to_owned() },
        }
    }

    /// The mount; none for what holds everywhere.
    pub fn mount(&self) -> Option<&str> {
        match self {
            Self::Global => None,
            Self::Mount(mount)
            | Self::Below { mount, .. }
            | Self::Path { mount, .. }
            | Self::Role { mount, .. } => Some(mount),
        }
    }

    /// The same place in a mount that was moved.
    #[must_use]
    pub fn moved(&self, to: &str) -> Self {
        let mut moved = self.clone();
        match &mut moved {
            Self::Global => {}
            Self::Mount(mount)
            | Self::Below { mount, .. }
            | Self::Path { mount, .. }
            | Self::Role { mount, .. } => to.clone_into(mount),
        }
        moved
    }

    /// Its path as clients write and read it.
    pub fn path(&self) -> String {
        match self {
            Self::Global => String::new(),
            Self::Mount(mount) | Self::Role { mount, .. } => mount.clone(),
            Self::Below { mount, prefix } => format!("{mount}{prefix}*"),
            Self::Path { mount, path } => format!("{mount}{path}"),
        }
    }

    /// Its role; empty where it is for none.
    pub fn role(&self) -> &str {
        match self {
            Self::Role { role, .. } => role,
            _ => "",
        }
    }
}
