//! Stdin: there is one, and what was read of it is gone.

use std::io::{self, BufRead, Read};
use std::sync::Mutex;

use zeroize::Zeroizing;

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
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|e| format!("stdin cannot be read: {e}"))?;
    Ok(text)
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
    io::stdin().lock().read_line(&mut line)?;
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
