//! The options of mounts, each declared once for all commands that take it.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::cli::command::With;
use crate::cli::stop::Stop;
use crate::cli::{operands, values};

/// The options of enabling.
pub type Mounting = With<Place, Tuning>;

/// Mount Options
#[derive(FromArgs, ArgsInfo)]
pub struct Place {
    /// where it is mounted; else at the path that its type names
    #[argh(option, arg_name = "string")]
    path: Option<String>,
    /// name of the plugin, where the type is plugin
    #[argh(option, arg_name = "string")]
    plugin_name: Option<String>,
    /// do not replicate it
    #[argh(switch)]
    local: bool,
    /// wrap what is most critical with the seal
    #[argh(switch)]
    seal_wrap: bool,
    /// let it draw on an outer source of randomness
    #[argh(switch)]
    external_entropy_access: bool,
}

/// Tuning Options
#[derive(FromArgs, ArgsInfo)]
pub struct Tuning {
    /// what it is for, for people
    #[argh(option, arg_name = "string")]
    description: Option<String>,
    /// time to live of its leases when none is asked for; -1: as long as the server says
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    default_lease_ttl: Option<Ttl>,
    /// longest time to live of its leases; -1: as long as the server says
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    max_lease_ttl: Option<Ttl>,
    /// version of the engine: 1 or 2, for kv
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    version: Option<i64>,
    /// option of the engine, KEY=VALUE; may be given more than once
    #[argh(option, arg_name = "key=value", from_str_fn(values::parse_pair))]
    options: Vec<(String, String)>,
    /// field of requests that audit logs show; may be given more than once
    #[argh(option, arg_name = "string")]
    audit_non_hmac_request_keys: Vec<String>,
    /// field of answers that audit logs show; may be given more than once
    #[argh(option, arg_name = "string")]
    audit_non_hmac_response_keys: Vec<String>,
    /// unauth shows the mount to anybody, hidden to nobody
    #[argh(option, arg_name = "unauth|hidden")]
    listing_visibility: Option<String>,
    /// header of requests that it sees; may be given more than once
    #[argh(option, arg_name = "string")]
    passthrough_request_headers: Vec<String>,
    /// header that it may set in answers; may be given more than once
    #[argh(option, arg_name = "string")]
    allowed_response_headers: Vec<String>,
    /// version of the plugin
    #[argh(option, arg_name = "string")]
    plugin_version: Option<String>,
}

impl Mounting {
    /// The type that is to be mounted: of a plugin its name.
    pub fn kind(&self, operands: &[String]) -> Result<String, Stop> {
        let kind = operands::one(operands)?.trim();
        match (kind, &self.own.plugin_name) {
            ("plugin", Some(name)) => Ok(name.trim().to_owned()),
            ("plugin", None) => Err(Stop::Usage("The type plugin needs -plugin-name".into())),
            _ => Ok(kind.to_owned()),
        }
    }

    /// Where it is to be mounted.
    pub fn path(&self, kind: &str) -> String {
        operands::path(self.own.path.as_deref().unwrap_or(kind))
    }

    /// What is sent to mount a type, with `config` beside what these options say.
    pub fn body(&self, kind: &str, mut config: Map<String, Value>) -> Value {
        config.extend(self.more.config());
        json!({
            "type": kind,
            "description": self.more.description.clone().unwrap_or_default(),
            "config": config,
            "options": self.more.engine_options(),
            "local": self.own.local,
            "seal_wrap": self.own.seal_wrap,
            "external_entropy_access": self.own.external_entropy_access,
        })
    }
}

impl Tuning {
    /// What is sent to tune a mount, with `config` beside what these options say.
    pub fn body(&self, mut config: Map<String, Value>) -> Value {
        config.extend(self.config());
        if let Some(description) = &self.description {
            config.insert("description".into(), json!(description));
        }
        if let Some(options) = self.engine_options() {
            config.insert("options".into(), options.into());
        }
        config.into()
    }

    /// What was given of the configuration: what was not stays as it is.
    fn config(&self) -> Map<String, Value> {
        let mut config = Map::new();
        for (name, ttl) in
            [("default_lease_ttl", self.default_lease_ttl), ("max_lease_ttl", self.max_lease_ttl)]
        {
            if let Some(ttl) = ttl {
                config.insert(name.into(), span(ttl).into());
            }
        }
        for (name, text) in [
            ("listing_visibility", &self.listing_visibility),
            ("plugin_version", &self.plugin_version),
        ] {
            if let Some(text) = text {
                config.insert(name.into(), json!(text));
            }
        }
        for (name, list) in [
            ("audit_non_hmac_request_keys", &self.audit_non_hmac_request_keys),
            ("audit_non_hmac_response_keys", &self.audit_non_hmac_response_keys),
            ("passthrough_request_headers", &self.passthrough_request_headers),
            ("allowed_response_headers", &self.allowed_response_headers),
        ] {
            config.extend(given(name, list));
        }
        config
    }

    /// What was given of the engine's own options, if anything was.
    fn engine_options(&self) -> Option<Map<String, Value>> {
        let version = self.version.map(|version| ("version".into(), json!(version.to_string())));
        let options = self.options.iter().map(|(name, value)| (name.clone(), json!(value)));
        let options: Map<String, Value> = options.chain(version).collect();
        (!options.is_empty()).then_some(options)
    }
}

/// A list of the configuration, where an option for it was given.
pub fn given(name: &str, list: &[String]) -> Option<(String, Value)> {
    (!list.is_empty()).then(|| (name.to_owned(), json!(list)))
}

/// A span of the configuration; a negative one stands for the server's own.
pub fn span(ttl: Ttl) -> String {
    if ttl.is_negative() { "system".to_owned() } else { ttl.to_string() }
}
