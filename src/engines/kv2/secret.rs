//! A secret in the store: the metadata at its path, a part for each version's value.

use serde_json::{Map, Value};

use super::fields::PATH;
use super::record::{Config, Metadata};
use crate::api::call::Call;
use crate::api::reply::{Content, Reply, object};
use crate::api::route::Outcome;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::record::Record;
use crate::engines::document::Document;

/// The path of a secret: not empty, and without a slash at its end.
#[derive(Clone, Copy)]
pub struct Place<'a>(&'a str);

/// A secret that was loaded, to be looked at or changed and saved.
pub struct Secret<'a> {
    place: Place<'a>,
    /// What is known of it.
    pub metadata: Metadata,
    /// The value of version 1, where it still lies as a mount of kv version 1 left it.
    left_by_v1: Option<Document>,
}

impl<'a> Place<'a> {
    /// The place of an entry; `None` where no secret is.
    pub fn at(entry: &'a str) -> Option<Self> {
        (!entry.is_empty() && !entry.ends_with('/')).then_some(Self(entry))
    }

    /// The place that a call names; `None` where no secret can be.
    pub fn of(call: &Call<'a>) -> Option<Self> {
        Self::at(call.fields.get(&PATH)?)
    }

    /// The place that a writing call names.
    pub fn to_write(call: &Call<'a>) -> Result<Self, Fault> {
        Self::of(call).ok_or_else(|| Fault::bad_request("cannot write to a path ending in '/'"))
    }
}

impl<'a> Secret<'a> {
    /// The secret that a call names.
    pub fn of(call: &mut Call<'a>) -> Result<Option<Self>, Fault> {
        match Place::of(call) {
            Some(place) => Self::load(&mut call.scope, place),
            None => Ok(None),
        }
    }

    /// The secret at a place.
    pub fn load(scope: &mut Scope<'_>, place: Place<'a>) -> Result<Option<Self>, Fault> {
        let Some(stored) = scope.get(place.0)? else { return Ok(None) };
        if stored.first() != Some(&Document::VERSION) {
            let metadata = Metadata::decode(&stored).map_err(TxnError::from)?;
            return Ok(Some(Self { place, metadata, left_by_v1: None }));
        }
        let left_by_v1 = Some(Document::decode(&stored).map_err(TxnError::from)?);
        let upgraded = Config::load(scope)?.upgraded.unwrap_or(Timestamp::EPOCH);
        Ok(Some(Self { place, metadata: Metadata::of_upgraded(upgraded), left_by_v1 }))
    }

    /// A secret without versions.
    pub fn new(place: Place<'a>, now: Timestamp) -> Self {
        Self { place, metadata: Metadata::new(now), left_by_v1: None }
    }

    /// Writes the metadata, and moves a value of kv version 1 to its part.
    pub fn save(&self, scope: &mut Scope<'_>) -> Result<(), Fault> {
        let path = self.place.0;
        if let Some(value) = &self.left_by_v1
            && self.metadata.versions.get(&1).is_some_and(|version| !version.destroyed)
        {
            scope.write_part(path, 1, value)?;
        }
        Ok(scope.write(path, &self.metadata)?)
    }

    /// Makes a version of `value` and saves. The answer tells of the version.
    pub fn add_version(
        mut self,
        scope: &mut Scope<'_>,
        config: &Config,
        value: Option<&Map<String, Value>>,
    ) -> Outcome {
        let (number, cut) = self.metadata.add_version(config, scope.now());
        for old in cut {
            scope.delete_part(self.place.0, old)?;
        }
        scope.write_part(self.place.0, number, &Document::of(value))?;
        self.save(scope)?;
        let shown = self.metadata.versions.get(&number);
        let shown = shown.map(|version| self.metadata.show_version(number, version));
        Ok(Reply::data(shown.unwrap_or_default()))
    }

    /// Puts a secret with all its versions where none is. A version without a value is one that
    /// was destroyed.
    pub fn put<'v>(
        scope: &mut Scope<'_>,
        place: Place<'a>,
        metadata: Metadata,
        values: impl Iterator<Item = (u64, Option<&'v Map<String, Value>>)>,
    ) -> Result<(), Fault> {
        for (number, value) in values {
            scope.write_part(place.0, number, &Document::of(value))?;
        }
        Self { place, metadata, left_by_v1: None }.save(scope)
    }

    /// The value of a version that is not gone.
    pub fn value(
        &self,
        scope: &mut Scope<'_>,
        number: u64,
    ) -> Result<Option<Map<String, Value>>, Fault> {
        match (&self.left_by_v1, number) {
            (Some(value), 1) => value.read(),
            _ => match scope.read_part::<Document>(self.place.0, number)? {
                Some(value) => value.read(),
                None => Err(missing()),
            },
        }
    }

    /// Destroys a version, if it is there.
    pub fn destroy(&mut self, scope: &mut Scope<'_>, number: u64) -> Result<(), Fault> {
        if self.metadata.destroy_version(number) {
            scope.delete_part(self.place.0, number)?;
        }
        Ok(())
    }

    /// Puts it with all of its versions at another place, where none is: `from` is where it lies,
    /// `to` where it is to lie.
    pub fn copy(
        mut self,
        from: &mut Scope<'_>,
        to: &mut Scope<'_>,
        place: Place<'a>,
    ) -> Result<(), Fault> {
        for (number, version) in &self.metadata.versions {
            if let (false, None) = (version.destroyed, &self.left_by_v1) {
                let value = from.get_part(self.place.0, *number)?.ok_or_else(missing)?;
                to.put_part(place.0, *number, &value)?;
            }
        }
        self.place = place;
        self.save(to)
    }

    /// Removes all of it.
    pub fn remove(self, scope: &mut Scope<'_>) -> Result<(), Fault> {
        for number in self.metadata.versions.keys() {
            scope.delete_part(self.place.0, *number)?;
        }
        Ok(scope.delete(self.place.0)?)
    }
}

fn missing() -> Fault {
    Fault::internal(
        "a version of this secret is missing from the store, which is damaged; run a verify",
    )
}

/// The answer about a version: `name` holds what `show` makes of its value. One that is gone is
/// 404 with its metadata all the same.
pub fn version_reply(
    call: &mut Call<'_>,
    number: i64,
    name: &str,
    show: impl FnOnce(Option<Map<String, Value>>) -> Value,
) -> Outcome {
    let secret = Secret::of(call)?.ok_or_else(Fault::not_found)?;
    let metadata = &secret.metadata;
    let (number, version) = metadata.version(number).ok_or_else(Fault::not_found)?;
    let about = metadata.show_version(number, version);
    let (status, shown) = if version.is_gone(call.scope.expiry_now()) {
        (404, Value::Null)
    } else {
        (200, show(secret.value(&mut call.scope, number)?))
    };
    let data = object([("metadata", about.into()), (name, shown)]);
    Ok(Reply::data(data).with_status(status))
}

/// The answer to a patch of what is not there: 404 without a body.
pub const fn nothing_to_patch() -> Reply {
    Reply::of(404, Content::Nothing)
}
