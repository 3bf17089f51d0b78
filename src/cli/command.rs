//! What a command is, and the tree that they hang in.

use argh::{ArgsInfo, CommandInfoWithArgs, EarlyExit, FromArgs};

use super::context::Context;
use super::stop::{Exit, Stop};

/// One command: its options and operands are the fields of the type.
pub trait Command: Options {
    /// What stands after the options in its usage line: `KEY [DATA]`.
    const OPERANDS: &'static str;
    /// Which of the shared options it takes.
    const SHARED: Shared;
    /// Whether it prints a server's answer as it came, with `-format=raw`.
    const RAW: bool = false;
    /// What it exits with when the command line is wrong.
    const MISTAKE: Exit = Exit::Usage;
    /// What its first operand may be, as far as that is known without a server.
    const CHOICES: fn() -> Vec<&'static str> = Vec::new;

    /// Does it.
    fn run(self, cx: &mut Context) -> Result<Exit, Stop>;
}

/// Options, as they are declared and read.
pub trait Options: Sized {
    /// Their tables. The first is a command's own, and bears its description.
    fn tables() -> Vec<CommandInfoWithArgs>;

    /// Reads what was given of each table, in argh's form; the operands follow the first.
    fn read(given: &[Vec<&str>]) -> Result<Self, EarlyExit>;
}

impl<T: FromArgs + ArgsInfo> Options for T {
    fn tables() -> Vec<CommandInfoWithArgs> {
        vec![Self::get_args_info()]
    }

    fn read(given: &[Vec<&str>]) -> Result<Self, EarlyExit> {
        Self::from_args(&[""], given.first().map_or(&[], Vec::as_slice))
    }
}

/// A command's own options, and more that others of its kind take too.
pub struct With<C, O> {
    /// Its own.
    pub own: C,
    /// More.
    pub more: O,
}

impl<C: Options, O: Options> Options for With<C, O> {
    fn tables() -> Vec<CommandInfoWithArgs> {
        C::tables().into_iter().chain(O::tables()).collect()
    }

    fn read(given: &[Vec<&str>]) -> Result<Self, EarlyExit> {
        let (own, more) = given.split_at(C::tables().len().min(given.len()));
        Ok(Self { own: C::read(own)?, more: O::read(more)? })
    }
}

/// Which of the shared options a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// None: it asks no server.
    None,
    /// How the result is printed: it asks no server.
    Output,
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

/// Where words lead in the tree.
pub struct Way<'w, W> {
    /// Those that are of the tree.
    pub words: Vec<&'static str>,
    /// What they lead to; nothing where there are none.
    pub found: Option<&'static Node>,
    /// What may follow them.
    pub nodes: &'static [Node],
    /// The others.
    pub rest: &'w [W],
}

/// Follows words down the tree, as far as they are of it.
pub fn follow<'w, W: AsRef<str>>(tree: &'static [Node], words: &'w [W]) -> Way<'w, W> {
    let mut way = Way { words: Vec::new(), found: None, nodes: tree, rest: words };
    while let Some((word, rest)) = way.rest.split_first() {
        let Some(node) = way.nodes.iter().find(|node| node.name() == word.as_ref()) else { break };
        way.words.push(node.name());
        (way.found, way.nodes, way.rest) = (Some(node), node.inner(), rest);
    }
    way
}

/// A command without its type.
pub struct Leaf {
    /// See [`Command::OPERANDS`].
    pub operands: &'static str,
    /// See [`Command::SHARED`].
    pub shared: Shared,
    /// See [`Command::RAW`].
    pub raw: bool,
    /// See [`Command::MISTAKE`].
    pub mistake: Exit,
    /// See [`Command::CHOICES`].
    pub choices: fn() -> Vec<&'static str>,
    /// See [`Options::tables`].
    pub tables: fn() -> Vec<CommandInfoWithArgs>,
    /// See [`Options::read`].
    pub read: fn(&[Vec<&str>]) -> Result<Ready, EarlyExit>,
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
                mistake: C::MISTAKE,
                choices: C::CHOICES,
                tables: C::tables,
                read: |given| {
                    let command = C::read(given)?;
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

    /// What may follow it.
    pub const fn inner(&self) -> &'static [Self] {
        match self {
            Self::Group(_, _, inner) => inner,
            Self::Leaf(..) => &[],
        }
    }

    /// What it is for, in a sentence without its full stop.
    pub fn summary(&self) -> &'static str {
        let text = match self {
            Self::Group(_, summary, _) => summary,
            Self::Leaf(_, leaf) => (leaf.tables)().first().map_or("", |own| own.description),
        };
        text.split(". ").next().unwrap_or_default().trim_end_matches('.')
    }
}
