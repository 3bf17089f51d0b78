//! Wrapping tokens as signed JSON Web Tokens, which tell whoever is handed one what it is, where it
//! came from and until when it is good. They stand for the token whose id is in them.

use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::api::reply::WrapInfo;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::base::jose::{self, Sent};
use crate::base::record::Record;
use crate::base::secret::Secret;
use crate::base::signature::{Algorithm, Parts, PublicKey};

/// How they are signed.
const ALGORITHM: Algorithm = Algorithm::Es512;
/// Where the key lies in the system's part of the store. It is made when it is first wanted.
const PLACE: &str = "core/wrapping/jwtkey";
/// Seconds by which the clock of who reads one may be behind.
const LEEWAY: u64 = 5;
/// What they say that they are.
const WRAPPING: &str = "wrapping";

/// The key that signs them.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct SigningKey {
    /// PKCS#8.
    private: Vec<u8>,
    #[zeroize(skip)]
    public: PublicKey,
}

impl Record for SigningKey {
    const VERSION: u8 = 1;
}

/// A JWT that was sent as a token, and stands for one if it is ours.
pub struct Claimed<'t> {
    jwt: Sent<'t>,
    /// The id of the token that it says it stands for.
    pub id: Secret,
}

/// The wrapping token as a JWT. `accessor` is that of the token in the answer, if there is one.
pub fn sign(
    txn: &mut Txn,
    info: &WrapInfo,
    accessor: Option<&str>,
    address: &str,
) -> Result<Secret, Fault> {
    let key = key(txn)?;
    let issued = info.created.as_secs();
    let claims = json!({
        "accessor": accessor.unwrap_or_default(),
        "addr": address,
        "exp": issued + info.ttl.as_secs(),
        "iat": issued,
        "jti": String::from_utf8_lossy(info.token.expose()),
        "nbf": issued.saturating_sub(LEEWAY),
        "type": WRAPPING,
    });
    let header = json!({ "alg": ALGORITHM.name(), "typ": "JWT" });
    let token =
        jose::sign(&header, &claims.to_string(), |bytes| ALGORITHM.sign(&key.private, bytes));
    Ok(Secret::new(token.map_err(|error| Fault::internal(error.to_string()))?))
}

/// The point on the curve that is the public key, its two coordinates big-endian.
pub fn public_point(txn: &mut Txn) -> Result<[Vec<u8>; 2], Fault> {
    match key(txn)?.public.parts() {
        Some(Parts::Ec { x, y, .. }) => Ok([x.to_vec(), y.to_vec()]),
        _ => Err(Fault::internal("the key of wrapping tokens is damaged")),
    }
}

/// Whether that is the form of a JWT: no id that the server makes begins so and has two dots.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.matches('.').count() == 2
}

impl<'t> Claimed<'t> {
    /// Reads what was sent as a token; `None` for what is no wrapping token as a JWT.
    pub fn read(sent: &'t Secret) -> Option<Self> {
        let text = std::str::from_utf8(sent.expose()).ok().filter(|text| is_jwt(text))?;
        let jwt = Sent::read(text).ok()?;
        let claims = jwt.unverified()?;
        let claim = |name: &str| claims.get(name)?.as_str();
        let id = claim("jti").filter(|_| claim("type") == Some(WRAPPING)).map(Secret::new)?;
        Some(Self { jwt, id })
    }

    /// Whether we have signed it. That takes so long that it is asked only of one whose token there
    /// is: who knows of none cannot keep the server busy.
    pub fn is_ours(&self, txn: &mut Txn) -> Result<bool, TxnError> {
        Ok(stored(txn)?.is_some_and(|key| self.jwt.verified(&key.public).is_some()))
    }
}

fn stored(txn: &mut Txn) -> Result<Option<SigningKey>, TxnError> {
    txn.scope(MountId::SYSTEM).read(PLACE)
}

fn key(txn: &mut Txn) -> Result<SigningKey, Fault> {
    match stored(txn)? {
        Some(key) => Ok(key),
        None => make(txn),
    }
}

fn make(txn: &mut Txn) -> Result<SigningKey, Fault> {
    let pair = ALGORITHM.generate().map_err(|error| Fault::internal(error.to_string()))?;
    let key = SigningKey { private: pair.private.expose().to_vec(), public: pair.public };
    txn.scope(MountId::SYSTEM).write(PLACE, &key)?;
    Ok(key)
}
