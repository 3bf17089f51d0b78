//! What the service manager gives the unit alone, and how the diagnosis comes to it.

use std::collections::BTreeSet;

use super::Subject;
use super::finding::Finding;
use crate::base::credential::Credential;

impl Subject {
    /// That `name` cannot be tried, as it takes some of these; `None` where nothing is withheld.
    /// The command gives all that the configuration names, for every check meets its own.
    pub fn withheld(&self, name: &str, credentials: &[Credential]) -> Option<Finding> {
        let lacking = names(credentials);
        if lacking.is_empty() {
            return None;
        }
        let lacking: Vec<_> = lacking.iter().map(|name| format!("systemd://{name}")).collect();
        let all = self.credentials();
        let given = names(&all);
        let given = given.iter().map(|name| format!("-p LoadCredentialEncrypted={name}:FILE "));
        Some(Finding::skipped(format!(
            "{name}: only the unit is given {}. To have it tried, give the diagnosis what the unit \
             is given, from the files that the unit names: `systemd-run --pipe --wait {}edgekeep \
             operator diagnose -config=CONFIG`",
            lacking.join(" and "),
            given.collect::<String>(),
        )))
    }

    /// Those of the whole configuration.
    fn credentials(&self) -> Vec<Credential> {
        let seals = self.config.seal.all().flat_map(|seal| seal.credentials()).cloned();
        let targets = self.config.snapshots.values().flat_map(|of| of.given.credentials());
        seals.chain(targets).collect()
    }
}

fn names(credentials: &[Credential]) -> BTreeSet<&str> {
    credentials.iter().filter_map(Credential::withheld).collect()
}
