//! Where the token of a login is kept between commands: `~/.vault-token`, or a program.
//!
//! The program is what `token_helper` names in `~/.vault`, or in the file of VAULT_CONFIG_PATH. It
//! is run with one word: `get` prints the token, `store` reads it from stdin, `erase` forgets it.
//! It finds the server's address in VAULT_ADDR.

use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::context::home;
use super::token_file;
use crate::base::bounded;
use crate::base::clock::{Clock, SystemClock};
use crate::base::golang::quote;
use crate::base::hcl::{self, Kind};
use crate::base::variable::Variable;

/// What keeps the token.
pub enum TokenHelper {
    /// `~/.vault-token`.
    File,
    /// A program of the user's.
    Program(Program),
}

/// A program that keeps tokens.
pub struct Program {
    path: PathBuf,
    /// The server's, unless it is the usual one.
    address: Option<String>,
}

impl TokenHelper {
    /// What the user configured, for the server at an address.
    pub fn configured(address: Option<String>) -> Result<Self, String> {
        let path = Variable::ConfigPath.read().map(|given| PathBuf::from(given.value));
        let Some(path) = path.or_else(|| home().map(|home| home.join(".vault"))) else {
            return Ok(Self::File);
        };
        let text = match bounded::read_text(&path, bounded::SETTINGS) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self::File);
            }
            Err(e) => return Err(format!("{} cannot be read: {e}", path.display())),
        };
        let named = program_in(&text).map_err(|why| {
            format!(
                "error parsing config file at {path:?}: {why}; ensure that the file is valid. \
                 Ansible Vault is known to conflict with it: VAULT_CONFIG_PATH names another one"
            )
        })?;
        Ok(named.map_or(Self::File, |path| Self::Program(Program { path, address })))
    }

    /// The token that is kept, if any.
    pub fn get(&self) -> Result<Option<Zeroizing<String>>, String> {
        match self {
            Self::File => token_file::read(),
            Self::Program(program) => {
                let printed = program.run("get", None)?;
                let token = Zeroizing::new(printed.trim().to_owned());
                Ok(Some(token).filter(|token| !token.is_empty()))
            }
        }
    }

    /// Keeps a token in the place of the one before.
    pub fn store(&self, token: &str) -> Result<(), String> {
        match self {
            Self::File => token_file::write(token),
            Self::Program(program) => program.run("store", Some(token)).map(drop),
        }
    }

    /// Forgets the token.
    pub fn erase(&self) -> Result<(), String> {
        match self {
            Self::File => token_file::remove(),
            Self::Program(program) => program.run("erase", None).map(drop),
        }
    }
}

/// How long a program may take: it may ask somebody for a password.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a program that says nothing more has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The program that a configuration names.
fn program_in(text: &str) -> Result<Option<PathBuf>, String> {
    let document = hcl::parse(text).map_err(|e| e.to_string())?;
    if let Some(doubt) = document.doubt {
        return Err(doubt.to_string());
    }
    let mut program = None;
    for item in &document.body.items {
        let line = item.key.at.line;
        match (item.key.text.as_str(), &item.value.kind) {
            ("token_helper", Kind::Text(path)) if path.is_empty() => program = None,
            ("token_helper", Kind::Text(path)) => {
                let from_home = path.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest)));
                let path = from_home.unwrap_or_else(|| path.into());
                if !path.is_absolute() {
                    return Err(format!("token_helper on line {line} is no absolute path"));
                }
                program = Some(path);
            }
            ("token_helper", _) => return Err(format!("token_helper on line {line} is no string")),
            (key, _) => return Err(format!("invalid key {} on line {line}", quote(key))),
        }
    }
    Ok(program)
}

impl Program {
    /// Runs it with one word; what it prints comes back, or what it says went wrong.
    fn run(&self, word: &str, token: Option<&str>) -> Result<Zeroizing<String>, String> {
        let name = self.path.display();
        let unrun = |e| format!("the token helper {name} cannot be run: {e}");
        let mut command = Command::new(&self.path);
        if let Some(address) = &self.address {
            command.env("VAULT_ADDR", address);
        }
        let mut child = command
            .arg(word)
            .stdin(if token.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(unrun)?;
        if let (Some(mut stdin), Some(token)) = (child.stdin.take(), token) {
            // Whether it wanted to read it, its exit code tells.
            let _ = stdin.write_all(token.as_bytes());
        }
        let ended = ended(&mut child, PATIENCE);
        if ended.is_err() {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
        }
        let (status, [printed, stderr]) =
            ended.map_err(|e| format!("the token helper {name} {word}: {e}"))?;
        if status.success() {
            return Ok(printed);
        }
        // Errors may stand on either; but what a `get` printed may be a token.
        let said = match word {
            "get" => stderr,
            _ => Zeroizing::new(printed.to_string() + &stderr),
        };
        let said = token.map_or_else(|| said.to_string(), |token| said.replace(token, "..."));
        Err(format!("the token helper {name} {word}: {status}: {}", said.trim()))
    }
}

/// How a program ended, and what it printed on stdout and stderr.
fn ended(
    child: &mut Child,
    patience: Duration,
) -> io::Result<(ExitStatus, [Zeroizing<String>; 2])> {
    let until = SystemClock.boot().saturating_add(patience);
    let late = || {
        let why = format!("it did not end in {} s, and was ended", patience.as_secs());
        io::Error::new(ErrorKind::TimedOut, why)
    };
    let pipes = [heard(child.stdout.take())?, heard(child.stderr.take())?];
    let mut printed = [Zeroizing::default(), Zeroizing::default()];
    for (pipe, printed) in pipes.iter().zip(&mut printed) {
        let left = until.saturating_sub(SystemClock.boot());
        let bytes = pipe.recv_timeout(left).map_err(|_| late())?;
        let bytes = bytes.map_err(|e| io::Error::new(e.kind(), format!("what it prints: {e}")))?;
        *printed = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    }
    loop {
        match child.try_wait()? {
            Some(status) => return Ok((status, printed)),
            None if SystemClock.boot() > until => return Err(late()),
            None => thread::sleep(LOOK),
        }
    }
}

/// What comes out of a pipe until its end.
type Heard = Receiver<io::Result<Zeroizing<Vec<u8>>>>;

fn heard(pipe: Option<impl Read + Send + 'static>) -> io::Result<Heard> {
    let (tell, heard) = channel();
    let listen = move || {
        let read = pipe.map(|pipe| bounded::read(pipe, bounded::TOKEN));
        // Who waits no longer hears nothing.
        drop(tell.send(read.unwrap_or_else(|| Ok(Zeroizing::default()))));
    };
    thread::Builder::new().name("helper".into()).spawn(listen)?;
    Ok(heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_end_is_not_waited_for() {
        // The second has said all, and the third leaves its pipes to somebody else.
        for line in ["exec sleep 600", "exec sleep 600 >&- 2>&-", "sleep 600 & exit 0"] {
            let mut command = Command::new("sh");
            command.args(["-c", line]).stdin(Stdio::null());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let told = ended(&mut child, Duration::from_secs(1)).unwrap_err();
            assert_eq!(told.to_string(), "it did not end in 1 s, and was ended");
            let _ = child.kill();
            child.wait().unwrap();
        }
    }
}
