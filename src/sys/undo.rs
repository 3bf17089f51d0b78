//! What comes before something that cannot be undone: a mark in the journal, to which a restore
//! goes back.

use crate::barrier::Unsealed;
use crate::barrier::journal::record::Mark;

/// Marks the journal, where there is one. What to tell of it.
pub fn mark(unsealed: &Unsealed, mark: Mark) -> Option<String> {
    match unsealed.mark_journal(mark) {
        Ok(revision) => Some(format!(
            "the journal is marked ({}): a restore to transaction {} takes this back",
            mark.text(),
            revision?
        )),
        Err(error) => {
            log::warn!("the journal could not be marked ({}): {error}", mark.text());
            None
        }
    }
}
