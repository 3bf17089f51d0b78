//! `snapshot "NAME"`: where snapshots and the journal go.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::keys::{Form, SNAPSHOT, Standing};
use super::section::{Entry, Section};
use super::storage::Storage;
use super::{ConfigError, Environment, Warning};
use crate::api::pattern::is_name;
use crate::snapshot::keeper::settings::{Fields, Given, Giver, Settings, field};

/// The word of the file for what the API calls `storage_type`.
const TYPE: &str = "type";

/// Reads all `snapshot` blocks: targets by their names.
pub(super) fn read<'a>(
    top: &Section<'a>,
    storage: &Storage,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<BTreeMap<String, Settings>, ConfigError> {
    let mut targets = BTreeMap::new();
    for entry in top.all("snapshot") {
        let name = entry.label()?.unwrap_or_default();
        if !is_name(name) {
            return Err(entry.error(
                format!("{name:?} is no name of a target"),
                "write snapshot \"NAME\" with a word as the name, which may have . and - inside",
            ));
        }
        let settings = target(entry, environment, warnings)?;
        if let Storage::Redb { folder, .. } = storage {
            let elsewhere = "name a folder on another disk";
            let outside = settings.must_be_outside(folder);
            outside.map_err(|wrong| entry.error(wrong.to_string(), elsewhere))?;
        }
        let others = targets.iter().map(|(name, other): (&String, _)| (name.as_str(), other));
        let others = others.filter(|(other, _)| *other != name);
        let apart = "see snapshot in the reference of the configuration";
        settings.must_be_beside(others).map_err(|wrong| entry.error(wrong.to_string(), apart))?;
        if targets.insert(name.to_owned(), settings).is_some() {
            let what = format!("a second snapshot {name:?}");
            return Err(entry.error(what, "give it another name, or leave it out"));
        }
    }
    Ok(targets)
}

fn target<'a>(
    entry: Entry<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Settings, ConfigError> {
    let before = warnings.len();
    let section = Section::new(&SNAPSHOT, entry.block()?, environment, warnings);
    let mut fields = Fields::default();
    let heeded = SNAPSHOT.keys.iter().filter(|key| key.standing == Standing::Heeded);
    for key in heeded.filter(|key| section.last(key.name).is_some()) {
        let name = if key.name == TYPE { field::STORAGE_TYPE } else { key.name };
        let given = match key.form {
            Form::Flag => Some(Given::Flag(section.flag(key.name)?)),
            Form::Count => Some(Given::Number(section.count(key.name)? as u64)),
            Form::Bytes => Some(Given::Number(section.bytes(key.name)?)),
            Form::Duration => Some(Given::Seconds(section.duration(key.name)?.as_secs())),
            Form::List => None,
            _ => section.text(key.name)?.map(Given::Text),
        };
        if let Some(given) = given {
            fields.set(name, given);
        }
    }
    let include = include(&section)?;
    let read = Settings::read(fields, Giver::Configuration).map_err(|wrong| {
        let what = wrong.to_string().replace(field::STORAGE_TYPE, TYPE);
        // What is missing may stand there, mistyped.
        let told = warnings.get(before).map(Warning::to_string);
        let usual = || "see snapshot in the reference of the configuration".to_owned();
        entry.error(what, told.unwrap_or_else(usual))
    });
    Ok(Settings { include, ..read? })
}

/// The files that go along. Nobody can set that but who may read them already: the API refuses it.
fn include(section: &Section<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    let Some(entry) = section.last(field::INCLUDE) else { return Ok(Vec::new()) };
    let paths: Vec<PathBuf> =
        section.list(field::INCLUDE)?.into_iter().map(PathBuf::from).collect();
    match paths.iter().find(|path| !path.is_absolute()) {
        None => Ok(paths),
        Some(path) => Err(entry
            .error(format!("include: {} is no whole path", path.display()), "write it from / on")),
    }
}
