//! Which endpoint a path names: a builtin's, or that of a mounted engine.

use super::{Builtin, Pipeline};
use crate::api::ask::Verb;
use crate::api::call::MountView;
use crate::api::engine::{Engine, Form, Found};
use crate::api::route::Access;
use crate::barrier::names::MountId;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::mount::config::Ttls;
use crate::mount::table::Mount;

/// An endpoint of a builtin.
pub struct Endpoint<'a, 'p> {
    /// The engine that has it.
    pub engine: &'a dyn Engine,
    /// Its route.
    pub found: Found<'p>,
    /// The path below the builtin's prefix.
    pub below: &'p str,
}

impl Endpoint<'_, '_> {
    /// Whether `verb` is called without a transaction there. A route is direct as a whole: the
    /// verbs that it lacks are refused as those that it has are called.
    pub fn is_direct(&self, verb: Verb) -> bool {
        let verbs = [Verb::Read, Verb::Write, Verb::List, Verb::Delete, Verb::Patch];
        let form = |verb| self.engine.operation(self.found.id, verb).map(|(form, _)| form);
        let form = form(verb).or_else(|| verbs.into_iter().find_map(form));
        verb != Verb::Help && form == Some(Form::Direct)
    }

    /// Whether it works while the server is sealed. Vault answers these before it looks for a
    /// token or an engine, and its refusals there have no text.
    pub fn works_sealed(&self) -> bool {
        matches!(self.found.access, Access::Sealed | Access::SudoUnlessSealed)
    }
}

/// What a path leads to.
pub enum Target<'a, 'p> {
    /// A builtin's endpoint.
    Builtin(Endpoint<'a, 'p>),
    /// A place in a mounted engine; the endpoint is `None` when it has none there.
    Mounted {
        /// The mount.
        view: MountView,
        /// Where its entries lie.
        id: MountId,
        /// Its engine.
        engine: &'static dyn Engine,
        /// The route.
        found: Option<Found<'p>>,
        /// The path below the mount.
        below: &'p str,
    },
    /// A builtin has that prefix, but no such path.
    Unsupported,
    /// Nothing is mounted there.
    Nowhere(&'p str),
}

impl Target<'_, '_> {
    /// Who may call it. What is not there is guarded as if it were, so that nobody without a
    /// token learns what exists.
    pub fn access(&self) -> Access {
        match self {
            Self::Builtin(endpoint) => endpoint.found.access,
            Self::Mounted { found: Some(found), .. } => found.access,
            _ => Access::Policy,
        }
    }

    /// Whether `verb` is slow by design there.
    pub fn is_slow(&self, verb: Verb) -> bool {
        match self {
            Self::Builtin(Endpoint { engine, found, .. }) => engine.is_slow(found.id, verb),
            Self::Mounted { engine, found: Some(found), .. } => engine.is_slow(found.id, verb),
            _ => false,
        }
    }
}

/// The endpoint without a transaction that `path` names for `verb`.
pub fn direct<'a, 'p>(
    builtins: &'a [Builtin],
    verb: Verb,
    path: &'p str,
) -> Option<Endpoint<'a, 'p>> {
    let endpoint = match path.strip_suffix('/') {
        // What works while sealed has nothing to list, and says so itself.
        Some(path) if verb == Verb::List => builtin(builtins, path).filter(Endpoint::works_sealed),
        _ => builtin(builtins, path),
    };
    endpoint.filter(|endpoint| endpoint.is_direct(verb))
}

/// The builtin endpoint that `path` names.
pub fn builtin<'a, 'p>(builtins: &'a [Builtin], path: &'p str) -> Option<Endpoint<'a, 'p>> {
    builtins.iter().find_map(|(prefix, engine)| {
        let below = path.strip_prefix(prefix)?;
        let found = engine.find(below)?;
        Some(Endpoint { engine: engine.as_ref(), found, below })
    })
}

/// What `path` leads to, as the transaction sees the mounts.
pub fn target<'a, 'p>(
    pipeline: &'a Pipeline,
    txn: &mut Txn,
    path: &'p str,
) -> Result<Target<'a, 'p>, Fault> {
    if let Some(endpoint) = builtin(&pipeline.builtins, path) {
        return Ok(Target::Builtin(endpoint));
    }
    if pipeline.builtins.iter().any(|(prefix, _)| path.starts_with(prefix)) {
        return Ok(Target::Unsupported);
    }
    let table = pipeline.tokens.mounts.read(txn)?;
    let Some((mount, below)) = table.resolve(path) else { return Ok(Target::Nowhere(path)) };
    let Some(engine) = mount.engine() else { return Ok(Target::Unsupported) };
    let found = engine.find(below);
    let view = view_of(mount, pipeline.ttls);
    Ok(Target::Mounted { view, id: mount.id, engine, found, below })
}

/// The mount, as its engine may see it.
pub fn view_of(mount: &Mount, system: Ttls) -> MountView {
    let ttls = mount.ttls(system);
    MountView {
        path: mount.path.clone(),
        accessor: mount.accessor.clone(),
        default_lease_ttl: ttls.default,
        max_lease_ttl: ttls.max,
    }
}
