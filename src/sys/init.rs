//! `sys/init`: makes the keys of a new store, its first mounts and its root token.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::disclosure::{Disclosure, disclose, recipients, shown};
use super::shares::{PGP_KEYS, SECRET_SHARES, SECRET_THRESHOLD};
use super::unsealing::Unsealing;
use super::versions;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::api::strict::Strict;
use crate::barrier::seal::SHAMIR;
use crate::barrier::seal::shamir::Split;
use crate::barrier::txn::Txn;
use crate::barrier::{Barrier, InitError};
use crate::base::clock::Clock;
use crate::base::fault::Fault;
use crate::base::openpgp::Recipient;
use crate::base::secret::Secret;
use crate::mount::store;
use crate::mount::table::MountTable;
use crate::pipeline::tokens::Tokens;
use crate::policy;

/// What these endpoints are given.
pub struct Init {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// Tells which OpenPGP keys have expired.
    pub clock: Arc<dyn Clock>,
    /// For the root token and for encryption to OpenPGP keys.
    pub tokens: Arc<Tokens>,
    /// Opens the store at once where its seal is an automatic one.
    pub unsealing: Arc<Unsealing>,
}

/// The endpoints with their service.
pub fn engine(service: Init) -> Bound<Init> {
    Bound::new("The making of a store.", ROUTES, service)
}

const ROOT_TOKEN_PGP_KEY: Field<String> =
    Field::new("root_token_pgp_key", "A public key, to which the root token is encrypted.");

const RECOVERY_SHARES: Field<i64> =
    Field::new("recovery_shares", "With an automatic seal: how many shares of a recovery key.");
const RECOVERY_THRESHOLD: Field<i64> =
    Field::new("recovery_threshold", "How many of them are needed.");
const RECOVERY_PGP_KEYS: Field<Vec<String>> = Field::new(
    "recovery_pgp_keys",
    "Public keys in base64 or ASCII armor, one for each share of the recovery key.",
);

/// Of whom the shares are, as the fields of requests and answers name it.
struct Words {
    shares: &'static str,
    threshold: &'static str,
    pgp_keys: &'static str,
}

const BARRIER: Words =
    Words { shares: "secret_shares", threshold: "secret_threshold", pgp_keys: "pgp_keys" };
const RECOVERY: Words = Words {
    shares: "recovery_shares",
    threshold: "recovery_threshold",
    pgp_keys: "recovery_pgp_keys",
};

impl Words {
    /// Those of its fields that a request has.
    fn given(&self, body: &Strict) -> Result<Vec<&'static str>, Fault> {
        let mut given = Vec::new();
        for name in [self.shares, self.threshold] {
            if body.int(name)? != 0 {
                given.push(name);
            }
        }
        if !body.texts(self.pgp_keys)?.is_empty() {
            given.push(self.pgp_keys);
        }
        Ok(given)
    }
}

const ROUTES: &[Route<Init>] = &[Route {
    path: "init",
    synopsis: "Make the keys of a new store.",
    description: "Answers the shares of the unseal key and the root token. They are kept nowhere \
                  else: whoever loses them loses the store. With an automatic seal they are shares \
                  of a recovery key, and the store is open at once.",
    fields: &[
        &SECRET_SHARES.info,
        &SECRET_THRESHOLD.info,
        &PGP_KEYS.info,
        &RECOVERY_SHARES.info,
        &RECOVERY_THRESHOLD.info,
        &RECOVERY_PGP_KEYS.info,
        &ROOT_TOKEN_PGP_KEY.info,
    ],
    access: Access::Sealed,
    operations: &[
        Operation::direct(Verb::Read, "Whether the store has keys.", read),
        Operation::direct(Verb::Write, "Make them.", write),
    ],
}];

/// Writes what a new store begins with. Returns the root token; `root` is its id where that is
/// given (`server -dev`), else it is random.
pub fn first(
    txn: &mut Txn,
    tokens: &Tokens,
    mounts: &MountTable,
    root: Option<Secret>,
) -> Result<Secret, Fault> {
    store::initialize(txn, &*tokens.entropy, mounts)?;
    policy::store::first(txn)?;
    versions::note(txn)?;
    tokens.make_root(txn, root)
}

fn read(init: &Init, _: DirectAsk) -> Outcome {
    let settings = init.barrier.settings();
    let settings = settings.map_err(|error| Fault::internal(error.to_string()))?;
    Ok(Reply::bare(json!({ "initialized": settings.is_some() })))
}

fn write(init: &Init, ask: DirectAsk) -> Outcome {
    let body = Strict::read("InitRequest", &ask.body)?;
    let whole = |name| body.int(name).map(|number| u64::try_from(number).unwrap_or(0));
    let mechanism = init.barrier.configured_seal().map(|seal| seal.mechanism());
    let (words, others) = match mechanism {
        None => (BARRIER, RECOVERY),
        Some(_) => (RECOVERY, BARRIER),
    };
    let odd = others.given(&body)?;
    if !odd.is_empty() {
        let kind = mechanism.map_or(SHAMIR, |mechanism| mechanism.name());
        let text = format!("parameters {} not applicable to seal type {kind}", odd.join(","));
        return Err(Fault::bad_request(text));
    }
    let (shares, threshold) = (whole(words.shares)?, whole(words.threshold)?);
    let keys = body.texts(words.pgp_keys)?;
    let root_key = body.text("root_token_pgp_key")?;
    let invalid = |why: String| Fault::bad_request(format!("invalid seal configuration: {why}"));
    let split = Split::new(shares, threshold).map_err(|error| invalid(error.to_string()))?;
    if !keys.is_empty() && keys.len() != usize::from(split.shares()) {
        return Err(Fault::bad_request("incorrect number of PGP keys"));
    }
    // All keys are read and tried before the store is made: its shares exist only once.
    let (now, entropy) = (init.clock.wall(), &*init.tokens.entropy);
    let recipients = recipients(&keys, now, entropy).map_err(invalid)?;
    let root_recipient = match root_key {
        "" => None,
        text => {
            let recipient = Recipient::parse(text, now, entropy);
            Some(recipient.map_err(|error| invalid(error.to_string()))?)
        }
    };
    let mounts = MountTable::initial(entropy);
    let (shares, root) =
        init.barrier.initialize(split, |txn| first(txn, &init.tokens, &mounts, None))?;
    let Disclosure { hex, base64 } = disclose(&shares, &recipients, entropy)?;
    let root_token = match root_recipient {
        None => String::from_utf8_lossy(root.expose()).into_owned(),
        Some(recipient) => {
            let sealed = recipient.encrypt(root.expose(), entropy);
            STANDARD.encode(sealed.map_err(|error| Fault::internal(error.to_string()))?)
        }
    };
    // Moved, not copied: the answer is wiped.
    let (hex, base64) = (shown(hex), shown(base64));
    let answer = match mechanism {
        None => object([("keys", hex), ("keys_base64", base64), ("root_token", root_token.into())]),
        Some(_) => object([
            ("keys", json!([])),
            ("keys_base64", json!([])),
            ("recovery_keys", hex),
            ("recovery_keys_base64", base64),
            ("root_token", root_token.into()),
        ]),
    };
    if mechanism.is_some()
        && let Err(error) = init.unsealing.made()
    {
        // The answer must be given: there is no other with these keys.
        log::error!("the store that was made cannot be opened yet: {error}");
    }
    Ok(Reply::bare(answer.into()))
}

impl From<InitError> for Fault {
    fn from(error: InitError) -> Self {
        match error {
            InitError::Initialized => Self::bad_request("Vault is already initialized"),
            InitError::Underway => Self::bad_request(error.to_string()),
            InitError::Occupied
            | InitError::Shares
            | InitError::Seal(_)
            | InitError::Storage(_) => Self::internal(error.to_string()),
        }
    }
}
