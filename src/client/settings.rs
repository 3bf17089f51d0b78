//! What a client is told by `VAULT_*`, and by flags that stand before it.

use std::time::Duration;

use super::address::Address;
use super::tls::Tls;
use crate::base::golang;
use crate::base::secret::Secret;

/// How requests are made.
pub struct Settings {
    /// The server.
    pub address: Address,
    /// How TLS is spoken with it.
    pub tls: Tls,
    /// Sent with each request.
    pub token: Option<Secret>,
    /// Sent with each request as `X-Vault-Namespace`.
    pub namespace: Option<String>,
    /// More headers for each request.
    pub headers: Vec<(String, String)>,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// How often a request is sent again when the server says "not now".
    pub retries: u32,
}

/// A setting that cannot be used; the text names it.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingsError(pub String);

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Reads Vault's variables through `value`, which gives `None` for what is not set.
    pub fn read(value: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let value = |name: &str| value(name).filter(|v| !v.is_empty());
        let address = value("VAULT_ADDR").unwrap_or_else(|| "https://127.0.0.1:8200".into());
        let address = Address::parse(&address)
            .map_err(|e| SettingsError(format!("failed to create client: {e}")))?;
        let tls = Tls {
            ca_cert: value("VAULT_CACERT").map(Into::into),
            ca_path: value("VAULT_CAPATH").map(Into::into),
            client_cert: value("VAULT_CLIENT_CERT").map(Into::into),
            client_key: value("VAULT_CLIENT_KEY").map(Into::into),
            skip_verify: value("VAULT_SKIP_VERIFY").map_or(Ok(false), |v| truth(&v))?,
            server_name: value("VAULT_TLS_SERVER_NAME"),
        };
        Ok(Self {
            address,
            tls,
            token: value("VAULT_TOKEN").map(Secret::new),
            namespace: value("VAULT_NAMESPACE"),
            headers: Vec::new(),
            timeout: value("VAULT_CLIENT_TIMEOUT")
                .map_or(Ok(Duration::from_secs(60)), |v| seconds(&v))?,
            retries: value("VAULT_MAX_RETRIES").map_or(Ok(2), |v| {
                let wrong = |_| SettingsError(format!("VAULT_MAX_RETRIES={v}: no whole number"));
                v.parse().map_err(wrong)
            })?,
        })
    }
}

fn truth(text: &str) -> Result<bool, SettingsError> {
    let wrong = |_| SettingsError(format!("VAULT_SKIP_VERIFY={text}: neither true nor false"));
    golang::parse_bool(text).map_err(wrong)
}

fn seconds(text: &str) -> Result<Duration, SettingsError> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse() {
        Ok(0) => Ok(Duration::from_secs(60)),
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => Err(SettingsError(format!("VAULT_CLIENT_TIMEOUT={text}: no number of seconds"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, SettingsError> {
        Settings::read(|n| (n == name).then(|| value.to_owned()))
    }

    #[test]
    fn variables_are_read_and_wrong_ones_named() {
        assert_eq!(read("", "").unwrap().address.base(), "https://127.0.0.1:8200");
        assert_eq!(read("VAULT_CLIENT_TIMEOUT", "5s").unwrap().timeout.as_secs(), 5);
        assert!(read("VAULT_SKIP_VERIFY", "true").unwrap().tls.skip_verify);
        for name in ["VAULT_SKIP_VERIFY", "VAULT_CLIENT_TIMEOUT", "VAULT_MAX_RETRIES"] {
            let wrong = read(name, "nonsense").err().map(|e| e.0).unwrap_or_default();
            assert!(wrong.starts_with(name), "{wrong}");
        }
    }
}
