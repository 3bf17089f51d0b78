//! What came, what did not, and why.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::job::Ended;
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::plain::line;
use crate::cli::stop::Stop;
use crate::cli::table;

/// How many things are told of one by one; more are only counted.
const LISTED: usize = 10_000;

/// What a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A policy.
    Policy,
    /// A password policy.
    PasswordPolicy,
    /// A secrets engine.
    Mount,
    /// The settings of a kv mount.
    Settings,
    /// A folder of secrets, where it cannot be listed.
    Folder,
    /// A secret of a kv mount of either version.
    Secret,
    /// An auth method.
    Auth,
    /// A user of userpass.
    User,
    /// A role of approle.
    Role,
    /// What no import brings.
    Other,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::PasswordPolicy => "password policy",
            Self::Mount => "secrets engine",
            Self::Settings => "kv settings",
            Self::Folder => "folder",
            Self::Secret => "secret",
            Self::Auth => "auth method",
            Self::User => "user",
            Self::Role => "role",
            Self::Other => "other",
        }
    }
}

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It was not here, and is now.
    Came,
    /// It was here as it had been there, or was told to be overwritten, and is now as it is there.
    Updated,
    /// It was here already.
    Unchanged,
    /// It is here otherwise, and was left as it is.
    Conflict,
    /// It could not come.
    Failed,
    /// It is of a kind that does not come.
    LeftOut,
}

impl Fate {
    const ALL: [Self; 6] =
        [Self::Came, Self::Updated, Self::Unchanged, Self::Conflict, Self::Failed, Self::LeftOut];

    const fn name(self) -> &'static str {
        match self {
            Self::Came => "came",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
            Self::LeftOut => "left out",
        }
    }

    /// As it is told.
    const fn shown(self, dry_run: bool) -> &'static str {
        match (self, dry_run) {
            (Self::Came, true) => "would come",
            (Self::Updated, true) => "would be updated",
            _ => self.name(),
        }
    }
}

/// What is to be told of a thing.
pub struct Told {
    /// What became of it.
    pub fate: Fate,
    /// Why, or what is missing of it; empty where there is nothing to say.
    pub why: String,
}

impl Told {
    /// Without anything to say.
    pub const fn plain(fate: Fate) -> Self {
        Self { fate, why: String::new() }
    }

    /// With a reason.
    pub fn because(fate: Fate, why: impl Into<String>) -> Self {
        Self { fate, why: why.into() }
    }

    /// The same, where it came, with what is missing of it.
    #[must_use]
    pub fn without(mut self, what: &str) -> Self {
        if matches!(self.fate, Fate::Came | Fate::Updated) && !what.is_empty() {
            if !self.why.is_empty() {
                self.why.push_str("; ");
            }
            self.why.push_str(what);
        }
        self
    }
}

/// What was told so far.
#[derive(Default)]
pub struct Report {
    counts: BTreeMap<Kind, BTreeMap<Fate, u64>>,
    lines: Vec<Line>,
    unlisted: u64,
}

struct Line {
    fate: Fate,
    kind: Kind,
    name: String,
    why: String,
}

impl Report {
    /// Tells of a thing.
    pub fn tell(&mut self, kind: Kind, name: &str, told: Told) {
        *self.counts.entry(kind).or_default().entry(told.fate).or_default() += 1;
        if !told.why.is_empty() {
            self.remark(kind, name, told);
        }
    }

    /// Says something without counting it.
    pub fn remark(&mut self, kind: Kind, name: &str, told: Told) {
        if self.lines.len() < LISTED {
            let Told { fate, why } = told;
            self.lines.push(Line { fate, kind, name: name.to_owned(), why });
        } else {
            self.unlisted += 1;
        }
    }

    /// How many had such a fate.
    pub fn count(&self, fate: Fate) -> u64 {
        self.counts.values().filter_map(|fates| fates.get(&fate)).sum()
    }

    /// Whether all came that comes at all.
    pub fn is_complete(&self) -> bool {
        self.count(Fate::Failed) == 0 && self.count(Fate::Conflict) == 0
    }

    /// Prints it. `stopped` is why it ended early.
    pub fn print(
        &self,
        cx: &mut Context,
        dry_run: bool,
        about: &[(&str, Value)],
        stopped: Option<&Ended>,
    ) -> Result<(), Stop> {
        if cx.format != Format::Table {
            let mut whole = json!({
                "counts": self.counts_json(dry_run),
                "items": self.lines.iter().map(|line| line.json(dry_run)).collect::<Vec<_>>(),
                "unlisted": self.unlisted,
                "stopped": stopped.map(ToString::to_string),
            });
            for (name, value) in about {
                whole[*name] = value.clone();
            }
            return cx.say_value(&whole);
        }
        cx.say(&self.counts_table(dry_run))?;
        if !self.lines.is_empty() {
            let rows: Vec<_> = self.lines.iter().map(|line| line.row(dry_run)).collect();
            cx.say(&format!("\n{}", table::table(["Fate", "Kind", "Name", "Why"], &rows)))?;
        }
        match self.unlisted {
            0 => Ok(()),
            more => cx.say(&format!("... and {more} more")),
        }
    }

    /// Only the columns that count something.
    fn counts_table(&self, dry_run: bool) -> String {
        let fates: Vec<Fate> = Fate::ALL.into_iter().filter(|fate| self.count(*fate) > 0).collect();
        let titles = fates.iter().map(|fate| titled(fate.shown(dry_run)));
        let titles: Vec<String> = std::iter::once("Kind".to_owned()).chain(titles).collect();
        let dashes = titles.iter().map(|title| "-".repeat(title.len())).collect();
        let mut rows = vec![titles, dashes];
        for (kind, counts) in &self.counts {
            let number = |fate| counts.get(fate).copied().unwrap_or(0).to_string();
            rows.push(
                std::iter::once(kind.name().into()).chain(fates.iter().map(number)).collect(),
            );
        }
        table::columns(&rows)
    }

    fn counts_json(&self, dry_run: bool) -> Value {
        let counts = self.counts.iter().map(|(kind, fates)| {
            let fates =
                fates.iter().map(|(fate, n)| (fate.shown(dry_run).to_owned(), Value::from(*n)));
            (kind.name().to_owned(), Value::Object(fates.collect()))
        });
        Value::Object(counts.collect())
    }
}

impl Line {
    fn json(&self, dry_run: bool) -> Value {
        let (fate, kind) = (self.fate.shown(dry_run), self.kind.name());
        json!({ "fate": fate, "kind": kind, "name": self.name, "why": self.why })
    }

    fn row(&self, dry_run: bool) -> [String; 4] {
        let (fate, kind) = (self.fate.shown(dry_run).into(), self.kind.name().into());
        [fate, kind, line(&self.name), line(&self.why)]
    }
}

fn titled(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}
