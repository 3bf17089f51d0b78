//! `telemetry`, and what a listener says of it.

use std::time::Duration;

use super::keys;
use super::section::{Entry, Section};
use super::{ConfigError, Environment, Warning};

/// How what is counted is told.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Whether it is told in the Prometheus format too.
    pub prometheus: bool,
    /// How old counts may be that cost something to make; `None` to make none.
    pub usage_period: Option<Duration>,
    /// So many series at most of one name.
    pub cardinality: usize,
}

/// Reads the sections of that name, which are one.
pub(super) fn read<'a>(
    top: &Section<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Telemetry, ConfigError> {
    let section = gather(&keys::TELEMETRY, top, environment, warnings)?;
    if let Some(given) = section.last("disable_hostname")
        && !section.flag("disable_hostname")?
    {
        warnings.push(given.warning("no name has the host in front, as if this was true"));
    }
    let usage_period = match section.text("usage_gauge_period")? {
        Some(text) if text == "none" => None,
        _ => Some(section.duration("usage_gauge_period")?).filter(|period| !period.is_zero()),
    };
    Ok(Telemetry {
        prometheus: !section.duration("prometheus_retention_time")?.is_zero(),
        usage_period,
        cardinality: section.count("maximum_gauge_cardinality")?,
    })
}

/// Whether a listener tells the metrics to everybody.
pub(super) fn is_open<'a>(
    listener: &Section<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<bool, ConfigError> {
    let section = gather(&keys::LISTENER_TELEMETRY, listener, environment, warnings)?;
    section.flag("unauthenticated_metrics_access")
}

fn gather<'a>(
    table: &'static keys::Table,
    around: &Section<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Section<'a>, ConfigError> {
    let blocks: Result<Vec<Vec<Entry<'a>>>, _> =
        around.all("telemetry").map(|entry| entry.block()).collect();
    Ok(Section::new(table, blocks?.concat(), environment, warnings))
}
