//! The JSON in which Vault tells its metrics: gauges as they are, of the others what is new.

use serde_json::{Map, Value, json};

use super::lately::{Look, Seen};
use crate::base::clock::Timestamp;
use crate::base::meter::{Distribution, Labels, Value as Meter};

/// The document, as text.
pub fn of(look: &Look) -> String {
    let (mut gauges, mut counters, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    let seconds = look.span.as_secs_f64().max(1e-9);
    // What has no dot in its name is what Prometheus's own libraries tell.
    let vaults = look.seen.iter().filter(|seen| seen.reading.name.contains('.'));
    for Seen { reading, lately } in vaults {
        let entry = |fields: Vec<(&str, f64)>| {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), number(value)));
            let mut entry: Map<String, Value> = fields.collect();
            entry.insert("Name".to_owned(), reading.name.as_ref().into());
            entry.insert("Labels".to_owned(), labels(&reading.labels));
            Value::Object(entry)
        };
        match lately {
            Meter::Gauge(value) => gauges.push(entry(vec![("Value", *value)])),
            Meter::Counter(new) => counters.push(entry(counted(*new as f64, seconds))),
            Meter::Seconds(new) => counters.push(entry(counted(new.as_secs_f64(), seconds))),
            Meter::Summary(new) if new.count() == 0 => {}
            Meter::Summary(new) => samples.push(entry(measured(new, seconds))),
        }
    }
    let document = json!({
        "Timestamp": time(look.since),
        "Gauges": gauges,
        "Points": [],
        "Counters": counters,
        "Samples": samples,
    });
    format!("{document}\n")
}

/// Vault counts in ones.
fn counted(new: f64, seconds: f64) -> Vec<(&'static str, f64)> {
    let one = if new > 0.0 { 1.0 } else { 0.0 };
    vec![
        ("Count", new),
        ("Rate", new / seconds),
        ("Sum", new),
        ("Min", one),
        ("Max", one),
        ("Mean", one),
        ("Stddev", 0.0),
    ]
}

fn measured(new: &Distribution, seconds: f64) -> Vec<(&'static str, f64)> {
    vec![
        ("Count", new.count() as f64),
        ("Rate", new.sum() / seconds),
        ("Sum", new.sum()),
        ("Min", new.min()),
        ("Max", new.max()),
        ("Mean", new.mean()),
        ("Stddev", new.deviation()),
    ]
}

fn labels(labels: &Labels) -> Value {
    labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
        .collect::<Map<_, _>>()
        .into()
}

/// Go leaves out the fraction of a whole number.
fn number(value: f64) -> Value {
    match value {
        whole if whole.fract() == 0.0 && whole.abs() < 9e15 => Value::from(whole as i64),
        value => Value::from(value),
    }
}

/// As Go prints a time in UTC, to the second.
fn time(at: Timestamp) -> String {
    let text = Timestamp::from_secs(at.as_secs()).rfc3339();
    format!("{} +0000 UTC", text.trim_end_matches('Z').replace('T', " "))
}
