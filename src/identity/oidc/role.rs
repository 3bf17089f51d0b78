//! Roles: what is stated of an entity, to whom and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::index::Bonds;
use super::key::{DEFAULT, Key};
use super::stock::{Halt, Supply};
use super::template::Template;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::record::Record;

const FOLDER: &str = "oidc/role";
/// The names of the roles that have a key.
pub const ROLES_OF_KEY: Bonds = Bonds::new("oidc/role-of");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A role.
#[derive(Serialize, Deserialize)]
pub struct Role {
    /// The name of the key that signs its tokens.
    pub key: String,
    /// What its tokens say beside who it is; empty for nothing.
    pub template: String,
    /// How long its tokens last.
    pub ttl: Duration,
    /// For whom its tokens are: their audience.
    pub client_id: String,
}

impl Record for Role {
    const VERSION: u8 = 1;
}

/// What is to be of a role; what is `None` stays, or is Vault's default.
#[derive(Default)]
pub struct Change {
    /// See [`Role`].
    pub key: Option<String>,
    /// See [`Role`]; base64 too.
    pub template: Option<String>,
    /// See [`Role`].
    pub ttl: Option<Duration>,
    /// See [`Role`]; a random one when it is empty.
    pub client_id: Option<String>,
}

impl Role {
    /// The role of that name.
    pub fn by_name(scope: &mut Scope<'_>, name: &str) -> Result<Option<Self>, TxnError> {
        scope.read(&at(name))
    }

    /// The names of all roles, sorted.
    pub fn list(scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        scope.list(FOLDER)
    }

    /// Makes a role, or changes the one of that name.
    pub fn set(
        scope: &mut Scope<'_>,
        name: &str,
        change: Change,
        supply: Supply<'_>,
    ) -> Result<(), Halt> {
        let refused = |text: &'static str| Err(Fault::bad_request(text).into());
        let before = Self::by_name(scope, name)?;
        let had = before.as_ref().map(|role| role.key.clone());
        let mut role = before.unwrap_or_else(|| Self {
            key: String::new(),
            template: String::new(),
            ttl: DAY,
            client_id: String::new(),
        });
        role.key = change.key.unwrap_or(role.key);
        if role.key.is_empty() {
            return refused("the key parameter is required");
        }
        if let Some(template) = change.template {
            role.template = Template::check(&template, scope.now())?;
        }
        role.ttl = change.ttl.unwrap_or(role.ttl);
        let Some(mut key) = Key::by_name(scope, &role.key)? else {
            let text = format!("cannot find key {}", golang::quote(&role.key));
            return Err(Fault::bad_request(text).into());
        };
        if role.ttl > key.verification_ttl {
            return refused(
                "a role's token ttl cannot be longer than the verification_ttl of the key it \
                 references",
            );
        }
        if role.key == DEFAULT {
            key.make_ready(scope, DEFAULT, supply)?;
        }
        role.client_id = change.client_id.unwrap_or(role.client_id);
        if role.client_id.is_empty() {
            role.client_id = supply.entropy.base62(26);
        }
        if let Some(had) = had.filter(|had| *had != role.key) {
            ROLES_OF_KEY.cut(scope, &had, name)?;
        }
        ROLES_OF_KEY.tie(scope, &role.key, name)?;
        Ok(scope.write(&at(name), &role)?)
    }

    /// Removes the role of that name, if it is there.
    pub fn delete(scope: &mut Scope<'_>, name: &str) -> Result<(), TxnError> {
        if let Some(role) = Self::by_name(scope, name)? {
            ROLES_OF_KEY.cut(scope, &role.key, name)?;
            scope.delete(&at(name))?;
        }
        Ok(())
    }
}

fn at(name: &str) -> String {
    format!("{FOLDER}/{name}")
}
