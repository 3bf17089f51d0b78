//! The text format of Prometheus, read as strictly as its own checker reads it: each name is
//! described once and before its series, which stand together; no series stands twice.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a series, sorted.
type Labels = BTreeMap<String, String>;

/// What a text says.
#[derive(Default)]
pub struct Exposition {
    /// The kind of each name.
    pub kinds: BTreeMap<String, String>,
    series: BTreeMap<(String, Labels), f64>,
}

impl Exposition {
    /// Reads a text; whatever is wrong with it is told.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut read = Self::default();
        let mut helped: BTreeSet<String> = BTreeSet::new();
        let mut family = String::new();
        if !text.ends_with('\n') {
            return Err("it does not end in a line's end".to_owned());
        }
        for line in text.lines() {
            let wrong = |why: &str| Err(format!("{why}: {line}"));
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let Some((name, help)) = rest.split_once(' ') else { return wrong("no help") };
                if !is_name(name) || help.is_empty() || !helped.insert(name.to_owned()) {
                    return wrong("a bad, empty or second help");
                }
                name.clone_into(&mut family);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let Some((name, kind)) = rest.split_once(' ') else { return wrong("no type") };
                if name != family || !["gauge", "counter", "summary"].contains(&kind) {
                    return wrong("a type without its help, or an unknown one");
                }
                if read.kinds.insert(name.to_owned(), kind.to_owned()).is_some() {
                    return wrong("a second type");
                }
            } else {
                let (name, labels, value) = sample(line).ok_or(format!("no sample: {line}"))?;
                let Some(kind) = read.kinds.get(&family) else { return wrong("no type before") };
                if !belongs(&name, &labels, &family, kind) {
                    return wrong("a series outside of its family");
                }
                if kind == "counter" && !(value >= 0.0 && value.is_finite()) {
                    return wrong("a counter below zero");
                }
                if read.series.insert((name, labels), value).is_some() {
                    return wrong("a second series");
                }
            }
        }
        for (name, kind) in &read.kinds {
            let ours = name.starts_with("edgekeep_");
            if ours && (kind == "counter") != name.ends_with("_total") {
                return Err(format!("{name} is a {kind}"));
            }
        }
        Ok(read)
    }

    /// The value of a series; `vault_x` or `vault_x{label="value"}`.
    pub fn get(&self, series: &str) -> Option<f64> {
        let (name, labels, _) = sample(&format!("{series} 0"))?;
        self.series.get(&(name, labels)).copied()
    }

    /// The value of a series that is there.
    pub fn value(&self, series: &str) -> f64 {
        self.get(series).unwrap_or_else(|| panic!("there is no {series}"))
    }

    /// All series of a name.
    pub fn named(&self, name: &str) -> Vec<(&Labels, f64)> {
        let series = self.series.iter().filter(|((other, _), _)| other == name);
        series.map(|((_, labels), value)| (labels, *value)).collect()
    }
}

fn belongs(name: &str, labels: &Labels, family: &str, kind: &str) -> bool {
    match name.strip_prefix(family) {
        Some("") if kind == "summary" => labels.contains_key("quantile"),
        Some("") => !labels.contains_key("quantile"),
        Some("_sum" | "_count") => kind == "summary" && !labels.contains_key("quantile"),
        _ => false,
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.chars().all(fits) && name.starts_with(|c: char| !c.is_ascii_digit())
}

/// A sample without a time.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (name, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            let fits = is_name(name) && !name.contains(':');
            if !fits || labels.insert(name.to_owned(), value).is_some() {
                return None;
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix('}')?;
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ')?;
    let value = match value {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        value if value.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            value.parse().ok()?
        }
        _ => return None,
    };
    is_name(name).then(|| (name.to_owned(), labels, value))
}

/// A value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}
