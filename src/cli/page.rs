//! What is told of a command, wherever that is: by help, the man pages, the reference and the
//! completion of shells. It is derived from the tree of commands and the tables of options.

use argh::{CommandInfoWithArgs, FlagInfo};

use super::command::{Leaf, Node, Shared};
use super::flags::ValueKind;
use super::shared;
use super::stop::Exit;
use crate::base::variable::{Variable, Whose};

/// What the program is called.
pub const PROGRAM: &str = "edgekeep";
/// What it is, in a few words.
pub const SUMMARY: &str = "a secrets appliance with Vault's API";
/// Variables of the environment that have something in common.
pub struct Variables {
    /// What.
    pub text: &'static str,
    /// Of each its whole name, and what it says.
    pub rows: Vec<[String; 2]>,
}

/// The variables of the environment.
pub fn variables() -> [Variables; 3] {
    let of = |servers: bool| {
        let all = Variable::ALL.iter().filter(|one| (one.whose() == Whose::Server) == servers);
        all.map(|one| [one.vaults(), one.meaning().to_owned()]).collect()
    };
    let of_source = Variable::ALL
        .iter()
        .filter_map(|one| Some([one.name_of_source()?, format!("its {}", one.vaults())]));
    [
        Variables {
            text: "EDGEKEEP_ADDR is the same as VAULT_ADDR, and wins; so with each variable.",
            rows: of(false),
        },
        Variables { text: "These, likewise, are for the server.", rows: of(true) },
        Variables {
            text: "These are for `import`, of the server that it imports from; they have no other \
                   name.",
            rows: of_source.collect(),
        },
    ]
}

/// What a command exits with, and when.
pub const EXITS: [(Exit, &str); 5] = [
    (Exit::Done, "it was done"),
    (
        Exit::Usage,
        "the command line is wrong, or a field is missing; of `status`, `monitor` and \
         `debug`: the server cannot be asked; of `operator diagnose`: something fails",
    ),
    (
        Exit::Failed,
        "the server refused, has nothing there, is sealed or cannot be reached; of \
         `operator diagnose`: something is doubtful",
    ),
    (Exit::Undiagnosed, "`operator diagnose` was not asked rightly"),
    (Exit::UnknownCommand, "there is no such command"),
];

/// Options under a title.
pub struct Section {
    /// What they have in common.
    pub title: &'static str,
    /// At least one.
    pub flags: Vec<Flag>,
}

/// An option.
pub struct Flag {
    /// Without its dash.
    pub name: &'static str,
    /// What its value is called; a switch has none, and needs none.
    pub value: Option<&'static str>,
    /// What it is for.
    pub text: &'static str,
}

impl Section {
    /// The options of a table that are listed, if there are any: argh's `--help` goes without
    /// saying.
    fn of(title: &'static str, table: &CommandInfoWithArgs) -> Option<Self> {
        let listed = table.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help");
        let flags: Vec<Flag> = listed.map(Flag::of).collect();
        (!flags.is_empty()).then_some(Self { title, flags })
    }
}

impl Flag {
    fn of(flag: &FlagInfo<'static>) -> Self {
        let value = match ValueKind::of(flag) {
            ValueKind::Named(name) => Some(name),
            ValueKind::Nothing | ValueKind::Truth => None,
        };
        Self { name: flag.long.trim_start_matches('-'), value, text: flag.description }
    }

    /// `-format=<json|yaml>`.
    pub fn usage(&self) -> String {
        let value = self.value.map(|value| format!("=<{value}>"));
        format!("-{}{}", self.name, value.unwrap_or_default())
    }
}

/// The options that a command shares with others.
pub fn shared(level: Shared) -> Vec<Section> {
    let tables = shared::tables(level);
    tables.iter().filter_map(|table| Section::of(table.description, table)).collect()
}

/// The options that only a command and its like have.
pub fn own(leaf: &Leaf) -> Vec<Section> {
    let tables = (leaf.tables)();
    let titled = tables.iter().enumerate().map(|(i, table)| {
        let title = if i == 0 { "Command Options" } else { table.description };
        Section::of(title, table)
    });
    titled.flatten().collect()
}

/// `edgekeep kv get [options] KEY`.
pub fn usage(words: &[&str], leaf: &Leaf) -> String {
    let has_options = leaf.shared != Shared::None || !own(leaf).is_empty();
    let options = has_options.then_some("[options]");
    let operands = Some(leaf.operands).filter(|operands| !operands.is_empty());
    let parts = [PROGRAM].into_iter().chain(words.iter().copied()).chain(options).chain(operands);
    parts.collect::<Vec<_>>().join(" ")
}

/// What a command is for, whole.
pub fn description(leaf: &Leaf) -> &'static str {
    (leaf.tables)().first().map_or("", |own| own.description)
}

/// The commands below a word and at it, each with the words that lead to it.
pub fn commands(node: &'static Node) -> Vec<(Vec<&'static str>, &'static Leaf)> {
    match node {
        Node::Leaf(name, leaf) => vec![(vec![*name], leaf)],
        Node::Group(name, _, inner) => {
            let below = inner.iter().flat_map(commands);
            below.map(|(words, leaf)| ([&[*name], &*words].concat(), leaf)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::logs;
    use crate::cli::commands::COMMANDS;
    use crate::cli::debug;
    use crate::cli::login::method::Method;

    /// What is told of few words that are read where the option is, or by the server.
    const ELSEWHERE: &[&str] = &[
        "barrier|recovery",
        "orphan|path",
        "patch|rw",
        "service|batch",
        "service|batch|default-service|default-batch",
        "table|json|yaml",
        "unauth|hidden",
    ];

    #[test]
    fn what_an_option_may_be_is_told_out_of_the_list_that_is_read() {
        let lists = [
            logs::LEVELS.join("|"),
            logs::FORMATS.join("|"),
            Method::names().collect::<Vec<_>>().join("|"),
            debug::known().collect::<Vec<_>>().join("|"),
        ];
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for (_, leaf) in COMMANDS.iter().flat_map(commands) {
            let values = own(leaf).into_iter().flat_map(|part| part.flags).filter_map(|f| f.value);
            told.extend(values.filter(|value| value.contains('|')));
        }
        for list in &lists {
            assert!(told.remove(list.as_str()), "nobody is told of {list}");
        }
        // That of diagnose has a test of its own.
        told.retain(|value| !value.starts_with("certificates|"));
        assert_eq!(told.into_iter().collect::<Vec<_>>(), ELSEWHERE);
    }
}
