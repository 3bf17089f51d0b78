//! What a client is told by the environment, and by flags that stand before it.

use std::path::PathBuf;
use std::time::Duration;

use ureq::Proxy;

use super::address::Address;
use super::end::End;
use super::proxy;
use super::tls::{Identity, Tls};
use crate::base::golang;
use crate::base::secret::Secret;
use crate::base::ttl::Ttl;
use crate::base::variable::{Given, Variable};

/// How requests are made.
pub struct Settings {
    /// Which server of the command line it is.
    pub end: End,
    /// The server, or the agent that is asked in its place.
    pub address: Address,
    /// How TLS is spoken with it.
    pub tls: Tls,
    /// What stands between us and it.
    pub proxy: Option<Proxy>,
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
    /// Whether a redirect is followed.
    pub redirects: bool,
    /// How fast requests may follow each other.
    pub pace: Option<Pace>,
}

/// How fast requests may follow each other: so many at once, then one in each interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// How many may be made at once.
    pub burst: u32,
    /// How long each further one waits.
    pub interval: Duration,
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
    /// Reads the variables of an end through `value`, which gives `None` for what is not set.
    pub fn read(
        end: End,
        value: impl Fn(Variable) -> Option<Given>,
    ) -> Result<Self, SettingsError> {
        let path = |variable| value(variable).map(|given| given.value.into());
        let truth = |variable| value(variable).map_or(Ok(false), |given| truth(&given));
        let address = address(value(Variable::AgentAddr).or_else(|| value(Variable::Addr)))?;
        if truth(Variable::SrvLookup)? && !address.has_port() {
            let by = end.variable(Variable::SrvLookup);
            return Err(SettingsError(format!(
                "SRV records are not looked up ({by}): say the port in the address"
            )));
        }
        let tls = Tls {
            ca_cert: path(Variable::Cacert),
            ca_bytes: value(Variable::CacertBytes),
            ca_path: path(Variable::Capath),
            identity: identity(end, path(Variable::ClientCert), path(Variable::ClientKey))?,
            skip_verify: truth(Variable::SkipVerify)?,
            server_name: value(Variable::TlsServerName).map(|given| given.value),
        };
        let mfa = value(Variable::Mfa).map(|given| ("X-Vault-MFA".to_owned(), given.value));
        Ok(Self {
            end,
            proxy: proxy::find(&address, &value, proxy::usual)?,
            address,
            tls,
            token: value(Variable::Token).map(|given| Secret::new(given.value)),
            namespace: value(Variable::Namespace).map(|given| given.value),
            headers: mfa.into_iter().collect(),
            timeout: value(Variable::ClientTimeout).map_or(Ok(PATIENCE), |given| time(&given))?,
            retries: value(Variable::MaxRetries).map_or(Ok(2), |given| {
                given.value.parse().map_err(|_| wrong(&given, "no whole number"))
            })?,
            redirects: !truth(Variable::DisableRedirects)?,
            pace: value(Variable::RateLimit).map(|given| pace(&given)).transpose()?,
        })
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn address(given: Option<Given>) -> Result<Address, SettingsError> {
    let text = given.map_or_else(|| "https://127.0.0.1:8200".into(), |given| given.value);
    Address::parse(&text).map_err(|e| SettingsError(format!("failed to create client: {e}")))
}

fn identity(
    end: End,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<Identity>, SettingsError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
        (None, None) => Ok(None),
        _ => {
            let both = [Variable::ClientCert, Variable::ClientKey];
            let flags = both.map(|variable| end.flag(variable).unwrap_or_default()).join(" and ");
            let named = both.map(|variable| end.variable(variable)).join(", ");
            Err(SettingsError(format!(
                "a client certificate needs its key: give both {flags} ({named})"
            )))
        }
    }
}

fn wrong(given: &Given, why: &str) -> SettingsError {
    SettingsError(format!("{}={}: {why}", given.by, given.value))
}

fn truth(given: &Given) -> Result<bool, SettingsError> {
    golang::parse_bool(&given.value).map_err(|_| wrong(given, "neither true nor false"))
}

/// Zero stands for the usual time.
fn time(given: &Given) -> Result<Duration, SettingsError> {
    let wrong = || wrong(given, "no duration, such as 30s");
    let ttl = Ttl::parse(&given.value).map_err(|_| wrong())?;
    let time = ttl.to_duration().ok_or_else(wrong)?;
    Ok(if time.is_zero() { PATIENCE } else { time })
}

/// `RATE` or `RATE:BURST`, requests a second.
fn pace(given: &Given) -> Result<Pace, SettingsError> {
    let (rate, burst) = match given.value.split_once(':') {
        Some((rate, burst)) => (rate, burst.parse().ok()),
        None => (given.value.as_str(), given.value.parse().ok().map(|rate: f64| rate as u32)),
    };
    let interval = rate.parse().ok().filter(|rate: &f64| *rate > 0.0);
    let interval = interval.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
    match (interval, burst) {
        (Some(interval), Some(burst)) => Ok(Pace { burst, interval }),
        _ => Err(wrong(given, "no rate, such as 10 or 10:20 (a second, and at once)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, SettingsError> {
        let given = Given { by: format!("EDGEKEEP_{name}"), value: value.to_owned() };
        Settings::read(End::Server, |variable| (variable.name() == name).then(|| given.clone()))
    }

    #[test]
    fn variables_are_read_and_wrong_ones_named() {
        assert_eq!(read("", "").unwrap().address.base(), "https://127.0.0.1:8200");
        assert_eq!(read("CLIENT_TIMEOUT", "5s").unwrap().timeout.as_secs(), 5);
        assert_eq!(read("CLIENT_TIMEOUT", "2m").unwrap().timeout.as_secs(), 120);
        assert_eq!(read("CLIENT_TIMEOUT", "0").unwrap().timeout, PATIENCE);
        assert!(read("SKIP_VERIFY", "true").unwrap().tls.skip_verify);
        assert!(!read("DISABLE_REDIRECTS", "1").unwrap().redirects);
        assert_eq!(read("AGENT_ADDR", "http://a:1").unwrap().address.base(), "http://a:1");
        for name in ["SKIP_VERIFY", "CLIENT_TIMEOUT", "MAX_RETRIES", "RATE_LIMIT", "SRV_LOOKUP"] {
            let wrong = read(name, "nonsense").err().map(|e| e.0).unwrap_or_default();
            assert!(wrong.starts_with(&format!("EDGEKEEP_{name}=nonsense: ")), "{wrong}");
        }
        assert!(read("SRV_LOOKUP", "true").is_ok(), "the address has a port");
    }

    #[test]
    fn a_pace_is_a_rate_and_how_many_at_once() {
        let of = |text: &str| read("RATE_LIMIT", text).ok().and_then(|settings| settings.pace);
        let pace = |burst, millis| Some(Pace { burst, interval: Duration::from_millis(millis) });
        assert_eq!(of("10"), pace(10, 100));
        assert_eq!(of("2:1"), pace(1, 500));
        assert_eq!(of("0.5:3"), pace(3, 2000));
        assert_eq!((of("0"), of("-1"), of("1:x"), of("")), (None, None, None, None));
    }
}
