//! Times to live, which tick while a recording is played: behind an emulated processor for minutes.

use std::sync::LazyLock;
use std::time::Duration;

use regex_lite::{Captures, Regex};

use super::clean::in_seconds;

/// Whether these lines are as recorded but for times to live, each less by no more than the time that
/// has passed.
pub fn are_ticked(recorded: &[String], here: &[String], passed: Duration) -> bool {
    let most = i64::try_from(passed.as_secs()).unwrap();
    let is_ticked = |(recorded, here): (&String, &String)| {
        let ((recorded, were), (here, are)) = (apart(recorded), apart(here));
        let mut times = were.into_iter().zip(are);
        recorded == here && times.all(|(was, is)| (0..=most).contains(&(was - is)))
    };
    recorded.len() == here.len() && recorded.iter().zip(here).all(is_ticked)
}

/// A line with its times taken out, and those, in seconds.
fn apart(line: &str) -> (String, Vec<i64>) {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"((?:ttl|lease_duration)"?:?\s+)\d+\b|\b(?:\d+[hms])+\b"#).unwrap()
    });
    let mut times = Vec::new();
    let text = TIME.replace_all(line, |found: &Captures<'_>| {
        let before = found.get(1).map_or("", |before| before.as_str());
        times.push(in_seconds(&found[0][before.len()..]));
        format!("{before}<ticks>")
    });
    (text.into_owned(), times)
}

#[test]
fn a_time_to_live_is_less_by_what_has_passed_and_all_else_is_the_same() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let are_ticked = |recorded, here, secs| {
        are_ticked(&lines(recorded), &lines(here), Duration::from_secs(secs))
    };
    assert!(are_ticked("exit: 0\nttl  1h", "exit: 0\nttl  59m10s", 50));
    assert!(are_ticked("\"ttl\": 3600,\n", "\"ttl\": 3541,\n", 59));
    assert!(!are_ticked("ttl  1h", "ttl  59m10s", 49));
    assert!(!are_ticked("ttl  1h", "ttl  1h1s", 50));
    assert!(!are_ticked("exit: 2", "exit: 1", 50));
    assert!(!are_ticked("\"num_uses\": 2", "\"num_uses\": 1", 50));
    assert!(!are_ticked("ttl  1h", "ttl  59m10s\nmore", 50));
}
