//! Where the token of a login is kept between commands: `~/.vault-token`, or a program.
//!
//! The program is what `token_helper` names in `~/.vault`, or in the file of VAULT_CONFIG_PATH. It
//! is run with one word: `get` prints the token, `store` reads it from stdin, `erase` forgets it.
//! It finds the server's address in VAULT_ADDR.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::context::home;
use super::token_file;
use crate::base::golang::quote;
use crate::base::hcl::{self, Kind};
use crate::client::variables;

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
        let path = variables::CONFIG_PATH.read().map(|given| PathBuf::from(given.value));
        let Some(path) = path.or_else(|| home().map(|home| home.join(".vault"))) else {
            return Ok(Self::File);
        };
        let text = match fs::read_to_string(&path) {
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
        let output = child.wait_with_output().map_err(unrun)?;
        let printed = Zeroizing::new(String::from_utf8_lossy(&output.stdout).into_owned());
        drop(Zeroizing::new(output.stdout));
        if output.status.success() {
            return Ok(printed);
        }
        let stderr = Zeroizing::new(String::from_utf8_lossy(&output.stderr).into_owned());
        // Errors may stand on either; but what a `get` printed may be a token.
        let said = match word {
            "get" => stderr,
            _ => Zeroizing::new(printed.to_string() + &stderr),
        };
        let said = token.map_or_else(|| said.to_string(), |token| said.replace(token, "..."));
        Err(format!("the token helper {name} {word}: {}: {}", output.status, said.trim()))
    }
}
