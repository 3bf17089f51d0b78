//! The builtins under `identity/`.

use std::sync::Arc;

use crate::base::entropy::Entropy;
use crate::mount::store::MountStore;
use crate::pipeline::Builtin;
use crate::sys::identity::{
    self, Identity, aliases, entities, group_aliases, groups, lookup, oidc,
};

/// Each engine, with the prefix that it answers under; `address` is the URL of the server.
pub fn builtins(
    mounts: Arc<MountStore>,
    entropy: Arc<dyn Entropy>,
    address: String,
) -> Vec<Builtin> {
    let identity = Identity { mounts, entropy };
    let oidc = oidc::Oidc { identity: identity.clone(), address };
    vec![
        (identity::PREFIX, Box::new(entities::engine(identity.clone()))),
        (identity::PREFIX, Box::new(aliases::engine(identity.clone()))),
        (identity::PREFIX, Box::new(groups::engine(identity.clone()))),
        (identity::PREFIX, Box::new(group_aliases::engine(identity.clone()))),
        (identity::PREFIX, Box::new(lookup::engine(identity))),
        (identity::PREFIX, Box::new(oidc::engine(oidc))),
    ]
}
