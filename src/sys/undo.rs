//! What comes before something that cannot be undone: a mark in the journal, to which a restore
//! goes back, or where there is none a snapshot beside the store.

use std::sync::Arc;

use crate::barrier::journal::record::Mark;
use crate::barrier::{Barrier, Unsealed};
use crate::snapshot::precaution::Precaution;

/// Takes care that there is a way back.
#[derive(Clone)]
pub struct Undo(Option<Arc<Precaution>>);

impl Undo {
    /// A store without a folder has nowhere to keep a snapshot.
    pub fn new(precaution: Option<Precaution>) -> Self {
        Self(precaution.map(Arc::new))
    }

    /// Whether there is anything to do before.
    pub fn acts(&self, unsealed: &Unsealed) -> bool {
        self.0.is_some() || unsealed.journal().is_some()
    }

    /// Marks the journal; where there is none, or it was cut, keeps a snapshot. What to tell of it:
    /// also that nothing could be kept, for it is done all the same.
    pub fn before(&self, unsealed: &Unsealed, mark: Mark) -> Option<String> {
        match unsealed.mark_journal(mark) {
            Ok(Some(revision)) => {
                return Some(format!(
                    "the journal is marked ({}): a restore to transaction {revision} takes this \
                     back",
                    mark.text(),
                ));
            }
            Ok(None) => {}
            Err(error) => {
                log::warn!("the journal could not be marked ({}): {error}", mark.text());
            }
        }
        self.keep(unsealed, mark)
    }

    /// Before a restore of the `same` keys or of others; with others goes what the journal says
    /// that is not on a target yet. A sealed store has nobody to keep it.
    pub fn before_restore(&self, store: &Barrier, same: bool) -> Option<String> {
        let unsealed = store.unsealed()?;
        match same {
            true => self.before(&unsealed, Mark::Restore),
            false => self.keep(&unsealed, Mark::Restore),
        }
    }

    fn keep(&self, unsealed: &Unsealed, mark: Mark) -> Option<String> {
        let kept = self.0.as_ref()?.keep(unsealed, file(mark)?);
        Some(match kept {
            Ok(path) => {
                format!("a snapshot ({}) is kept on the server: {}", mark.text(), path.display())
            }
            Err(error) => {
                let text = format!("no snapshot is kept ({}): {error}", mark.text());
                log::warn!("{text}");
                text
            }
        })
    }
}

/// What the file is called.
fn file(mark: Mark) -> Option<&'static str> {
    match mark {
        Mark::Rekey => Some("before-rekey.snap"),
        Mark::Rotate => Some("before-rotate.snap"),
        Mark::Restore => Some("before-restore.snap"),
        Mark::Disable => Some("before-disable.snap"),
        Mark::Upgrade => Some("before-upgrade.snap"),
        Mark::None => None,
    }
}
