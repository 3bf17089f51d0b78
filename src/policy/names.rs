//! The names of everything in a folder of the store.

use crate::barrier::txn::{Scope, TxnError};

/// The names of all entries below `folder`, in Vault's order: those without a slash, then what is
/// below each of the others.
pub fn below(system: &mut Scope<'_>, folder: &str) -> Result<Vec<String>, TxnError> {
    let (mut names, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(below) = folders.pop() {
        for name in system.list(&format!("{folder}/{below}"))? {
            let found = if name.ends_with('/') { &mut folders } else { &mut names };
            found.push(format!("{below}{name}"));
        }
    }
    Ok(names)
}
