//! A random history, and what comes back of it.

use std::collections::BTreeSet;
use std::time::Duration;

use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::RewindError;
use edgekeep::snapshot::rewind::plan::{At, Refusal};

use crate::site::{Past, Site};
use crate::support::dice::Dice;

const ACTS: usize = 1500;
const RESTORES: u64 = 200;

/// Short, so that a short history grows old.
const POLICY: Policy =
    Policy { all: Duration::from_secs(40 * 3600), hourly: Duration::from_secs(400 * 3600) };

#[test]
fn two_hundred_instants_of_a_random_history_come_back() {
    let seed = 7;
    let dice = Dice::new(seed);
    let mut site = Site::new(seed);
    for _ in 0..ACTS {
        act(&mut site, &dice);
    }
    site.ship(u64::MAX);
    let history = site.history.clone();
    let ended = site.clock_now();
    let timelines: BTreeSet<_> = history.iter().map(|past| past.timeline).collect();
    assert!(timelines.len() > 2, "it went back at times");
    let mut folded = 0;
    for n in 0..RESTORES {
        let past = &history[dice.below(history.len() as u64) as usize];
        let what = format!("{} of {} at {:?}", past.revision, past.timeline, past.time);
        let at = match dice.below(2) {
            0 => At::Revision(past.revision),
            _ => At::Time(past.time),
        };
        let wanted = match at {
            At::Time(time) => at_time(&history, past, time),
            _ => past,
        };
        // Every second time on a machine that has no store and no keys.
        let mut bare = site.bare(n);
        let place = if n % 2 == 0 { &mut site } else { &mut bare };
        let prepared = match place.prepare(at, Some(past.timeline)) {
            Err(RewindError::Refused(Refusal::Folded(_, gap), _)) => {
                let at = At::Revision(gap.before.revision);
                place.prepare(at, Some(past.timeline))
            }
            other => other,
        };
        let prepared = prepared.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = prepared.found().instant.revision;
        let wanted = if found == wanted.revision {
            wanted
        } else {
            // Not every commit of old times is kept.
            folded += 1;
            assert!(ended.since(wanted.time) > POLICY.all, "{what}");
            let there = |past: &&Past| (past.timeline, past.revision) == (wanted.timeline, found);
            history.iter().find(there).unwrap()
        };
        prepared.restore(&place.barrier, false).unwrap_or_else(|error| panic!("{what}: {error}"));
        if n % 2 == 1 {
            place.shares = wanted.shares.clone();
            place.unseal();
        }
        place.must_be(&wanted.state, &what);
    }
    println!("{folded} of {RESTORES} instants were folded into others");
    assert!(folded > 0);
}

/// The last commit of that history at that time.
fn at_time<'a>(history: &'a [Past], past: &Past, time: Timestamp) -> &'a Past {
    let mut of_it = history.iter().filter(|other| other.timeline == past.timeline);
    of_it.rfind(|other| other.time <= time).unwrap()
}

fn act(site: &mut Site, dice: &Dice) {
    let path = format!("{}/{}", dice.below(5), dice.below(12));
    match dice.below(100) {
        0..60 => {
            let length = 1 + dice.below(300) as usize;
            site.put(&path, &vec![dice.below(256) as u8; length]);
        }
        60..75 => site.delete(&path),
        75..82 => site.pass(Duration::from_millis(dice.below(3000))),
        82 => site.pass(Duration::from_secs(dice.below(12 * 3600))),
        83 => compact(site, dice),
        84..92 => drop(site.ship(if dice.one_in(3) { 2000 } else { u64::MAX })),
        92..94 => drop(site.snapshot()),
        94 => site.rotate(),
        95 => site.rekey(),
        96 => {
            site.barrier.seal();
            site.unseal();
        }
        97 if dice.one_in(3) => {
            // Everything that was is on the target before the history is left.
            site.ship(u64::MAX);
            let past = &site.history[dice.below(site.history.len() as u64) as usize];
            let past = past.clone();
            if site.prepare(At::Revision(past.revision), Some(past.timeline)).is_err() {
                return;
            }
            site.pass(Duration::from_secs(1));
            site.rewind(&past);
            site.snapshot();
        }
        _ => site.put(&path, b""),
    }
}

/// Compacts; a crash may leave some of what the new segments were made of.
fn compact(site: &Site, dice: &Dice) {
    let before: Vec<_> = site
        .segments()
        .into_iter()
        .map(|listed| (std::fs::read(site.path(&listed.name)).unwrap(), listed.name))
        .collect();
    site.compact(POLICY);
    for (file, name) in before {
        if dice.one_in(4) {
            site.send(&name, &file);
        }
    }
}
