//! The text format of Prometheus, version 0.0.4.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;

use super::lately::Seen;
use crate::base::meter::{Distribution, Labels, Value};

/// How it is announced.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const QUANTILES: [(&str, f64); 3] = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)];

/// All series of a name.
struct Family {
    help: &'static str,
    series: BTreeMap<Labels, Series>,
}

/// A series: what there was since the start, and lately.
struct Series {
    whole: Value,
    lately: Value,
}

/// The text. Each name and each series stands in it once: those whose names differ only in
/// characters that Prometheus does not know are one.
pub fn of(seen: Vec<Seen>) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for Seen { reading, lately } in seen {
        let family = Family { help: reading.help, series: BTreeMap::new() };
        let family = families.entry(name(&reading.name)).or_insert(family);
        let series = Series { whole: reading.value, lately };
        if family.takes(&series) {
            match family.series.entry(reading.labels) {
                Entry::Occupied(mut known) => known.get_mut().absorb(&series),
                Entry::Vacant(place) => drop(place.insert(series)),
            }
        }
    }
    let mut text = String::new();
    for (name, family) in &families {
        // A string takes everything.
        let _ = family.write(name, &mut text);
    }
    text
}

impl Family {
    /// Whether a series is of the same kind as those that are there.
    fn takes(&self, series: &Series) -> bool {
        self.series.values().next().is_none_or(|known| known.kind() == series.kind())
    }

    fn write(&self, name: &str, to: &mut String) -> std::fmt::Result {
        let Some(first) = self.series.values().next() else { return Ok(()) };
        writeln!(to, "# HELP {name} {}", self.help.replace('\\', "\\\\").replace('\n', "\\n"))?;
        writeln!(to, "# TYPE {name} {}", first.kind())?;
        for (labels, series) in &self.series {
            let labels = &labels.iter().map(label).collect::<Vec<_>>().join(",");
            match (&series.whole, &series.lately) {
                (Value::Gauge(value), _) => sample(to, name, labels, *value)?,
                (Value::Counter(value), _) => sample(to, name, labels, *value as f64)?,
                (Value::Seconds(value), _) => sample(to, name, labels, value.as_secs_f64())?,
                (Value::Summary(whole), Value::Summary(lately)) => {
                    summary(to, name, labels, whole, lately)?;
                }
                (Value::Summary(whole), _) => summary(to, name, labels, whole, whole)?,
            }
        }
        Ok(())
    }
}

impl Series {
    fn kind(&self) -> &'static str {
        match self.whole {
            Value::Gauge(_) => "gauge",
            Value::Counter(_) | Value::Seconds(_) => "counter",
            Value::Summary(_) => "summary",
        }
    }

    fn absorb(&mut self, other: &Self) {
        absorb(&mut self.whole, &other.whole);
        absorb(&mut self.lately, &other.lately);
    }
}

fn absorb(known: &mut Value, more: &Value) {
    match (known, more) {
        (Value::Gauge(known), Value::Gauge(more)) => *known += more,
        (Value::Counter(known), Value::Counter(more)) => *known += more,
        (Value::Seconds(known), Value::Seconds(more)) => *known += *more,
        (Value::Summary(known), Value::Summary(more)) => known.absorb(more),
        _ => {}
    }
}

fn summary(
    to: &mut String,
    name: &str,
    labels: &str,
    whole: &Distribution,
    lately: &Distribution,
) -> std::fmt::Result {
    let comma = if labels.is_empty() { "" } else { "," };
    for (shown, part) in QUANTILES {
        let labels = format!("{labels}{comma}quantile=\"{shown}\"");
        sample(to, name, &labels, lately.quantile(part))?;
    }
    sample(to, &format!("{name}_sum"), labels, whole.sum())?;
    sample(to, &format!("{name}_count"), labels, whole.count() as f64)
}

fn sample(to: &mut String, name: &str, labels: &str, value: f64) -> std::fmt::Result {
    match labels {
        "" => writeln!(to, "{name} {value}"),
        labels => writeln!(to, "{name}{{{labels}}} {value}"),
    }
}

fn label((name, value): &(&'static str, String)) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

/// A name with nothing in it that Prometheus does not know. Ours begin with a letter.
fn name(dotted: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    dotted.chars().map(|c| if known(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::meter::{Histogram, Reading, Readings};

    fn text(readings: Readings) -> String {
        let seen = |reading: Reading| Seen { lately: reading.value.clone(), reading };
        of(readings.sorted().into_iter().map(seen).collect())
    }

    #[test]
    fn each_series_stands_once() {
        let mut readings = Readings::of("north\"\\\nsouth".to_owned());
        readings.cluster_gauge("vault.core.unsealed", "Whether.", [("a", "b")], 1.0);
        let numbers = Histogram::default();
        numbers.record(3);
        for name in ["vault.route.read.a-b-", "vault.route.read.a.b-"] {
            readings.add(name, "Reads.", Labels::new(), Value::Summary(numbers.read()));
        }
        readings.counter("vault.route.read.a_b_", "No summary.", 7);
        readings.counter("x.count_total", "Two\nlines.", 1 << 40);
        let wanted = "# HELP vault_core_unsealed Whether.\n\
                      # TYPE vault_core_unsealed gauge\n\
                      vault_core_unsealed{a=\"b\",cluster=\"north\\\"\\\\\\nsouth\"} 1\n\
                      # HELP vault_route_read_a_b_ Reads.\n\
                      # TYPE vault_route_read_a_b_ summary\n\
                      vault_route_read_a_b_{quantile=\"0.5\"} 3\n\
                      vault_route_read_a_b_{quantile=\"0.9\"} 3\n\
                      vault_route_read_a_b_{quantile=\"0.99\"} 3\n\
                      vault_route_read_a_b__sum 6\n\
                      vault_route_read_a_b__count 2\n\
                      # HELP x_count_total Two\\nlines.\n\
                      # TYPE x_count_total counter\n\
                      x_count_total 1099511627776\n";
        assert_eq!(text(readings), wanted);
    }
}
