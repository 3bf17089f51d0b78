//! `user_lockout "all"`, and others by the type of the auth method.

use std::path::PathBuf;

use super::keys::USER_LOCKOUT;
use super::section::Section;
use super::{ConfigError, Environment, Warning};
use crate::base::golang;
use crate::base::variable::Variable;
use crate::pipeline::lockout::{Settings, Terms};

const ALL: &str = "all";
const KINDS: [&str; 4] = [ALL, "userpass", "approle", "ldap"];

/// Reads all `user_lockout` blocks.
pub(super) fn read<'a>(
    top: &Section<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Settings, ConfigError> {
    let mut settings = Settings { disabled: switch(environment)?, ..Settings::default() };
    let mut blocks = Vec::new();
    for entry in top.all("user_lockout") {
        let kind = entry.label()?.unwrap_or_default();
        if !KINDS.contains(&kind) {
            let remedy = format!("write user_lockout \"all\", or one of {}", KINDS[1..].join(", "));
            return Err(entry.error(format!("there is no user_lockout {kind:?}"), remedy));
        }
        let section = Section::new(&USER_LOCKOUT, entry.block()?, environment, warnings);
        blocks.push((kind, section));
    }
    // What one of a type does not say holds as it does for all.
    blocks.sort_by_key(|(kind, _)| *kind != ALL);
    for (kind, section) in blocks {
        let terms = terms(&section, settings.all)?;
        match kind {
            ALL => settings.all = terms,
            kind => drop(settings.kinds.insert(kind.to_owned(), terms)),
        }
    }
    Ok(settings)
}

fn terms(section: &Section<'_>, otherwise: Terms) -> Result<Terms, ConfigError> {
    let given = |name| section.last(name).is_some();
    let mut terms = otherwise;
    if given("lockout_threshold") {
        terms.threshold = section.count("lockout_threshold")? as u64;
    }
    if given("lockout_duration") {
        terms.duration = section.time_limit("lockout_duration")?;
    }
    if given("lockout_counter_reset") {
        terms.counter_reset = section.time_limit("lockout_counter_reset")?;
    }
    if given("disable_lockout") {
        terms.disabled = section.flag("disable_lockout")?;
    }
    Ok(terms)
}

/// What goes before the file, and before what is tuned of an auth method.
fn switch(environment: &Environment<'_>) -> Result<Option<bool>, ConfigError> {
    let Some(given) = environment(Variable::DisableUserLockout) else { return Ok(None) };
    golang::parse_bool(&given.value).map(Some).map_err(|_| ConfigError {
        file: PathBuf::from(&given.by),
        line: None,
        what: format!("its value is {:?}", given.value),
        remedy: "it must be true or false".to_owned(),
    })
}
