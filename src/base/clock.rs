//! The only place that reads the clock: everything else is handed a [`Clock`].

use std::sync::Mutex;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

use super::sync::lock;

/// An instant in UTC, in nanoseconds since 1970-01-01T00:00:00Z; never before it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Nanoseconds since the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Whole seconds since the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// This instant and `span` after it, held at the end of time (the year 2554).
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// This instant less `span`, held at the epoch.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// The time since `earlier`; zero when that is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC with up to nine decimals, trailing zeros left out: as Go prints it.
    pub fn rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0))
            .ok()
            .and_then(|t| t.format(&Rfc3339).ok())
            .unwrap_or_default()
    }

    /// Reads RFC 3339; `None` for what is none, and for what was before 1970.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(parsed.unix_timestamp_nanos()).ok().map(Self)
    }

    /// The form of HTTP's headers (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn http_date(self) -> String {
        let secs = i64::try_from(self.as_secs()).unwrap_or(0);
        let t = OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (weekday, month) = (t.weekday().to_string(), t.month().to_string());
        let (day, year) = (t.day(), t.year());
        let (hour, minute, second) = t.to_hms();
        format!(
            "{}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT",
            &weekday[..3],
            &month[..3],
        )
    }

    /// Reads the form that [`http_date`](Self::http_date) writes; `None` for any other.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let [_, day, month, year, clock, "GMT"] = *text.split(' ').collect::<Vec<_>>() else {
            return None;
        };
        let month = (1..=12).filter_map(|n| Month::try_from(n).ok()).find(|m| {
            let name = m.to_string();
            name.get(..3) == Some(month)
        })?;
        let [hour, minute, second] = *clock.split(':').collect::<Vec<_>>() else { return None };
        let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        let at = date.with_hms(hour, minute, second.parse().ok()?).ok()?.assume_utc();
        u64::try_from(at.unix_timestamp()).ok().map(Self::from_secs)
    }

    /// The form of syslog (RFC 3164, section 4.1.2), in UTC: `Nov  6 08:49:37`.
    pub fn syslog_date(self) -> String {
        let secs = i64::try_from(self.as_secs()).unwrap_or(0);
        let t = OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (month, (hour, minute, second)) = (t.month().to_string(), t.to_hms());
        format!("{} {:>2} {hour:02}:{minute:02}:{second:02}", &month[..3], t.day())
    }
}

/// The wall clock and the boot clock of the machine.
pub trait Clock: Send + Sync {
    /// What the machine believes the time to be; it may be wrong, stand at 1970 or go back.
    fn wall(&self) -> Timestamp;

    /// Time since the machine started, its sleep counted (CLOCK_BOOTTIME). Never goes back.
    fn boot(&self) -> Duration;
}

/// The machine's own clocks. They are asked of the kernel, not of the standard library, whose count
/// of seconds ends in January 2038 on 32 bits.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        Timestamp(nanos(ClockId::Realtime))
    }

    fn boot(&self) -> Duration {
        Duration::from_nanos(nanos(ClockId::Boottime))
    }
}

/// The time by which TLS judges certificates.
impl TimeProvider for SystemClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_nanos(self.wall().as_nanos())))
    }
}

/// What the processors have spent on this process.
pub fn cpu_time() -> Duration {
    Duration::from_nanos(nanos(ClockId::ProcessCPUTime))
}

fn nanos(id: ClockId) -> u64 {
    let t = clock_gettime(id);
    let secs = u64::try_from(t.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(t.tv_nsec).unwrap_or(0);
    secs.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// A clock that a test turns by hand.
pub struct ManualClock {
    hands: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// A clock that stands at `wall`, on a machine that has just started.
    pub fn at(wall: Timestamp) -> Self {
        Self { hands: Mutex::new((wall, Duration::ZERO)) }
    }

    /// Lets `span` pass on both clocks.
    pub fn advance(&self, span: Duration) {
        let mut hands = self.lock();
        hands.0 = hands.0.plus(span);
        hands.1 += span;
    }

    /// Sets the wall clock alone, as an administrator or NTP does.
    pub fn set_wall(&self, wall: Timestamp) {
        self.lock().0 = wall;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Timestamp, Duration)> {
        lock(&self.hands)
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        self.lock().0
    }

    fn boot(&self) -> Duration {
        self.lock().1
    }
}
