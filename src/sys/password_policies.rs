//! `sys/policies/password`: how generated passwords are made.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::txn::{Txn, TxnError};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang::multierror;
use crate::policy::password::{self, PasswordPolicy};
use crate::policy::sent;
use crate::sys::settings::Settings;

/// What these endpoints are given.
pub struct PasswordPolicies {
    /// For the passwords.
    pub entropy: Arc<dyn Entropy>,
}

/// The endpoints with their service.
pub fn engine(service: PasswordPolicies) -> Bound<PasswordPolicies> {
    Bound::new("How passwords are made.", ROUTES, service)
}

const NAME: Field<String> = Field::new("name", "The policy's name.");
const POLICY: Field<String> = Field::new(
    "policy",
    "The text, HCL or JSON, or that in base64: a `length` of 4 to 100 and rules.",
);

const ROUTES: &[Route<PasswordPolicies>] = &[
    Route {
        path: "policies/password/?",
        synopsis: "List the password policies.",
        description: "The names of all password policies.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::List, "List the names.", list).stored()],
    },
    Route {
        path: "policies/password/{name+}/generate",
        synopsis: "Make a password.",
        description: "It is made by the policy, and kept nowhere.",
        fields: &[&NAME.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Make a password.", generate)],
    },
    Route {
        path: "policies/password/{name+}",
        synopsis: "Read, write or delete a password policy.",
        description: "A rule `charset` has the characters and, as `min-chars`, how many of them a \
                      password has at least.",
        fields: &[&NAME.info, &POLICY.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read a policy's text.", read).stored(),
            Operation::system(Verb::Write, "Set a policy's text.", write),
            Operation::recover_system("Bring a policy's text back.", recover),
            Operation::system(Verb::Delete, "Delete a policy.", delete),
        ],
    },
];

fn list(_: &PasswordPolicies, call: &mut SystemCall<'_>) -> Outcome {
    Reply::list(password::list(call.txn)?)
}

fn read(_: &PasswordPolicies, call: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(shown(found(call)?)))
}

fn shown(text: String) -> Map<String, Value> {
    object([("policy", text.into())])
}

/// The policy at an entry of the store, below `sys/`.
pub fn settings(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    let Some(name) = password::name_at(entry) else { return Ok(Settings::new()) };
    let text = password::text(txn, name)?;
    let told = |text| (format!("policies/password/{name}"), shown(text));
    Ok(text.map(told).into_iter().collect())
}

fn write(_: &PasswordPolicies, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&NAME)?;
    let sent = call.fields.get(&POLICY).map_or("", String::as_str);
    if sent.is_empty() {
        return Err(Fault::listed(400, "missing policy"));
    }
    let text = sent::text(sent);
    PasswordPolicy::parse(&text).map_err(|why| refused(400, &why))?;
    // What was parsed is text.
    password::write(call.txn, name, &String::from_utf8_lossy(&text))?;
    Ok(Reply::nothing())
}

fn recover(_: &PasswordPolicies, call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    let text = password::text(then.txn, then.fields.need(&NAME)?)?;
    let text = text.ok_or_else(Fault::not_in_snapshot)?;
    password::write(call.txn, call.fields.need(&NAME)?, &text)?;
    Ok(Reply::nothing())
}

fn delete(_: &PasswordPolicies, call: &mut SystemCall<'_>) -> Outcome {
    password::delete(call.txn, call.fields.need(&NAME)?)?;
    Ok(Reply::nothing())
}

fn generate(policies: &PasswordPolicies, call: &mut SystemCall<'_>) -> Outcome {
    let text = found(call)?;
    let unreadable = |_| refused(500, "stored password policy configuration failed to parse");
    let policy = PasswordPolicy::parse(text.as_bytes()).map_err(unreadable)?;
    let password = policy.generate(&*policies.entropy);
    Ok(Reply::data(object([("password", password.as_str().into())])))
}

fn found(call: &mut SystemCall<'_>) -> Result<String, Fault> {
    let text = password::text(call.txn, call.fields.need(&NAME)?)?;
    text.ok_or_else(|| refused(404, "policy does not exist"))
}

fn refused(status: u16, why: &str) -> Fault {
    Fault::new(status, multierror(&[why]))
}
