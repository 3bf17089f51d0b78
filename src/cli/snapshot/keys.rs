//! What opens a snapshot: unseal keys that are given, or asked for and not shown; or the automatic
//! seal of the server that it is of.

use std::sync::Arc;

use super::file;
use crate::barrier::past::Past;
use crate::barrier::seal::{Kind, Settings};
use crate::barrier::verify::Report;
use crate::base::entropy::{Entropy, SystemEntropy};
use crate::base::pages::Key;
use crate::cli::context::Context;
use crate::cli::prompt;
use crate::cli::shared::configuration;
use crate::cli::stop::Stop;
use crate::node::opened::Sealed;
use crate::sys::shares::{Gathering, Share, Step};

/// What opens something: shares that are given or asked for, or an automatic seal.
#[derive(Clone, Copy)]
pub struct Opener<'a> {
    /// The shares that are given.
    pub given: &'a [String],
    /// The configuration that names the seal.
    pub config: &'a [String],
    /// What to do where shares are needed and nobody can be asked.
    pub instead: &'a str,
}

/// Makes the key of the shares, or has the seal give it where a configuration names that.
pub fn gather(cx: &mut Context, seal: &Settings, by: Opener<'_>) -> Result<Key<32>, Stop> {
    match seal.kind {
        Kind::Auto(_) if !by.config.is_empty() && by.given.is_empty() => of_seal(seal, by.config),
        Kind::Auto(_) => of_people(cx, "Recovery", seal.kind.split().threshold(), by),
        Kind::Shamir(split) => of_people(cx, "Unseal", split.threshold(), by),
    }
}

fn of_seal(seal: &Settings, config: &[String]) -> Result<Key<32>, Stop> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let Some(by) = configuration(config)?.seal.of(&seal.kind, &entropy) else {
        let name = seal.kind.name();
        return Err(Stop::Usage(format!(
            "The {name} seal opens that, and the configuration has no seal {name:?}; recovery keys \
             open it, too"
        )));
    };
    seal.unwrapped(&*by).map_err(|error| Stop::Failed(error.to_string()))
}

fn of_people(
    cx: &mut Context,
    whose: &str,
    threshold: u8,
    by: Opener<'_>,
) -> Result<Key<32>, Stop> {
    let Opener { given, instead, .. } = by;
    let mut gathering = Gathering::default();
    let mut given = given.iter();
    loop {
        let number = gathering.progress() + 1;
        let text = match given.next() {
            Some(word) => prompt::given(word)?,
            None => {
                let keys = if threshold == 1 { "key" } else { "keys" };
                let question = format!("{whose} Key {number} of {threshold} (will be hidden):");
                prompt::secret(cx, &question, |why| {
                    Stop::Usage(format!(
                        "The snapshot needs {threshold} {} {keys}, and nobody can be asked \
                         for that: {why}. {instead}",
                        whose.to_lowercase()
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

/// Opens a snapshot. One that is damaged is opened, and that is said.
pub fn open(cx: &mut Context, name: &str, sealed: &Sealed, by: Opener<'_>) -> Result<Past, Stop> {
    let failed = |error| Stop::Failed(format!("{name}: {error}"));
    let key = gather(cx, &sealed.seal().map_err(failed)?, by)?;
    let (past, report) = sealed.open(&key).map_err(failed)?;
    warn_of(cx, name, &report);
    Ok(past)
}

/// Says it where a snapshot is not what it should be.
pub fn warn_of(cx: &mut Context, name: &str, report: &Report) {
    if !report.good() {
        let help = match file::is_there(name) {
            true => "`edgekeep snapshot verify` names what is bad",
            false => "An instant before it may be whole",
        };
        cx.warn(&format!(
            "{name} is damaged: what is read is authentic, but not all may be there. {help}."
        ));
    }
}
