//! The server that is imported from: its address and token, out of flags and environment.

use std::path::Path;

use zeroize::Zeroizing;

use super::Import;
use crate::base::bounded;
use crate::base::secret::Secret;
use crate::cli::context::{Context, env};
use crate::cli::prompt;
use crate::cli::stop::Stop;
use crate::client::{Client, End, Given, Settings, SettingsError, Variable, variables};

const NO_ADDRESS: &str = "\
no server to import from: name it with -from-address or EDGEKEEP_FROM_ADDR";

const NO_TOKEN: &str = "\
no token for the server to import from: put it into EDGEKEEP_FROM_TOKEN, or into a file and name
that with -from-token-file";

impl Import {
    /// The other server's client.
    pub fn source(&self, cx: &mut Context) -> Result<Client, Stop> {
        if self.given(&variables::ADDR).is_none() {
            return Err(Stop::Usage(NO_ADDRESS.into()));
        }
        let wrong = |e: SettingsError| Stop::Failed(format!("the server to import from: {}", e.0));
        let settings = Settings::read(End::Source, |variable| self.given(variable));
        let mut settings = settings.map_err(wrong)?;
        settings.token = Some(self.token(cx)?);
        Client::new(settings).map_err(wrong)
    }

    /// What a flag says, or else the environment.
    fn given(&self, variable: &Variable) -> Option<Given> {
        let value = match variable.name {
            "ADDR" => self.from_address.clone(),
            "CACERT" => self.from_ca_cert.clone(),
            "CAPATH" => self.from_ca_path.clone(),
            "CLIENT_CERT" => self.from_client_cert.clone(),
            "CLIENT_KEY" => self.from_client_key.clone(),
            "NAMESPACE" => self.from_namespace.clone(),
            "SKIP_VERIFY" => self.from_tls_skip_verify.map(|skip| skip.to_string()),
            "TLS_SERVER_NAME" => self.from_tls_server_name.clone(),
            _ => None,
        };
        match (value, End::Source.flag(variable)) {
            (Some(value), Some(by)) => Some(Given { by, value }),
            _ => {
                let by = End::Source.variable(variable);
                Some(Given { value: env(&by)?, by })
            }
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
            None => match self.given(&variables::TOKEN) {
                Some(given) => Zeroizing::new(given.value),
                None if cx.can_ask() => {
                    let asked = prompt::secret(cx, "Token of the server to import from:")?;
                    asked.map_err(Stop::Failed)?
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
