//! The server that is imported from: its address and token, out of flags and environment.

use std::path::Path;

use zeroize::Zeroizing;

use super::Import;
use crate::base::bounded;
use crate::base::secret::Secret;
use crate::base::variable::{Given, Variable};
use crate::cli::context::Context;
use crate::cli::prompt;
use crate::cli::stop::Stop;
use crate::client::{Client, End, Settings, SettingsError};

const NO_ADDRESS: &str = "\
no server to import from: name it with -from-address or EDGEKEEP_FROM_ADDR";

const NO_TOKEN: &str = "\
no token for the server to import from: put it into EDGEKEEP_FROM_TOKEN, or into a file and name
that with -from-token-file";

impl Import {
    /// The other server's client.
    pub fn source(&self, cx: &mut Context) -> Result<Client, Stop> {
        if self.given(Variable::Addr).is_none() {
            return Err(Stop::Usage(NO_ADDRESS.into()));
        }
        let wrong = |e: SettingsError| Stop::Failed(format!("the server to import from: {}", e.0));
        let settings = Settings::read(End::Source, |variable| self.given(variable));
        let mut settings = settings.map_err(wrong)?;
        settings.token = Some(self.token(cx)?);
        Client::new(settings).map_err(wrong)
    }

    /// What a flag says, or else the environment.
    fn given(&self, variable: Variable) -> Option<Given> {
        let value = match variable {
            Variable::Addr => self.from_address.clone(),
            Variable::Cacert => self.from_ca_cert.clone(),
            Variable::Capath => self.from_ca_path.clone(),
            Variable::ClientCert => self.from_client_cert.clone(),
            Variable::ClientKey => self.from_client_key.clone(),
            Variable::Namespace => self.from_namespace.clone(),
            Variable::SkipVerify => self.from_tls_skip_verify.map(|v| v.to_string()),
            Variable::TlsServerName => self.from_tls_server_name.clone(),
            Variable::AgentAddr
            | Variable::CacertBytes
            | Variable::CliNoColor
            | Variable::ClientTimeout
            | Variable::ConfigPath
            | Variable::DisableRedirects
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
        match (value, End::Source.flag(variable)) {
            (Some(value), Some(by)) => Some(Given { by, value }),
            _ => variable.read_of_source(),
        }
    }

    /// Its token; no argument holds it, for those everybody on the machine can read.
    fn token(&self, cx: &mut Context) -> Result<Secret, Stop> {
        let text = match self.from_token_file.as_deref() {
            Some("-") => prompt::given("-")?,
            Some(file) => {
                let read = bounded::read_text(Path::new(file), bounded::TOKEN);
                read.map_err(|e| {
                    Stop::Failed(format!("the token cannot be read from {file}: {e}"))
                })?
            }
            None => match self.given(Variable::Token) {
                Some(given) => Zeroizing::new(given.value),
                None if cx.can_ask() => {
                    let failed = |why: &str| Stop::Failed(why.to_owned());
                    prompt::secret(cx, "Token of the server to import from:", failed)?
                }
                None => return Err(Stop::Usage(NO_TOKEN.into())),
            },
        };
        match text.trim() {
            "" => Err(Stop::Usage(NO_TOKEN.into())),
            token => Ok(Secret::new(token)),
        }
    }
}
