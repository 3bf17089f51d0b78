//! What is measured of targets.

use super::Keeper;
use super::status::{Standing, Status};
use crate::base::meter::{Labels, Metered, Readings, Value};

impl Metered for Keeper {
    fn tell(&self, to: &mut Readings) {
        let Some(unsealed) = self.means.barrier.unsealed() else { return };
        let now = unsealed.time().now();
        for (name, status) in self.statuses() {
            let labels = || Labels::from([("target", name.clone())]);
            let mut gauge =
                |name, help, value: f64| to.add(name, help, labels(), Value::Gauge(value));
            let Status { last_good, next, journal, held: (snapshots, bytes), .. } = &status;
            let good = f64::from(u8::from(status.standing == Standing::Good));
            let help = "1 when all is well with a target of snapshots, else 0.";
            gauge("edgekeep.snapshot.target.good", help, good);
            let help =
                "1 while what lay on a target is gone or bad and no good snapshot was put since.";
            let damaged = f64::from(u8::from(status.damage.is_some()));
            gauge("edgekeep.snapshot.target.damaged", help, damaged);
            if let Some(good) = last_good {
                let help = "When a target's newest good snapshot was taken, seconds since 1970.";
                gauge("edgekeep.snapshot.target.last_good", help, good.taken.as_secs() as f64);
                let help = "How old a target's newest good snapshot is, in seconds.";
                let age = now.since(good.taken).as_secs_f64();
                gauge("edgekeep.snapshot.target.age_seconds", help, age);
            }
            if let Some(next) = next {
                let help = "When a target's next snapshot is due, seconds since 1970.";
                gauge("edgekeep.snapshot.target.next", help, next.as_secs() as f64);
            }
            if let Some(journal) = journal {
                if let Some(behind) = journal.behind() {
                    let help = "How many transactions a target lacks of the journal.";
                    gauge("edgekeep.snapshot.target.behind", help, behind as f64);
                }
                let help = "For how long it lacks the first of them, in seconds.";
                let since = journal.since.map_or(0.0, |since| now.since(since).as_secs_f64());
                gauge("edgekeep.snapshot.target.behind_seconds", help, since);
            }
            let help = "How many snapshots of this store a target holds.";
            gauge("edgekeep.snapshot.target.snapshots", help, *snapshots as f64);
            let help = "How many bytes they and the journal take there.";
            gauge("edgekeep.snapshot.target.bytes", help, *bytes as f64);
            let help = "How often what lay on a target was found gone or bad.";
            let damages = Value::Counter(status.damages);
            to.add("edgekeep.snapshot.target.damages_total", help, labels(), damages);
            let help = "How often a target did not do what it was asked.";
            let errors = Value::Counter(status.errors);
            to.add("edgekeep.snapshot.target.errors_total", help, labels(), errors);
        }
    }
}
