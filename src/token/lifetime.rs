//! How long a token may live, by Vault's rules.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::ttl::Ttl;

/// What the time of a token is made of. Zero is "not said".
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Asked for by who makes or renews it.
    pub increment: Duration,
    /// What the auth method or role gives.
    pub ttl: Duration,
    /// What the auth method or role allows.
    pub max_ttl: Duration,
    /// What each renewal sets it back to.
    pub period: Duration,
    /// The longest whatever else is said.
    pub explicit_max_ttl: Duration,
    /// What the mount gives.
    pub mount_default: Duration,
    /// What the mount allows.
    pub mount_max: Duration,
}

/// What was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// From now on.
    pub ttl: Duration,
    /// What was cut, in Vault's words.
    pub warnings: Vec<String>,
}

/// It has lived as long as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastMax;

impl Bounds {
    /// The time that a token of an age of `now - started` gets.
    pub fn grant(self, started: Timestamp, now: Timestamp) -> Result<Granted, PastMax> {
        // Vault's are whole seconds, so that a renewal in the same second is not cut by a part.
        let whole = |time: Timestamp| Timestamp::from_secs(time.as_secs());
        let (started, now) = (whole(started), whole(now));
        let narrower = |max: Duration, other: Duration| {
            if other.is_zero() { max } else { max.min(other) }
        };
        let max = narrower(narrower(self.mount_max, self.max_ttl), self.explicit_max_ttl);
        let mut warnings = Vec::new();
        let periodic = !self.period.is_zero();
        let mut ttl = if periodic {
            if self.period > max {
                warnings.push(capped("period", self.period, max));
            }
            self.period.min(max)
        } else {
            let wishes = [self.increment, self.ttl, self.mount_default];
            wishes.into_iter().find(|wish| !wish.is_zero()).unwrap_or_default()
        };
        let end = if !periodic {
            Some(started.plus(max))
        } else if self.explicit_max_ttl.is_zero() {
            None
        } else {
            Some(started.plus(self.explicit_max_ttl))
        };
        if let Some(end) = end {
            if end < now {
                return Err(PastMax);
            }
            let left = end.since(now);
            if ttl > left {
                warnings.push(capped("TTL", ttl, left));
                ttl = left;
            }
        }
        Ok(Granted { ttl, warnings })
    }
}

fn capped(what: &str, asked: Duration, max: Duration) -> String {
    let (asked, max) = (Ttl::from(asked).short(), Ttl::from(max).short());
    let value = if what == "TTL" { "TTL" } else { what };
    format!(
        "{what} of \"{asked}\" exceeded the effective max_ttl of \"{max}\"; {value} value is \
         capped accordingly"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn hours(n: u64) -> Duration {
        Duration::from_secs(n * 3600)
    }

    const MOUNT: Bounds = Bounds {
        increment: Duration::ZERO,
        ttl: Duration::ZERO,
        max_ttl: Duration::ZERO,
        period: Duration::ZERO,
        explicit_max_ttl: Duration::ZERO,
        mount_default: hours(2),
        mount_max: hours(10),
    };

    fn granted(bounds: Bounds, age: Duration) -> Option<(Duration, usize)> {
        let start = Timestamp::from_secs(1_000_000);
        let granted = bounds.grant(start, start.plus(age)).ok()?;
        Some((granted.ttl, granted.warnings.len()))
    }

    #[test]
    fn what_is_asked_goes_before_what_is_given() {
        assert_eq!(granted(MOUNT, hours(0)), Some((hours(2), 0)));
        assert_eq!(granted(Bounds { ttl: hours(3), ..MOUNT }, hours(0)), Some((hours(3), 0)));
        let asked = Bounds { ttl: hours(3), increment: hours(1), ..MOUNT };
        assert_eq!(granted(asked, hours(0)), Some((hours(1), 0)));
    }

    #[test]
    fn nothing_lasts_beyond_the_most() {
        let long = Bounds { increment: hours(99), ..MOUNT };
        assert_eq!(granted(long, hours(0)), Some((hours(10), 1)));
        assert_eq!(granted(long, hours(9)), Some((hours(1), 1)));
        assert_eq!(granted(long, hours(11)), None);
        let narrow = Bounds { max_ttl: hours(5), explicit_max_ttl: hours(4), ..long };
        assert_eq!(granted(narrow, hours(0)), Some((hours(4), 1)));
    }

    #[test]
    fn a_period_has_no_end_but_an_explicit_one() {
        let periodic = Bounds { period: hours(1), increment: hours(5), ..MOUNT };
        assert_eq!(granted(periodic, hours(1000)), Some((hours(1), 0)));
        let ending = Bounds { explicit_max_ttl: hours(4), ..periodic };
        assert_eq!(granted(ending, hours(3)), Some((hours(1), 0)));
        assert_eq!(granted(ending, hours(4) - Duration::from_secs(60)).map(|g| g.1), Some(1));
        assert_eq!(granted(ending, hours(5)), None);
        assert_eq!(granted(Bounds { period: hours(11), ..MOUNT }, hours(0)), Some((hours(10), 1)));
    }
}
