//! A server, its store and its targets through a random history of writes, snapshots, crashes,
//! failures, compactions, rewinds and retention; then random instants of it are brought back.
//!
//! All follows from a seed: `EDGEKEEP_SEED=n` repeats one, `EDGEKEEP_SIMULATIONS=n` runs the first
//! `n`; `EDGEKEEP_LOUD` tells all of what happens, the keepers' log among it.

mod acts;
mod behind;
mod checks;
mod latest;
mod left;
mod model;
mod neighbour;
mod owed;
mod place;
mod site;
mod twin;
mod unread;
mod watched;
#[path = "../support/mod.rs"]
mod support;

use crate::site::Site;

/// How long a history is.
const ACTS: usize = 1500;
/// How many of its instants are brought back, where targets hold so many of a history.
const RESTORES: u64 = 200;
/// So many they hold of each, or of a short one an eighth.
const LEAST: u64 = RESTORES / 20;
/// As many run unless told otherwise.
const SIMULATIONS: u64 = 3;

#[test]
fn what_is_promised_of_a_history_holds_whatever_happens() {
    if std::env::var_os("EDGEKEEP_LOUD").is_some() && log::set_logger(&Loud).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("EDGEKEEP_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("EDGEKEEP_SIMULATIONS").unwrap_or(SIMULATIONS),
    };
    for seed in seeds {
        let mut site = Site::new(seed);
        for _ in 0..ACTS {
            site.act();
        }
        site.come_to_rest();
        site.must_have_kept_all();
        let (back, refused) = site.bring_back(RESTORES);
        let (commits, timelines) = site.counts();
        println!(
            "seed {seed}: {commits} commits in {timelines} histories; {back} instants came back, \
             {refused} more are not kept"
        );
        let least = LEAST.min(commits as u64 / 8);
        assert!(back >= least, "seed {seed}: hardly any came back");
    }
}

struct Loud;

impl log::Log for Loud {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("{}", record.args());
    }

    fn flush(&self) {}
}
