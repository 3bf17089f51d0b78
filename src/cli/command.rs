//! What a command is, and the tree that they hang in.

use argh::{ArgsInfo, CommandInfoWithArgs, EarlyExit, FromArgs};

use super::context::Context;
use super::stop::{Exit, Stop};

/// One command: its options and operands are the fields of the type.
pub trait Command: FromArgs + ArgsInfo {
    /// What stands after the options in its usage line: `KEY [DATA]`.
    const OPERANDS: &'static str;
    /// Which of the shared options it takes.
    const SHARED: Shared;
    /// Whether it prints a server's answer as it came, with `-format=raw`.
    const RAW: bool = false;

    /// Does it.
    fn run(self, cx: &mut Context) -> Result<Exit, Stop>;
}

/// Which of the shared options a command takes; each has those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// None: it asks no server.
    None,
    /// How the server is reached.
    Http,
    /// And how the result is printed.
    Format,
    /// And that one field of it is wanted.
    Field,
}

/// A word of the command line.
pub enum Node {
    /// A word that others follow.
    Group(&'static str, &'static str, &'static [Node]),
    /// A word that does something.
    Leaf(&'static str, Leaf),
}

/// A command without its type.
pub struct Leaf {
    /// See [`Command::OPERANDS`].
    pub operands: &'static str,
    /// See [`Command::SHARED`].
    pub shared: Shared,
    /// See [`Command::RAW`].
    pub raw: bool,
    /// Its options and description.
    pub info: fn() -> CommandInfoWithArgs,
    /// Reads what argh is given.
    pub parse: fn(&[&str]) -> Result<Ready, EarlyExit>,
}

/// A command with its options read, to be run.
pub type Ready = Box<dyn FnOnce(&mut Context) -> Result<Exit, Stop>>;

impl Node {
    /// A command of the tree.
    pub const fn leaf<C: Command + 'static>(name: &'static str) -> Self {
        Self::Leaf(
            name,
            Leaf {
                operands: C::OPERANDS,
                shared: C::SHARED,
                raw: C::RAW,
                info: C::get_args_info,
                parse: |args| {
                    let command = C::from_args(&[""], args)?;
                    Ok(Box::new(move |cx| command.run(cx)))
                },
            },
        )
    }

    /// The word itself.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Group(name, ..) | Self::Leaf(name, _) => name,
        }
    }

    /// What it is for, in a sentence without its full stop.
    pub fn summary(&self) -> &'static str {
        let text = match self {
            Self::Group(_, summary, _) => summary,
            Self::Leaf(_, leaf) => (leaf.info)().description,
        };
        text.split(". ").next().unwrap_or_default().trim_end_matches('.')
    }
}
