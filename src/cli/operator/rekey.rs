//! `operator rekey`: new unseal keys.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use super::attempt::{Attempt, Step};
use super::split::Split;
use super::{pgp, share};
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop, meant};
use crate::cli::values::items;
use crate::cli::{operands, table};
use crate::client::{Call, Verb};

/// The command with all its options.
pub type Rekey = With<Own, With<Split, Attempt>>;

/// Change the unseal keys: their number, their threshold, all of them.
///
/// Begin with -init, then give shares of the present keys until the new ones are shown. With
/// -verify the new ones must be given back before they are put in use.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// with -init: the new keys must be given back; else: what is said is about that
    #[argh(switch)]
    verify: bool,
    /// files of PGP public keys, parted by commas: one for each new share
    #[argh(option, arg_name = "files", from_str_fn(pgp::keys))]
    pgp_keys: Option<Vec<String>>,
    /// keep the encrypted shares on the server, too: only with -pgp-keys
    #[argh(switch)]
    backup: bool,
    /// show the shares that the server keeps
    #[argh(switch)]
    backup_retrieve: bool,
    /// delete the shares that the server keeps
    #[argh(switch)]
    backup_delete: bool,
    /// the same, under its old name
    #[argh(switch, hidden_help)]
    delete: bool,
    /// which keys; else barrier
    #[argh(option, arg_name = "barrier|recovery", default = "\"barrier\".to_owned()")]
    target: String,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Rekey {
    const OPERANDS: &'static str = "[KEY]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::at_most_one(&self.own.operands, "0-1")?;
        let (root, backup) = match self.own.target.trim().to_ascii_lowercase().as_str() {
            "barrier" => ("sys/rekey", "sys/rekey/backup"),
            "recovery" | "hsm" => ("sys/rekey-recovery-key", "sys/rekey/recovery-key-backup"),
            odd => {
                let text = format!("Unknown target: {odd}");
                return Err(Stop::Usage(meant(text, odd, ["barrier", "recovery"])));
            }
        };
        let act = self.more.more.asked([
            (self.own.backup_delete || self.own.delete, "-backup-delete", Act::DeleteBackup),
            (self.own.backup_retrieve, "-backup-retrieve", Act::RetrieveBackup),
        ])?;
        match act {
            Act::DeleteBackup => delete_backup(cx, backup)?,
            Act::RetrieveBackup => retrieve_backup(cx, backup)?,
            Act::Attempt(Step::Begin) => self.own.begin(cx, root, &self.more.own)?,
            Act::Attempt(Step::Cancel) => self.own.cancel(cx, root)?,
            Act::Attempt(Step::Status) => {
                let status = self.own.read_status(cx, root)?;
                self.own.print_status(cx, &status)?;
            }
            Act::Attempt(Step::Provide) => self.own.provide(cx, root, self.more.more.nonce)?,
        }
        Ok(Exit::Done)
    }
}

/// What it does.
enum Act {
    /// Something about the change of keys.
    Attempt(Step),
    /// Shows the shares that the server keeps.
    RetrieveBackup,
    /// Deletes them.
    DeleteBackup,
}

impl From<Step> for Act {
    fn from(step: Step) -> Self {
        Self::Attempt(step)
    }
}

impl Own {
    fn begin(&self, cx: &mut Context, root: &str, split: &Split) -> Result<(), Stop> {
        let mut body = Map::new();
        body.insert("secret_shares".into(), split.key_shares.unwrap_or(5).into());
        body.insert("secret_threshold".into(), split.key_threshold.unwrap_or(3).into());
        body.insert("backup".into(), self.backup.into());
        body.insert("require_verification".into(), self.verify.into());
        if let Some(keys) = &self.pgp_keys {
            body.insert("pgp_keys".into(), json!(keys));
        }
        // A server may answer the beginning with nothing but 204.
        let begun = cx.learn(Call::put(format!("{root}/init"), body.into()), |begun| {
            begun.is_null() || is_status(begun)
        });
        let begun = begun.map_err(|stop| stop.about("Error initializing rekey"))?;
        let status = if begun.is_null() { read_status(cx, root, "init")? } else { begun };
        if cx.format != Format::Table {
            return cx.say_value(&status_value(&status));
        }
        cx.say("")?;
        if self.pgp_keys.is_none() {
            cx.warn(&table::wrap(WITHOUT_PGP, 0));
        } else if !self.backup {
            cx.warn(&table::wrap(WITHOUT_BACKUP, 0));
        }
        cx.say(&table::pairs(&status_rows(&status)))
    }

    fn cancel(&self, cx: &mut Context, root: &str) -> Result<(), Stop> {
        let path = if self.verify { "verify" } else { "init" };
        // What is left of an attempt may be told.
        let call = Call::new(Verb::Delete, format!("{root}/{path}"));
        let cancelled = cx.learn(call, |left| left.is_null() || is_status(left));
        cancelled.map_err(|stop| stop.about("Error canceling rekey"))?;
        cx.say("Success! Canceled rekeying (if it was started)")
    }

    fn read_status(&self, cx: &mut Context, root: &str) -> Result<Value, Stop> {
        read_status(cx, root, if self.verify { "verify" } else { "init" })
    }

    fn print_status(&self, cx: &mut Context, status: &Value) -> Result<(), Stop> {
        match (cx.format, self.verify) {
            (Format::Table, false) => cx.say(&table::pairs(&status_rows(status))),
            (Format::Table, true) => cx.say(&table::pairs(&verification_rows(status))),
            (_, false) => cx.say_value(&status_value(status)),
            (_, true) => cx.say_value(status),
        }
    }

    fn provide(&self, cx: &mut Context, root: &str, nonce: Option<String>) -> Result<(), Stop> {
        let status = self.read_status(cx, root)?;
        if status["started"] != true {
            return Err(Stop::Usage(table::wrap(
                "No rekey is in progress. Start a rekey process by running \"edgekeep operator \
                 rekey -init\".",
                0,
            )));
        }
        let operand = self.operands.first().map(String::as_str);
        let (path, operation) = match self.verify {
            false => ("update", "Rekey operation"),
            true => ("verify", "Rekey verification"),
        };
        let current = status["nonce"].as_str().unwrap_or_default();
        let share = share::take(cx, operand, nonce, current, operation)?;
        let body = json!({ "key": share.key.as_str(), "nonce": share.nonce });
        let sent = cx.learn(Call::put(format!("{root}/{path}"), body), has_nonce);
        let result = sent.map_err(|stop| stop.about("Error posting unseal key"))?;
        if result["complete"] != true {
            let status = self.read_status(cx, root)?;
            return self.print_status(cx, &status);
        }
        cx.pass_on(&result);
        match (cx.format, self.verify) {
            (Format::Table, true) => cx.say(&table::wrap(VERIFIED, 0)),
            (Format::Table, false) => cx.say(&told(root, &status, &result)),
            (_, true) => cx.say_value(&result),
            (_, false) => cx.say_value(&result_value(&result)),
        }
    }
}

fn read_status(cx: &mut Context, root: &str, path: &str) -> Result<Value, Stop> {
    let status = cx.learn(Call::get(format!("{root}/{path}")), is_status);
    status.map_err(|stop| stop.about("Error reading rekey status"))
}

fn retrieve_backup(cx: &mut Context, from: &str) -> Result<(), Stop> {
    let kept = cx.learn(Call::get(from), has_nonce);
    let kept = kept.map_err(|stop| stop.about("Error retrieving rekey stored keys"))?;
    if cx.format != Format::Table {
        return cx.say_value(&kept);
    }
    let mut rows = vec![["Nonce".to_owned(), golang::display(&kept["nonce"])]];
    for (fingerprint, keys) in kept["keys_base64"].as_object().into_iter().flatten() {
        for key in items(keys) {
            rows.push([fingerprint.clone(), golang::display(key)]);
        }
    }
    cx.say(&table::pairs(&rows))
}

fn delete_backup(cx: &mut Context, from: &str) -> Result<(), Stop> {
    let deleted = cx.order(Call::new(Verb::Delete, from));
    deleted.map_err(|stop| stop.about("Error deleting rekey stored keys"))?;
    cx.say("Success! Delete stored keys (if they existed)")
}

const WITHOUT_PGP: &str = "WARNING! If you lose the keys after they are returned, there is no \
    recovery. Consider canceling this operation and re-initializing with the -pgp-keys flag to \
    protect the returned unseal keys along with -backup to allow recovery of the encrypted keys \
    in case of emergency. You can delete the stored keys later using the -delete flag.";

const WITHOUT_BACKUP: &str = "WARNING! You are using PGP keys for encrypting the resulting unseal \
    keys, but you did not enable the option to backup the keys to Edgekeep's storage. If you \
    lose the encrypted keys after they are returned, you will not be able to recover them. \
    Consider canceling this operation and re-running with -backup to allow recovery of the \
    encrypted unseal keys in case of emergency. You can delete the stored keys later using the \
    -delete flag.";

const BACKED_UP: &str = "The encrypted unseal keys are backed up in Edgekeep's storage. Remove \
    these keys at any time using \"edgekeep operator rekey -backup-delete\". Edgekeep does not \
    automatically remove these keys.";

const VERIFIED: &str = "Rekey verification successful. The rekey operation is complete and the \
    new keys are now active.";

fn is_status(answer: &Value) -> bool {
    answer["started"].is_boolean()
}

fn has_nonce(answer: &Value) -> bool {
    answer["nonce"].is_string()
}

/// A status for programs: all fields, whatever the server leaves out.
fn status_value(status: &Value) -> Value {
    filled(
        status,
        json!({
            "backup": false,
            "n": 0,
            "nonce": "",
            "pgp_fingerprints": null,
            "progress": 0,
            "required": 0,
            "started": false,
            "t": 0,
            "verification_nonce": "",
            "verification_required": false,
        }),
    )
}

/// The new keys for programs.
fn result_value(result: &Value) -> Value {
    filled(
        result,
        json!({
            "backup": false,
            "complete": false,
            "keys": [],
            "keys_base64": [],
            "nonce": "",
            "pgp_fingerprints": null,
            "verification_nonce": "",
            "verification_required": false,
        }),
    )
}

/// The fields of `form`, with what `from` has of them.
fn filled(from: &Value, mut form: Value) -> Value {
    for (name, value) in form.as_object_mut().into_iter().flatten() {
        if let Some(given) = from.get(name) {
            *value = given.clone();
        }
    }
    form
}

fn status_rows(status: &Value) -> Vec<[String; 2]> {
    let get = |name: &str| status.get(name).map(golang::display).unwrap_or_default();
    let mut rows = Vec::new();
    let mut add = |key: &str, value: String| rows.push([key.to_owned(), value]);
    add("Nonce", get("nonce"));
    add("Started", get("started"));
    if status["started"] == true {
        add("Rekey Progress", format!("{}/{}", get("progress"), get("required")));
        add("New Shares", get("n"));
        add("New Threshold", get("t"));
        add("Verification Required", get("verification_required"));
        if !get("verification_nonce").is_empty() {
            add("Verification Nonce", get("verification_nonce"));
        }
    }
    let fingerprints = status["pgp_fingerprints"].as_array();
    if fingerprints.is_some_and(|list| !list.is_empty()) {
        add("PGP Fingerprints", get("pgp_fingerprints"));
        add("Backup", get("backup"));
    }
    rows
}

fn verification_rows(status: &Value) -> Vec<[String; 2]> {
    let get = |name: &str| status.get(name).map(golang::display).unwrap_or_default();
    vec![
        ["Started".to_owned(), get("started")],
        ["New Shares".to_owned(), get("n")],
        ["New Threshold".to_owned(), get("t")],
        ["Verification Nonce".to_owned(), get("nonce")],
        ["Verification Progress".to_owned(), format!("{}/{}", get("progress"), get("t"))],
    ]
}

/// The new shares, and what to do with them.
fn told(root: &str, status: &Value, result: &Value) -> String {
    let mut out = String::from("\n");
    let fingerprints = result["pgp_fingerprints"].as_array();
    for (i, key) in items(&result["keys_base64"]).iter().enumerate() {
        let key = golang::display(key);
        out.push_str(&match fingerprints.and_then(|list| list.get(i)) {
            Some(print) => {
                format!("Key {} fingerprint: {}; value: {key}\n", i + 1, golang::display(print))
            }
            None => format!("Key {}: {key}\n", i + 1),
        });
    }
    out.push_str(&format!("\nOperation nonce: {}\n\n", golang::display(&result["nonce"])));
    if result["backup"] == true && fingerprints.is_some_and(|list| !list.is_empty()) {
        out.push_str(&table::wrap(BACKED_UP, 0));
        out.push_str("\n\n");
    }
    let (shares, threshold) = (&status["n"], &status["t"]);
    let recovery = root.ends_with("recovery-key");
    let (key, target) = if recovery { ("recovery", " -target=recovery") } else { ("unseal", "") };
    let text = if result["verification_required"] == true {
        format!(
            "Edgekeep has created a new {key} key, split into {shares} key shares and a key \
             threshold of {threshold}. These will not be active until after verification is \
             complete. Please securely distribute the key shares printed above, then give at \
             least {threshold} of them back:\n\
             \n\
             edgekeep operator rekey{target} -verify -nonce={}",
            golang::display(&result["verification_nonce"])
        )
    } else if recovery {
        format!(
            "Edgekeep recovery keys rekeyed with {shares} key shares and a key threshold of \
             {threshold}. Please securely distribute the key shares printed above."
        )
    } else {
        format!(
            "Edgekeep unseal keys rekeyed with {shares} key shares and a key threshold of \
             {threshold}. Please securely distribute the key shares printed above. When Edgekeep \
             is re-sealed, restarted, or stopped, you must supply at least {threshold} of these \
             keys to unseal it before it can start servicing requests."
        )
    };
    out.push_str(&table::wrap(&text, 0));
    out
}
