//! A JSON object at a path: what kv version 1 and a cubbyhole keep.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::api::difference::{Change, Difference};
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;
use crate::base::json;
use crate::base::record::Record;

/// JSON as it is stored: its text, so that numbers keep all their digits.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Document {
    json: String,
}

impl Record for Document {
    const VERSION: u8 = 1;
}

impl Document {
    /// The text of an object, or of null.
    #[expect(clippy::expect_used, reason = "JSON has a text")]
    pub fn of(object: Option<&Map<String, Value>>) -> Self {
        let mut text = json::text(&object).expect("its keys are texts");
        let json = String::from_utf8(std::mem::take(&mut *text)).expect("JSON is UTF-8");
        Self { json }
    }

    /// The object; `None` for null.
    pub fn read(&self) -> Result<Option<Map<String, Value>>, Fault> {
        match json::read(self.json.as_bytes()) {
            Ok(Value::Object(object)) => Ok(Some(object)),
            Ok(Value::Null) => Ok(None),
            _ => Err(Fault::internal(
                "a stored value is no JSON object: the store is damaged; run a verify",
            )),
        }
    }
}

/// The object at `path`.
pub fn read(scope: &mut Scope<'_>, path: &str) -> Result<Option<Map<String, Value>>, Fault> {
    if !is_name(path) {
        return Ok(None);
    }
    let stored = scope.read::<Document>(path)?;
    stored.map(|document| document.read().map(Option::unwrap_or_default)).transpose()
}

/// Whether something is kept at `path`.
pub fn exists(scope: &mut Scope<'_>, path: &str) -> Result<bool, Fault> {
    Ok(is_name(path) && scope.get(path)?.is_some())
}

/// Puts `object` at `path`; Vault refuses an empty one.
pub fn write(scope: &mut Scope<'_>, path: &str, object: &Map<String, Value>) -> Outcome {
    if !is_name(path) {
        return Err(Fault::bad_request("missing path"));
    }
    if object.is_empty() {
        return Err(Fault::bad_request("missing data fields"));
    }
    scope.write(path, &Document::of(Some(object)))?;
    Ok(Reply::nothing())
}

/// Puts what `from` has at `source` at `path`.
pub fn recover(
    (scope, path): (&mut Scope<'_>, &str),
    (from, source): (&mut Scope<'_>, &str),
) -> Outcome {
    let object = read(from, source)?.ok_or_else(Fault::not_in_snapshot)?;
    write(scope, path, &object)
}

/// Removes what is at `path`, if anything is.
pub fn delete(scope: &mut Scope<'_>, path: &str) -> Outcome {
    if is_name(path) {
        scope.delete(path)?;
    }
    Ok(Reply::nothing())
}

/// The names below the folder `path`, which ends in a slash or is empty.
pub fn list(scope: &mut Scope<'_>, path: &str) -> Outcome {
    Reply::list(scope.list(path)?)
}

/// What became of the object at `path`.
pub fn compare(
    path: &str,
    before: &mut Scope<'_>,
    after: &mut Scope<'_>,
) -> Result<Option<Difference>, Fault> {
    let change = Change::between(&read(before, path)?, &read(after, path)?);
    Ok(change.map(|change| Difference::at(path, change)))
}

/// Whether something can be kept at `path`.
fn is_name(path: &str) -> bool {
    !path.is_empty() && !path.ends_with('/')
}
