//! What comes before something that cannot be undone: a mark in the journal, to which a restore
//! goes back, and where no target leads there a snapshot beside the store.

use std::path::Path;
use std::sync::Arc;

use crate::barrier::journal::record::Mark;
use crate::barrier::root::Timeline;
use crate::barrier::{Barrier, Unsealed};
use crate::base::shell::word;
use crate::snapshot::keeper::Keeper;
use crate::snapshot::precaution::Precaution;

/// Takes care that there is a way back.
#[derive(Clone)]
pub struct Undo {
    precaution: Option<Arc<Precaution>>,
    keeper: Arc<Keeper>,
}

impl Undo {
    /// A store without a folder has nowhere to keep a snapshot.
    pub fn new(precaution: Option<Precaution>, keeper: Arc<Keeper>) -> Self {
        Self { precaution: precaution.map(Arc::new), keeper }
    }

    /// Whether there is anything to do before.
    pub fn acts(&self, unsealed: &Unsealed) -> bool {
        self.precaution.is_some() || unsealed.journal().is_some_and(|head| !head.cut)
    }

    /// Marks the journal; where no target leads back to the mark, keeps a snapshot too. What to
    /// tell of it: also that nothing could be kept, for it is done all the same.
    pub fn before(&self, unsealed: &Unsealed, mark: Mark) -> Option<String> {
        let timeline = unsealed.status().timeline;
        match unsealed.mark_journal(mark) {
            Ok(Some(revision)) => {
                if let Some(target) = self.way_back(mark, timeline) {
                    return Some(marked(mark, &target, (timeline, revision)));
                }
            }
            Ok(None) => {}
            Err(error) => {
                log::warn!("the journal could not be marked ({}): {error}", mark.text());
            }
        }
        self.keep(unsealed, mark, true)
    }

    /// Before a restore of the `same` keys or of others; with others goes what the journal says
    /// that is not on a target yet. A sealed store has nobody to keep it.
    pub fn before_restore(&self, store: &Barrier, same: bool) -> Option<String> {
        let unsealed = store.unsealed()?;
        match same {
            true => self.before(&unsealed, Mark::Restore),
            false => self.keep(&unsealed, Mark::Restore, false),
        }
    }

    /// A target that is there and has a base of this history: without one the journal leads
    /// nowhere. What is restored into another folder asks no server, so the configuration has to
    /// tell where that target is.
    fn way_back(&self, mark: Mark, timeline: Timeline) -> Option<String> {
        let is_known = |name: &str| mark != Mark::Rekey || self.keeper.configured(name).is_some();
        let mut all = self.keeper.statuses().into_iter();
        let found = all.find(|(name, status)| is_known(name) && status.leads_back(timeline));
        found.map(|(name, _)| name)
    }

    /// `same` are the keys of what comes then.
    fn keep(&self, unsealed: &Unsealed, mark: Mark, same: bool) -> Option<String> {
        let kept = self.precaution.as_ref()?.keep(unsealed, file(mark)?);
        Some(match kept {
            Ok(path) => {
                let kept = format!("a snapshot ({}) is kept on the server: ", mark.text());
                match mark {
                    // It has other shares, or is another program's.
                    Mark::Rekey | Mark::Upgrade => kept + &path.to_string_lossy(),
                    _ if same => kept + &taken_back("", &path),
                    _ => kept + &taken_back_from_others(&path),
                }
            }
            Err(error) => {
                // The program has the store from now on, so that this is not tried again.
                let late = match mark {
                    Mark::Upgrade => {
                        "; it goes on without: what `edgekeep snapshot save FILE` keeps from now \
                         on is nearest to that"
                    }
                    _ => "",
                };
                let text = format!("no snapshot is kept ({}): {error}{late}", mark.text());
                log::warn!("{text}");
                text
            }
        })
    }
}

/// What is told of a mark: the way back to it.
fn marked(mark: Mark, target: &str, (timeline, revision): (Timeline, u64)) -> String {
    let what = mark.text();
    // By its number alone it may be of another history, where a restore went back before.
    let way = format!(
        "edgekeep snapshot restore -target={target} -revision={revision} -timeline={timeline}"
    );
    match mark {
        // A restore into the server itself keeps the present shares.
        Mark::Rekey => format!(
            "the journal is marked ({what}): to have the shares of before, restore that into \
             another folder: `{way} -into=FOLDER -config=CONFIGURATION`"
        ),
        _ => format!("the journal is marked ({what}): `{way}` takes this back"),
    }
}

fn taken_back(options: &str, file: &Path) -> String {
    let file = file.to_string_lossy();
    format!("`edgekeep snapshot restore {options}{}` takes this back", word(&file))
}

/// The server is sealed then. Who has put a stranger's snapshot there by mistake has no keys of it.
fn taken_back_from_others(file: &Path) -> String {
    let folder = file.parent().map(Path::to_string_lossy).unwrap_or_default();
    format!(
        "{}, once the server is unsealed by the keys of what was restored, with a token of that; \
         without those {}, while the server is stopped",
        taken_back("-force ", file),
        taken_back(&format!("-force -into={} ", word(&folder)), file)
    )
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
