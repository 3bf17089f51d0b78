//! What scripts know from Go's way to print and to read: values, durations, numbers.

use std::time::Duration;

use serde_json::Value;

/// A value as `%v` prints it: `map[a:1]`, `[a b]`, `<nil>`.
pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key}:{}", show(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
    }
}

/// A duration as `Duration.String` prints whole seconds: `1m0s`.
pub fn duration(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (h, m) {
        (0, 0) => format!("{s}s"),
        (0, _) => format!("{m}m{s}s"),
        _ => format!("{h}h{m}m{s}s"),
    }
}

/// A duration without its zero parts: `1m`, `768h`, `0s`.
pub fn short_duration(seconds: u64) -> String {
    let text = duration(seconds);
    let text = text.strip_suffix("m0s").map_or(text.clone(), |t| format!("{t}m"));
    text.strip_suffix("h0m").map_or(text.clone(), |t| format!("{t}h"))
}

/// Reads a duration: `1h30m`, `90s`, `1.5h`, `250ms`; a bare number is seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("time: invalid duration {text:?}");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Reads a whole number.
pub fn parse_int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
}

/// Reads `name=value`.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("missing = in KV pair: {text:?}"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_go_prints_them() {
        let value = serde_json::json!({"b": [true, null, "x"], "a": {"d": 2.5}, "s": "two words"});
        assert_eq!(show(&value), "map[a:map[d:2.5] b:[true <nil> x] s:two words]");
    }

    #[test]
    fn durations_are_read_and_printed() {
        for (text, seconds, long, short) in [
            ("90", 90, "1m30s", "1m30s"),
            ("1h30m", 5400, "1h30m0s", "1h30m"),
            ("768h", 2_764_800, "768h0m0s", "768h"),
            ("1.5m", 90, "1m30s", "1m30s"),
            ("0", 0, "0s", "0s"),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!((duration(seconds), short_duration(seconds)), (long.into(), short.into()));
        }
        for wrong in ["", "xyz", "-1s", "5", "1h5", "3 s", "1e9h", "s"] {
            let read = parse_duration(wrong);
            assert_eq!(read.is_ok(), wrong == "5", "{wrong}");
        }
    }
}
