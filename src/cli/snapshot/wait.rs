//! Waiting for a place that comes and goes: a stick that is to be plugged in.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::target::LOOK;
use crate::base::clock::{Clock as _, SystemClock};
use crate::base::ttl::Ttl;
use crate::cli::context::Context;
use crate::cli::progress::Progress;
use crate::cli::stop::Stop;
use crate::node::offline::Interruption;
use crate::snapshot::target::Target;

/// What a server says of a stick that is away.
const AWAY: &str = "plug it in";

const ENDS: &str = "Ctrl-C ends that; -wait=0 does not wait";

/// How often a server is asked.
const AGAIN: Duration = Duration::from_secs(1);

/// How long somebody waits, all in all.
pub struct Patience {
    /// Without an end it lasts until Ctrl-C.
    wait: Option<Duration>,
    /// Since when, by the boot clock: what comes before it may take long by itself.
    since: OnceCell<Duration>,
}

impl Patience {
    /// That of an option: as long as is needed, unless told.
    pub fn of(wait: Option<Ttl>) -> Self {
        let wait = wait.map(|wait| wait.to_duration().unwrap_or_default());
        Self { wait, since: OnceCell::new() }
    }

    /// Waits until one of these comes that are away; whether one came. What never goes away is not
    /// waited for.
    pub fn lasts_until<'a>(
        &self,
        cx: &mut Context,
        places: impl IntoIterator<Item = (&'a str, &'a Arc<dyn Target>)>,
    ) -> Result<bool, Stop> {
        // Before a stick is asked for: what ends this takes that back.
        let interruption =
            Interruption::begin().map_err(|error| Stop::Failed(error.to_string()))?;
        let away = places.into_iter().filter(|(_, target)| target.visit().is_none());
        // One that is plugged in comes when it is asked for.
        let away: Vec<_> =
            away.map(|(name, target)| (name, target, target.list("").err())).collect();
        let came = away.iter().any(|(.., why)| why.is_none());
        if came || away.is_empty() || self.is_over() {
            return Ok(came);
        }
        for (name, _, why) in &away {
            let why = why.as_ref().map(ToString::to_string).unwrap_or_default();
            cx.note(&format!("Waiting for {name}: {why}"));
        }
        cx.note(ENDS);
        let _shown = Progress::waiting("Waiting");
        while !away.iter().any(|(_, target, _)| target.visit().is_some()) {
            if interruption.flag().load(Ordering::SeqCst) {
                return Err(Stop::Failed("Nobody waits any more; nothing was changed".into()));
            }
            if self.is_over() {
                return Ok(false);
            }
            thread::sleep(LOOK);
        }
        Ok(true)
    }

    /// Asks a server again and again while a stick is not plugged in that it needs.
    pub fn lasts_while_away<T>(
        &self,
        cx: &mut Context,
        name: &str,
        mut ask: impl FnMut(&mut Context) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut told = false;
        loop {
            let answer = ask(cx);
            match &answer {
                Err(stop) if stop.says(AWAY) && !self.is_over() => {}
                _ => return answer,
            }
            if !told {
                cx.note(&format!("Waiting for {name}: plug it in. {ENDS}"));
                told = true;
            }
            thread::sleep(AGAIN);
        }
    }

    fn is_over(&self) -> bool {
        let now = SystemClock.boot();
        let waited = now.saturating_sub(*self.since.get_or_init(|| now));
        self.wait.is_some_and(|wait| waited >= wait)
    }
}
