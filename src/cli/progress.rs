//! A bar on a terminal for what takes a while; silence elsewhere.

use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use crate::base::clock::{Clock, SystemClock};

/// How long the bar is at most, and where it is too short to say anything.
const LONGEST: u64 = 30;
const SHORTEST: u64 = 5;
/// How wide a terminal is that does not tell.
const USUAL: usize = 80;
/// Nothing is drawn for what is done sooner, and then this often.
const EVERY: Duration = Duration::from_millis(100);

/// How far something is.
pub struct Progress {
    title: String,
    unit: Unit,
    total: Option<u64>,
    done: u64,
    /// Why it stands still, and how many wait.
    pause: String,
    waiting: usize,
    drawn_at: Duration,
    drawn: bool,
    shown: bool,
}

/// What is counted.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Things(&'static str),
    /// Nothing: it is waited for.
    Nothing,
}

impl Progress {
    /// Begins, with the bytes there are, where that is known.
    pub fn new(title: &str, total: Option<u64>) -> Self {
        Self {
            title: title.to_owned(),
            unit: Unit::Bytes,
            total,
            done: 0,
            pause: String::new(),
            waiting: 0,
            drawn_at: SystemClock.boot(),
            drawn: false,
            shown: io::stderr().is_terminal(),
        }
    }

    /// Begins to count things, with how many there are, where that is known.
    pub fn counting(title: &str, things: &'static str, total: Option<u64>) -> Self {
        let mut progress = Self::new(title, total);
        progress.unit = Unit::Things(things);
        progress
    }

    /// Says that something is waited for, until dropped.
    pub fn waiting(title: &str) -> Self {
        let mut progress = Self::new(title, None);
        progress.unit = Unit::Nothing;
        progress.draw();
        progress
    }

    /// A reader that counts what passes through it.
    pub fn reading<R: Read>(self, inner: R) -> Reading<R> {
        Reading { inner, progress: self }
    }

    /// Counts so many more.
    pub fn add(&mut self, more: u64) {
        self.done += more;
        let now = SystemClock.boot();
        if now.saturating_sub(self.drawn_at) >= EVERY {
            self.drawn_at = now;
            self.draw();
        }
    }

    /// Shows at once why one more waits, until [`Self::go_on`].
    pub fn pause(&mut self, why: &str) {
        why.clone_into(&mut self.pause);
        self.waiting += 1;
        self.draw();
    }

    /// One of those that waited does so no longer.
    pub fn go_on(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        self.draw();
    }

    fn draw(&mut self) {
        if self.shown {
            self.drawn = true;
            // A terminal that is gone needs no bar.
            let _ = write!(io::stderr(), "\r{}\x1b[K", self.line(columns()));
        }
    }

    /// A line that leaves the last column free: one that is wrapped could not be drawn over.
    fn line(&self, columns: usize) -> String {
        let pause = if self.waiting > 0 { format!(" ({})", self.pause) } else { String::new() };
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let Some(total) = self.total.filter(|total| *total > 0) else {
            let Self { title, done, .. } = self;
            let line = match self.unit {
                Unit::Bytes => format!("{title} {:.1} MiB", mib(*done)),
                Unit::Things(things) => format!("{title}: {done} {things}{pause}"),
                Unit::Nothing => format!("{title}..."),
            };
            return fitted(&line, columns);
        };
        let amount = match self.unit {
            Unit::Things(things) => format!("{} of {total} {things}", self.done),
            Unit::Bytes | Unit::Nothing => {
                format!("{:.1} of {:.1} MiB", mib(self.done), mib(total))
            }
        };
        let others = self.title.len() + " [] ".len() + amount.len() + 1;
        let width = LONGEST.min(columns.saturating_sub(others) as u64);
        if width < SHORTEST {
            return fitted(&format!("{} {amount}", self.title), columns);
        }
        let full = self.done.min(total).saturating_mul(width) / total;
        let bar: String = (0..width).map(|i| if i < full { '#' } else { '.' }).collect();
        format!("{} [{bar}] {amount}", self.title)
    }
}

fn fitted(line: &str, columns: usize) -> String {
    line.chars().take(columns.saturating_sub(1)).collect()
}

/// How wide the terminal is now.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.map(|size| size.ws_col.into()).ok().filter(|columns| *columns > 0).unwrap_or(USUAL)
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// See [`Progress::reading`].
pub struct Reading<R> {
    inner: R,
    progress: Progress,
}

impl<R: Read> Read for Reading<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buf)?;
        self.progress.add(got as u64);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn a_bar_fills() {
        let mut progress = Progress::new("Saving", Some(4 << 20));
        progress.add(1 << 20);
        let long = format!("Saving [{:.<30}] 1.0 of 4.0 MiB", "#######");
        assert_eq!(progress.line(80), long);
        assert_eq!(progress.line(long.len() + 1), long);
        assert_eq!(progress.line(33), "Saving [##......] 1.0 of 4.0 MiB");
        assert_eq!(progress.line(30), "Saving [#....] 1.0 of 4.0 MiB");
        assert_eq!(progress.line(29), "Saving 1.0 of 4.0 MiB");
        assert_eq!(progress.line(10), "Saving 1.");
        progress.total = None;
        assert_eq!(progress.line(80), "Saving 1.0 MiB");
        let mut counting = Progress::counting("Importing", "things", None);
        counting.add(7);
        assert_eq!(counting.line(80), "Importing: 7 things");
        counting.pause("there: 429");
        counting.pause("there: 503");
        counting.go_on();
        assert_eq!(counting.line(80), "Importing: 7 things (there: 503)");
        counting.go_on();
        assert_eq!(counting.line(80), "Importing: 7 things");
        counting.total = Some(14);
        assert_eq!(
            counting.line(80),
            format!("Importing [{:.<30}] 7 of 14 things", "#".repeat(15))
        );
        assert_eq!(Progress::waiting("Revoking").line(80), "Revoking...");
    }
}
