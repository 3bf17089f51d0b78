//! How often each status was answered.

use crate::base::meter::{Counter, Readings, Value};

const LOWEST: u16 = 100;
const HIGHEST: u16 = 599;

/// A counter for each status that there can be.
pub struct Statuses(Box<[Counter]>);

impl Default for Statuses {
    fn default() -> Self {
        Self((LOWEST..=HIGHEST).map(|_| Counter::default()).collect())
    }
}

impl Statuses {
    /// One more was answered so.
    pub fn count(&self, status: u16) {
        let place = status.checked_sub(LOWEST).map(usize::from);
        if let Some(counter) = place.and_then(|place| self.0.get(place)) {
            counter.count();
        }
    }

    /// Tells of those that were answered.
    pub fn tell(&self, to: &mut Readings) {
        for (status, counter) in (LOWEST..).zip(&self.0) {
            let count = counter.get();
            if count > 0 {
                let kind = format!("{}xx", status / 100);
                let labels = vec![("code", status.to_string()), ("type", kind)];
                let help = "Requests answered, by status.";
                to.add("vault.core.response_status_code", help, labels, Value::Counter(count));
            }
        }
    }
}
