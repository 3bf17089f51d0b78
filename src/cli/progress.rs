//! A bar on a terminal for what takes a while; silence elsewhere.

use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use crate::base::clock::{Clock, SystemClock};

const WIDTH: u64 = 30;
/// Nothing is drawn for what is done sooner, and then this often.
const EVERY: Duration = Duration::from_millis(100);

/// How far something is.
pub struct Progress {
    title: String,
    total: Option<u64>,
    done: u64,
    drawn_at: Duration,
    drawn: bool,
    shown: bool,
}

impl Progress {
    /// Begins, with the bytes there are, where that is known.
    pub fn new(title: &str, total: Option<u64>) -> Self {
        Self {
            title: title.to_owned(),
            total,
            done: 0,
            drawn_at: SystemClock.boot(),
            drawn: false,
            shown: io::stderr().is_terminal(),
        }
    }

    /// A reader that counts what passes through it.
    pub fn reading<R: Read>(self, inner: R) -> Reading<R> {
        Reading { inner, progress: self }
    }

    /// Counts `bytes` more.
    pub fn add(&mut self, bytes: u64) {
        self.done += bytes;
        let now = SystemClock.boot();
        if self.shown && now.saturating_sub(self.drawn_at) >= EVERY {
            self.drawn_at = now;
            self.drawn = true;
            // A terminal that is gone needs no bar.
            let _ = write!(io::stderr(), "\r{}\x1b[K", self.line());
        }
    }

    fn line(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        match self.total.filter(|total| *total > 0) {
            Some(total) => {
                let full = self.done.min(total).saturating_mul(WIDTH) / total;
                let bar: String = (0..WIDTH).map(|i| if i < full { '#' } else { '.' }).collect();
                format!("{} [{bar}] {:.1} of {:.1} MiB", self.title, mib(self.done), mib(total))
            }
            None => format!("{} {:.1} MiB", self.title, mib(self.done)),
        }
    }
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
        assert_eq!(progress.line(), format!("Saving [{:.<30}] 1.0 of 4.0 MiB", "#######"));
        progress.total = None;
        assert_eq!(progress.line(), "Saving 1.0 MiB");
    }
}
