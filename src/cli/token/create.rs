//! `token create`: a new token.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value, json};

use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, values};
use crate::client::{Call, Verb};

/// Create a token.
///
/// It is a child of the token that makes it and, unless -policy says otherwise, may do the same.
#[derive(FromArgs, ArgsInfo)]
pub struct Create {
    /// policy that it gets; may be given more than once
    #[argh(option, arg_name = "string")]
    policy: Vec<String>,
    /// leave the policy "default" out
    #[argh(switch)]
    no_default_policy: bool,
    /// how long it lives at first; renewals add to it
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    ttl: Option<Ttl>,
    /// how long it lives at most, however often it is renewed
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    explicit_max_ttl: Option<Ttl>,
    /// live on without end, as long as it is renewed within this time
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    period: Option<Ttl>,
    /// whether it can be renewed; yes, unless it is said
    #[argh(option, arg_name = "bool")]
    renewable: Option<bool>,
    /// how often it can be used; 0: as often as one likes
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    use_limit: Option<i64>,
    /// let it live on when the token that made it is revoked
    #[argh(switch)]
    orphan: bool,
    /// what kind it is; else service
    #[argh(option, long = "type", arg_name = "service|batch", default = "\"service\".into()")]
    kind: String,
    /// role whose settings hold for it; they go before the options
    #[argh(option, arg_name = "string")]
    role: Option<String>,
    /// alias of the entity that it is for; only with a role
    #[argh(option, arg_name = "string")]
    entity_alias: Option<String>,
    /// name to show in logs and leases
    #[argh(option, arg_name = "string")]
    display_name: Option<String>,
    /// words about it, KEY=VALUE; may be given more than once
    #[argh(option, arg_name = "key=value", from_str_fn(values::parse_pair))]
    metadata: Vec<(String, String)>,
    /// the token itself, which only root can choose
    #[argh(option, arg_name = "string")]
    id: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Create {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let path = match self.role.as_deref() {
            None | Some("") => "auth/token/create".to_owned(),
            Some(role) => format!("auth/token/create/{role}"),
        };
        let call = Call::new(Verb::Post, path).with_body(self.body());
        cx.show(call, "Error creating token", Envelope::is_login)
    }
}

impl Create {
    /// What was given; the server knows the rest.
    fn body(&self) -> Value {
        let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
        let ttl = |ttl: Option<Ttl>| ttl.map(|ttl| json!(ttl.to_string()));
        let policies: Vec<&str> = self.policy.iter().map(|name| name.trim()).collect();
        let metadata = self.metadata.iter().map(|(name, value)| (name.clone(), json!(value)));
        let metadata: Map<String, Value> = metadata.collect();
        let fields = [
            ("policies", (!policies.is_empty()).then(|| json!(policies))),
            ("no_default_policy", self.no_default_policy.then_some(json!(true))),
            ("ttl", ttl(self.ttl)),
            ("explicit_max_ttl", ttl(self.explicit_max_ttl)),
            ("period", ttl(self.period)),
            ("renewable", Some(json!(self.renewable.unwrap_or(true)))),
            ("num_uses", self.use_limit.map(|uses| json!(uses))),
            ("no_parent", self.orphan.then_some(json!(true))),
            ("type", Some(json!(self.kind))),
            ("entity_alias", text(&self.entity_alias)),
            ("display_name", text(&self.display_name)),
            ("meta", (!metadata.is_empty()).then(|| metadata.into())),
            ("id", text(&self.id)),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect())
    }
}
