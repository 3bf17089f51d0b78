//! `secrets enable`: mounts a secrets engine.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, values};
use crate::client::{Call, Verb};

/// Enable a secrets engine.
///
/// It is mounted at the path that its type names, or at -path.
#[derive(FromArgs, ArgsInfo)]
pub struct Enable {
    /// where it is mounted
    #[argh(option, arg_name = "string")]
    path: Option<String>,
    /// what it is for, for people
    #[argh(option, arg_name = "string")]
    description: Option<String>,
    /// time to live of its leases when none is asked for
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    default_lease_ttl: Option<Ttl>,
    /// longest time to live of its leases
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
    #[argh(option, arg_name = "string")]
    listing_visibility: Option<String>,
    /// header of requests that the engine sees; may be given more than once
    #[argh(option, arg_name = "string")]
    passthrough_request_headers: Vec<String>,
    /// header that the engine may set in answers; may be given more than once
    #[argh(option, arg_name = "string")]
    allowed_response_headers: Vec<String>,
    /// keep nothing of it in memory
    #[argh(switch)]
    force_no_cache: bool,
    /// do not replicate it
    #[argh(switch)]
    local: bool,
    /// wrap what is most critical with the seal
    #[argh(switch)]
    seal_wrap: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Enable {
    const OPERANDS: &'static str = "TYPE";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let kind = operands::one(&self.operands)?.trim();
        let path = operands::path(self.path.as_deref().unwrap_or(kind));
        let call = Call::new(Verb::Post, format!("sys/mounts/{path}")).with_body(self.body(kind));
        cx.send(call).map_err(|stop| stop.about("Error enabling"))?;
        cx.done(&format!("Enabled the {kind} secrets engine at: {path}/"))?;
        Ok(Exit::Done)
    }
}

impl Enable {
    fn body(&self, kind: &str) -> Value {
        let mut config = Map::new();
        let ttl = |ttl: Option<Ttl>| ttl.unwrap_or_default().to_string();
        config.insert("default_lease_ttl".into(), ttl(self.default_lease_ttl).into());
        config.insert("max_lease_ttl".into(), ttl(self.max_lease_ttl).into());
        config.insert("force_no_cache".into(), self.force_no_cache.into());
        for (name, list) in [
            ("audit_non_hmac_request_keys", &self.audit_non_hmac_request_keys),
            ("audit_non_hmac_response_keys", &self.audit_non_hmac_response_keys),
            ("passthrough_request_headers", &self.passthrough_request_headers),
            ("allowed_response_headers", &self.allowed_response_headers),
        ] {
            if !list.is_empty() {
                config.insert(name.into(), json!(list));
            }
        }
        if let Some(visibility) = &self.listing_visibility {
            config.insert("listing_visibility".into(), json!(visibility));
        }
        let version = self.version.map(|version| ("version".into(), json!(version.to_string())));
        let options = self.options.iter().map(|(name, value)| (name.clone(), json!(value)));
        let options: Map<String, Value> = options.chain(version).collect();
        json!({
            "type": kind,
            "description": self.description.clone().unwrap_or_default(),
            "config": config,
            "options": if options.is_empty() { Value::Null } else { options.into() },
            "local": self.local,
            "seal_wrap": self.seal_wrap,
        })
    }
}
