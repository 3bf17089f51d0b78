//! `~/.vault-token`: where the token of the last login lies.

use std::io;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::context::home;
use super::replace;
use crate::base::bounded;

fn path() -> Option<PathBuf> {
    home().map(|home| home.join(".vault-token"))
}

/// The token stored there, if any.
pub fn read() -> Result<Option<Zeroizing<String>>, String> {
    let Some(path) = path() else { return Ok(None) };
    match bounded::read_text(&path, bounded::TOKEN) {
        Ok(text) => Ok(Some(Zeroizing::new(text.trim().to_owned())).filter(|t| !t.is_empty())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("the token cannot be read from {}: {e}", path.display())),
    }
}

/// Removes it.
pub fn remove() -> Result<(), String> {
    let Some(path) = path() else { return Ok(()) };
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(format!("{} cannot be removed: {e}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Stores a token, readable by its owner only.
pub fn write(token: &str) -> Result<(), String> {
    let Some(path) = path() else {
        return Err("no place to store the token: HOME is not set".into());
    };
    replace::make(&path, 0o600, token)
        .map_err(|e| format!("the token cannot be stored in {}: {e}", path.display()))
}
