//! Somebody who listens to the log. Whoever logs never waits for them: what they are too slow for
//! is lost to them, and they are told how much that was.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use log::{Level, LevelFilter, Record};

use super::line::line;
use super::{Format, Logs};
use crate::base::clock::Timestamp;
use crate::base::sync::lock;

/// Bytes of lines that wait for a listener.
const MOST_BYTES: usize = 256 << 10;

/// One who listens, until it is dropped.
pub struct Watch {
    pub(super) queue: Arc<Queue>,
    pub(super) logs: Arc<Logs>,
}

/// What a listener has heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Whole lines.
    Lines(String),
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing more is to come.
    End,
}

impl Watch {
    /// Waits for messages, at most so long.
    pub fn listen(&self, patience: Duration) -> Heard {
        self.queue.listen(patience)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.logs.forget(&self.queue);
    }
}

/// What waits for a listener.
pub(super) struct Queue {
    pub(super) level: LevelFilter,
    format: Format,
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: String,
    /// Messages for which there was no room, and when the last of them was.
    lost: Option<(u64, Timestamp)>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(level: LevelFilter, format: Format) -> Self {
        Self { level, format, waiting: Mutex::default(), bell: Condvar::new() }
    }

    pub(super) fn tell(&self, record: &Record<'_>, time: Timestamp) {
        if record.level() > self.level {
            return;
        }
        let line = line(self.format, record, time);
        let mut waiting = lock(&self.waiting);
        if waiting.lost.is_none() && waiting.lines.len() + line.len() <= MOST_BYTES {
            waiting.lines.push_str(&line);
        } else {
            // Those that follow are lost too, until the listener was told of it.
            let (lost, _) = waiting.lost.unwrap_or_default();
            waiting.lost = Some((lost + 1, time));
        }
        self.bell.notify_one();
    }

    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.bell.notify_one();
    }

    fn listen(&self, patience: Duration) -> Heard {
        let waiting = lock(&self.waiting);
        let still = |waiting: &mut Waiting| !waiting.closed && waiting.lines.is_empty();
        let waited = self.bell.wait_timeout_while(waiting, patience, still);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut lines = std::mem::take(&mut waiting.lines);
        if let Some((lost, time)) = waiting.lost.take() {
            lines.push_str(&self.notice(lost, time));
        }
        match (lines.is_empty(), waiting.closed) {
            (false, _) => Heard::Lines(lines),
            (true, false) => Heard::Nothing,
            (true, true) => Heard::End,
        }
    }

    fn notice(&self, lost: u64, time: Timestamp) -> String {
        let mut record = Record::builder();
        record.level(Level::Warn).target("monitor");
        let text = format_args!("{lost} messages were lost: they came faster than they were read");
        line(self.format, &record.args(text).build(), time)
    }
}
