//! Colours, where a person sees them.

use std::io::IsTerminal;

use super::context::env;
use crate::base::variable::Variable;

/// A colour for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For what went wrong.
    Red,
    /// For warnings.
    Yellow,
    /// For what is as it should be.
    Green,
}

impl Colour {
    /// A text in this colour, for `stream`: where that is a terminal that shows colours, unless
    /// they are not wanted.
    pub fn paint(self, text: &str, stream: &impl IsTerminal) -> String {
        let dumb = env("TERM").is_some_and(|terminal| terminal == "dumb");
        let unwanted = env("NO_COLOR").is_some() || Variable::CliNoColor.read().is_some();
        if dumb || unwanted || !stream.is_terminal() {
            return text.to_owned();
        }
        let code = match self {
            Self::Red => 31,
            Self::Yellow => 33,
            Self::Green => 32,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
