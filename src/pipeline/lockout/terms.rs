//! After how many failed logins somebody is locked out, and for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::mount::config::UserLockout;
use crate::mount::table::Mount;

/// What holds for the users of one auth method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// After so many failed logins.
    pub threshold: u64,
    /// For so long after the last of them.
    pub duration: Duration,
    /// They are forgotten after so long without another.
    pub counter_reset: Duration,
    /// Nobody is locked out.
    pub disabled: bool,
}

impl Default for Terms {
    fn default() -> Self {
        let quarter = Duration::from_secs(15 * 60);
        Self { threshold: 5, duration: quarter, counter_reset: quarter, disabled: false }
    }
}

impl Terms {
    /// With what was said of a mount in the place of what holds elsewhere.
    fn tuned(self, said: UserLockout) -> Self {
        let or = |said: u64, span| if said == 0 { span } else { Duration::from_secs(said) };
        Self {
            threshold: if said.threshold == 0 { self.threshold } else { said.threshold },
            duration: or(said.duration, self.duration),
            counter_reset: or(said.counter_reset, self.counter_reset),
            disabled: self.disabled || said.disable,
        }
    }
}

/// What the server's configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Of every auth method.
    pub all: Terms,
    /// Of those of one type.
    pub kinds: BTreeMap<String, Terms>,
    /// Whether the environment disables it, which goes before all else.
    pub disabled: Option<bool>,
}

impl Settings {
    /// What holds for the users of a mount; `None` where nobody is locked out.
    pub fn terms(&self, mount: &Mount) -> Option<Terms> {
        if !mount.engine().is_some_and(|engine| engine.has_aliases()) {
            return None;
        }
        let terms = *self.kinds.get(&mount.kind).unwrap_or(&self.all);
        let terms = terms.tuned(mount.config.user_lockout.unwrap_or_default());
        let disabled = self.disabled.unwrap_or(terms.disabled);
        (!disabled).then_some(terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn the_narrower_goes_before_the_wider_and_the_environment_before_all() {
        let mut mount = Mount::new("auth/u/", "userpass", "", &SeededEntropy::new(1));
        let mut settings = Settings::default();
        assert_eq!(settings.terms(&mount), Some(Terms::default()));
        settings.all.threshold = 3;
        assert_eq!(settings.terms(&mount), Some(settings.all));
        let own = Terms { threshold: 9, disabled: true, ..Terms::default() };
        settings.kinds.insert("userpass".to_owned(), own);
        assert_eq!(settings.terms(&mount), None);
        settings.disabled = Some(false);
        let duration = 60;
        mount.config.user_lockout = Some(UserLockout { duration, ..UserLockout::default() });
        let terms = settings.terms(&mount).unwrap();
        assert_eq!((terms.threshold, terms.duration), (9, Duration::from_secs(60)));
        settings.disabled = Some(true);
        assert_eq!(settings.terms(&mount), None);
        settings.disabled = None;
        mount.kind = "approle".to_owned();
        assert_eq!(settings.terms(&mount).unwrap().threshold, 3);
        mount.config.user_lockout = Some(UserLockout { disable: true, ..UserLockout::default() });
        assert_eq!(settings.terms(&mount), None);
    }
}
