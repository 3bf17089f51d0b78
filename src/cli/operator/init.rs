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
use crate::cli::{operands, table};
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
        let request = self.own.body(&self.more);
        let call = Call::put("sys/init", request.clone());
        let made = cx.learn(call, is_made).map_err(|stop| stop.about("Error initializing"))?;
        if cx.format == Format::Table {
            cx.say(&told(&made, &request))?;
        } else {
            cx.say_value(&value(&made, &request))?;
        }
        Ok(Exit::Done)
    }
}

impl Own {
    fn body(&self, split: &Split) -> Value {
        // Zero is Vault's "not given".
        let count = |given: Option<i64>, usual: i64| given.filter(|n| *n != 0).unwrap_or(usual);
        let mut body = Map::new();
        body.insert("secret_shares".into(), count(split.key_shares, 5).into());
        body.insert("secret_threshold".into(), count(split.key_threshold, 3).into());
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
        for (name, given) in [
            ("recovery_shares", self.recovery_shares),
            ("recovery_threshold", self.recovery_threshold),
        ] {
            if let Some(count) = given {
                body.insert(name.into(), count.into());
            }
        }
        body.into()
    }
}

/// Whether an answer has what is shown this once.
fn is_made(answer: &Value) -> bool {
    let has_keys = |name: &str| answer[name].as_array().is_some_and(|keys| !keys.is_empty());
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
    let count = |name: &str| match recovery.as_array().is_some_and(|keys| !keys.is_empty()) {
        true => request.get(name).cloned().unwrap_or_default(),
        false => json!(0),
    };
    json!({
        "unseal_keys_b64": list("keys_base64"),
        "unseal_keys_hex": list("keys"),
        "unseal_shares": request["secret_shares"],
        "unseal_threshold": request["secret_threshold"],
        "recovery_keys_b64": list("recovery_keys_base64"),
        "recovery_keys_hex": list("recovery_keys"),
        "recovery_keys_shares": count("recovery_shares"),
        "recovery_keys_threshold": count("recovery_threshold"),
        "root_token": made["root_token"],
    })
}

fn told(made: &Value, request: &Value) -> String {
    let mut out = String::new();
    for (name, title) in [("keys_base64", "Unseal Key"), ("recovery_keys_base64", "Recovery Key")] {
        for (i, key) in made[name].as_array().into_iter().flatten().enumerate() {
            out.push_str(&format!("{title} {}: {}\n", i + 1, golang::display(key)));
        }
    }
    out.push_str(&format!("\nInitial Root Token: {}\n\n", golang::display(&made["root_token"])));
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
