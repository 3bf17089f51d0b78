//! PGP public keys for shares and root tokens, as the API takes them: base64 of the binary form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cli::data::open_error;

/// The key in a file: armored, binary, or base64 already.
pub fn key(path: &str) -> Result<String, String> {
    if path.starts_with("keybase:") {
        return Err("keys are not fetched from Keybase: save the public key into a file".into());
    }
    let path = path.strip_prefix('@').unwrap_or(path);
    let bytes = std::fs::read(path).map_err(|e| open_error(path, &e))?;
    let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(STANDARD.encode(&bytes)) };
    match text.split_once("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        Some((_, armored)) => unarmored(armored).ok_or_else(|| format!("{path} is cut short")),
        None if STANDARD.decode(text.trim()).is_ok() => Ok(text.trim().to_owned()),
        None => Err(format!("{path} holds no PGP public key")),
    }
}

/// The keys in files that are parted by commas.
pub fn keys(paths: &str) -> Result<Vec<String>, String> {
    paths.split(',').map(|path| key(path.trim())).collect()
}

/// The base64 within an armor (RFC 9580, 6.2): between the empty line after the headers and the
/// checksum, if there is one.
fn unarmored(text: &str) -> Option<String> {
    let (body, _) = text.split_once("-----END")?;
    let lines = body.lines().map(str::trim).skip(1).skip_while(|line| line.contains(": "));
    let lines = lines.take_while(|line| !line.starts_with('='));
    let joined: String = lines.collect();
    STANDARD.decode(&joined).is_ok_and(|key| !key.is_empty()).then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armor_is_taken_off() {
        for head in ["\n", "\nVersion: x\nComment: y: z\n"] {
            let armored = format!("{head}\nAAEC\nAwQ=\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----");
            assert_eq!(unarmored(&armored).as_deref(), Some("AAECAwQ="), "{head}");
        }
        assert_eq!(unarmored("\n\nAAEC"), None);
        assert!(key("/none").is_err_and(|e| e == "open /none: no such file or directory"));
    }
}
