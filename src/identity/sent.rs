//! What clients send, checked.

use super::record::Texts;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::policies::ROOT;

/// How many names metadata has at most.
const MAX_NAMES: usize = 64;
/// Bytes of a name.
const MAX_NAME: usize = 128;
/// Bytes of a text.
const MAX_TEXT: usize = 512;
/// What is not for clients to say.
const RESERVED: &str = "vault-";

/// What is left of texts without blanks around them, empty ones and doubles: sorted.
pub fn distinct(texts: &[String]) -> Vec<String> {
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut texts: Vec<String> = texts.map(str::to_owned).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// Names of policies that may be given to an entity or a group.
pub fn policies(names: &[String]) -> Result<Vec<String>, Fault> {
    let names = distinct(names);
    if names.iter().any(|name| name.to_lowercase() == ROOT) {
        return Err(Fault::bad_request("policies cannot contain root"));
    }
    Ok(names)
}

/// Checks the metadata of an entity or a group, as `what` says.
pub fn metadata(what: &str, texts: Option<&Texts>) -> Result<(), Fault> {
    let Some(texts) = texts else { return Ok(()) };
    let refused = |why: String| Fault::bad_request(format!("invalid {what} metadata: {why}"));
    if texts.len() > MAX_NAMES {
        let why = format!("metadata cannot contain more than {MAX_NAMES} key/value pairs");
        return Err(refused(why));
    }
    for (name, text) in texts {
        if let Err(why) = pair(name, text) {
            let (name, text) = (golang::quote(name), golang::quote(text));
            return Err(refused(format!("failed to load metadata pair ({name}, {text}): {why}")));
        }
    }
    Ok(())
}

fn pair(name: &str, text: &str) -> Result<(), String> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "=/+_-".contains(c);
    if name.is_empty() {
        return Err("key cannot be blank".to_owned());
    }
    if !name.chars().all(usual) {
        return Err("key contains invalid characters".to_owned());
    }
    if name.len() > MAX_NAME {
        return Err(format!("key is too long (limit: {MAX_NAME} characters)"));
    }
    if name.starts_with(RESERVED) {
        return Err(format!("key prefix {RESERVED:?} is reserved for internal use"));
    }
    if text.len() > MAX_TEXT {
        return Err(format!("value is too long (limit: {MAX_TEXT} characters)"));
    }
    Ok(())
}
