//! Colours, where a person sees them.

use std::io::{IsTerminal, stderr};

use super::context::env;
use crate::client::variables;

/// A colour for text on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For what went wrong.
    Red,
    /// For warnings.
    Yellow,
}

impl Colour {
    /// A text in this colour: on a terminal that shows colours, unless they are not wanted.
    pub fn paint(self, text: &str) -> String {
        let dumb = env("TERM").is_some_and(|terminal| terminal == "dumb");
        let unwanted = env("NO_COLOR").is_some() || variables::CLI_NO_COLOR.read().is_some();
        if dumb || unwanted || !stderr().is_terminal() {
            return text.to_owned();
        }
        let code = match self {
            Self::Red => 31,
            Self::Yellow => 33,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
