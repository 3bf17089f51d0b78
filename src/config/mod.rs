//! The server's configuration: Vault's HCL or JSON into typed values.
//!
//! [`keys`] declares every key once; [`section`] reads through those declarations, so that what
//! is read and what is documented cannot differ. An unknown key is a warning with its line; a
//! wrong value is an error with file, line and remedy, and so is one that names what is not there
//! or cannot be used ([`check`]).

mod check;
mod files;
pub mod keys;
mod listener;
mod lockout;
mod place;
mod sanitized;
mod seal;
mod section;
mod snapshot;
mod storage;
mod telemetry;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::check::{
    check, check_certificates, check_credentials, check_files, held, unlistened,
};
pub use self::listener::{CertificateFiles, Listener, NamedFiles, Tls};
pub use self::place::{Place, Placed};
pub use self::seal::SealSettings;
pub use self::storage::{Storage, data_of_vault};
pub use self::telemetry::Telemetry;

use self::listener::Bounds;
use self::section::{Entry, Section};
use crate::base::hcl::{Body, Document, Kind, Value};
use crate::base::logs;
use crate::base::variable::{Given, Variable};
use crate::pipeline::lockout::Settings;
use crate::quota::strangers::{Allowance, Strangers};
use crate::server::limits::Limits;
use crate::snapshot::keeper::settings::Settings as Target;

/// Looks up an environment variable.
pub type Environment<'a> = dyn Fn(Variable) -> Option<Given> + 'a;

/// All that the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// What gives the unseal key.
    pub seal: SealSettings,
    /// Where requests are taken; at least one.
    pub listeners: Vec<Listener>,
    /// Where the data lies.
    pub storage: Storage,
    /// The lease of what names none; never longer than `max_lease_ttl`.
    pub default_lease_ttl: Duration,
    /// The longest lease.
    pub max_lease_ttl: Duration,
    /// What is logged, how and where.
    pub log: Log,
    /// The file that holds the process id.
    pub pid_file: Option<Placed<PathBuf>>,
    /// Whether the memory in which keys live is locked.
    pub lock_memory: bool,
    /// The name that status shows.
    pub cluster_name: Option<String>,
    /// The URL that clients use: its host stands in the server's own certificate.
    pub api_addr: Option<String>,
    /// What peers may take up.
    pub limits: Limits,
    /// What is allowed to requests that need no token.
    pub strangers: Strangers,
    /// How what is counted is told.
    pub telemetry: Telemetry,
    /// When users are locked out.
    pub user_lockout: Settings,
    /// Where snapshots go by themselves, by the names of the targets.
    pub snapshots: BTreeMap<String, Target>,
}

/// What is logged, how and where.
#[derive(Clone, Debug)]
pub struct Log {
    /// The least that is logged.
    pub level: log::LevelFilter,
    /// The form of a line.
    pub format: logs::Format,
    /// The file; `None` for stderr.
    pub file: Option<Placed<PathBuf>>,
}

/// What the operator should know, although the server starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file, or the environment variable.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// What is so.
    pub what: String,
}

/// Why the server does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file or folder, or the environment variable.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub what: String,
    /// What to do; empty where that was said already.
    pub remedy: String,
}

impl ConfigError {
    fn of_file(file: &Path, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line)?;
        f.write_str(&self.what)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line)?;
        match self.remedy.as_str() {
            "" => f.write_str(&self.what),
            remedy => write!(f, "{}; {remedy}", self.what),
        }
    }
}

impl std::error::Error for ConfigError {}

fn write_place(f: &mut fmt::Formatter<'_>, file: &Path, line: Option<u32>) -> fmt::Result {
    match line {
        Some(line) => write!(f, "{}:{line}: ", file.display()),
        None => write!(f, "{}: ", file.display()),
    }
}

/// Reads files, and folders with all their `*.hcl` and `*.json` in the order of their names, as
/// one configuration: a later value replaces an earlier one, listeners add up.
pub fn read(
    paths: &[PathBuf],
    environment: &Environment<'_>,
) -> Result<(Config, Vec<Warning>), ConfigError> {
    let documents = files::read(paths)?;
    let mut warnings = Vec::new();
    let config = interpret(paths, &documents, environment, &mut warnings)?;
    Ok((config, warnings))
}

/// Reads a configuration that is at hand, as [`read`] would from a file of that name.
pub fn read_text(
    name: &Path,
    text: &str,
    environment: &Environment<'_>,
) -> Result<(Config, Vec<Warning>), ConfigError> {
    let document = files::parse(name, text.as_bytes())?;
    let mut warnings = Vec::new();
    let documents = [(name.to_owned(), document)];
    let config = interpret(&[name.to_owned()], &documents, environment, &mut warnings)?;
    Ok((config, warnings))
}

fn interpret(
    paths: &[PathBuf],
    documents: &[(PathBuf, Document)],
    environment: &Environment<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Config, ConfigError> {
    let entries = documents
        .iter()
        .flat_map(|(file, document)| {
            document.body.items.iter().map(|item| Entry { file: file.as_path(), item })
        })
        .collect();
    let absent = |what: &str, remedy: &str| {
        let file = paths.last().map_or(Path::new("configuration"), PathBuf::as_path);
        ConfigError::of_file(file, what, remedy)
    };
    let top = Section::new(&keys::TOP, entries, environment, warnings);

    let mut seal = seal::read(&top, environment, warnings)?;
    for (_, document) in documents {
        credentials(&document.body, &mut seal.hidden);
    }
    let mut stores = top.all("storage").chain(top.all("backend"));
    let storage = match (stores.next(), stores.next()) {
        (Some(entry), None) => storage::read(entry, environment, warnings)?,
        (Some(_), Some(second)) => {
            return Err(second.error("a second storage section", "keep one of them"));
        }
        (None, _) => {
            return Err(absent(
                "no storage section",
                "add storage \"redb\" { path = \"/var/lib/edgekeep\" }",
            ));
        }
    };
    let mut listeners: Vec<Listener> = Vec::new();
    for entry in top.all("listener") {
        let listener = listener::read(entry, environment, warnings)?;
        if listeners.first().is_some_and(|first| first.bounds != listener.bounds) {
            warnings.push(entry.warning(
                "its limits differ from another listener's: the most generous count for all",
            ));
        }
        listeners.push(listener);
    }
    let bounds = listeners.iter().map(|listener| listener.bounds.clone()).reduce(|a, b| a.or(&b));
    let Some(bounds) = bounds else {
        return Err(absent(
            "no listener section",
            "add listener \"tcp\" { address = \"127.0.0.1:8200\" }",
        ));
    };

    let max_lease_ttl = top.time_limit("max_lease_ttl")?;
    let default_lease_ttl = top.time_limit("default_lease_ttl")?;
    if let Some(given) = top.last("default_lease_ttl")
        && default_lease_ttl > max_lease_ttl
    {
        return Err(given.error(
            "default_lease_ttl is longer than max_lease_ttl",
            "shorten it, or raise max_lease_ttl",
        ));
    }
    let telemetry = telemetry::read(&top, environment, warnings)?;
    let (limits, strangers) = limits(&top, &bounds, environment, warnings)?;
    let snapshots = snapshot::read(&top, &storage, environment, warnings)?;
    Ok(Config {
        seal,
        listeners,
        storage,
        default_lease_ttl: default_lease_ttl.min(max_lease_ttl),
        max_lease_ttl,
        log: log(&top)?,
        pid_file: top.path("pid_file")?,
        lock_memory: !top.flag("disable_mlock")?,
        cluster_name: top.text("cluster_name")?,
        api_addr: top.url("api_addr")?,
        limits,
        strangers,
        telemetry,
        user_lockout: lockout::read(&top, environment, warnings)?,
        snapshots,
    })
}

/// Finds the variables that credentials are kept in.
fn credentials(body: &Body, found: &mut Vec<String>) {
    fn of(value: &Value, found: &mut Vec<String>) {
        match &value.kind {
            Kind::Text(text) => found.extend(text.strip_prefix("env://").map(str::to_owned)),
            Kind::List(values) => values.iter().for_each(|value| of(value, found)),
            Kind::Object(body) => credentials(body, found),
            Kind::Bool(_) | Kind::Number(_) => {}
        }
    }
    body.items.iter().for_each(|item| of(&item.value, found));
}

fn log(top: &Section<'_>) -> Result<Log, ConfigError> {
    // The words were checked against their declarations.
    let level = logs::parse_level(&top.word("log_level")?).unwrap_or(log::LevelFilter::Info);
    let format = logs::Format::parse(&top.word("log_format")?).unwrap_or(logs::Format::Standard);
    Ok(Log { level, format, file: top.path("log_file")? })
}

fn limits(
    top: &Section<'_>,
    bounds: &Bounds,
    environment: &Environment<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(Limits, Strangers), ConfigError> {
    let mut entries = Vec::new();
    for entry in top.all("limits") {
        entries.extend(entry.block()?);
    }
    let section = Section::new(&keys::LIMITS, entries, environment, warnings);
    let strangers = Strangers {
        requests: Allowance {
            each: section.rate("unauthenticated_rate")?,
            all: section.rate("unauthenticated_total_rate")?,
        },
        passwords: Allowance {
            each: section.rate("password_rate")?,
            all: section.rate("password_total_rate")?,
        },
    };
    let limits = Limits {
        connections: section.count("max_connections")?,
        held_bytes: usize::try_from(section.bytes("max_held_bytes")?).unwrap_or(usize::MAX),
        worked_bytes: usize::try_from(section.bytes("max_worked_bytes")?).unwrap_or(usize::MAX),
        workers: section.count("workers")?,
        handshake: section.time_limit("tls_handshake_timeout")?,
        drain: section.time_limit("drain_timeout")?,
        body_bytes: bounds.body_bytes,
        head: bounds.head,
        read_stall: bounds.read_stall,
        write_stall: bounds.write_stall,
        idle: bounds.idle,
        ..Limits::default()
    };
    Ok((limits, strangers))
}
