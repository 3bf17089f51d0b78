//! Where a value was given: what it names is looked for only when it is used.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;

use super::{ConfigError, Warning};
use crate::server::gate::listener::Address;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, or the environment variable.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: Option<u32>,
}

impl Place {
    /// A variable of the environment, by its whole name.
    pub fn variable(name: &str) -> Self {
        Self { file: name.into(), line: None }
    }

    /// What is wrong with what was given there, and what to do.
    pub fn error(&self, what: impl Into<String>, remedy: impl Into<String>) -> ConfigError {
        let Self { file, line } = self.clone();
        ConfigError { file, line, what: what.into(), remedy: remedy.into() }
    }

    /// What should be known about what was given there.
    pub fn warning(&self, what: impl Into<String>) -> Warning {
        let Self { file, line } = self.clone();
        Warning { file, line, what: what.into() }
    }
}

/// A value with its key and its place.
#[derive(Clone)]
pub struct Placed<T> {
    value: T,
    key: &'static str,
    place: Place,
}

impl<T> Placed<T> {
    /// The value of `key`, given at `place`.
    pub const fn new(value: T, key: &'static str, place: Place) -> Self {
        Self { value, key, place }
    }
}

impl Placed<PathBuf> {
    /// Why the path cannot be used, and what to do.
    pub fn error(&self, why: impl fmt::Display, remedy: impl Into<String>) -> ConfigError {
        let Self { value, key, place } = self;
        place.error(format!("{key} {value:?}: {why}"), remedy)
    }

    /// What should be known about the path.
    pub fn warning(&self, what: impl fmt::Display) -> Warning {
        let Self { value, key, place } = self;
        place.warning(format!("{key} {value:?}: {what}"))
    }
}

impl Placed<Address> {
    /// Why there can be no listener, and what to do.
    pub fn error(&self, why: impl fmt::Display, remedy: impl Into<String>) -> ConfigError {
        let Self { value, key, place } = self;
        place.error(format!("{key} {:?}: {why}", value.to_string()), remedy)
    }
}

impl<T> Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The same value, wherever it was given.
impl<T: PartialEq> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Placed<T> {}

impl<T: fmt::Debug> fmt::Debug for Placed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
