//! How often each quota of a kind was violated.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::base::meter::{Counter, Labels, Readings, Value};
use crate::base::sync::lock;

/// The counters by the names of the quotas that there are.
#[derive(Default)]
pub struct Violations(Mutex<BTreeMap<String, Arc<Counter>>>);

impl Violations {
    /// Forgets what was counted of other quotas than these.
    pub fn keep(&self, names: &[&str]) {
        lock(&self.0).retain(|name, _| names.contains(&name.as_str()));
    }

    /// The counter of one: it goes on when the quota is changed.
    pub fn of(&self, name: &str) -> Arc<Counter> {
        lock(&self.0).entry(name.to_owned()).or_default().clone()
    }

    /// Tells what they stand at.
    pub fn tell(&self, meter: &'static str, help: &'static str, to: &mut Readings) {
        for (name, counter) in &*lock(&self.0) {
            let labels: Labels = vec![("cluster", to.cluster().to_owned()), ("name", name.clone())];
            to.add(meter, help, labels, Value::Counter(counter.get()));
        }
    }
}
