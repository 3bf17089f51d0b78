//! `operator init`: a new store's keys and root token.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use super::pgp;
use super::split::Split;
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::items;
use crate::cli::{operands, seal_status, table};
use crate::client::Call;

/// The command with all its options.
pub type Init = With<Own, Split>;

/// Initialize a server: make its keys and its first root token.
///
/// The shares of the unseal key are shown this once, and kept nowhere.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// only say whether the server is initialized: exits with 0 if it is, with 2 if not
    #[argh(switch)]
    status: bool,
    /// files of PGP public keys, parted by commas: one for each share
    #[argh(option, arg_name = "files", from_str_fn(pgp::keys))]
    pgp_keys: Option<Vec<String>>,
    /// file of the PGP public key that the root token is encrypted to
    #[argh(option, arg_name = "file", from_str_fn(pgp::key))]
    root_token_pgp_key: Option<String>,
    /// shares of a recovery key, for automatic seals
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    recovery_shares: Option<i64>,
    /// how many of them are needed
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    recovery_threshold: Option<i64>,
    /// files of PGP public keys, parted by commas: one for each share of the recovery key
    #[argh(option, arg_name = "files", from_str_fn(pgp::keys))]
    recovery_pgp_keys: Option<Vec<String>>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Init {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.own.operands)?;
        if self.own.status {
            return status(cx);
        }
        let status = cx.learn(Call::get("sys/seal-status"), seal_status::is_one);
        let status = status.map_err(|stop| stop.about("Error reading the seal's status"))?;
        let of = if status["recovery_seal"] == true { Keys::Recovery } else { Keys::Unseal };
        let request = self.own.body(&self.more, of);
        let call = Call::put("sys/init", request.clone());
        let made = cx.learn(call, is_made).map_err(|stop| stop.about("Error initializing"))?;
        if cx.format == Format::Table {
            cx.say(&told(&made, &request, of))?;
        } else {
            cx.say_value(&value(&made, &request))?;
        }
        Ok(Exit::Done)
    }
}

/// Of which key people get shares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Unseal,
    /// The server's seal is an automatic one.
    Recovery,
}

impl Own {
    fn body(&self, split: &Split, of: Keys) -> Value {
        let mut body = Map::new();
        for (keys, name, given, usual) in [
            (Keys::Unseal, "secret_shares", split.key_shares, 5),
            (Keys::Unseal, "secret_threshold", split.key_threshold, 3),
            (Keys::Recovery, "recovery_shares", self.recovery_shares, 5),
            (Keys::Recovery, "recovery_threshold", self.recovery_threshold, 3),
        ] {
            // Zero is Vault's "not given". What is given of the other key the server refuses.
            let given = given.filter(|count| *count != 0).or((keys == of).then_some(usual));
            if let Some(count) = given {
                body.insert(name.into(), count.into());
            }
        }
        for (name, keys) in
            [("pgp_keys", &self.pgp_keys), ("recovery_pgp_keys", &self.recovery_pgp_keys)]
        {
            if let Some(keys) = keys {
                body.insert(name.into(), json!(keys));
            }
        }
        if let Some(key) = &self.root_token_pgp_key {
            body.insert("root_token_pgp_key".into(), json!(key));
        }
        body.into()
    }
}

/// Whether an answer has what is shown this once.
fn is_made(answer: &Value) -> bool {
    let has_keys = |name: &str| !items(&answer[name]).is_empty();
    answer["root_token"].is_string()
        && (has_keys("keys_base64") || has_keys("recovery_keys_base64"))
}

fn status(cx: &mut Context) -> Result<Exit, Stop> {
    let told = cx.learn(Call::get("sys/init"), |told| told["initialized"].is_boolean())?;
    let initialized = told["initialized"] == true;
    if cx.format == Format::Table {
        let not = if initialized { "" } else { "not " };
        cx.say(&format!("Edgekeep is {not}initialized"))?;
    } else {
        cx.say_value(&json!({ "Initialized": initialized }))?;
    }
    Ok(if initialized { Exit::Done } else { Exit::Failed })
}

fn value(made: &Value, request: &Value) -> Value {
    let list = |name: &str| made.get(name).cloned().unwrap_or_else(|| json!([]));
    let recovery = list("recovery_keys");
    let count = |name: &str| match !items(&recovery).is_empty() {
        true => request.get(name).cloned().unwrap_or_default(),
        false => json!(0),
    };
    json!({
        "unseal_keys_b64": list("keys_base64"),
        "unseal_keys_hex": list("keys"),
        "unseal_shares": request.get("secret_shares").cloned().unwrap_or(json!(0)),
        "unseal_threshold": request.get("secret_threshold").cloned().unwrap_or(json!(0)),
        "recovery_keys_b64": list("recovery_keys_base64"),
        "recovery_keys_hex": list("recovery_keys"),
        "recovery_keys_shares": count("recovery_shares"),
        "recovery_keys_threshold": count("recovery_threshold"),
        "root_token": made["root_token"],
    })
}

fn told(made: &Value, request: &Value, of: Keys) -> String {
    let mut out = String::new();
    for (name, title) in [("keys_base64", "Unseal Key"), ("recovery_keys_base64", "Recovery Key")] {
        for (i, key) in items(&made[name]).iter().enumerate() {
            out.push_str(&format!("{title} {}: {}\n", i + 1, golang::display(key)));
        }
    }
    out.push_str(&format!("\nInitial Root Token: {}\n\n", golang::display(&made["root_token"])));
    if of == Keys::Recovery {
        let (shares, threshold) = (&request["recovery_shares"], &request["recovery_threshold"]);
        out.push_str(&table::wrap(
            &format!(
                "Success! Edgekeep is initialized\n\
                 \n\
                 Recovery key initialized with {shares} key shares and a key threshold of \
                 {threshold}. Please securely distribute the key shares printed above. The seal \
                 unseals the server by itself. Recovery keys are needed to make a new root token, \
                 to change them, to migrate to another seal, and to open the store where the seal \
                 is lost: keep them as you would keep unseal keys."
            ),
            0,
        ));
        return out;
    }
    let (shares, threshold) = (&request["secret_shares"], &request["secret_threshold"]);
    out.push_str(&table::wrap(
        &format!(
            "Edgekeep initialized with {shares} key shares and a key threshold of {threshold}. \
             Please securely distribute the key shares printed above. When the Edgekeep is \
             re-sealed, restarted, or stopped, you must supply at least {threshold} of these \
             keys to unseal it before it can start servicing requests.\n\
             \n\
             Edgekeep does not store the generated root key. Without at least {threshold} keys \
             to reconstruct the root key, Edgekeep will remain permanently sealed!\n\
             \n\
             It is possible to generate new unseal keys, provided you have a quorum of existing \
             unseal keys shares. See \"edgekeep operator rekey\" for more information."
        ),
        0,
    ));
    out
}
