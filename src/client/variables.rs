//! The variables of the environment that a client is told by: `VAULT_NAME`, and `EDGEKEEP_NAME`,
//! which wins.

/// One of them.
#[derive(Debug)]
pub struct Variable {
    /// Its name behind `VAULT_` or `EDGEKEEP_`.
    pub name: &'static str,
    /// The flag that stands before it, without dashes.
    pub flag: Option<&'static str>,
    /// What it says, in a few words.
    pub meaning: &'static str,
}

/// What is said, and by what: a variable's whole name, or the flag that stands before it.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// `VAULT_ADDR`, `EDGEKEEP_ADDR` or `-address`.
    pub by: String,
    /// What it is set to.
    pub value: String,
}

/// Without the value: it may be a token.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.by)
    }
}

impl Variable {
    const fn new(name: &'static str, meaning: &'static str) -> Self {
        Self { name, flag: None, meaning }
    }

    const fn with_flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// What the environment says. What is set to nothing is not set. What is no text is not passed
    /// over: whoever reads it finds a sign in it that does not belong there.
    pub fn read(&self) -> Option<Given> {
        ["EDGEKEEP", "VAULT"].into_iter().find_map(|whose| {
            let by = format!("{whose}_{}", self.name);
            let value = std::env::var_os(&by).filter(|value| !value.is_empty())?;
            Some(Given { by, value: value.to_string_lossy().into_owned() })
        })
    }
}

/// Where the server is.
pub static ADDR: Variable =
    Variable::new("ADDR", "address of the server: http://, https:// or unix://")
        .with_flag("address");
/// An agent between us and the server.
pub static AGENT_ADDR: Variable =
    Variable::new("AGENT_ADDR", "address of an agent that is asked instead of the server")
        .with_flag("agent-address");
/// A file of authorities.
pub static CACERT: Variable =
    Variable::new("CACERT", "PEM file of the authorities that may have signed its certificate")
        .with_flag("ca-cert");
/// Authorities themselves.
pub static CACERT_BYTES: Variable =
    Variable::new("CACERT_BYTES", "those authorities themselves, as PEM; CACERT wins");
/// A folder of authorities.
pub static CAPATH: Variable =
    Variable::new("CAPATH", "folder of such files; CACERT and CACERT_BYTES win")
        .with_flag("ca-path");
/// The client's certificate.
pub static CLIENT_CERT: Variable =
    Variable::new("CLIENT_CERT", "PEM file of the client's own certificate")
        .with_flag("client-cert");
/// Its key.
pub static CLIENT_KEY: Variable =
    Variable::new("CLIENT_KEY", "PEM file of its key").with_flag("client-key");
/// How long one exchange may take.
pub static CLIENT_TIMEOUT: Variable =
    Variable::new("CLIENT_TIMEOUT", "how long an answer may take: 60s");
/// Whether errors and warnings are plain on a terminal.
pub static CLI_NO_COLOR: Variable =
    Variable::new("CLI_NO_COLOR", "no colours on a terminal; so does NO_COLOR");
/// The command line's own settings.
pub static CONFIG_PATH: Variable =
    Variable::new("CONFIG_PATH", "file that names a token helper; without it ~/.vault");
/// Whether redirects are left alone.
pub static DISABLE_REDIRECTS: Variable =
    Variable::new("DISABLE_REDIRECTS", "follow no redirect to another server")
        .with_flag("disable-redirects");
/// How results are printed.
pub static FORMAT: Variable =
    Variable::new("FORMAT", "how results are printed: table, json, yaml, pretty or raw");
/// A proxy.
pub static HTTP_PROXY: Variable = Variable::new(
    "HTTP_PROXY",
    "proxy for every request; without it HTTPS_PROXY and NO_PROXY hold",
);
/// How often "not now" is taken for an answer.
pub static MAX_RETRIES: Variable =
    Variable::new("MAX_RETRIES", "how often to ask again when the server says \"not now\": 2");
/// Credentials of a second factor.
pub static MFA: Variable = Variable::new("MFA", "credentials for X-Vault-MFA");
/// The namespace.
pub static NAMESPACE: Variable =
    Variable::new("NAMESPACE", "namespace of each request").with_flag("namespace");
/// A proxy, again.
pub static PROXY_ADDR: Variable = Variable::new("PROXY_ADDR", "the same as HTTP_PROXY, and wins");
/// How many requests a second.
pub static RATE_LIMIT: Variable =
    Variable::new("RATE_LIMIT", "requests a second, RATE or RATE:BURST");
/// Whether any certificate is believed.
pub static SKIP_VERIFY: Variable =
    Variable::new("SKIP_VERIFY", "believe any certificate: only ever for a try")
        .with_flag("tls-skip-verify");
/// Whether hosts are looked up as services.
pub static SRV_LOOKUP: Variable =
    Variable::new("SRV_LOOKUP", "not supported: say host and port in ADDR");
/// The name in the server's certificate.
pub static TLS_SERVER_NAME: Variable =
    Variable::new("TLS_SERVER_NAME", "name that the server's certificate must bear")
        .with_flag("tls-server-name");
/// The token.
pub static TOKEN: Variable =
    Variable::new("TOKEN", "token; without it the token helper is asked, or ~/.vault-token");
/// How long answers are wrapped for.
pub static WRAP_TTL: Variable =
    Variable::new("WRAP_TTL", "wrap each answer in a token that lives this long");

/// All of them, by name.
pub static ALL: &[&Variable] = &[
    &ADDR,
    &AGENT_ADDR,
    &CACERT,
    &CACERT_BYTES,
    &CAPATH,
    &CLIENT_CERT,
    &CLIENT_KEY,
    &CLIENT_TIMEOUT,
    &CLI_NO_COLOR,
    &CONFIG_PATH,
    &DISABLE_REDIRECTS,
    &FORMAT,
    &HTTP_PROXY,
    &MAX_RETRIES,
    &MFA,
    &NAMESPACE,
    &PROXY_ADDR,
    &RATE_LIMIT,
    &SKIP_VERIFY,
    &SRV_LOOKUP,
    &TLS_SERVER_NAME,
    &TOKEN,
    &WRAP_TTL,
];
