//! A user, as it is stored.

use serde::{Deserialize, Serialize};

use super::NAME;
use crate::api::call::Call;
use crate::auth::terms::Terms;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::fault::Fault;
use crate::base::password::PasswordHash;
use crate::base::record::Record;

/// Where users lie.
pub const FOLDER: &str = "user";

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Of their password.
    pub password: PasswordHash,
    /// On what they log in.
    pub terms: Terms,
}

impl Record for User {
    const VERSION: u8 = 1;
}

impl User {
    /// The user of that name, in lower case.
    pub fn load(scope: &mut Scope<'_>, name: &str) -> Result<Option<Self>, TxnError> {
        scope.read(&format!("{FOLDER}/{name}"))
    }

    /// Writes it.
    pub fn save(&self, scope: &mut Scope<'_>, name: &str) -> Result<(), TxnError> {
        scope.write(&format!("{FOLDER}/{name}"), self)
    }
}

/// The name that a request is about.
pub fn name(call: &Call<'_>) -> Result<String, Fault> {
    Ok(call.fields.need(&NAME)?.to_lowercase())
}
