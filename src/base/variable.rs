//! The variables of the environment: `VAULT_NAME`, and `EDGEKEEP_NAME`, which wins.

/// Whom a variable is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// What asks a server. `EDGEKEEP_FROM_NAME` is the same of the server that is imported from.
    Client,
    /// The command line.
    Command,
    /// The server.
    Server,
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

impl Given {
    /// What the environment says under a whole name. What is set to nothing is not set. What is no
    /// text is not passed over: whoever reads it finds a sign in it that does not belong there.
    fn read(by: String) -> Option<Self> {
        let value = std::env::var_os(&by).filter(|value| !value.is_empty())?;
        Some(Self { by, value: value.to_string_lossy().into_owned() })
    }
}

/// A variable of the environment. [`Variable::meaning`] tells what each says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `ADDR`
    Addr,
    /// `AGENT_ADDR`
    AgentAddr,
    /// `CACERT`
    Cacert,
    /// `CACERT_BYTES`
    CacertBytes,
    /// `CAPATH`
    Capath,
    /// `CLIENT_CERT`
    ClientCert,
    /// `CLIENT_KEY`
    ClientKey,
    /// `CLIENT_TIMEOUT`
    ClientTimeout,
    /// `CLI_NO_COLOR`
    CliNoColor,
    /// `CONFIG_PATH`
    ConfigPath,
    /// `DISABLE_REDIRECTS`
    DisableRedirects,
    /// `FORMAT`
    Format,
    /// `HTTP_PROXY`
    HttpProxy,
    /// `MAX_RETRIES`
    MaxRetries,
    /// `MFA`
    Mfa,
    /// `NAMESPACE`
    Namespace,
    /// `PROXY_ADDR`
    ProxyAddr,
    /// `RATE_LIMIT`
    RateLimit,
    /// `SKIP_VERIFY`
    SkipVerify,
    /// `SRV_LOOKUP`
    SrvLookup,
    /// `TLS_SERVER_NAME`
    TlsServerName,
    /// `TOKEN`
    Token,
    /// `WRAP_TTL`
    WrapTtl,
    /// `API_ADDR`
    ApiAddr,
    /// `DEV_LISTEN_ADDRESS`
    DevListenAddress,
    /// `DEV_ROOT_TOKEN_ID`
    DevRootTokenId,
    /// `DISABLE_USER_LOCKOUT`
    DisableUserLockout,
    /// `LOG_FORMAT`
    LogFormat,
    /// `LOG_LEVEL`
    LogLevel,
    /// `SEAL_TYPE`
    SealType,
    /// `TRANSIT_SEAL_KEY_NAME`
    TransitKeyName,
    /// `TRANSIT_SEAL_MOUNT_PATH`
    TransitMountPath,
    /// `TRANSIT_SEAL_DISABLE_RENEWAL`
    TransitDisableRenewal,
    /// `HSM_LIB`
    HsmLib,
    /// `HSM_SLOT`
    HsmSlot,
    /// `HSM_TOKEN_LABEL`
    HsmTokenLabel,
    /// `HSM_PIN`
    HsmPin,
    /// `HSM_KEY_ID`
    HsmKeyId,
    /// `HSM_MECHANISM`
    HsmMechanism,
}

impl Variable {
    /// All of them: those of clients and commands, then those of the server.
    pub const ALL: [Self; 39] = [
        Self::Addr,
        Self::AgentAddr,
        Self::Cacert,
        Self::CacertBytes,
        Self::Capath,
        Self::ClientCert,
        Self::ClientKey,
        Self::ClientTimeout,
        Self::CliNoColor,
        Self::ConfigPath,
        Self::DisableRedirects,
        Self::Format,
        Self::HttpProxy,
        Self::MaxRetries,
        Self::Mfa,
        Self::Namespace,
        Self::ProxyAddr,
        Self::RateLimit,
        Self::SkipVerify,
        Self::SrvLookup,
        Self::TlsServerName,
        Self::Token,
        Self::WrapTtl,
        Self::ApiAddr,
        Self::DevListenAddress,
        Self::DevRootTokenId,
        Self::DisableUserLockout,
        Self::LogFormat,
        Self::LogLevel,
        Self::SealType,
        Self::TransitKeyName,
        Self::TransitMountPath,
        Self::TransitDisableRenewal,
        Self::HsmLib,
        Self::HsmSlot,
        Self::HsmTokenLabel,
        Self::HsmPin,
        Self::HsmKeyId,
        Self::HsmMechanism,
    ];

    /// Its name behind `VAULT_` or `EDGEKEEP_`.
    pub const fn name(self) -> &'static str {
        self.told().0
    }

    /// Whom it is for.
    pub const fn whose(self) -> Whose {
        self.told().1
    }

    /// The flag that stands before it, without dashes, if there is one.
    pub const fn flag(self) -> Option<&'static str> {
        Some(match self {
            Self::Addr => "address",
            Self::AgentAddr => "agent-address",
            Self::Cacert => "ca-cert",
            Self::Capath => "ca-path",
            Self::ClientCert => "client-cert",
            Self::ClientKey => "client-key",
            Self::DisableRedirects => "disable-redirects",
            Self::Namespace => "namespace",
            Self::SkipVerify => "tls-skip-verify",
            Self::TlsServerName => "tls-server-name",
            _ => return None,
        })
    }

    /// What it says, in a few words.
    pub const fn meaning(self) -> &'static str {
        self.told().2
    }

    const fn told(self) -> (&'static str, Whose, &'static str) {
        use Whose::{Client, Command, Server};
        match self {
            Self::Addr => ("ADDR", Client, "address of the server: http://, https:// or unix://"),
            Self::AgentAddr => {
                ("AGENT_ADDR", Client, "address of an agent that is asked instead of the server")
            }
            Self::Cacert => (
                "CACERT",
                Client,
                "PEM file of the authorities that may have signed its certificate",
            ),
            Self::CacertBytes => {
                ("CACERT_BYTES", Client, "those authorities themselves, as PEM; CACERT wins")
            }
            Self::Capath => ("CAPATH", Client, "folder of such files; CACERT and CACERT_BYTES win"),
            Self::ClientCert => ("CLIENT_CERT", Client, "PEM file of the client's own certificate"),
            Self::ClientKey => ("CLIENT_KEY", Client, "PEM file of its key"),
            Self::ClientTimeout => ("CLIENT_TIMEOUT", Client, "how long an answer may take: 60s"),
            Self::CliNoColor => {
                ("CLI_NO_COLOR", Command, "no colours on a terminal; so does NO_COLOR")
            }
            Self::ConfigPath => {
                ("CONFIG_PATH", Command, "file that names a token helper; without it ~/.vault")
            }
            Self::DisableRedirects => {
                ("DISABLE_REDIRECTS", Client, "follow no redirect to another server")
            }
            Self::Format => {
                ("FORMAT", Command, "how results are printed: table, json, yaml, pretty or raw")
            }
            Self::HttpProxy => (
                "HTTP_PROXY",
                Client,
                "proxy for every request; without it HTTPS_PROXY and NO_PROXY hold",
            ),
            Self::MaxRetries => (
                "MAX_RETRIES",
                Client,
                "how often to ask again when the server says \"not now\": 2",
            ),
            Self::Mfa => ("MFA", Client, "credentials for X-Vault-MFA"),
            Self::Namespace => ("NAMESPACE", Client, "namespace of each request"),
            Self::ProxyAddr => ("PROXY_ADDR", Client, "the same as HTTP_PROXY, and wins"),
            Self::RateLimit => ("RATE_LIMIT", Client, "requests a second, RATE or RATE:BURST"),
            Self::SkipVerify => {
                ("SKIP_VERIFY", Client, "believe any certificate: only ever for a try")
            }
            Self::SrvLookup => ("SRV_LOOKUP", Client, "not supported: say host and port in ADDR"),
            Self::TlsServerName => {
                ("TLS_SERVER_NAME", Client, "name that the server's certificate must bear")
            }
            Self::Token => {
                ("TOKEN", Client, "token; without it the token helper is asked, or ~/.vault-token")
            }
            Self::WrapTtl => {
                ("WRAP_TTL", Command, "wrap each answer in a token that lives this long")
            }
            Self::ApiAddr => (
                "API_ADDR",
                Server,
                "URL that clients use; goes before api_addr of the configuration",
            ),
            Self::DevListenAddress => ("DEV_LISTEN_ADDRESS", Server, "where `server -dev` listens"),
            Self::DevRootTokenId => ("DEV_ROOT_TOKEN_ID", Server, "root token of `server -dev`"),
            Self::DisableUserLockout => (
                "DISABLE_USER_LOCKOUT",
                Server,
                "whether no user is ever locked out; goes before user_lockout of the configuration",
            ),
            Self::LogFormat => (
                "LOG_FORMAT",
                Server,
                "how it is logged; goes before log_format of the configuration",
            ),
            Self::LogLevel => (
                "LOG_LEVEL",
                Server,
                "how much is logged; goes before log_level of the configuration",
            ),
            Self::SealType => (
                "SEAL_TYPE",
                Server,
                "kind of the seal, where the configuration has none: static, transit, tpm2, pkcs11",
            ),
            Self::TransitKeyName => {
                ("TRANSIT_SEAL_KEY_NAME", Server, "goes before key_name of seal \"transit\"")
            }
            Self::TransitMountPath => {
                ("TRANSIT_SEAL_MOUNT_PATH", Server, "goes before its mount_path")
            }
            Self::TransitDisableRenewal => {
                ("TRANSIT_SEAL_DISABLE_RENEWAL", Server, "goes before its disable_renewal")
            }
            Self::HsmLib => ("HSM_LIB", Server, "goes before lib of seal \"pkcs11\""),
            Self::HsmSlot => ("HSM_SLOT", Server, "goes before its slot"),
            Self::HsmTokenLabel => ("HSM_TOKEN_LABEL", Server, "goes before its token_label"),
            Self::HsmPin => ("HSM_PIN", Server, "goes before its pin"),
            Self::HsmKeyId => ("HSM_KEY_ID", Server, "goes before its key_id"),
            Self::HsmMechanism => ("HSM_MECHANISM", Server, "goes before its mechanism"),
        }
    }

    /// What the environment says.
    pub fn read(self) -> Option<Given> {
        let names = ["EDGEKEEP", "VAULT"].into_iter();
        names.map(|whose| format!("{whose}_{}", self.name())).find_map(Given::read)
    }

    /// What the environment says of the server that is imported from.
    pub fn read_of_source(self) -> Option<Given> {
        Given::read(self.name_of_source()?)
    }

    /// Under which name it is said of the server that is imported from.
    pub fn name_of_source(self) -> Option<String> {
        (self.whose() == Whose::Client).then(|| format!("EDGEKEEP_FROM_{}", self.name()))
    }

    /// Its name in Vault's words.
    pub fn vaults(self) -> String {
        format!("VAULT_{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Variable;

    #[test]
    fn all_of_them_are_listed() {
        assert!(Variable::ALL.iter().enumerate().all(|(i, one)| *one as usize == i));
        assert_eq!(Variable::ALL.len(), Variable::HsmMechanism as usize + 1);
    }
}
