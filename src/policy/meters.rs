//! What is counted and measured of policies.

use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::meter::{Metered, Readings, Sampler, Timer};

/// The meters of policies.
pub struct Meters {
    /// Finding a policy's rules.
    pub get: Sampler,
    /// Setting a policy.
    pub set: Timer,
    /// Deleting one.
    pub delete: Timer,
    /// Listing all.
    pub list: Timer,
}

impl Meters {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let timer = || Timer::new(clock);
        Self { get: Sampler::new(clock), set: timer(), delete: timer(), list: timer() }
    }
}

impl Metered for Meters {
    fn tell(&self, to: &mut Readings) {
        let help = "Milliseconds to find a policy's rules.";
        to.summary("vault.policy.get_policy", help, self.get.millis());
        let help = "Milliseconds to set a policy.";
        to.summary("vault.policy.set_policy", help, self.set.millis());
        let help = "Milliseconds to delete a policy.";
        to.summary("vault.policy.delete_policy", help, self.delete.millis());
        let help = "Milliseconds to list the policies.";
        to.summary("vault.policy.list_policies", help, self.list.millis());
    }
}
