//! The transit seal: another Vault, OpenBao or Edgekeep encrypts the unseal key, and decrypts it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::auto::{AutoSeal, Mechanism, SealError, WrappedKey};
use crate::base::credential::Credential;
use crate::base::entropy::Entropy;
use crate::base::pages::Key;
use crate::base::said::said;
use crate::base::variable::{Given, Variable};
use crate::client::{self, Call, Client, End, Error};

/// `seal "transit"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server.
    pub address: String,
    /// What it is asked with.
    pub token: Credential,
    /// The key there.
    pub key_name: String,
    /// Where the engine is mounted there, without slashes at its ends.
    pub mount_path: String,
    /// The certificates of its authorities.
    pub ca_cert: Option<PathBuf>,
    /// Who we are: a certificate and its key.
    pub client_cert: Option<PathBuf>,
    /// See there.
    pub client_key: Option<PathBuf>,
    /// The name that its certificate bears.
    pub server_name: Option<String>,
    /// Believe any certificate.
    pub skip_verify: bool,
    /// Whether somebody else renews the token.
    pub disable_renewal: bool,
}

/// How long an answer may take.
const PATIENCE: &str = "10s";

/// How often the token is renewed whose life is not known, or that could not be renewed.
const RENEWAL: Duration = Duration::from_secs(60 * 60);
const RENEWAL_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// The seal.
pub struct Transit {
    settings: Settings,
    stopped: AtomicBool,
}

impl Transit {
    /// Nobody is asked yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, stopped: AtomicBool::new(false) }
    }

    /// A client with what is in the files and the credential now.
    fn client(&self) -> Result<Client, SealError> {
        let wrong = |error: client::SettingsError| SealError::Away(error.0);
        let settings = client::Settings::read(End::Seal, |variable| self.given(variable));
        let mut settings = settings.map_err(wrong)?;
        let token =
            self.settings.token.read().map_err(|error| SealError::Away(error.to_string()))?;
        settings.token = Some(token);
        Client::new(settings).map_err(wrong)
    }

    fn given(&self, variable: Variable) -> Option<Given> {
        let Settings { ca_cert, client_cert, client_key, server_name, .. } = &self.settings;
        let path = |path: &Option<PathBuf>| Some(path.as_ref()?.display().to_string());
        let value = match variable {
            Variable::Addr => Some(self.settings.address.clone()),
            Variable::Cacert => path(ca_cert),
            Variable::ClientCert => path(client_cert),
            Variable::ClientKey => path(client_key),
            Variable::TlsServerName => server_name.clone(),
            Variable::SkipVerify => Some(self.settings.skip_verify.to_string()),
            Variable::ClientTimeout => Some(PATIENCE.to_owned()),
            Variable::MaxRetries => Some("0".to_owned()),
            _ => None,
        };
        value.map(|value| Given { by: End::Seal.variable(variable), value })
    }

    /// Asks for `field` of what the engine makes of a body.
    fn ask(&self, act: &str, body: Value, field: &str) -> Result<Zeroizing<String>, SealError> {
        let Settings { mount_path, key_name, .. } = &self.settings;
        // A call that is under way ends by itself, and soon: none follows it.
        if self.stopped.load(Ordering::Relaxed) {
            return Err(SealError::Away("nobody is asked: the server ends".to_owned()));
        }
        let call = Call::put(format!("{mount_path}/{act}/{key_name}"), body);
        let mut answer = self.client()?.call(&call).map_err(told)?;
        match answer.body["data"][field].take() {
            Value::String(text) => Ok(Zeroizing::new(text)),
            _ => Err(SealError::Away(format!(
                "{} answers to {act} without {field}: is {mount_path}/ a transit engine there?",
                self.settings.address
            ))),
        }
    }

    fn encrypt(&self, key: &Key<32>) -> Result<WrappedKey, SealError> {
        let plaintext = Zeroizing::new(STANDARD.encode(&key[..]));
        let body = json!({ "plaintext": plaintext.as_str() });
        let ciphertext = self.ask("encrypt", body, "ciphertext")?;
        let by = version(&ciphertext).ok_or_else(|| {
            SealError::Away(format!(
                "{} answers with no ciphertext of transit",
                self.settings.address
            ))
        })?;
        Ok(WrappedKey { by: by.to_owned(), bytes: ciphertext.as_bytes().to_vec() })
    }
}

impl AutoSeal for Transit {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Transit
    }

    fn wrap(&self, key: &Key<32>, _: &dyn Entropy) -> Result<WrappedKey, SealError> {
        self.encrypt(key)
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Key<32>, SealError> {
        let odd = || SealError::Away("what it wrapped was changed".to_owned());
        let ciphertext = std::str::from_utf8(&wrapped.bytes).map_err(|_| odd())?;
        let plaintext = self.ask("decrypt", json!({ "ciphertext": ciphertext }), "plaintext")?;
        let key = STANDARD.decode(plaintext.as_bytes()).map(Zeroizing::new);
        key.ok().and_then(|key| Key::from_bytes(&key)).ok_or_else(odd)
    }

    /// Asks for the version that encrypts today. Who cannot tell has no reason to change anything.
    fn is_current(&self, wrapped: &WrappedKey) -> bool {
        self.encrypt(&Key::new([0; 32])).map_or(true, |today| today.by == wrapped.by)
    }

    fn keep(&self) -> Result<Option<Duration>, (SealError, Duration)> {
        if self.settings.disable_renewal {
            return Ok(None);
        }
        let client = self.client().map_err(|error| (error, RENEWAL_AFTER_FAILURE))?;
        let call = Call::put("auth/token/renew-self", json!({}));
        let answer = client.call(&call).map_err(|error| match &error {
            // It is of a kind that is not renewed; the next one in its file may be of another.
            Error::Refused(refusal) if refusal.status == 400 => (told(error), RENEWAL),
            _ => (told(error), RENEWAL_AFTER_FAILURE),
        })?;
        let lives = answer.body["auth"]["lease_duration"].as_u64().map(Duration::from_secs);
        Ok(Some(lives.filter(|lives| !lives.is_zero()).map_or(RENEWAL, |lives| lives / 3)))
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// The version of the key that a ciphertext names: `v1` of `vault:v1:...`.
fn version(ciphertext: &str) -> Option<&str> {
    let (_, rest) = ciphertext.split_once(':')?;
    let (version, _) = rest.split_once(':')?;
    let digits = version.strip_prefix('v')?;
    let is_one = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_one.then_some(version)
}

/// Its own text, in one line. Nobody counts how often a token is refused, and its policy may be put
/// right there.
fn told(error: Error) -> SealError {
    let refusal = match error {
        Error::Refused(refusal) => refusal,
        late @ Error::Late(..) => return SealError::Silent(late.to_string()),
        other => return SealError::Away(other.to_string()),
    };
    let why = match refusal.errors.as_deref() {
        Some([]) | None => String::new(),
        Some(errors) => format!(": {}", said(&errors.join("; "))),
    };
    SealError::Away(format!("{} answers {}{why}", refusal.url, refusal.status))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_stands_in_the_ciphertext() {
        assert_eq!(version("vault:v12:AAAA"), Some("v12"));
        assert_eq!(version("vault"), None);
        assert_eq!(version("vault:v1"), None);
        assert_eq!(version("vault:v\u{1b}[31m:AAAA"), None);
        assert_eq!(version("vault:v1234567890:AAAA"), None);
    }
}
