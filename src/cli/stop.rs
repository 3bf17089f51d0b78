//! How a command ends: its exit code, and what it says when it did not do its work.

use std::process::ExitCode;

use crate::base::nearest::nearest;
use crate::client::Error;

/// The exit codes of Vault's command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Done = 0,
    /// The command line is wrong, or a field is missing.
    Usage = 1,
    /// The server refused, has nothing there, or is sealed.
    Failed = 2,
    /// `operator diagnose` was not asked rightly.
    Undiagnosed = 3,
    /// There is no such command.
    UnknownCommand = 127,
}

impl Exit {
    /// `operator diagnose` found what fails.
    pub const FAULTS: Self = Self::Usage;
    /// `operator diagnose` found what is doubtful, and nothing that fails.
    pub const DOUBTS: Self = Self::Failed;
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command stopped.
#[derive(Debug)]
pub enum Stop {
    /// The command line is wrong; exits with 1.
    Usage(String),
    /// The command line is right, but what it wants cannot be had; exits with 1 all the same.
    Unmet(String),
    /// What was asked for is not there or cannot be done; exits with 2.
    Failed(String),
    /// A request failed; exits with 2. The first says what it was for.
    Call(Option<String>, Error),
    /// Printed instead of doing the request (`-output-curl-string`); exits with 0.
    Instead(String),
    /// Everything was said.
    Quiet(Exit),
}

impl Stop {
    /// Says what a request was for.
    #[must_use]
    pub fn about(self, doing: &str) -> Self {
        match self {
            Self::Call(None, error) => Self::Call(Some(doing.to_owned()), error),
            other => other,
        }
    }

    /// Says in other words that the server has nothing there.
    #[must_use]
    pub fn missing(self, text: &str) -> Self {
        match self {
            Self::Call(_, error) if error.status() == Some(404) => Self::Failed(text.to_owned()),
            other => other,
        }
    }

    /// Adds to a refusal which of the server's own names was probably meant by a word of it.
    #[must_use]
    pub fn meant<'a>(self, word: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, names) {
            Some(name) => self.with(&format!("Did you mean {name}?")),
            None => self,
        }
    }

    /// Adds a line to a refusal.
    #[must_use]
    pub fn with(self, line: &str) -> Self {
        match self {
            Self::Call(doing, error) => {
                let doing = doing.map(|doing| format!("{doing}: ")).unwrap_or_default();
                Self::Failed(format!("{doing}{error}\n\n{line}"))
            }
            stop => stop,
        }
    }

    /// Whether a server refused, and said so in these words.
    pub fn says(&self, text: &str) -> bool {
        match self {
            Self::Call(_, Error::Refused(refusal)) => {
                refusal.errors.iter().flatten().any(|error| error.contains(text))
            }
            _ => false,
        }
    }

    /// The exit code.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Unmet(_) => Exit::Usage,
            Self::Failed(_) | Self::Call(..) => Exit::Failed,
            Self::Instead(_) => Exit::Done,
            Self::Quiet(exit) => *exit,
        }
    }
}

/// A complaint about a word that is none of these, with the one that was probably meant.
pub fn meant<'a>(
    complaint: String,
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    match nearest(word, names) {
        Some(name) => format!("{complaint}. Did you mean {name}?"),
        None => complaint,
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Call(None, error)
    }
}
