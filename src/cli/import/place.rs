//! Where a secret lies.

/// The versions of the kv engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A value at each path.
    One,
    /// Secrets with their versions.
    Two,
}

/// A secret, or a folder of secrets, of a kv mount.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The mount, with a slash at its end.
    pub mount: &'a str,
    /// The path below it; a folder's ends in a slash or is empty.
    pub key: &'a str,
}

impl Place<'_> {
    /// As people write it, and as kv version 1 is asked for it.
    pub fn shown(self) -> String {
        format!("{}{}", self.mount, self.key)
    }

    /// Its path in an area of kv version 2.
    pub fn path(self, area: &str) -> String {
        format!("{}{area}/{}", self.mount, self.key)
    }
}
