//! What the meters stand at, gathered when somebody asks.

use std::borrow::Cow;
use std::time::Duration;

use super::distribution::Distribution;

/// What has meters.
pub trait Metered: Send + Sync {
    /// Tells what they stand at.
    fn tell(&self, to: &mut Readings);
}

/// The labels of a reading: names, which are ours, with their values.
pub type Labels = Vec<(&'static str, String)>;

/// What one meter stands at.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its name, with dots between the parts.
    pub name: Cow<'static, str>,
    /// What it is.
    pub help: &'static str,
    /// What tells it from others of its name, sorted.
    pub labels: Labels,
    /// The number or numbers.
    pub value: Value,
}

/// A meter's numbers.
#[derive(Clone, Debug)]
pub enum Value {
    /// How much there is.
    Gauge(f64),
    /// How much there was since the start.
    Counter(u64),
    /// How much time there was since the start.
    Seconds(Duration),
    /// What was measured since the start.
    Summary(Distribution),
}

/// The readings of all meters.
pub struct Readings {
    cluster: String,
    list: Vec<Reading>,
}

impl Readings {
    /// None yet. `cluster` is what the label of that name says.
    pub fn of(cluster: String) -> Self {
        Self { cluster, list: Vec::new() }
    }

    /// What the label of that name says.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// How much there is of something.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.add(name, help, Labels::new(), Value::Gauge(value));
    }

    /// The same of something that Vault tells for each cluster, with labels of its own.
    pub fn cluster_gauge<const N: usize>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: [(&'static str, &str); N],
        value: f64,
    ) {
        let mut labels: Labels =
            labels.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        labels.push(("cluster", self.cluster.clone()));
        self.add(name, help, labels, Value::Gauge(value));
    }

    /// How much there was of something since the start.
    pub fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.add(name, help, Labels::new(), Value::Counter(value));
    }

    /// What was measured since the start.
    pub fn summary(&mut self, name: &'static str, help: &'static str, value: Distribution) {
        self.add(name, help, Labels::new(), Value::Summary(value));
    }

    /// Any of them.
    pub fn add(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        help: &'static str,
        mut labels: Labels,
        value: Value,
    ) {
        labels.sort_unstable();
        self.list.push(Reading { name: name.into(), help, labels, value });
    }

    /// One that was read before.
    pub fn put(&mut self, reading: Reading) {
        self.list.push(reading);
    }

    /// All of them, sorted by name and labels.
    pub fn sorted(self) -> Vec<Reading> {
        let mut list = self.list;
        list.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        list
    }
}
