//! A line of the log.

use log::kv::VisitSource;
use log::{Level, Record};
use serde_json::{Value, json};

use super::{Format, OWN};
use crate::base::clock::Timestamp;

/// The line of a message, its end included.
pub fn line(format: Format, record: &Record<'_>, time: Timestamp) -> String {
    let (time, module) = (time.rfc3339(), module(record));
    match format {
        Format::Standard => {
            format!("{time} {:<7} {module}: {}\n", shown(record.level()), record.args())
        }
        Format::Json => {
            let mut line = json!({
                "@timestamp": time,
                "@level": record.level().as_str().to_ascii_lowercase(),
                "@module": module,
                "@message": record.args().to_string(),
            });
            // Visiting ends only when the visitor says so, and this one never does.
            let _ = record.key_values().visit(&mut Fields(&mut line));
            format!("{line}\n")
        }
    }
}

/// The part of the program that a message is of.
pub fn module(record: &Record<'_>) -> String {
    let target = record.target();
    let module = target.strip_prefix(OWN).unwrap_or(target).trim_start_matches("::");
    module.replace("::", ".")
}

/// Puts a message's own fields beside it.
struct Fields<'a>(&'a mut Value);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(
        &mut self,
        key: log::kv::Key<'kvs>,
        value: log::kv::Value<'kvs>,
    ) -> Result<(), log::kv::Error> {
        let value = value.to_u64().map_or_else(|| value.to_string().into(), Value::from);
        self.0[key.as_str()] = value;
        Ok(())
    }
}

fn shown(level: Level) -> &'static str {
    match level {
        Level::Error => "[ERROR]",
        Level::Warn => "[WARN]",
        Level::Info => "[INFO]",
        Level::Debug => "[DEBUG]",
        Level::Trace => "[TRACE]",
    }
}
