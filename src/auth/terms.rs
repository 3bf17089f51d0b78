//! The terms on which a role or a user makes tokens: Vault's `token_` fields, declared here once
//! for every auth method, with the names that they had before.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::field::{Field, FieldInfo, FieldType, Fields};
use crate::api::login::{TokenTerms, TokenType};
use crate::base::cidr::Cidr;
use crate::base::fault::Fault;
use crate::base::golang::quote;
use crate::base::policies::{DEFAULT, ROOT};

pub static BOUND_CIDRS: Field<Vec<String>> = Field::new(
    "token_bound_cidrs",
    "Networks in CIDR notation from which the token can be used; from everywhere when empty.",
);
static EXPLICIT_MAX_TTL: Field<Duration> = Field::new(
    "token_explicit_max_ttl",
    "How long the token can last at most, whatever is changed later; 0 for no such end.",
);
pub static MAX_TTL: Field<Duration> = Field::new(
    "token_max_ttl",
    "How long the token can last at most with renewals; as the mount says when 0.",
);
static NO_DEFAULT_POLICY: Field<bool> =
    Field::new("token_no_default_policy", "Whether the token goes without the policy `default`.");
pub static NUM_USES: Field<i64> =
    Field::new("token_num_uses", "How often the token can be used; any number of times when 0.");
pub static PERIOD: Field<Duration> = Field::new(
    "token_period",
    "Each renewal sets the token's TTL back to this, without an end; 0 for an end.",
);
pub static POLICIES: Field<Vec<String>> = Field::new("token_policies", "The token's policies.");
pub static TTL: Field<Duration> =
    Field::new("token_ttl", "How long the token lasts at first; as the mount says when 0.");
pub static TYPE: Field<String> =
    Field::new("token_type", "`service`, `batch`, or `default` for what the mount says.");

pub static OLD_BOUND_CIDRS: Field<Vec<String>> =
    Field::new("bound_cidrs", "The old name of token_bound_cidrs.");
pub static OLD_MAX_TTL: Field<Duration> = Field::new("max_ttl", "The old name of token_max_ttl.");
pub static OLD_PERIOD: Field<Duration> = Field::new("period", "The old name of token_period.");
pub static OLD_POLICIES: Field<Vec<String>> =
    Field::new("policies", "The old name of token_policies.");
pub static OLD_TTL: Field<Duration> = Field::new("ttl", "The old name of token_ttl.");

/// All of today's names.
const FIELDS: [&FieldInfo; 9] = [
    &BOUND_CIDRS.info,
    &EXPLICIT_MAX_TTL.info,
    &MAX_TTL.info,
    &NO_DEFAULT_POLICY.info,
    &NUM_USES.info,
    &PERIOD.info,
    &POLICIES.info,
    &TTL.info,
    &TYPE.info,
];

/// What an endpoint takes that has `own` fields and the terms; the old names are among its own.
pub const fn fields<const OWN: usize, const ALL: usize>(
    own: [&'static FieldInfo; OWN],
) -> [&'static FieldInfo; ALL] {
    const { assert!(ALL == OWN + FIELDS.len()) };
    let mut all = [FIELDS[0]; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < OWN { own[at] } else { FIELDS[at - OWN] };
        at += 1;
    }
    all
}

/// The terms as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// What they are.
    pub token: TokenTerms,
    old: OldNames,
}

/// Which terms were last set under their old name, and so are shown under it too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct OldNames {
    bound_cidrs: bool,
    max_ttl: bool,
    period: bool,
    policies: bool,
    ttl: bool,
}

impl Terms {
    /// Sets what was sent; the rest stays. `kind` reads the type. Where something is sent under
    /// both of its names, the old one's value does not count.
    ///
    /// # Errors
    /// Vault's 400 for what does not fit together; then some of it is set.
    pub fn set(&mut self, fields: &Fields<'_>, kind: ReadKind) -> Result<(), Fault> {
        let token = &mut self.token;
        if let Some(sent) = fields.get(&BOUND_CIDRS) {
            token.bound_cidrs = addresses(sent).map_err(Fault::bad_request)?;
        }
        if let Some(sent) = fields.get(&EXPLICIT_MAX_TTL) {
            token.explicit_max_ttl = whole(*sent);
        }
        if let Some(sent) = fields.get(&MAX_TTL) {
            token.max_ttl = whole(*sent);
        }
        if let Some(sent) = fields.get(&NO_DEFAULT_POLICY) {
            token.no_default_policy = *sent;
        }
        if let Some(sent) = fields.get(&PERIOD) {
            token.period = whole(*sent);
        }
        if let Some(sent) = fields.get(&POLICIES) {
            token.policies.clone_from(sent);
        }
        if let Some(sent) = fields.get(&TYPE) {
            token.kind = kind(sent).ok_or_else(|| {
                Fault::bad_request(format!("invalid 'token_type' value {}", quote(sent)))
            })?;
        }
        if let Some(sent) = fields.get(&NUM_USES) {
            token.num_uses = count(*sent, "'token_num_uses'")?;
        }
        if let Some(sent) = fields.get(&TTL) {
            token.ttl = whole(*sent);
        }
        fit_together(token)?;
        self.set_renamed(fields)
    }

    fn set_renamed(&mut self, fields: &Fields<'_>) -> Result<(), Fault> {
        let Self { token, old } = self;
        let cidrs = renamed(fields, &BOUND_CIDRS, &OLD_BOUND_CIDRS, &mut old.bound_cidrs);
        if let Some(sent) = cidrs {
            token.bound_cidrs = addresses(sent).map_err(Fault::bad_request)?;
        }
        if let Some(sent) = renamed(fields, &MAX_TTL, &OLD_MAX_TTL, &mut old.max_ttl) {
            token.max_ttl = whole(*sent);
        }
        if let Some(sent) = renamed(fields, &PERIOD, &OLD_PERIOD, &mut old.period) {
            token.period = whole(*sent);
        }
        if let Some(sent) = renamed(fields, &POLICIES, &OLD_POLICIES, &mut old.policies) {
            token.policies = sanitised(sent);
        }
        if let Some(sent) = renamed(fields, &TTL, &OLD_TTL, &mut old.ttl) {
            token.ttl = whole(*sent);
        }
        Ok(())
    }

    /// Sets the policies alone, as the endpoints do that are for nothing else. Whether any were
    /// sent.
    pub fn set_policies(&mut self, fields: &Fields<'_>) -> bool {
        let old = renamed(fields, &POLICIES, &OLD_POLICIES, &mut self.old.policies);
        let sent = fields.get(&POLICIES).or(old);
        if let Some(sent) = sent {
            self.token.policies = sanitised(sent);
        }
        sent.is_some()
    }

    /// Sets the period alone. Whether one was sent.
    pub fn set_period(&mut self, fields: &Fields<'_>) -> bool {
        let old = renamed(fields, &PERIOD, &OLD_PERIOD, &mut self.old.period);
        let sent = fields.get(&PERIOD).or(old);
        if let Some(sent) = sent {
            self.token.period = whole(*sent);
        }
        sent.is_some()
    }

    /// Whether the period was set under its old name, for which Vault has a limit more.
    pub const fn has_old_period(&self) -> bool {
        self.old.period
    }

    /// Adds them to what is shown of a role or user.
    pub fn show(&self, data: &mut Map<String, Value>) {
        self.show_policies(data);
        self.show_period(data);
        let Self { token, old } = self;
        let mut show = |name: &FieldInfo, value: Value| data.insert(name.name.to_owned(), value);
        let cidrs: Vec<String> = token.bound_cidrs.iter().map(Cidr::to_string).collect();
        if old.bound_cidrs && !cidrs.is_empty() {
            show(&OLD_BOUND_CIDRS.info, cidrs.clone().into());
        }
        if old.max_ttl && !token.max_ttl.is_zero() {
            show(&OLD_MAX_TTL.info, token.max_ttl.as_secs().into());
        }
        if old.ttl && !token.ttl.is_zero() {
            show(&OLD_TTL.info, token.ttl.as_secs().into());
        }
        show(&BOUND_CIDRS.info, cidrs.into());
        show(&EXPLICIT_MAX_TTL.info, token.explicit_max_ttl.as_secs().into());
        show(&MAX_TTL.info, token.max_ttl.as_secs().into());
        show(&NO_DEFAULT_POLICY.info, token.no_default_policy.into());
        show(&NUM_USES.info, token.num_uses.into());
        show(&TTL.info, token.ttl.as_secs().into());
        show(&TYPE.info, token.kind.as_str().into());
    }

    /// Adds the policies.
    pub fn show_policies(&self, data: &mut Map<String, Value>) {
        let policies = &self.token.policies;
        if self.old.policies && !policies.is_empty() {
            data.insert(OLD_POLICIES.info.name.to_owned(), policies.clone().into());
        }
        data.insert(POLICIES.info.name.to_owned(), policies.clone().into());
    }

    /// Adds the period.
    pub fn show_period(&self, data: &mut Map<String, Value>) {
        let period = self.token.period.as_secs();
        if self.old.period && period != 0 {
            data.insert(OLD_PERIOD.info.name.to_owned(), period.into());
        }
        data.insert(PERIOD.info.name.to_owned(), period.into());
    }
}

/// Whether both name the same policies, case and `default` aside.
pub fn same_policies(one: &[String], other: &[String]) -> bool {
    let named = |policies: &[String]| {
        let mut named = sanitised(policies);
        named.retain(|policy| policy != DEFAULT);
        named
    };
    named(one) == named(other)
}

/// What was sent under the old name alone. Notes whether that name was used, where either was.
fn renamed<'f, T: FieldType>(
    fields: &'f Fields<'_>,
    new: &Field<T>,
    old: &Field<T>,
    used: &mut bool,
) -> Option<T::Read<'f>> {
    let (new, old) = (fields.get(new), fields.get(old));
    if new.is_some() || old.is_some() {
        *used = old.is_some();
    }
    if new.is_some() { None } else { old }
}

/// Networks and single addresses, with Vault's error.
pub fn addresses(sent: &[String]) -> Result<Vec<Cidr>, String> {
    let read = |text: &String| {
        text.parse().map_err(|_| {
            let text = quote(text);
            format!(
                "error parsing address {text}: Unable to convert {text} to an IPv4 or IPv6 \
                 address, or a UNIX Socket"
            )
        })
    };
    sent.iter().map(read).collect()
}

/// A number of uses.
pub fn count(sent: i64, what: &str) -> Result<u32, Fault> {
    u32::try_from(sent).map_err(|_| {
        let why = if sent < 0 { "cannot be negative" } else { "is too large" };
        Fault::bad_request(format!("{what} {why}"))
    })
}

/// Vault keeps whole seconds.
pub const fn whole(sent: Duration) -> Duration {
    Duration::from_secs(sent.as_secs())
}

/// Reads [`TYPE`]; `None` for what is no type.
pub type ReadKind = fn(&str) -> Option<TokenType>;

/// The types that a role or user can have.
pub fn kind(sent: &str) -> Option<TokenType> {
    match sent {
        "" | "default" => Some(TokenType::Default),
        "service" => Some(TokenType::Service),
        "batch" => Some(TokenType::Batch),
        _ => None,
    }
}

fn fit_together(token: &TokenTerms) -> Result<(), Fault> {
    let refuse = |why| Err(Fault::bad_request(why));
    if token.kind == TokenType::Batch && !token.period.is_zero() {
        return refuse(
            "'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic \
             tokens",
        );
    }
    if token.kind == TokenType::Batch && token.num_uses != 0 {
        return refuse(
            "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with \
             limited use count",
        );
    }
    if !token.max_ttl.is_zero() && token.ttl > token.max_ttl {
        return refuse("'token_ttl' cannot be greater than 'token_max_ttl'");
    }
    Ok(())
}

/// As Vault tidies policies up: in lower case and sorted, each once, `root` alone.
fn sanitised(policies: &[String]) -> Vec<String> {
    let mut tidy: Vec<String> =
        policies.iter().map(|policy| policy.trim().to_lowercase()).collect();
    tidy.retain(|policy| !policy.is_empty());
    if tidy.iter().any(|policy| policy == ROOT) {
        return vec![ROOT.to_owned()];
    }
    tidy.sort_unstable();
    tidy.dedup();
    tidy
}
