//! What a check found.

use serde::Serialize;

use crate::config::{ConfigError, Warning};

/// How it is; the worse, the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was not looked at, or there is nothing of it.
    Skipped,
    /// As it should be.
    Ok,
    /// The server works, and yet.
    Warn,
    /// The server does not start, or will not serve.
    Fail,
}

/// One thing that was found.
#[derive(Debug)]
pub struct Finding {
    /// How it is.
    pub status: Status,
    /// What is so.
    pub what: String,
    /// What to do; empty where that is nothing, or was said.
    pub remedy: String,
}

impl Finding {
    /// As it should be.
    pub fn ok(what: impl Into<String>) -> Self {
        Self { status: Status::Ok, what: what.into(), remedy: String::new() }
    }

    /// Not looked at.
    pub fn skipped(what: impl Into<String>) -> Self {
        Self { status: Status::Skipped, what: what.into(), remedy: String::new() }
    }

    /// The server works, and yet.
    pub fn warn(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Warn, what: what.into(), remedy: remedy.into() }
    }

    /// The server does not start, or will not serve.
    pub fn fail(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Fail, what: what.into(), remedy: remedy.into() }
    }
}

impl From<ConfigError> for Finding {
    fn from(mut error: ConfigError) -> Self {
        let remedy = std::mem::take(&mut error.remedy);
        Self::fail(error.to_string(), remedy)
    }
}

impl From<Warning> for Finding {
    fn from(warning: Warning) -> Self {
        Self::warn(warning.to_string(), "")
    }
}

/// Bytes as people read them.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(0, "0.0 KiB"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3.0 TiB")]
        {
            assert_eq!(size(bytes), text);
        }
        assert!(Status::Fail > Status::Warn && Status::Ok > Status::Skipped);
    }
}
