//! `sys/init`: makes the keys of a new store, its first mounts and its root token.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::disclosure::{Disclosure, disclose, recipients, shown};
use super::shares::{PGP_KEYS, SECRET_SHARES, SECRET_THRESHOLD};
use super::versions;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::api::strict::Strict;
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
}

/// The endpoints with their service.
pub fn engine(service: Init) -> Bound<Init> {
    Bound::new("The making of a store.", ROUTES, service)
}

const ROOT_TOKEN_PGP_KEY: Field<String> =
    Field::new("root_token_pgp_key", "A public key, to which the root token is encrypted.");

const ROUTES: &[Route<Init>] = &[Route {
    path: "init",
    synopsis: "Make the keys of a new store.",
    description: "Answers the shares of the unseal key and the root token. They are kept nowhere \
                  else: whoever loses them loses the store.",
    fields: &[
        &SECRET_SHARES.info,
        &SECRET_THRESHOLD.info,
        &PGP_KEYS.info,
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
    let (shares, threshold) = (whole("secret_shares")?, whole("secret_threshold")?);
    let keys = body.texts("pgp_keys")?;
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
    let answer = object([
        ("keys", shown(hex)),
        ("keys_base64", shown(base64)),
        ("root_token", root_token.into()),
    ]);
    Ok(Reply::bare(answer.into()))
}

impl From<InitError> for Fault {
    fn from(error: InitError) -> Self {
        match error {
            InitError::Initialized => Self::bad_request("Vault is already initialized"),
            InitError::Occupied | InitError::Shares | InitError::Storage(_) => {
                Self::internal(error.to_string())
            }
        }
    }
}
