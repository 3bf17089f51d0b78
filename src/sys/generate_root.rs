//! `sys/generate-root`: a new root token for those who hold enough shares of the unseal key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::json;
use zeroize::Zeroizing;

use super::shares::{
    Gathering, KEY, MISSING, NONCE, Share, Undertaking, must_name, needed, refused,
};
use crate::api::ask::{DirectAsk, Verb};
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::api::strict::Strict;
use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::openpgp::Recipient;
use crate::base::secret::Secret;
use crate::pipeline::tokens::Tokens;

/// What these endpoints are given.
pub struct GenerateRoot {
    barrier: Arc<Barrier>,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    attempt: Undertaking<Attempt>,
}

/// A generation that was begun.
struct Attempt {
    nonce: String,
    cover: Cover,
    gathering: Gathering,
}

/// What hides the new token from those who only pass the answer on.
enum Cover {
    /// A one-time password, as long as a token: the answer is their exclusive or.
    Otp(Secret),
    /// Encryption to one's key.
    Pgp(Recipient),
}

impl GenerateRoot {
    /// Nothing was begun.
    pub fn new(barrier: Arc<Barrier>, clock: Arc<dyn Clock>, tokens: Arc<Tokens>) -> Self {
        Self { barrier, clock, tokens, attempt: Undertaking::default() }
    }

    fn unsealed(&self) -> Result<Arc<Unsealed>, Fault> {
        self.barrier.unsealed().ok_or_else(Fault::sealed)
    }
}

/// The endpoints with their service.
pub fn engine(service: GenerateRoot) -> Bound<GenerateRoot> {
    Bound::new("The way back to a lost root token.", ROUTES, service)
}

const OTP: Field<String> = Field::new("otp", "A one-time password as long as a token.");
const ENCODED_TOKEN: Field<String> =
    Field::new("encoded_token", "The token, covered by the one-time password, in base64.");
const PGP_KEY: Field<String> = Field::new("pgp_key", "A public key, in base64 or ASCII armor.");

const ROUTES: &[Route<GenerateRoot>] = &[
    Route {
        path: "generate-root/attempt",
        synopsis: "Begin to make a root token, look how far it is, or give it up.",
        description: "Without a password and a key the server makes a password, and shows it once.",
        fields: &[&OTP.info, &PGP_KEY.info],
        access: Access::Sealed,
        operations: &[
            Operation::direct(Verb::Read, "Look how far it is.", status),
            Operation::direct(Verb::Write, "Begin.", begin),
            Operation::direct(Verb::Delete, "Give it up.", cancel),
        ],
    },
    Route {
        path: "generate-root/update",
        synopsis: "Give one share of the unseal key.",
        description: "The last share needed answers the token, covered by the password or the \
                      public key.",
        fields: &[&KEY.info, &NONCE.info],
        access: Access::Sealed,
        operations: &[
            Operation::direct(Verb::Write, "Give a share.", update),
            // Vault looks at the body whatever the verb.
            Operation::direct(Verb::Read, "The same.", update),
            Operation::direct(Verb::Delete, "The same.", update),
        ],
    },
    Route {
        path: "decode-token",
        synopsis: "Uncover the new root token.",
        description: "For those who hold the one-time password and the covered token. Anybody can \
                      do that alone: nothing of the store is needed.",
        fields: &[&ENCODED_TOKEN.info, &OTP.info],
        access: Access::Unauthenticated,
        operations: &[Operation::system(Verb::Write, "Uncover it.", decode)],
    },
];

/// The length of a root token, and so of a one-time password: `hvs.` and 24 characters.
const OTP_LENGTH: usize = 28;

fn status(service: &GenerateRoot, _: DirectAsk) -> Outcome {
    let unsealed = service.unsealed()?;
    let attempt = service.attempt.on(&unsealed);
    Ok(shown(attempt.as_ref(), needed(&service.barrier)?, ""))
}

fn shown(attempt: Option<&Attempt>, required: u8, otp: &str) -> Reply {
    Reply::bare(json!({
        "nonce": attempt.map_or("", |attempt| &attempt.nonce),
        "started": attempt.is_some(),
        "progress": attempt.map_or(0, |attempt| attempt.gathering.progress()),
        "required": required,
        "complete": false,
        "encoded_token": "",
        "encoded_root_token": "",
        "pgp_fingerprint": attempt.map_or("", |attempt| attempt.cover.fingerprint()),
        "otp": otp,
        "otp_length": OTP_LENGTH,
    }))
}

fn begin(service: &GenerateRoot, ask: DirectAsk) -> Outcome {
    // Vault looks at this body twice, and words what is no JSON as it does for other paths.
    ask.body.object()?;
    let body = Strict::read_or_empty("GenerateRootInitRequest", &ask.body)?;
    let unsealed = service.unsealed()?;
    let (otp, key) = (body.text("otp")?, body.text("pgp_key")?);
    let mut made = String::new();
    let cover = if !otp.is_empty() {
        if otp.len() != OTP_LENGTH {
            return Err(Fault::bad_request("OTP string is wrong length"));
        }
        Cover::Otp(Secret::new(otp))
    } else if !key.is_empty() {
        let recipient = Recipient::parse(key, service.clock.wall(), &*service.tokens.entropy);
        let bad = |error| Fault::bad_request(format!("error parsing PGP key: {error}"));
        Cover::Pgp(recipient.map_err(bad)?)
    } else {
        made = service.tokens.entropy.base62(OTP_LENGTH);
        Cover::Otp(Secret::new(made.as_str()))
    };
    let mut attempt = service.attempt.on(&unsealed);
    if attempt.is_some() {
        return Err(Fault::bad_request("root generation already in progress"));
    }
    let nonce = service.tokens.entropy.uuid();
    *attempt = Some(Attempt { nonce, cover, gathering: Gathering::default() });
    Ok(shown(attempt.as_ref(), needed(&service.barrier)?, &made))
}

fn cancel(service: &GenerateRoot, _: DirectAsk) -> Outcome {
    *service.attempt.on(&service.unsealed()?) = None;
    Ok(Reply::nothing())
}

fn update(service: &GenerateRoot, ask: DirectAsk) -> Outcome {
    let body = Strict::read("GenerateRootUpdateRequest", &ask.body)?;
    let share = Share::sent(&body, "invalid key: ", MISSING)?;
    let unsealed = service.unsealed()?;
    let mut held = service.attempt.on(&unsealed);
    let Some(attempt) = held.as_mut() else {
        return Err(Fault::bad_request("no root generation in progress"));
    };
    must_name(body.text("Nonce")?, &attempt.nonce, "root generation")?;
    let required = needed(&service.barrier)?;
    let Some(key) = attempt.gathering.take(share, required, "generation")? else {
        return Ok(answered(attempt, required, None));
    };
    let wrong = |error| refused("root generation aborted: unable to authenticate", &error);
    key.and_then(|key| service.barrier.vouch(&unsealed, &key)).map_err(wrong)?;
    let entropy = &*service.tokens.entropy;
    // Covered before it is stored: a token that cannot be told is not made.
    let covered = unsealed.transact(|txn| {
        let token = service.tokens.make_root(txn, None)?;
        attempt.cover.hide(&token, entropy)
    })?;
    let answer = answered(attempt, required, Some(covered));
    *held = None;
    Ok(answer)
}

/// The answer to a share; with the covered token, when it was the last that was needed.
fn answered(attempt: &Attempt, required: u8, token: Option<String>) -> Reply {
    let complete = token.is_some();
    let token = token.unwrap_or_default();
    Reply::bare(json!({
        "nonce": attempt.nonce,
        "started": true,
        "progress": if complete { required.into() } else { attempt.gathering.progress() },
        "required": required,
        "complete": complete,
        "encoded_token": token,
        "encoded_root_token": token,
        "pgp_fingerprint": attempt.cover.fingerprint(),
        "otp": "",
        "otp_length": 0,
    }))
}

fn decode(_: &GenerateRoot, call: &mut SystemCall<'_>) -> Outcome {
    let (covered, otp) = (call.fields.need(&ENCODED_TOKEN)?, call.fields.need(&OTP)?);
    let covered = STANDARD_NO_PAD
        .decode(covered.trim_end_matches('='))
        .map_err(|error| Fault::bad_request(format!("error decoding base64'd token: {error}")))?;
    let (length, wanted) = (covered.len(), otp.len());
    if length != wanted {
        return Err(Fault::bad_request(format!(
            "error xoring token: length of byte slices is not equivalent: {length} != {wanted}"
        )));
    }
    let token = xor(&covered, otp.as_bytes());
    let token = std::str::from_utf8(&token)
        .map_err(|_| Fault::bad_request("that uncovers no token: the password is another's"))?;
    Ok(Reply::data(object([("token", token.into())])))
}

fn xor(bytes: &[u8], cover: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.iter().zip(cover).map(|(byte, cover)| byte ^ cover).collect())
}

impl Cover {
    fn fingerprint(&self) -> &str {
        match self {
            Self::Otp(_) => "",
            Self::Pgp(recipient) => recipient.fingerprint(),
        }
    }

    fn hide(&self, token: &Secret, entropy: &dyn Entropy) -> Result<String, Fault> {
        match self {
            Self::Otp(otp) => Ok(STANDARD_NO_PAD.encode(xor(token.expose(), otp.expose()))),
            Self::Pgp(recipient) => {
                let message = recipient.encrypt(token.expose(), entropy);
                let message = message.map_err(|error| Fault::internal(error.to_string()))?;
                Ok(STANDARD.encode(message))
            }
        }
    }
}
