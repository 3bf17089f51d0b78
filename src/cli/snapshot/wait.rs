//! Waiting for a place that comes and goes: a stick that is to be plugged in.

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

/// So long it takes at most until a stick is mounted that is plugged in.
const LENDING: Duration = Duration::from_secs(5);

/// How often a server is asked.
const AGAIN: Duration = Duration::from_secs(1);

/// How long somebody waits, all in all.
pub struct Patience {
    /// By the boot clock; without an end it lasts until Ctrl-C.
    until: Option<Duration>,
}

impl Patience {
    /// That of an option: as long as is needed, unless told.
    pub fn of(wait: Option<Ttl>) -> Self {
        let wait = wait.map(|wait| wait.to_duration().unwrap_or_default());
        Self { until: wait.map(|wait| SystemClock.boot() + wait) }
    }

    /// Asks for the sticks among these, and waits a moment before another place is taken instead:
    /// one that is plugged in is mounted only when somebody asks for it.
    pub fn lends<'a>(
        &self,
        places: impl IntoIterator<Item = &'a Arc<dyn Target>>,
    ) -> Result<(), Stop> {
        let interruption = begin()?;
        let away = |target: &&Arc<dyn Target>| target.visit().is_none();
        let (sticks, others): (Vec<_>, Vec<_>) = places.into_iter().partition(away);
        if others.is_empty() {
            return Ok(());
        }
        for stick in &sticks {
            let _ = stick.list("");
        }
        let until = SystemClock.boot() + LENDING;
        while sticks.iter().any(away) && !self.is_over() && SystemClock.boot() < until {
            must_go_on(&interruption)?;
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Waits until one of these comes that are away; whether one came. What never goes away is not
    /// waited for.
    pub fn lasts_until<'a>(
        &self,
        cx: &mut Context,
        places: impl IntoIterator<Item = (&'a str, &'a Arc<dyn Target>)>,
    ) -> Result<bool, Stop> {
        let interruption = begin()?;
        let away: Vec<_> =
            places.into_iter().filter(|(_, target)| target.visit().is_none()).collect();
        if away.is_empty() || self.is_over() {
            return Ok(false);
        }
        for (name, target) in &away {
            let why = target.list("").err().map(|error| error.to_string()).unwrap_or_default();
            cx.note(&format!("Waiting for {name}: {why}"));
        }
        cx.note(ENDS);
        let _shown = Progress::waiting("Waiting");
        while !away.iter().any(|(_, target)| target.visit().is_some()) {
            must_go_on(&interruption)?;
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
        self.until.is_some_and(|until| SystemClock.boot() >= until)
    }
}

/// To be begun before a stick is asked for: what ends the program takes that back first.
fn begin() -> Result<Interruption, Stop> {
    Interruption::begin().map_err(|error| Stop::Failed(error.to_string()))
}

fn must_go_on(interruption: &Interruption) -> Result<(), Stop> {
    match interruption.flag().load(Ordering::SeqCst) {
        true => Err(Stop::Failed("Nobody waits any more; nothing was changed".into())),
        false => Ok(()),
    }
}
