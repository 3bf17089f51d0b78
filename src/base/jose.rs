//! JSON Web Tokens in their compact form (RFC 7515, section 7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Map, Value, json};

use super::json;
use super::signature::{KeyError, Parts, PublicKey};

/// A token with that header and payload, signed by `sign` as the header says.
pub fn sign(
    header: &Value,
    payload: &str,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, KeyError>,
) -> Result<String, KeyError> {
    let header = header.to_string();
    let mut token = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&BASE64.encode(signature));
    Ok(token)
}

/// A token that was sent, not verified yet.
pub struct Sent<'t> {
    signed: &'t str,
    signature: Vec<u8>,
    algorithm: String,
    /// By which key it says it was signed.
    pub key_id: String,
    payload: Vec<u8>,
}

impl<'t> Sent<'t> {
    /// Reads a token.
    ///
    /// # Errors
    /// What is wrong with its form.
    pub fn read(token: &'t str) -> Result<Self, &'static str> {
        let parts = || {
            let (signed, signature) = token.rsplit_once('.')?;
            let (header, payload) = signed.split_once('.')?;
            (!payload.contains('.')).then_some((signed, header, payload, signature))
        };
        let (signed, header, payload, signature) =
            parts().ok_or("compact JWS format must have three parts")?;
        let decode = |part: &str| BASE64.decode(part).map_err(|_| "illegal base64 data");
        let header = json::read(&decode(header)?).map_err(|_| "the header is no JSON")?;
        let text = |name: &str| header[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            signed,
            signature: decode(signature)?,
            algorithm: text("alg"),
            key_id: text("kid"),
            payload: decode(payload)?,
        })
    }

    /// What it says, whoever has signed it.
    pub fn unverified(&self) -> Option<Map<String, Value>> {
        match json::read(&self.payload) {
            Ok(Value::Object(claims)) => Some(claims),
            _ => None,
        }
    }

    /// What it says, if that key has signed it.
    pub fn verified(&self, key: &PublicKey) -> Option<Map<String, Value>> {
        let signed = self.algorithm == key.algorithm.name()
            && key.verify(self.signed.as_bytes(), &self.signature);
        self.unverified().filter(|_| signed)
    }
}

/// A key as a JSON Web Key (RFC 7517).
pub fn jwk(id: &str, key: &PublicKey) -> Option<Value> {
    let text = |bytes: &[u8]| BASE64.encode(bytes);
    let mut jwk = match key.parts()? {
        Parts::Rsa { n, e } => json!({ "kty": "RSA", "n": text(n), "e": text(e) }),
        Parts::Ec { curve, x, y } => {
            json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
        }
        Parts::Ed25519(x) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(x) }),
    };
    jwk["use"] = "sig".into();
    jwk["kid"] = id.into();
    jwk["alg"] = key.algorithm.name().into();
    Some(jwk)
}
