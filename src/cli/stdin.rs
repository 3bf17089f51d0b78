//! Stdin: there is one, and what was read of it is gone.

use std::io::{self, BufRead, Read};
use std::sync::Mutex;

use rustix::fs::{OFlags, fcntl_getfl, fstat, makedev};
use zeroize::Zeroizing;

use crate::base::bounded;
use crate::base::sync::lock;

/// How much of it was given away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Nothing,
    Lines,
    Everything,
}

static TAKEN: Mutex<Taken> = Mutex::new(Taken::Nothing);

/// In the words of Vault's command line.
const CONSUMED: &str = "stdin already consumed";

/// All of it. Whoever comes second would get nothing, and take that for what was given.
pub fn everything() -> Result<String, String> {
    take(Taken::Everything)?;
    let read = bounded::read(io::stdin().lock(), bounded::BODY).and_then(bounded::text);
    let mut text = read.map_err(|e| format!("stdin cannot be read: {e}"))?;
    Ok(std::mem::take(&mut *text))
}

/// Whether there was none when the program began. Rust puts the null device in its place, and opens
/// it both ways, which `</dev/null` does not.
pub fn is_closed() -> bool {
    let both_ways = fcntl_getfl(io::stdin()).is_ok_and(|flags| flags.contains(OFlags::RDWR));
    both_ways && fstat(io::stdin()).is_ok_and(|stat| stat.st_rdev == makedev(1, 3))
}

/// The next line, without its end.
pub fn line() -> io::Result<Zeroizing<String>> {
    take(Taken::Lines).map_err(io::Error::other)?;
    typed()
}

/// The next line that somebody types, without its end. A terminal gives more where it seemed to
/// have ended.
pub fn typed() -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().take(bounded::TOKEN + 1).read_line(&mut line)?;
    bounded::fits(line.len(), bounded::TOKEN)?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(line)
}

/// Lines may follow lines.
fn take(what: Taken) -> Result<(), String> {
    let mut taken = lock(&TAKEN);
    match (*taken, what) {
        (Taken::Nothing, _) | (Taken::Lines, Taken::Lines) => {
            *taken = what;
            Ok(())
        }
        _ => Err(CONSUMED.to_owned()),
    }
}
