//! `sys/rekey`: new shares over the same root key, by those who hold enough of the old ones; and
//! `sys/rekey-recovery-key`, the same of the recovery key that a store with an automatic seal has.
//!
//! [`Stage`] tells how far it is: old shares are given until there are enough, then the new ones
//! are handed out. They are in force at once or, where that was asked for, when enough of them
//! have been given back: who lost one on the way still has the old ones.

mod backup;
mod update;
mod verify;

use std::sync::Arc;

use serde_json::{Value, json};

use self::backup::Backup;
use self::update::update;
use super::disclosure::recipients;
use super::shares::{
    Gathering, Held, KEY, NONCE, PGP_KEYS, SECRET_SHARES, SECRET_THRESHOLD, Undertaking, needed,
};
use super::undo::Undo;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Content, Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::api::strict::Strict;
use crate::barrier::automatic::Reseal;
use crate::barrier::seal::shamir::Split;
use crate::barrier::{Barrier, UnsealError, Unsealed};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::openpgp::Recipient;

/// What these endpoints are given.
pub struct RekeyService {
    barrier: Arc<Barrier>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    undo: Undo,
    rekey: Undertaking<Rekey>,
    rekey_recovery: Undertaking<Rekey>,
}

/// Which key is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The unseal key, where people hold it.
    Barrier,
    /// The recovery key, where an automatic seal has the unseal key.
    Recovery,
}

/// A rekey that was begun.
struct Rekey {
    nonce: String,
    split: Split,
    recipients: Vec<Recipient>,
    backup: bool,
    verify: bool,
    stage: Stage,
}

/// How far it is.
enum Stage {
    /// Shares of the old unseal key are given.
    Asking(Gathering),
    /// The new shares are handed out, and are given back.
    Verifying(Box<Verification>),
}

/// New shares that are not in force yet.
struct Verification {
    nonce: String,
    seal: Reseal,
    backup: Option<Backup>,
    gathering: Gathering,
}

/// Why the new shares are not in force.
fn not_changed(error: UnsealError) -> Fault {
    match error {
        UnsealError::NotChanged(error) => error.into(),
        UnsealError::Overtaken => Fault::bad_request(
            "the seal was changed while this went on, by its key being wrapped anew: the old \
             shares stay in force; begin the rekey again",
        ),
        error => Fault::internal(error.to_string()),
    }
}

impl RekeyService {
    /// Nothing was begun.
    pub fn new(
        barrier: Arc<Barrier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        undo: Undo,
    ) -> Self {
        let (rekey, rekey_recovery) = Default::default();
        Self { barrier, clock, entropy, undo, rekey, rekey_recovery }
    }

    fn unsealed(&self) -> Result<Arc<Unsealed>, Fault> {
        self.barrier.unsealed().ok_or_else(|| Fault::new(503, "node is not active"))
    }

    /// Refuses the key that this store's seal has not.
    fn must_have(&self, target: Target) -> Result<(), Fault> {
        if target == Target::Recovery {
            self.unsealed()?;
        }
        let settings = self.barrier.settings();
        let settings = settings.map_err(|error| Fault::internal(error.to_string()))?;
        let automatic = settings.is_some_and(|settings| settings.kind.mechanism().is_some());
        match (target, automatic) {
            (Target::Barrier, false) | (Target::Recovery, true) => Ok(()),
            (Target::Recovery, false) => Err(Fault::bad_request("recovery rekeying not supported")),
            (Target::Barrier, true) => Err(Fault::bad_request(
                "barrier rekeying not supported: an automatic seal has the unseal key, and people \
                 hold recovery keys, which rekey-recovery-key changes (-target=recovery)",
            )),
        }
    }

    /// What is under way.
    fn on(&self, target: Target, unsealed: &Arc<Unsealed>) -> Held<'_, Rekey> {
        match target {
            Target::Barrier => self.rekey.on(unsealed),
            Target::Recovery => self.rekey_recovery.on(unsealed),
        }
    }
}

impl Target {
    /// As Vault's texts call it.
    fn name(self) -> &'static str {
        match self {
            Self::Barrier => "barrier",
            Self::Recovery => "recovery",
        }
    }
}

/// The endpoints with their service.
pub fn engine(service: RekeyService) -> Bound<RekeyService> {
    Bound::new("New shares of the unseal key or the recovery key.", ROUTES, service)
}

const BACKUP: Field<bool> =
    Field::new("backup", "Keep the shares, which are encrypted, in the store.");
const REQUIRE_VERIFICATION: Field<bool> = Field::new(
    "require_verification",
    "Let the new shares be given back before they are in force.",
);

const ROUTES: &[Route<RekeyService>] = &[
    Route {
        path: "rekey/init",
        synopsis: "Begin a rekey, look how far it is, or give it up.",
        description: "The old shares stay in force until all that were asked for are given.",
        fields: BEGIN,
        access: Access::Sealed,
        operations: &[
            Operation::direct(Verb::Read, HOW_FAR, |s, ask| status(s, Target::Barrier, ask)),
            Operation::direct(Verb::Write, "Begin.", |s, ask| begin(s, Target::Barrier, ask)),
            Operation::direct(Verb::Delete, GIVE_UP, |s, ask| cancel(s, Target::Barrier, ask)),
        ],
    },
    Route {
        path: "rekey/update",
        synopsis: "Give one of the old shares.",
        description: "The last share needed answers the new ones.",
        fields: &[&KEY.info, &NONCE.info],
        access: Access::Sealed,
        operations: &[
            Operation::direct(Verb::Write, GIVE, |s, ask| update(s, Target::Barrier, ask)),
            // Vault looks at the body whatever the verb.
            Operation::direct(Verb::Read, "The same.", |s, ask| update(s, Target::Barrier, ask)),
            Operation::direct(Verb::Delete, "The same.", |s, ask| update(s, Target::Barrier, ask)),
        ],
    },
    Route {
        path: "rekey/verify",
        synopsis: "Give back one of the new shares.",
        description: VERIFICATION,
        fields: &[&KEY.info, &NONCE.info],
        access: Access::Sealed,
        operations: &[
            Operation::direct(Verb::Read, HOW_FAR, |s, ask| {
                verify::status(s, Target::Barrier, ask)
            }),
            Operation::direct(Verb::Write, GIVE, |s, ask| verify::update(s, Target::Barrier, ask)),
            Operation::direct(Verb::Delete, "Begin again.", |s, ask| {
                verify::restart(s, Target::Barrier, ask)
            }),
        ],
    },
    Route {
        path: "rekey/backup",
        synopsis: "The encrypted shares of the last rekey that asked for a backup.",
        description: "By the fingerprints of the OpenPGP keys that open them.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read them.", |_, call| {
                backup::read(Target::Barrier, call)
            }),
            Operation::system(Verb::Delete, "Remove them.", |_, call| {
                backup::delete(Target::Barrier, call)
            }),
        ],
    },
    Route {
        path: "rekey/recovery-key-backup",
        synopsis: "The same of the recovery key.",
        description: "Only a store with an automatic seal has recovery keys.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read them.", |_, call| {
                backup::read(Target::Recovery, call)
            }),
            Operation::system(Verb::Delete, "Remove them.", |_, call| {
                backup::delete(Target::Recovery, call)
            }),
        ],
    },
    Route {
        path: "rekey-recovery-key/init",
        synopsis: "Begin a rekey of the recovery key, look how far it is, or give it up.",
        description: "Only a store with an automatic seal has recovery keys. The old shares stay \
                      in force until all that were asked for are given.",
        fields: BEGIN,
        access: Access::Sealed,
        operations: &[
            Operation::direct(Verb::Read, HOW_FAR, |s, ask| status(s, Target::Recovery, ask)),
            Operation::direct(Verb::Write, "Begin.", |s, ask| begin(s, Target::Recovery, ask)),
            Operation::direct(Verb::Delete, GIVE_UP, |s, ask| cancel(s, Target::Recovery, ask)),
        ],
    },
    Route {
        path: "rekey-recovery-key/update",
        synopsis: "Give one of the old shares of the recovery key.",
        description: "The last share needed answers the new ones.",
        fields: &[&KEY.info, &NONCE.info],
        access: Access::Sealed,
        operations: &[Operation::direct(Verb::Write, GIVE, |s, ask| {
            update(s, Target::Recovery, ask)
        })],
    },
    Route {
        path: "rekey-recovery-key/verify",
        synopsis: "Give back one of the new shares of the recovery key.",
        description: VERIFICATION,
        fields: &[&KEY.info, &NONCE.info],
        access: Access::Sealed,
        operations: &[
            Operation::direct(Verb::Read, HOW_FAR, |s, ask| {
                verify::status(s, Target::Recovery, ask)
            }),
            Operation::direct(Verb::Write, GIVE, |s, ask| verify::update(s, Target::Recovery, ask)),
            Operation::direct(Verb::Delete, "Begin again.", |s, ask| {
                verify::restart(s, Target::Recovery, ask)
            }),
        ],
    },
];

const HOW_FAR: &str = "Look how far it is.";
const GIVE: &str = "Give a share.";
const GIVE_UP: &str = "Give it up.";
const VERIFICATION: &str = "The last share needed puts the new ones in force. DELETE begins the \
     verification again.";

/// What a rekey begins with.
const BEGIN: &[&FieldInfo] = &[
    &SECRET_SHARES.info,
    &SECRET_THRESHOLD.info,
    &PGP_KEYS.info,
    &BACKUP.info,
    &REQUIRE_VERIFICATION.info,
];

fn status(service: &RekeyService, target: Target, _: DirectAsk) -> Outcome {
    service.must_have(target)?;
    let unsealed = service.unsealed()?;
    let rekey = service.on(target, &unsealed);
    Ok(shown(rekey.as_ref(), needed(&service.barrier)?))
}

/// With what was done before it.
fn told(mut answer: Reply, kept: Option<String>) -> Reply {
    if let (Content::Bare(Value::Object(answer)), Some(kept)) = (&mut answer.content, kept) {
        answer.insert("warnings".to_owned(), json!([kept]));
    }
    answer
}

fn shown(rekey: Option<&Rekey>, required: u8) -> Reply {
    let Some(rekey) = rekey else {
        return Reply::bare(json!({
            "nonce": "",
            "started": false,
            "t": 0,
            "n": 0,
            "progress": 0,
            "required": required,
            "pgp_fingerprints": null,
            "backup": false,
            "verification_required": false,
        }));
    };
    let (progress, verification) = match &rekey.stage {
        Stage::Asking(gathering) => (gathering.progress(), None),
        Stage::Verifying(verification) => (0, Some(&verification.nonce)),
    };
    let mut answer = object([
        ("nonce", Value::from(rekey.nonce.as_str())),
        ("started", true.into()),
        ("t", rekey.split.threshold().into()),
        ("n", rekey.split.shares().into()),
        ("progress", progress.into()),
        ("required", required.into()),
        ("pgp_fingerprints", fingerprints(&rekey.recipients)),
        ("backup", rekey.backup.into()),
        ("verification_required", rekey.verify.into()),
    ]);
    if let Some(nonce) = verification {
        answer.insert("verification_nonce".to_owned(), nonce.as_str().into());
    }
    Reply::bare(answer.into())
}

/// Null where there are none, as Vault has it.
fn fingerprints(recipients: &[Recipient]) -> Value {
    if recipients.is_empty() {
        return Value::Null;
    }
    recipients.iter().map(Recipient::fingerprint).collect()
}

fn begin(service: &RekeyService, target: Target, ask: DirectAsk) -> Outcome {
    service.must_have(target)?;
    let unsealed = service.unsealed()?;
    let body = Strict::read("RekeyRequest", &ask.body)?;
    let (shares, threshold) = (body.int("secret_shares")?, body.int("secret_threshold")?);
    let keys = body.texts("pgp_keys")?;
    let (backup, verify) = (body.bool("backup")?, body.bool("require_verification")?);
    if backup && keys.is_empty() {
        let text =
            "cannot request a backup of the new keys without providing PGP keys for encryption";
        return Err(Fault::bad_request(text));
    }
    if !keys.is_empty() && i64::try_from(keys.len()) != Ok(shares) {
        return Err(Fault::bad_request("incorrect number of PGP keys for rekey"));
    }
    if threshold > shares {
        return Err(Fault::bad_request("provided threshold greater than the total shares"));
    }
    let invalid =
        |why: String| Fault::bad_request(format!("invalid rekey seal configuration: {why}"));
    let whole = |number| u64::try_from(number).unwrap_or(0);
    let split = Split::new(whole(shares), whole(threshold));
    let split = split.map_err(|error| invalid(error.to_string()))?;
    let recipients = recipients(&keys, service.clock.wall(), &*service.entropy);
    let recipients = recipients.map_err(invalid)?;
    let mut rekey = service.on(target, &unsealed);
    if rekey.is_some() {
        return Err(Fault::bad_request("rekey already in progress"));
    }
    let nonce = service.entropy.uuid();
    let stage = Stage::Asking(Gathering::default());
    *rekey = Some(Rekey { nonce, split, recipients, backup, verify, stage });
    Ok(shown(rekey.as_ref(), needed(&service.barrier)?))
}

fn cancel(service: &RekeyService, target: Target, _: DirectAsk) -> Outcome {
    service.must_have(target)?;
    *service.on(target, &service.unsealed()?) = None;
    Ok(Reply::nothing())
}
