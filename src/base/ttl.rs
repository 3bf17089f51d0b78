//! Durations as Vault's fields, configuration and policies carry them.
//!
//! Read as Vault reads them: a bare number is seconds, `30d` is days, everything else is Go's
//! notation (`1h30m`, `1.5s`, `100ms`). Printed as Go prints them (`768h0m0s`).

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::golang::{self, quote_duration};

const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A span of time, negative too, in nanoseconds: at most 292 years to either side.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Ttl(i64);

impl Ttl {
    /// No time at all; most of Vault's fields take it for "the default".
    pub const ZERO: Self = Self(0);

    /// Whole seconds, held at 292 years.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(SECOND))
    }

    /// Reads text as Vault's `ParseDurationSecond` does; empty text is zero. What does not fit
    /// into 292 years is refused, where Vault lets it wrap around.
    pub fn parse(text: &str) -> Result<Self, TtlError> {
        if text.is_empty() {
            return Ok(Self::ZERO);
        }
        if let Ok(secs) = text.parse::<i64>() {
            return scaled(secs, SECOND).ok_or_else(|| TtlError::Invalid(text.to_owned()));
        }
        match text.strip_suffix('d') {
            Some(days) => {
                scaled(parse_int(days)?, DAY).ok_or_else(|| TtlError::IntegerRange(days.to_owned()))
            }
            None => Self::parse_go(text),
        }
    }

    /// Reads a JSON field: a number is seconds, text as [`parse`](Self::parse), null is zero.
    pub fn from_json(value: &Value) -> Result<Self, TtlError> {
        match value {
            Value::Null => Ok(Self::ZERO),
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(TtlError::WrongType),
        }
    }

    /// Reads Go's notation alone (`time.ParseDuration`): every number but 0 needs its unit.
    pub fn parse_go(text: &str) -> Result<Self, TtlError> {
        let invalid = || TtlError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut nanos: i128 = 0;
        while !rest.is_empty() {
            let (whole, after) = split_while(rest, |c| c.is_ascii_digit());
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => split_while(after, |c| c.is_ascii_digit()),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let (unit, after) = split_while(after, |c| c != '.' && !c.is_ascii_digit());
            let size = match unit {
                "" => return Err(TtlError::MissingUnit(text.to_owned())),
                "ns" => 1,
                "us" | "\u{b5}s" | "\u{3bc}s" => MICRO,
                "ms" => MILLI,
                "s" => SECOND,
                "m" => MINUTE,
                "h" => HOUR,
                _ => return Err(TtlError::UnknownUnit(unit.to_owned(), text.to_owned())),
            };
            nanos += digits(whole).ok_or_else(invalid)? * i128::from(size);
            nanos += part_of(size, fraction);
            if nanos > i128::from(i64::MAX) + i128::from(negative) {
                return Err(invalid());
            }
            rest = after;
        }
        i64::try_from(if negative { -nanos } else { nanos }).map(Self).map_err(|_| invalid())
    }

    /// Whole seconds, cut off towards zero, as Vault's answers give them.
    pub const fn as_secs(self) -> i64 {
        self.0 / SECOND
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The same as a [`Duration`]; `None` below zero.
    pub fn to_duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }

    /// As Vault's warnings print it: without trailing zero parts (`768h`, `1h30m`).
    pub fn short(self) -> String {
        let full = self.to_string();
        let without_seconds = match full.strip_suffix("m0s") {
            Some(_) => &full[..full.len() - 2],
            None => &full,
        };
        match without_seconds.strip_suffix("h0m") {
            Some(_) => without_seconds[..without_seconds.len() - 2].to_owned(),
            None => without_seconds.to_owned(),
        }
    }
}

impl From<Duration> for Ttl {
    /// Held at 292 years.
    fn from(span: Duration) -> Self {
        Self(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Ttl {
    /// As Go prints a `time.Duration`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let [micro, milli, second, minute, hour] =
            [MICRO, MILLI, SECOND, MINUTE, HOUR].map(i64::unsigned_abs);
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            n if n < micro => write!(f, "{n}ns"),
            n if n < milli => write!(f, "{}\u{b5}s", decimal(n, micro)),
            n if n < second => write!(f, "{}ms", decimal(n, milli)),
            n if n < minute => write!(f, "{}s", decimal(n, second)),
            n if n < hour => write!(f, "{}m{}s", n / minute, decimal(n % minute, second)),
            n => {
                let seconds = decimal(n % minute, second);
                write!(f, "{}h{}m{seconds}s", n / hour, n % hour / minute)
            }
        }
    }
}

/// Why something is no duration: the texts are Go's, which Vault hands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TtlError {
    /// Not of Go's notation, or beyond 292 years.
    Invalid(String),
    /// A number without its unit.
    MissingUnit(String),
    /// The unit, and the text it stands in.
    UnknownUnit(String, String),
    /// A number of days that is no whole number.
    IntegerSyntax(String),
    /// A number of days beyond 292 years.
    IntegerRange(String),
    /// A JSON value that is neither a number nor text.
    WrongType,
}

impl fmt::Display for TtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text) => write!(f, "time: invalid duration {}", quote_duration(text)),
            Self::MissingUnit(text) => {
                write!(f, "time: missing unit in duration {}", quote_duration(text))
            }
            Self::UnknownUnit(unit, text) => {
                write!(
                    f,
                    "time: unknown unit {} in duration {}",
                    quote_duration(unit),
                    quote_duration(text)
                )
            }
            Self::IntegerSyntax(text) => {
                write!(f, "strconv.ParseInt: parsing {}: invalid syntax", golang::quote(text))
            }
            Self::IntegerRange(text) => {
                write!(f, "strconv.ParseInt: parsing {}: value out of range", golang::quote(text))
            }
            Self::WrongType => f.write_str("could not parse duration from input"),
        }
    }
}

impl std::error::Error for TtlError {}

fn scaled(count: i64, unit: i64) -> Option<Ttl> {
    count.checked_mul(unit).map(Ttl)
}

fn parse_int(text: &str) -> Result<i64, TtlError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().map_err(|error| match error.kind() {
        PosOverflow | NegOverflow => TtlError::IntegerRange(text.to_owned()),
        _ => TtlError::IntegerSyntax(text.to_owned()),
    })
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()))
}

/// The value of decimal digits; none are zero, and more than Go holds are no number.
fn digits(text: &str) -> Option<i128> {
    if text.is_empty() { Some(0) } else { text.parse::<i64>().ok().map(i128::from) }
}

/// `0.digits` of `unit`; digits below a nanosecond are cut off.
fn part_of(unit: i64, digits: &str) -> i128 {
    let mut part = 0;
    let mut place = i128::from(unit) * 1_000_000;
    for digit in digits.bytes() {
        place /= 10;
        part += i128::from(digit - b'0') * place;
    }
    part / 1_000_000
}

/// `nanos` in units of `unit` with as many decimals as it needs.
fn decimal(nanos: u64, unit: u64) -> String {
    let mut rest = nanos % unit;
    let mut out = (nanos / unit).to_string();
    let mut place = unit / 10;
    if rest > 0 {
        out.push('.');
    }
    while rest > 0 {
        out.push_str(&(rest / place).to_string());
        rest %= place;
        place /= 10;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match Ttl::parse(text) {
            Ok(ttl) => ttl.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn reads_and_prints_as_vault_does() {
        let cases = [
            ("", "0s"),
            ("0", "0s"),
            ("90", "1m30s"),
            ("+5", "5s"),
            ("-5", "-5s"),
            ("768h", "768h0m0s"),
            ("1h30m", "1h30m0s"),
            ("1d", "24h0m0s"),
            ("-2d", "-48h0m0s"),
            ("1.5h", "1h30m0s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("100ms", "100ms"),
            ("1500us", "1.5ms"),
            ("7\u{b5}s", "7\u{b5}s"),
            ("3ns", "3ns"),
            ("1h0m0.25s", "1h0m0.25s"),
            ("-1h", "-1h0m0s"),
            ("2562047h47m16.854775807s", "2562047h47m16.854775807s"),
            ("-9223372036854775808ns", "time: invalid duration \"-9223372036854775808ns\""),
            ("soon", "time: invalid duration \"soon\""),
            ("-", "time: invalid duration \"-\""),
            ("1.5", "time: missing unit in duration \"1.5\""),
            ("1d12h", "time: unknown unit \"d\" in duration \"1d12h\""),
            ("1e3", "time: unknown unit \"e\" in duration \"1e3\""),
            ("1.5d", "strconv.ParseInt: parsing \"1.5\": invalid syntax"),
            (
                "99999999999999999999d",
                "strconv.ParseInt: parsing \"99999999999999999999\": value out of range",
            ),
            ("3000000h", "time: invalid duration \"3000000h\""),
            ("9223372036854775807", "time: invalid duration \"9223372036854775807\""),
            ("1 h", "time: unknown unit \" h\" in duration \"1 h\""),
            ("\"\\\n\u{e9}", "time: invalid duration \"\\\"\\\\\\x0a\\xc3\\xa9\""),
        ];
        for (text, wanted) in cases {
            assert_eq!(read(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn gos_own_notation_wants_a_unit() {
        let error = Ttl::parse_go("-5").unwrap_err();
        assert_eq!(error.to_string(), "time: missing unit in duration \"-5\"");
        assert_eq!(Ttl::parse_go("-0"), Ok(Ttl::ZERO));
    }

    #[test]
    fn json_numbers_are_seconds_and_lists_are_refused() {
        let read = |text: &str| Ttl::from_json(&serde_json::from_str(text).unwrap());
        assert_eq!(read("3600"), Ok(Ttl::from_secs(3600)));
        assert_eq!(read("\"1h\""), Ok(Ttl::from_secs(3600)));
        assert_eq!(read("null"), Ok(Ttl::ZERO));
        assert_eq!(read("1.5").unwrap_err(), TtlError::MissingUnit("1.5".into()));
        assert_eq!(read("[1]").unwrap_err().to_string(), "could not parse duration from input");
    }

    #[test]
    fn warnings_leave_trailing_zeros_out() {
        let short = |text| Ttl::parse(text).unwrap().short();
        assert_eq!(short("768h"), "768h");
        assert_eq!(short("90m"), "1h30m");
        assert_eq!(short("5m"), "5m");
        assert_eq!(short("3605"), "1h0m5s");
        assert_eq!(short("0"), "0s");
        assert_eq!(short("10"), "10s");
    }
}
