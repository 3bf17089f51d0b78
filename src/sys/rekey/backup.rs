//! Encrypted shares kept in the store, where the rekey asked for that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::Target;
use crate::api::call::SystemCall;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::base::openpgp::Recipient;
use crate::base::record::Record;
use crate::sys::disclosure::Disclosure;

impl Target {
    /// Where the backup lies in the system's part of the store.
    fn place(self) -> &'static str {
        match self {
            Self::Barrier => "core/unseal-keys-backup",
            Self::Recovery => "core/recovery-keys-backup",
        }
    }
}

/// The new shares of one rekey, each encrypted to its holder.
#[derive(Serialize, Deserialize)]
pub struct Backup {
    nonce: String,
    /// By the fingerprint of the holder's key.
    keys: BTreeMap<String, Vec<Encrypted>>,
}

#[derive(Serialize, Deserialize)]
struct Encrypted {
    hex: String,
    base64: String,
}

impl Record for Backup {
    const VERSION: u8 = 1;
}

impl Backup {
    /// What the rekey of that nonce hands out.
    pub fn new(nonce: &str, recipients: &[Recipient], disclosure: &Disclosure) -> Self {
        let mut keys: BTreeMap<String, Vec<Encrypted>> = BTreeMap::new();
        let shares = disclosure.hex.iter().zip(&disclosure.base64);
        for (recipient, (hex, base64)) in recipients.iter().zip(shares) {
            let share = Encrypted { hex: hex.to_string(), base64: base64.to_string() };
            keys.entry(recipient.fingerprint().to_owned()).or_default().push(share);
        }
        Self { nonce: nonce.to_owned(), keys }
    }

    /// Keeps it, in place of that of an earlier rekey.
    pub fn store(&self, target: Target, txn: &mut Txn) -> Result<(), TxnError> {
        txn.scope(MountId::SYSTEM).write(target.place(), self)
    }
}

/// GET.
pub fn read(target: Target, call: &mut SystemCall<'_>) -> Outcome {
    let Some(backup) = call.txn.scope(MountId::SYSTEM).read::<Backup>(target.place())? else {
        return Err(Fault::bad_request("no backed-up keys found"));
    };
    let texts = |text: fn(&Encrypted) -> &String| {
        let of_holder = |shares: &Vec<Encrypted>| shares.iter().map(text).cloned().collect();
        let all = backup.keys.iter().map(|(holder, shares)| (holder.clone(), of_holder(shares)));
        all.collect::<Map<_, _>>()
    };
    Ok(Reply::data_at_top(object([
        ("nonce", json!(backup.nonce)),
        ("keys", texts(|share| &share.hex).into()),
        ("keys_base64", texts(|share| &share.base64).into()),
    ])))
}

/// DELETE.
pub fn delete(target: Target, call: &mut SystemCall<'_>) -> Outcome {
    call.txn.scope(MountId::SYSTEM).delete(target.place())?;
    Ok(Reply::nothing())
}
