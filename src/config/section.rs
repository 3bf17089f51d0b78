//! A section read through its table: typed values, and what is wrong with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keys::{Form, Said, Standing, Table};
use super::place::{Place, Placed};
use super::{ConfigError, Environment, Warning};
use crate::base::hcl::{Item, Kind, Position, Value};
use crate::base::nearest::nearest;
use crate::base::ttl::Ttl;
use crate::base::variable::Given;
use crate::base::{golang, url};

/// An item and the file that it stands in.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub file: &'a Path,
    pub item: &'a Item,
}

impl<'a> Entry<'a> {
    /// What is wrong with the item, and what to do.
    pub fn error(&self, what: impl Into<String>, remedy: impl Into<String>) -> ConfigError {
        self.place().error(what, remedy)
    }

    /// Where its key stands.
    pub fn place(&self) -> Place {
        place(self.file, self.item.key.at)
    }

    /// What should be known about the item.
    pub fn warning(&self, what: impl Into<String>) -> Warning {
        let line = Some(self.item.key.at.line);
        Warning { file: self.file.to_owned(), line, what: what.into() }
    }

    /// The items of a block; anything else is an error.
    pub fn block(&self) -> Result<Vec<Entry<'a>>, ConfigError> {
        match &self.item.value.kind {
            Kind::Object(body) => {
                Ok(body.items.iter().map(|item| Entry { file: self.file, item }).collect())
            }
            _ => {
                let name = &self.item.key.text;
                Err(self.error(
                    format!("{name} is a section, not a value"),
                    format!("write {name} {{ ... }}"),
                ))
            }
        }
    }

    /// A list of texts; `None` for anything else.
    pub fn texts(&self) -> Option<Vec<&'a str>> {
        let Kind::List(values) = &self.item.value.kind else { return None };
        let text = |value: &'a Value| match &value.kind {
            Kind::Text(text) => Some(text.as_str()),
            _ => None,
        };
        values.iter().map(text).collect()
    }

    /// The one label of a block, `None` without one.
    pub fn label(&self) -> Result<Option<&'a str>, ConfigError> {
        match self.item.labels.as_slice() {
            [] => Ok(None),
            [label] => Ok(Some(&label.text)),
            [_, second, ..] => Err(place(self.file, second.at)
                .error(format!("a second label, {:?}", second.text), "leave it out")),
        }
    }
}

fn place(file: &Path, at: Position) -> Place {
    Place { file: file.to_owned(), line: Some(at.line) }
}

/// The entries of a section, all known to its table.
pub(super) struct Section<'a> {
    table: &'static Table,
    entries: Vec<Entry<'a>>,
    environment: &'a Environment<'a>,
}

impl<'a> Section<'a> {
    /// Takes the entries that are heeded; warns of all others, and of one that stands twice.
    pub fn new(
        table: &'static Table,
        entries: Vec<Entry<'a>>,
        environment: &'a Environment<'a>,
        warnings: &mut Vec<Warning>,
    ) -> Self {
        let mut kept: Vec<Entry<'a>> = Vec::new();
        for entry in entries {
            let name = &entry.item.key.text;
            let Some(key) = table.key(name) else {
                let heeded = table.keys.iter().filter(|key| key.standing == Standing::Heeded);
                let meant = nearest(&name.to_lowercase(), heeded.map(|key| key.name));
                let meant =
                    meant.map_or("take it out".into(), |key| format!("did you mean {key}?"));
                let what = format!("unknown key {name:?} is not heeded: {meant}");
                warnings.push(entry.warning(what));
                continue;
            };
            match key.standing {
                Standing::Heeded => {}
                Standing::Ignored => {
                    let what = format!("{name} has no meaning here: {}", key.help);
                    warnings.push(entry.warning(what));
                    continue;
                }
            }
            let same = |other: &Entry<'_>| other.item.key.text.eq_ignore_ascii_case(name);
            if key.form != Form::Section && kept.iter().any(same) {
                warnings.push(entry.warning(format!("{name} stands twice: the last one counts")));
            }
            kept.push(entry);
        }
        Self { table, entries: kept, environment }
    }

    /// All entries of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = Entry<'a>> {
        self.entries
            .iter()
            .copied()
            .filter(move |entry| entry.item.key.text.eq_ignore_ascii_case(name))
    }

    /// The last entry of that name, the one that counts.
    pub fn last(&self, name: &str) -> Option<Entry<'a>> {
        self.all(name).last()
    }

    /// Text; `None` when absent or empty.
    pub fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        self.read(name, "text in quotes", |value| match &value.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A path; `None` when absent or empty.
    pub fn path(&self, name: &'static str) -> Result<Option<Placed<PathBuf>>, ConfigError> {
        let (_, place) = self.given(name);
        Ok(self.text(name)?.map(|text| Placed::new(text.into(), name, place)))
    }

    /// A server's URL; `None` when absent or empty.
    pub fn url(&self, name: &str) -> Result<Option<String>, ConfigError> {
        self.read(name, "a URL such as \"https://gateway.local:8200\"", |value| match &value.kind {
            Kind::Text(text) => url::host(text).map(|_| text.clone()),
            _ => None,
        })
    }

    /// A user or a group of this machine, by its number or by the name that `table` has for it
    /// (passwd(5), group(5)); `None` when absent or empty.
    pub fn account(&self, name: &str, table: &str) -> Result<Option<u32>, ConfigError> {
        let form = format!("a name of {table}, or a number");
        self.read(name, &form, |value| match &value.kind {
            Kind::Text(text) | Kind::Number(text) => number_of(text, table),
            _ => None,
        })
    }

    /// A truth; false when absent and without a default.
    pub fn flag(&self, name: &str) -> Result<bool, ConfigError> {
        let value = self.read(name, "true or false", |value| match &value.kind {
            Kind::Bool(truth) => Some(*truth),
            Kind::Number(text) | Kind::Text(text) => golang::parse_bool(text).ok(),
            _ => None,
        })?;
        Ok(value.unwrap_or(false))
    }

    /// A duration that is not below zero.
    pub fn duration(&self, name: &str) -> Result<Duration, ConfigError> {
        let form = "a duration such as \"768h\", \"90s\" or 30 (seconds)";
        let value = self.read(name, form, |value| match &value.kind {
            Kind::Text(text) | Kind::Number(text) => Ttl::parse(text).ok()?.to_duration(),
            _ => None,
        })?;
        Ok(value.unwrap_or_default())
    }

    /// A duration above zero; zero, Vault's "none", is the default.
    pub fn time_limit(&self, name: &str) -> Result<Duration, ConfigError> {
        let given = self.duration(name)?;
        if !given.is_zero() {
            return Ok(given);
        }
        let default = self.table.key(name).map_or("", |key| key.default);
        Ok(Ttl::parse(default).ok().and_then(Ttl::to_duration).unwrap_or_default())
    }

    /// A whole number above zero.
    pub fn count(&self, name: &str) -> Result<usize, ConfigError> {
        let value = self.read(name, "a whole number above 0", |value| {
            usize::try_from(value.integer()?).ok().filter(|count| *count > 0)
        })?;
        Ok(value.unwrap_or_default())
    }

    /// So many a second; zero for no limit.
    pub fn rate(&self, name: &str) -> Result<u32, ConfigError> {
        let form = "a whole number a second, or 0 for no limit";
        let value = self.read(name, form, |value| u32::try_from(value.integer()?).ok())?;
        Ok(value.unwrap_or_default())
    }

    /// A number of bytes above zero.
    pub fn bytes(&self, name: &str) -> Result<u64, ConfigError> {
        let form = "a number of bytes above 0, such as 1048576 or \"32MiB\"";
        let value = self.read(name, form, |value| match &value.kind {
            Kind::Text(text) | Kind::Number(text) => capacity(text).filter(|bytes| *bytes > 0),
            _ => None,
        })?;
        Ok(value.unwrap_or_default())
    }

    /// Permission bits of a file.
    pub fn mode(&self, name: &str) -> Result<u32, ConfigError> {
        let value =
            self.read(name, "permissions in octal such as \"0660\"", |value| match &value.kind {
                Kind::Text(text) | Kind::Number(text) => {
                    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777)
                }
                _ => None,
            })?;
        Ok(value.unwrap_or_default())
    }

    /// Texts; none when absent.
    pub fn list(&self, name: &str) -> Result<Vec<String>, ConfigError> {
        let value = self.read(name, "a list of texts", |value| match &value.kind {
            Kind::Text(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(parts.map(str::to_owned).collect())
            }
            Kind::List(values) => values
                .iter()
                .map(|value| match &value.kind {
                    Kind::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect(),
            _ => None,
        })?;
        Ok(value.unwrap_or_default())
    }

    /// One of the words that the key's form lists, in lower case.
    pub fn word(&self, name: &str) -> Result<String, ConfigError> {
        let words = match self.table.key(name).map(|key| key.form) {
            Some(Form::Word(words)) => words,
            _ => &[],
        };
        let value = self.read(name, &format!("one of {}", words.join(", ")), |value| {
            let Kind::Text(text) = &value.kind else { return None };
            let text = text.trim().to_lowercase();
            words.contains(&text.as_str()).then_some(text)
        })?;
        Ok(value.unwrap_or_default())
    }

    /// Reads the value that counts: the environment's, the file's, or the default.
    fn read<T>(
        &self,
        name: &str,
        form: &str,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let (value, place) = self.given(name);
        if value.kind == Kind::Text(String::new()) {
            return Ok(None);
        }
        let shown = match &value.kind {
            Kind::Text(text) => format!(" {text:?}"),
            Kind::Number(text) => format!(" {text}"),
            Kind::Bool(truth) => format!(" {truth}"),
            Kind::List(_) => " a list".to_owned(),
            Kind::Object(_) => " a section".to_owned(),
        };
        match convert(&value) {
            Some(value) => Ok(Some(value)),
            None => {
                Err(place
                    .error(format!("the value of {name} is{shown}"), format!("it must be {form}")))
            }
        }
    }

    /// What the environment says, where that is what counts.
    pub fn by_variable(&self, name: &str) -> Option<Given> {
        let is_said = |name: &&str| {
            let said = self.last(name);
            said.is_some_and(|entry| entry.item.value.kind != Kind::Text(String::new()))
        };
        match self.table.key(name)?.env? {
            Said::Before(variable) => (self.environment)(variable),
            Said::Without(_, keys) if keys.iter().any(is_said) => None,
            Said::Without(variable, _) => (self.environment)(variable),
        }
    }

    /// The value that counts, and where it was given.
    fn given(&self, name: &str) -> (Value, Place) {
        let key = self.table.key(name);
        debug_assert!(key.is_some(), "{name} is not declared in {}", self.table.title);
        let start = Position { line: 1, column: 1 };
        let text = |text: &str| Value { at: start, kind: Kind::Text(text.to_owned()) };
        match (self.by_variable(name), self.last(name)) {
            (Some(given), _) => (text(&given.value), Place::variable(&given.by)),
            (None, Some(entry)) => {
                (entry.item.value.clone(), place(entry.file, entry.item.value.at))
            }
            (None, None) => (text(key.map_or("", |key| key.default)), Place::variable("default")),
        }
    }
}

/// Vault's capacities: a number, and `kb` or `kib` and the like behind it.
fn capacity(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match text[digits.len()..].trim() {
        "" | "b" => 1,
        "kb" => 1000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// The number behind a user's or a group's name; a number is itself.
fn number_of(name: &str, table: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let text = fs::read_to_string(table).ok()?;
    text.lines().map(|line| line.split(':')).find_map(|mut fields| {
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}
