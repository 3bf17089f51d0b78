//! A text without what differs from run to run, and without the layout of tables and prose: in its
//! place stand the same placeholders as in the recordings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::Value;

use super::Hold;

/// What was kept of earlier output, by its name.
pub type Kept = BTreeMap<String, String>;

/// The lines of a text that are compared.
pub fn clean(text: &str, kept: &Kept, hold: Option<Hold>) -> Vec<String> {
    let mut names: Vec<_> = kept.iter().filter(|(_, value)| value.len() >= 8).collect();
    names.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    let named = |text: String, (name, value): &(&String, &String)| {
        text.replace(value.as_str(), &format!("<{name}>"))
    };
    let mut text = names.iter().fold(text.to_owned(), named);
    let mut is_data = DATA.is_match(&text);
    if text.starts_with(['{', '[']) {
        let read = serde_json::from_str::<Value>(&text);
        is_data = read.is_ok();
        text = read.map_or(text, |value| format!("{value:#}"));
    }
    let text = RULES.iter().fold(text, |text, rule| rule.apply(&text));
    let lines = match is_data {
        true => text.trim_end().lines().map(str::to_owned).collect(),
        false => without_layout(&text),
    };
    match hold {
        Some(Hold::First) => lines.into_iter().find(|line| !line.is_empty()).into_iter().collect(),
        _ => lines,
    }
}

/// How JSON and YAML begin.
static DATA: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^([{\[]\s|- |"?[a-z0-9_/-]+"?:\s)"#).unwrap());

/// Columns two spaces apart, lines of dashes two long, prose in one line.
fn without_layout(text: &str) -> Vec<String> {
    static DASHES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"-{2,}(\w?)").unwrap());
    static GAP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\S)[ \t]{2,}").unwrap());
    static HEADER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^=+ (.*?) =+$").unwrap());
    let dashes = |found: &Captures<'_>| match (found[0].len(), &found[1]) {
        (_, "") => "--".to_owned(),
        // An option, and what is no line but a word that begins with dashes.
        (3, _) => found[0].to_owned(),
        (_, word) => format!("---{word}"),
    };
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.trim_end().lines() {
        let line = DASHES.replace_all(line.trim_end(), dashes);
        let line = GAP.replace_all(&line, "$1  ");
        let line = HEADER.replace(&line, "== $1 ==").into_owned();
        let words = line.trim();
        let is_prose = !words.is_empty() && !words.contains("  ") && !line.starts_with('#');
        // A line as long as this may have been wrapped: the next one is a part of it.
        let wrapped = is_prose && (60..=90).contains(&line.chars().count());
        match lines.last_mut() {
            Some(last) if goes_on && is_prose => *last = format!("{last} {words}"),
            _ => lines.push(line),
        }
        goes_on = wrapped;
    }
    lines
}

/// What becomes of a pattern's matches.
struct Rule {
    pattern: Regex,
    /// What may not stand before a match.
    not_behind: fn(char) -> bool,
    /// What may not stand behind it.
    not_before: fn(char) -> bool,
    /// What is put in its place; `None` leaves it.
    put: Put,
}

enum Put {
    /// A text in which `$1` is what the first group took and `#` how long the whole is.
    Text(&'static str),
    Made(fn(&Captures<'_>) -> Option<String>),
}

impl Rule {
    fn new(pattern: &str, text: &'static str) -> Self {
        Self::with(pattern, Put::Text(text))
    }

    fn made(pattern: &str, made: fn(&Captures<'_>) -> Option<String>) -> Self {
        Self::with(pattern, Put::Made(made))
    }

    fn with(pattern: &str, put: Put) -> Self {
        let pattern = Regex::new(pattern).unwrap();
        Self { pattern, not_behind: |_| false, not_before: |_| false, put }
    }

    fn apart(self, not_behind: fn(char) -> bool, not_before: fn(char) -> bool) -> Self {
        Self { not_behind, not_before, ..self }
    }

    fn apply(&self, text: &str) -> String {
        let mut out = String::new();
        let (mut from, mut at) = (0, 0);
        while let Some(found) = self.pattern.captures_at(text, at) {
            let whole = found.get(0).unwrap();
            let behind = text[..whole.start()].chars().next_back();
            let before = text[whole.end()..].chars().next();
            let barred = behind.is_some_and(self.not_behind) || before.is_some_and(self.not_before);
            match (!barred).then(|| self.put(&found)).flatten() {
                Some(made) => {
                    out.push_str(&text[from..whole.start()]);
                    out.push_str(&made);
                    (from, at) = (whole.end(), whole.end());
                }
                None => at = whole.start() + whole.as_str().chars().next().unwrap().len_utf8(),
            }
        }
        out + &text[from..]
    }

    fn put(&self, found: &Captures<'_>) -> Option<String> {
        match self.put {
            Put::Text(text) => {
                let first = found.get(1).map_or("", |group| group.as_str());
                Some(text.replace("$1", first).replace('#', &found[0].len().to_string()))
            }
            Put::Made(made) => made(found),
        }
    }
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let word_or_dot = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let nothing = |_: char| false;
    vec![
        Rule::new(r"(?s)-----BEGIN ([A-Z0-9 ]+)-----.*?-----END [A-Z0-9 ]+-----", "<pem $1>"),
        Rule::made(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", time),
        Rule::made(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} [A-Z]+( m=\S+)?", time),
        Rule::new(r"\b\d\d [A-Z][a-z]{2} \d\d \d\d:\d\d [A-Z]{3}\b", "<time>"),
        Rule::new(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        Rule::new(r"\b(?:hv)?([sbr])\.[A-Za-z0-9_-]{20,}", "<token $1>"),
        Rule::new(r"\bvault:(v\d+):[A-Za-z0-9+/=_-]+", "<ciphertext $1>"),
        Rule::new(r#"otpauth://(\w+)/[^\s"]+"#, "<otpauth $1>"),
        Rule::new(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", "<jwt>"),
        Rule::new(r"\b([0-9a-f]{2}[:-]){8,}[0-9a-f]{2}\b", "<serial>"),
        Rule::new(r"\b((?:ssh|ecdsa)-[\w@.-]+) [A-Za-z0-9+/=]{60,}", "<ssh $1>"),
        Rule::new(r"\b(hmac-sha\d+):[0-9a-f]+", "<$1>"),
        Rule::new(r"\b[0-9a-f]{32,}\b", "<hex #>"),
        Rule::made(r"[A-Za-z0-9+/]{40,}={0,2}", base64)
            .apart(|c| c.is_alphanumeric() || "_+/=".contains(c), nothing),
        Rule::new(r#"(accessor"?:?\s+"?)[A-Za-z0-9]{20,}"#, "$1<accessor>"),
        Rule::new(r"([_-])[0-9a-f]{8}", "$1<id>").apart(
            |c| !(c.is_ascii_lowercase() || c.is_ascii_digit()),
            |c| c.is_alphanumeric() || c == '_' || c == '-',
        ),
        Rule::new(r"(?:1[6-9]|2[01])\d{8}", "<epoch>").apart(word_or_dot, word_or_dot),
        Rule::new(r"v?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?", "<version>").apart(word_or_dot, word_or_dot),
        Rule::new(r#"(Encryption Count +|"encryptions": )\d+"#, "$1<count>"),
        Rule::new(
            r#"((?:OTP Length|otp_length":|needs to be|not equivalent:) +)2[68]\b"#,
            "$1<otp>",
        ),
        Rule::new(r#"([Ss]torage[ _][Tt]ype"?:?\s+"?)\w+"#, "$1<storage>"),
        Rule::made(r#"\b((?:ttl|lease_duration|creation_ttl)"?:?\s+)(\d+)\b"#, seconds),
        Rule::made(r"(?:\d+h(?:\d+m)?(?:\d+s)?|\d+m(?:\d+s)?|\d+s)", span)
            .apart(|c| c.is_alphanumeric() || "_.<".contains(c), word_or_dot),
        Rule::made(r"(?i)\b(X-)?(?:openbao|bao|vault|edgekeep)", product)
            .apart(nothing, |c| c.is_ascii_alphanumeric()),
        Rule::new(r"\b([Aa])n <prog>", "$1 <prog>"),
    ]
});

/// Every time but the one before all others, which stands for none.
fn time(found: &Captures<'_>) -> Option<String> {
    (!found[0].starts_with("0001")).then(|| "<time>".to_owned())
}

fn base64(found: &Captures<'_>) -> Option<String> {
    let letters = found[0].contains(|c: char| c.is_ascii_uppercase());
    letters.then(|| format!("<base64 {}>", found[0].len()))
}

/// The name of a header is no name of the program.
fn product(found: &Captures<'_>) -> Option<String> {
    let is_header = found.get(1).is_some();
    Some(if is_header { found[0].to_owned() } else { "<prog>".to_owned() })
}

fn seconds(found: &Captures<'_>) -> Option<String> {
    Some(format!("{}{}", &found[1], settled(found[2].parse().ok()?)))
}

/// A time to live in Go's form.
fn span(found: &Captures<'_>) -> Option<String> {
    let was = in_seconds(&found[0]);
    let settled = settled(was);
    let units = [(settled / 3600, 'h'), (settled / 60 % 60, 'm'), (settled % 60, 's')];
    let units = units.iter().filter(|(number, _)| *number > 0);
    (settled != was).then(|| units.map(|(number, unit)| format!("{number}{unit}")).collect())
}

/// How long that is; a number without a unit is of seconds.
pub fn in_seconds(span: &str) -> i64 {
    let (was, number) = span.chars().fold((0, 0), |(was, number), c| match c {
        'h' => (was + 3600 * number, 0),
        'm' => (was + 60 * number, 0),
        's' => (was + number, 0),
        digit => (was, number * 10 + i64::from(digit.to_digit(10).unwrap())),
    });
    was + number
}

/// A time to live that has ticked for some seconds: back to the round number that it was.
fn settled(seconds: i64) -> i64 {
    let (step, most) = if seconds > 120 { (60, 15) } else { (10, 4) };
    let late = (-seconds).rem_euclid(step);
    if seconds >= 20 && late <= most { seconds + late } else { seconds }
}
