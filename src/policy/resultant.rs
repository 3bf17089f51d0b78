//! All rights of a token, as `sys/internal/ui/resultant-acl` shows them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::acl::Acl;
use super::capability::Capabilities;
use super::grant::{Grant, Parameters};

impl Acl {
    /// The paths with what is given on each. As in Vault, paths with a `+` are left out, and the
    /// `*` at the end of others is.
    pub fn resultant(&self) -> Map<String, Value> {
        let mut shown = Map::from_iter([("root".to_owned(), self.is_root().into())]);
        if self.is_root() {
            return shown;
        }
        let (mut exact, mut globs) = (Map::new(), Map::new());
        for (rank, grants) in self.iter() {
            let paths = match (rank.is_exact(), rank.is_prefix()) {
                (true, _) => &mut exact,
                (_, true) => &mut globs,
                _ => continue,
            };
            paths.insert(rank.text().to_owned(), show(&grants));
        }
        shown.insert("exact_paths".to_owned(), exact.into());
        shown.insert("glob_paths".to_owned(), globs.into());
        shown
    }
}

fn show(grants: &[&Grant]) -> Value {
    let mut capabilities = Capabilities::default();
    grants.iter().for_each(|grant| capabilities.add_all(grant.capabilities));
    let mut shown = json!({ "capabilities": capabilities.names() });
    if capabilities.denies() {
        return shown;
    }
    let limits = || grants.iter().filter_map(|grant| grant.limits.as_deref());
    let seconds = |span: std::time::Duration| span.as_secs().into();
    let required: Vec<&str> =
        limits().flat_map(|limits| &limits.required).fold(Vec::new(), |mut all, name| {
            if !all.contains(&name.as_str()) {
                all.push(name);
            }
            all
        });
    let more: [(&str, Option<Value>); 5] = [
        ("min_wrapping_ttl", limits().filter_map(|l| l.min_wrapping_ttl).min().map(seconds)),
        ("max_wrapping_ttl", limits().filter_map(|l| l.max_wrapping_ttl).min().map(seconds)),
        ("allowed_parameters", merge(limits().map(|limits| &limits.allowed))),
        ("denied_parameters", merge(limits().map(|limits| &limits.denied))),
        ("required_parameters", (!required.is_empty()).then(|| json!(required))),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            shown[name] = value;
        }
    }
    shown
}

/// The parameters of several rules: an empty list, which means every value, goes before others.
fn merge<'a>(all: impl Iterator<Item = &'a Parameters>) -> Option<Value> {
    let mut merged: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (name, values) in all.flatten() {
        let values: Vec<&Value> = values.iter().collect();
        match merged.get_mut(name.as_str()) {
            None => drop(merged.insert(name, values)),
            Some(before) if before.is_empty() || values.is_empty() => before.clear(),
            Some(before) => *before = [values, before.split_off(0)].concat(),
        }
    }
    (!merged.is_empty()).then(|| json!(merged))
}
