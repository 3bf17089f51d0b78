//! The unseal keys of a snapshot: given, or asked for and not shown.

use crate::barrier::past::Past;
use crate::barrier::seal::{Kind, Settings};
use crate::barrier::verify::Report;
use crate::base::pages::Key;
use crate::cli::context::Context;
use crate::cli::prompt;
use crate::cli::stop::Stop;
use crate::node::opened::Sealed;
use crate::sys::shares::{Gathering, Share, Step};

/// Makes the key of the shares that are given or asked for. `instead` says what to do where nobody
/// can be asked.
pub fn gather(
    cx: &mut Context,
    seal: &Settings,
    given: &[String],
    instead: &str,
) -> Result<Key<32>, Stop> {
    let Kind::Shamir(split) = seal.kind;
    let threshold = split.threshold();
    let mut gathering = Gathering::default();
    let mut given = given.iter();
    loop {
        let number = gathering.progress() + 1;
        let text = match given.next() {
            Some(word) => prompt::given(word)?,
            None => {
                let keys = if threshold == 1 { "key" } else { "keys" };
                let question = format!("Unseal Key {number} of {threshold} (will be hidden):");
                prompt::secret(cx, &question, |why| {
                    Stop::Usage(format!(
                        "The snapshot needs {threshold} unseal {keys}, and nobody can be asked \
                         for that: {why}. {instead}"
                    ))
                })?
            }
        };
        let share = Share::parse(&text).map_err(|e| Stop::Usage(e.to_string()))?;
        match gathering.give(share, threshold) {
            Step::Known => cx.warn("That key was given already."),
            Step::More => {}
            Step::Enough(key) => {
                return key.map_err(|_| Stop::Failed("The keys do not fit together".to_owned()));
            }
        }
    }
}

/// Opens a snapshot with its unseal keys. One that is damaged is opened, and that is said.
pub fn open(
    cx: &mut Context,
    name: &str,
    sealed: &Sealed,
    given: &[String],
    instead: &str,
) -> Result<Past, Stop> {
    let failed = |error| Stop::Failed(format!("{name}: {error}"));
    let key = gather(cx, &sealed.seal().map_err(failed)?, given, instead)?;
    let (past, report) = sealed.open(&key).map_err(failed)?;
    warn_of(cx, name, &report);
    Ok(past)
}

/// Says it where a snapshot is not what it should be.
pub fn warn_of(cx: &mut Context, name: &str, report: &Report) {
    if !report.good() {
        cx.warn(&format!(
            "{name} is damaged: what is read is authentic, but not all may be there. `edgekeep \
             snapshot verify` names what is bad."
        ));
    }
}
