//! PGP public keys for shares and root tokens, as the API takes them: base64 of the binary form.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::bounded;
use crate::base::openpgp::unarmored;
use crate::cli::data::open_error;

/// The key in a file: armored, binary, or base64 already.
pub fn key(path: &str) -> Result<String, String> {
    if path.starts_with("keybase:") {
        return Err("keys are not fetched from Keybase: save the public key into a file".into());
    }
    let path = path.strip_prefix('@').unwrap_or(path);
    let bytes = bounded::read_file(Path::new(path), bounded::SETTINGS);
    let bytes = bytes.map_err(|e| open_error(path, &e))?;
    let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(STANDARD.encode(&bytes)) };
    // Something may be written above the armor.
    let armor = text.find("-----BEGIN PGP PUBLIC KEY BLOCK-----");
    let key = unarmored(text[armor.unwrap_or(0)..].trim())
        .ok()
        .filter(|key| STANDARD.decode(key).is_ok_and(|key| !key.is_empty()));
    key.ok_or_else(|| match armor {
        Some(_) => format!("{path} is cut short"),
        None => format!("{path} holds no PGP public key"),
    })
}

/// The keys in files that are parted by commas.
pub fn keys(paths: &str) -> Result<Vec<String>, String> {
    paths.split(',').map(|path| key(path.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_file() {
        let folder = std::env::temp_dir().join(format!("edgekeep-pgp-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("key").to_string_lossy().into_owned();
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            key(&format!("@{path}"))
        };
        let begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
        for head in ["\n", "\nVersion:\nComment: y: z\n\n"] {
            let end = "=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
            let armored = format!("My key\n{begin}{head}AAEC\nAwQ=\n{end}");
            assert_eq!(read(armored.as_bytes()).as_deref(), Ok("AAECAwQ="), "{head}");
        }
        assert_eq!(read(b"AAEC\nAwQ=\n").as_deref(), Ok("AAECAwQ="));
        assert_eq!(read(b"\xff\x00").as_deref(), Ok("/wA="));
        assert!(
            read(format!("{begin}\n\nAAEC").as_bytes()).is_err_and(|e| e.contains("cut short"))
        );
        assert!(read(b"no key").is_err_and(|e| e.ends_with("holds no PGP public key")));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(key("/none").is_err_and(|e| e == "open /none: no such file or directory"));
    }
}
