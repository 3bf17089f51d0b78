//! How new shares are handed out: in the clear, or each encrypted to its holder's OpenPGP key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::hex;
use crate::base::openpgp::Recipient;
use crate::base::secret::Secret;

/// The shares as an answer has them, in their order.
pub struct Disclosure {
    /// As hex.
    pub hex: Vec<Zeroizing<String>>,
    /// As base64.
    pub base64: Vec<Zeroizing<String>>,
}

/// Moves texts into an answer, which is wiped when it is sent.
pub fn shown(texts: Vec<Zeroizing<String>>) -> Value {
    texts.into_iter().map(|mut text| Value::from(std::mem::take(&mut *text))).collect()
}

/// The holders' keys; the error tells which of several is at fault.
pub fn recipients(
    keys: &[&str],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<Recipient>, String> {
    let read = keys.iter().enumerate().map(|(i, key)| {
        Recipient::parse(key, now, entropy).map_err(|error| match keys.len() {
            1 => error.to_string(),
            count => format!("{error} (key {} of {count})", i + 1),
        })
    });
    read.collect()
}

/// Encodes each share; with recipients, as the OpenPGP message that holds its hex, as Vault does.
pub fn disclose(
    shares: &[Secret],
    recipients: &[Recipient],
    entropy: &dyn Entropy,
) -> Result<Disclosure, Fault> {
    let messages = if recipients.is_empty() {
        shares.iter().map(|share| Zeroizing::new(share.expose().to_vec())).collect()
    } else {
        let each = shares.iter().zip(recipients);
        let each = each.map(|(share, recipient)| {
            let text = Zeroizing::new(hex::encode(share.expose()));
            recipient.encrypt(text.as_bytes(), entropy).map(Zeroizing::new)
        });
        let messages: Result<Vec<_>, _> = each.collect();
        messages.map_err(|error| Fault::internal(error.to_string()))?
    };
    Ok(Disclosure {
        hex: messages.iter().map(|message| Zeroizing::new(hex::encode(message))).collect(),
        base64: messages.iter().map(|message| Zeroizing::new(STANDARD.encode(message))).collect(),
    })
}
