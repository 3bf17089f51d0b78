//! The options that commands share, each declared once.

use std::path::PathBuf;

use argh::{ArgsInfo, CommandInfoWithArgs, FromArgs};

use super::command::{Options, Shared, With};
use super::stop::Stop;
use super::values;
use crate::base::ttl::Ttl;
use crate::base::variable::{Given, Variable};
use crate::client::End;
use crate::config::{self, Config};

/// HTTP Options
#[derive(FromArgs, ArgsInfo, Default)]
pub struct HttpFlags {
    /// address of the server: http://, https:// or unix:// (VAULT_ADDR)
    #[argh(option, arg_name = "string")]
    pub address: Option<String>,
    /// address of an agent that is asked instead of the server (VAULT_AGENT_ADDR)
    #[argh(option, arg_name = "string")]
    pub agent_address: Option<String>,
    /// PEM file of the authorities that may have signed the server's certificate (VAULT_CACERT)
    #[argh(option, arg_name = "file")]
    pub ca_cert: Option<String>,
    /// folder of such files (VAULT_CAPATH)
    #[argh(option, arg_name = "folder")]
    pub ca_path: Option<String>,
    /// PEM file of the client's certificate (VAULT_CLIENT_CERT)
    #[argh(option, arg_name = "file")]
    pub client_cert: Option<String>,
    /// PEM file of its key (VAULT_CLIENT_KEY)
    #[argh(option, arg_name = "file")]
    pub client_key: Option<String>,
    /// believe any certificate: only ever for a try (VAULT_SKIP_VERIFY)
    #[argh(option, arg_name = "bool")]
    pub tls_skip_verify: Option<bool>,
    /// name that the server's certificate must bear (VAULT_TLS_SERVER_NAME)
    #[argh(option, arg_name = "string")]
    pub tls_server_name: Option<String>,
    /// follow no redirect to another server (VAULT_DISABLE_REDIRECTS)
    #[argh(option, arg_name = "bool")]
    pub disable_redirects: Option<bool>,
    /// namespace of the request (VAULT_NAMESPACE)
    #[argh(option, arg_name = "string")]
    pub namespace: Option<String>,
    /// the same
    #[argh(option, arg_name = "string", hidden_help)]
    pub ns: Option<String>,
    /// header to send with each request, KEY=VALUE, none of X-Vault-; may be given more than once
    #[argh(option, arg_name = "key=value", from_str_fn(values::parse_pair))]
    pub header: Vec<(String, String)>,
    /// credentials for the header X-Vault-MFA; may be given more than once (VAULT_MFA)
    #[argh(option, arg_name = "string")]
    pub mfa: Vec<String>,
    /// set the header X-Vault-Policy-Override
    #[argh(option, arg_name = "bool")]
    pub policy_override: Option<bool>,
    /// wrap the answer in a token that lives this long (VAULT_WRAP_TTL)
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    pub wrap_ttl: Option<Ttl>,
    /// print the curl command that does the same, and do nothing
    #[argh(switch)]
    pub output_curl_string: bool,
    /// print the policy that the command needs, and do nothing; for MOUNT/import/ add sudo to it
    #[argh(switch)]
    pub output_policy: bool,
    /// ask nothing, even on a terminal
    #[argh(switch)]
    pub non_interactive: bool,
}

impl HttpFlags {
    /// What a flag says that stands before a variable of the environment.
    pub fn given(&self, variable: Variable) -> Option<Given> {
        let truth = |flag: Option<bool>| flag.map(|truth| truth.to_string());
        let value = match variable {
            Variable::Addr => self.address.clone(),
            Variable::AgentAddr => self.agent_address.clone(),
            Variable::Cacert => self.ca_cert.clone(),
            Variable::Capath => self.ca_path.clone(),
            Variable::ClientCert => self.client_cert.clone(),
            Variable::ClientKey => self.client_key.clone(),
            Variable::DisableRedirects => truth(self.disable_redirects),
            Variable::Namespace => self.namespace.clone().or_else(|| self.ns.clone()),
            Variable::SkipVerify => truth(self.tls_skip_verify),
            Variable::TlsServerName => self.tls_server_name.clone(),
            Variable::CacertBytes
            | Variable::ClientTimeout
            | Variable::CliNoColor
            | Variable::ConfigPath
            | Variable::Format
            | Variable::HttpProxy
            | Variable::MaxRetries
            | Variable::Mfa
            | Variable::ProxyAddr
            | Variable::RateLimit
            | Variable::SrvLookup
            | Variable::Token
            | Variable::WrapTtl
            | Variable::ApiAddr
            | Variable::DevListenAddress
            | Variable::DevRootTokenId
            | Variable::DisableUserLockout
            | Variable::LogFormat
            | Variable::LogLevel
            | Variable::SealType
            | Variable::TransitKeyName
            | Variable::TransitMountPath
            | Variable::TransitDisableRenewal
            | Variable::HsmLib
            | Variable::HsmSlot
            | Variable::HsmTokenLabel
            | Variable::HsmPin
            | Variable::HsmKeyId
            | Variable::HsmMechanism => None,
        };
        Some(Given { by: End::Server.flag(variable)?, value: value? })
    }

    /// The headers that flags add to each request. Those of the API itself have flags of their own.
    pub fn headers(&self) -> Result<Vec<(String, String)>, String> {
        let names = || self.header.iter().map(|(name, _)| name.as_str());
        let is_ours = |name: &&str| name.to_ascii_lowercase().starts_with("x-vault-");
        let ours: Vec<&str> = names().filter(is_ours).collect();
        if !ours.is_empty() {
            return Err(format!(
                "failed to setup Headers[{}]: Header starting by 'X-Vault-' are for internal usage \
                 only",
                ours.join(", ")
            ));
        }
        let is_framing = |name: &&str| FRAMING.iter().any(|own| own.eq_ignore_ascii_case(name));
        if let Some(name) = names().find(is_framing) {
            return Err(format!("-header={name}: it is said by the exchange itself, and not set"));
        }
        let mfa = self.mfa.iter().map(|value| ("X-Vault-MFA".to_owned(), value.clone()));
        let policy_override = self.policy_override.filter(|set| *set);
        let policy_override =
            policy_override.map(|_| ("X-Vault-Policy-Override".to_owned(), "true".to_owned()));
        Ok(self.header.iter().cloned().chain(mfa).chain(policy_override).collect())
    }
}

/// What follows from the address and the body: another word makes a server wait for what does not
/// come.
const FRAMING: [&str; 3] = ["Content-Length", "Host", "Transfer-Encoding"];

/// Output Options
#[derive(FromArgs, ArgsInfo, Default)]
pub struct FormatFlags {
    /// how the result is printed; raw and pretty are for a few commands (VAULT_FORMAT)
    #[argh(option, arg_name = "table|json|yaml|raw|pretty")]
    #[expect(dead_code, reason = "it holds wherever it stands: see flags::anywhere")]
    format: Option<String>,
}

/// Field Options
#[derive(FromArgs, ArgsInfo, Default)]
pub struct FieldFlags {
    /// print only this field, without anything around it
    #[argh(option, arg_name = "string")]
    pub field: Option<String>,
}

/// All of them.
pub type SharedFlags = With<HttpFlags, With<FormatFlags, FieldFlags>>;

/// Their tables; one that a command does not take is empty.
pub fn tables(shared: Shared) -> Vec<CommandInfoWithArgs> {
    let takes = [
        !matches!(shared, Shared::None | Shared::Output),
        !matches!(shared, Shared::None | Shared::Http),
        shared == Shared::Field,
    ];
    let tables = SharedFlags::tables().into_iter().zip(takes);
    tables.map(|(table, takes)| if takes { table } else { Default::default() }).collect()
}

/// What the files and folders of -config say.
pub fn configuration(paths: &[String]) -> Result<Config, Stop> {
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let read = config::read(&paths, &Variable::read);
    read.map(|(config, _)| config).map_err(|error| Stop::Usage(error.to_string()))
}
