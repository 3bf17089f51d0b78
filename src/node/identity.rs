//! The builtins under `identity/`.

use crate::pipeline::Builtin;
use crate::pipeline::tokens::Tokens;
use crate::sys::identity::{
    self, Identity, aliases, entities, group_aliases, groups, lookup, oidc,
};

/// Each engine, with the prefix that it answers under.
pub fn builtins(tokens: &Tokens) -> Vec<Builtin> {
    let Tokens { mounts, entropy, address, .. } = tokens;
    let identity = Identity { mounts: mounts.clone(), entropy: entropy.clone() };
    let oidc = oidc::Oidc { identity: identity.clone(), address: address.clone() };
    vec![
        (identity::PREFIX, Box::new(entities::engine(identity.clone()))),
        (identity::PREFIX, Box::new(aliases::engine(identity.clone()))),
        (identity::PREFIX, Box::new(groups::engine(identity.clone()))),
        (identity::PREFIX, Box::new(group_aliases::engine(identity.clone()))),
        (identity::PREFIX, Box::new(lookup::engine(identity))),
        (identity::PREFIX, Box::new(oidc::engine(oidc))),
    ]
}
