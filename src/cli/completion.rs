//! `completion`: lets a shell complete the command line.
//!
//! A shell's script knows nothing by itself: at each TAB it asks this command, with `-line`, what
//! may follow. So it is right for the program that is installed, whichever that is.

pub mod install;
mod words;

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::commands::COMMANDS;
use super::context::{Context, env};
use super::operands;
use super::stop::{Exit, Stop, meant};
use words::Follows;

/// Print what makes a shell complete the command line of this program.
///
/// `edgekeep -autocomplete-install` lets the shells of your account read it, and
/// `edgekeep -autocomplete-uninstall` takes that back.
#[derive(FromArgs, ArgsInfo)]
pub struct Completion {
    /// say what may stand at the end of the line in COMP_LINE, as a script asks at each TAB
    #[argh(switch)]
    line: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

/// A shell that can be told how to complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU's.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly one.
    Fish,
}

impl Shell {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("completion/edgekeep.bash"),
            Self::Zsh => include_str!("completion/edgekeep.zsh"),
            Self::Fish => include_str!("completion/edgekeep.fish"),
        }
    }

    fn parse(name: &str) -> Result<Self, Stop> {
        Self::ALL.into_iter().find(|shell| shell.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let text = format!("Unknown shell: {name} (known are {})", names.join(", "));
            Stop::Usage(meant(text, name, names))
        })
    }

    /// What follows, in the form that the shell's script reads: what kind it is, then each word.
    fn tell(self, follows: &Follows) -> String {
        let words = match follows {
            Follows::Files => return "files".to_owned(),
            Follows::Folders => return "folders".to_owned(),
            Follows::Words(words) => words,
        };
        let lines = words.iter().map(|found| match (self, found.about) {
            (Self::Bash, _) => found.word.clone(),
            (Self::Zsh, about) => format!("{}:{about}", found.word.replace(':', "\\:")),
            (Self::Fish, about) => format!("{}\t{about}", found.word),
        });
        ["words".to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    }
}

impl Command for Completion {
    const OPERANDS: &'static str = "bash|zsh|fish";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let shell = Shell::parse(operands::one(&self.operands)?)?;
        let text = if self.line {
            // Others on this machine see a command line, but not its environment.
            shell.tell(&words::at_end(COMMANDS, &env("COMP_LINE").unwrap_or_default()))
        } else {
            shell.script().trim_end().to_owned()
        };
        cx.say(&text)?;
        Ok(Exit::Done)
    }
}
