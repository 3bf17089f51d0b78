//! A role, as it is stored.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fields::ROLE_NAME;
use crate::api::call::Call;
use crate::auth::terms::Terms;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::cidr::Cidr;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::hex;
use crate::base::record::Record;

/// Where roles lie.
pub const FOLDER: &str = "role";
/// Where a role's name lies by the HMAC of its id, which may be any text.
const IDS: &str = "role-id";
/// The longest name and id of a role, and the longest secret id, in bytes.
pub const LONGEST: usize = 4096;

/// Names the place of a role's secret ids: those of a role that is made anew under an old name
/// lie elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawer([u8; 8]);

impl fmt::Display for Drawer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl Record for Drawer {
    const VERSION: u8 = 1;
}

/// What is known of a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// By which logins name it.
    pub id: String,
    /// Where its secret ids lie.
    pub drawer: Drawer,
    /// Whether a login needs a secret id.
    pub bind_secret_id: bool,
    /// From where logins come; null and none are told apart, as Vault does.
    pub bound_cidrs: Option<Vec<Cidr>>,
    /// How many logins a secret id is good for; 0 for any number.
    pub secret_id_num_uses: u32,
    /// How long a secret id is good; zero for no end.
    pub secret_id_ttl: Duration,
    /// Accepted and shown.
    pub local_secret_ids: bool,
    /// On what its tokens are made.
    pub terms: Terms,
}

impl Record for Role {
    const VERSION: u8 = 1;
}

impl Role {
    /// A role with nothing set.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self {
            id: entropy.uuid(),
            drawer: Drawer(entropy.bytes()),
            bind_secret_id: true,
            bound_cidrs: None,
            secret_id_num_uses: 0,
            secret_id_ttl: Duration::ZERO,
            local_secret_ids: false,
            terms: Terms::default(),
        }
    }

    /// The role of that name, in lower case.
    pub fn load(scope: &mut Scope<'_>, name: &str) -> Result<Option<Self>, TxnError> {
        scope.read(&place(name))
    }

    /// The role of that id, with its name.
    pub fn by_id(scope: &mut Scope<'_>, id: &str) -> Result<Option<(String, Self)>, TxnError> {
        let Some(name) = name_of(scope, id)? else { return Ok(None) };
        Ok(Self::load(scope, &name)?.map(|role| (name, role)))
    }

    /// Writes it. `id_before` is what its id was, if it was stored before.
    pub fn save(
        &self,
        scope: &mut Scope<'_>,
        name: &str,
        id_before: Option<&str>,
    ) -> Result<(), Fault> {
        let bound = |cidrs: &[Cidr]| !cidrs.is_empty();
        let somehow = self.bind_secret_id
            || self.bound_cidrs.as_deref().is_some_and(bound)
            || bound(&self.terms.token.bound_cidrs);
        if !somehow {
            let text = "at least one constraint should be enabled on the role";
            return Err(Fault::listed(500, text));
        }
        if id_before != Some(&self.id) {
            if name_of(scope, &self.id)?.is_some() {
                return Err(Fault::listed(500, "role_id already in use"));
            }
            if let Some(before) = id_before {
                scope.delete(&place_of_id(scope, before))?;
            }
            scope.put(&place_of_id(scope, &self.id), name.as_bytes())?;
        }
        Ok(scope.write(&place(name), self)?)
    }

    /// Removes it; its secret ids stay.
    pub fn remove(&self, scope: &mut Scope<'_>, name: &str) -> Result<(), TxnError> {
        scope.delete(&place_of_id(scope, &self.id))?;
        scope.delete(&place(name))
    }
}

/// The name of the role that a request is about.
pub fn name(call: &Call<'_>) -> Result<String, Fault> {
    let name = call.fields.need(&ROLE_NAME)?;
    fits(name, "role_name")?;
    Ok(name.to_lowercase())
}

/// Refuses what is too long to be a name, an id or a secret id.
pub fn fits(text: &str, what: &str) -> Result<(), Fault> {
    if text.len() > LONGEST {
        let text = format!("{what} is longer than maximum of {LONGEST} bytes");
        return Err(Fault::bad_request(text));
    }
    Ok(())
}

fn place(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

fn place_of_id(scope: &Scope<'_>, id: &str) -> String {
    format!("{IDS}/{}", hex::encode(&scope.mac(&[b"role", id.as_bytes()])))
}

fn name_of(scope: &mut Scope<'_>, id: &str) -> Result<Option<String>, TxnError> {
    let name = scope.get(&place_of_id(scope, id))?;
    Ok(name.and_then(|name| String::from_utf8(name.to_vec()).ok()))
}
