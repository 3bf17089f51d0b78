//! An engine: a table of routes bound to the service that their handlers are given.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::ask::{DirectAsk, Verb};
use super::call::{Call, SystemCall};
use super::difference::Difference;
use super::field::{FieldInfo, Fields};
use super::login::{Renewal, TokenTerms};
use super::pattern::{self, Captures};
use super::route::{Access, Exists, Operation, Outcome, Route, Run};
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;

/// A declared table with its service. The pipeline sees only [`Engine`].
pub struct Bound<S: 'static> {
    /// What the engine is for, in a line.
    pub about: &'static str,
    /// Its endpoints; the first whose pattern matches is taken.
    pub routes: &'static [Route<S>],
    /// What its handlers are given.
    pub service: S,
    renew: Option<Renew<S>>,
    tend: Option<Tend<S>>,
    count: Option<Count<S>>,
    compare: Option<Compare<S>>,
}

/// Decides whether a login still holds: the terms for the renewed token, or `None` when there is
/// nothing left to renew.
pub type Renew<S> = fn(&S, &mut Renewal<'_>) -> Result<Option<TokenTerms>, Fault>;

/// Does some of what an engine does by itself now and then, such as removing what has ended.
/// Whether there may be more to do at once.
pub type Tend<S> = fn(&S, &mut Scope<'_>) -> Result<bool, Fault>;

/// Counts the things that a mount keeps, for the metrics.
pub type Count<S> = fn(&S, &mut Scope<'_>) -> Result<u64, Fault>;

/// Tells what became of what lies at an entry, from the one state of the mount to the other; `None`
/// where it is the same, or nothing that people have a name for.
pub type Compare<S> =
    fn(&S, &str, &mut Scope<'_>, &mut Scope<'_>) -> Result<Option<Difference>, Fault>;

/// A route's place in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteId(usize);

impl RouteId {
    /// The place, counted from 0: also that in [`Engine::declarations`].
    pub const fn index(self) -> usize {
        self.0
    }
}

/// An endpoint that was found, before its verb is looked at.
pub struct Found<'p> {
    /// Where it is in the table.
    pub id: RouteId,
    /// Who may call it.
    pub access: Access,
    /// What its pattern took from the path.
    pub captures: Captures<'p>,
}

/// How an operation wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By [`Engine::call`].
    Engine,
    /// By [`Engine::call_system`].
    System,
    /// By [`Engine::call_direct`].
    Direct,
}

/// What the pipeline needs of any engine.
pub trait Engine: Send + Sync {
    /// The route for a path below the mount.
    fn find<'p>(&self, path: &'p str) -> Option<Found<'p>>;
    /// How `verb` is called there, and whether it is essential; `None` when it is unsupported.
    fn operation(&self, id: RouteId, verb: Verb) -> Option<(Form, bool)>;
    /// Whether anything can be done there. A route without operations is nothing but a place whose
    /// access is declared.
    fn has_operations(&self, id: RouteId) -> bool;
    /// Converts the request's data to the route's fields, with Vault's error.
    fn fields<'d>(
        &self,
        found: &Found<'_>,
        verb: Verb,
        data: &'d Map<String, Value>,
    ) -> Result<Fields<'d>, Fault>;
    /// Whether creates are told from updates there.
    fn tells_creates(&self, id: RouteId) -> bool;
    /// Whether what a write names is there already; `true` where that is not told, as every write
    /// is an update there.
    fn exists(&self, id: RouteId, call: &mut Call<'_>) -> Result<bool, Fault>;
    /// The same, of the whole store.
    fn exists_system(&self, id: RouteId, call: &mut SystemCall<'_>) -> Result<bool, Fault>;
    /// Whether logins are made as roles.
    fn has_roles(&self) -> bool;
    /// The role that a login is made as, where that is told.
    fn role(&self, id: RouteId, call: &mut Call<'_>) -> Result<Option<String>, Fault>;
    /// Whether `verb` is slow by design there.
    fn is_slow(&self, id: RouteId, verb: Verb) -> bool;
    /// The name of the alias that a login there would be of; `None` where that is no login.
    fn alias(&self, id: RouteId, verb: Verb, fields: &Fields<'_>) -> Option<String>;
    /// Whether `verb` is a login there, of whom is told before it is tried.
    fn names_alias(&self, id: RouteId, verb: Verb) -> bool;
    /// Whether there are such logins.
    fn has_aliases(&self) -> bool;
    /// Decides whether a login by this auth method still holds; see [`Renew`].
    fn renew(&self, renewal: &mut Renewal<'_>) -> Result<Option<TokenTerms>, Fault>;
    /// What the engine does by itself in its mounts; see [`Tend`]. `None` when that is nothing.
    fn tend(&self, scope: &mut Scope<'_>) -> Option<Result<bool, Fault>>;
    /// How many things it keeps in a mount; `None` where that is nothing to count.
    fn count(&self, scope: &mut Scope<'_>) -> Option<Result<u64, Fault>>;
    /// What became of what lies at an entry of its mount; see [`Compare`].
    fn compare(
        &self,
        entry: &str,
        before: &mut Scope<'_>,
        after: &mut Scope<'_>,
    ) -> Result<Option<Difference>, Fault>;
    /// Runs an operation inside its mount.
    fn call(&self, id: RouteId, call: &mut Call<'_>) -> Outcome;
    /// Runs an operation on the whole store.
    fn call_system(&self, id: RouteId, call: &mut SystemCall<'_>) -> Outcome;
    /// Brings back what `then` names in a loaded snapshot.
    fn recover(&self, id: RouteId, now: &mut Call<'_>, then: &mut Call<'_>) -> Outcome;
    /// The same on the whole store.
    fn recover_system(
        &self,
        id: RouteId,
        now: &mut SystemCall<'_>,
        then: &mut SystemCall<'_>,
    ) -> Outcome;
    /// Whether what `verb` answers there is in the store, and so in a loaded snapshot too.
    fn is_stored(&self, id: RouteId, verb: Verb) -> bool;
    /// Runs an operation that has no transaction.
    fn call_direct(&self, id: RouteId, ask: DirectAsk) -> Outcome;
    /// The declarations, for help and OpenAPI.
    fn declarations(&self) -> Vec<Declaration>;
    /// What the engine is for.
    fn about(&self) -> &'static str;
}

/// A route without its handlers.
pub struct Declaration {
    /// See [`super::pattern`].
    pub path: &'static str,
    /// One line of help.
    pub synopsis: &'static str,
    /// The rest of the help.
    pub description: &'static str,
    /// What it takes.
    pub fields: &'static [&'static FieldInfo],
    /// Who may call it.
    pub access: Access,
    /// Whether creates are told from updates there.
    pub creates: bool,
    /// What can be done there.
    pub operations: Vec<Deed>,
}

/// An operation without its handler.
pub struct Deed {
    /// The verb.
    pub verb: Verb,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Whether it stands in the OpenAPI document.
    pub published: bool,
}

impl<S> Bound<S> {
    /// A table with its service.
    pub const fn new(about: &'static str, routes: &'static [Route<S>], service: S) -> Self {
        Self { about, routes, service, renew: None, tend: None, count: None, compare: None }
    }

    /// An auth method, whose logins can be renewed.
    #[must_use]
    pub const fn renewing(mut self, renew: Renew<S>) -> Self {
        self.renew = Some(renew);
        self
    }

    /// An engine that does something by itself, once a minute and as long as there is more.
    #[must_use]
    pub const fn tending(mut self, tend: Tend<S>) -> Self {
        self.tend = Some(tend);
        self
    }

    /// An engine whose things are counted for the metrics.
    #[must_use]
    pub const fn counting(mut self, count: Count<S>) -> Self {
        self.count = Some(count);
        self
    }

    /// An engine that tells what became of its things between two states of a mount.
    #[must_use]
    pub const fn comparing(mut self, compare: Compare<S>) -> Self {
        self.compare = Some(compare);
        self
    }

    fn pick(&self, id: RouteId, verb: Verb) -> Option<&'static Operation<S>> {
        self.routes.get(id.0)?.operations.iter().find(|operation| operation.verb == verb)
    }
}

impl<S: Send + Sync> Engine for Bound<S> {
    fn find<'p>(&self, path: &'p str) -> Option<Found<'p>> {
        self.routes.iter().enumerate().find_map(|(index, route)| {
            let captures = pattern::matches(route.path, path)?;
            Some(Found { id: RouteId(index), access: route.access, captures })
        })
    }

    fn operation(&self, id: RouteId, verb: Verb) -> Option<(Form, bool)> {
        let operation = self.pick(id, verb)?;
        let form = match operation.run {
            Run::Engine(_) | Run::Recover(_) => Form::Engine,
            Run::System(_) | Run::RecoverSystem(_) => Form::System,
            Run::Direct(_) => Form::Direct,
        };
        Some((form, operation.essential))
    }

    fn has_operations(&self, id: RouteId) -> bool {
        self.routes.get(id.0).is_some_and(|route| !route.operations.is_empty())
    }

    fn fields<'d>(
        &self,
        found: &Found<'_>,
        verb: Verb,
        data: &'d Map<String, Value>,
    ) -> Result<Fields<'d>, Fault> {
        let declared = self.routes.get(found.id.0).map_or(&[][..], |route| route.fields);
        let converted = Fields::convert(declared, |name| {
            let captured = found.captures.iter().find(|(captured, _)| *captured == name);
            let captured = captured.map(|(_, text)| Cow::Owned(Value::from(*text)));
            captured.or_else(|| data.get(name).map(Cow::Borrowed))
        });
        // Vault checks fields before it asks whether the thing exists, and words that otherwise.
        let bare = self.tells_creates(found.id) && verb == Verb::Write;
        converted.map_err(|error| {
            let prefix = if bare { "" } else { "Field validation failed: " };
            Fault::bad_request(format!("{prefix}{error}"))
        })
    }

    fn tells_creates(&self, id: RouteId) -> bool {
        self.pick(id, Verb::Write).is_some_and(|operation| operation.exists.is_some())
    }

    fn exists(&self, id: RouteId, call: &mut Call<'_>) -> Result<bool, Fault> {
        match self.pick(id, Verb::Write).and_then(|operation| operation.exists) {
            Some(Exists::Engine(exists)) => exists(&self.service, call),
            _ => Ok(true),
        }
    }

    fn exists_system(&self, id: RouteId, call: &mut SystemCall<'_>) -> Result<bool, Fault> {
        match self.pick(id, Verb::Write).and_then(|operation| operation.exists) {
            Some(Exists::System(exists)) => exists(&self.service, call),
            _ => Ok(true),
        }
    }

    fn has_roles(&self) -> bool {
        let mut operations = self.routes.iter().flat_map(|route| route.operations);
        operations.any(|operation| operation.role.is_some())
    }

    fn role(&self, id: RouteId, call: &mut Call<'_>) -> Result<Option<String>, Fault> {
        match self.pick(id, call.ask.verb).and_then(|operation| operation.role) {
            Some(role) => role(&self.service, call),
            None => Ok(None),
        }
    }

    fn is_slow(&self, id: RouteId, verb: Verb) -> bool {
        self.pick(id, verb).is_some_and(|operation| operation.slow)
    }

    fn alias(&self, id: RouteId, verb: Verb, fields: &Fields<'_>) -> Option<String> {
        self.pick(id, verb)?.alias?(fields)
    }

    fn names_alias(&self, id: RouteId, verb: Verb) -> bool {
        self.pick(id, verb).is_some_and(|operation| operation.alias.is_some())
    }

    fn has_aliases(&self) -> bool {
        let mut operations = self.routes.iter().flat_map(|route| route.operations);
        operations.any(|operation| operation.alias.is_some())
    }

    fn renew(&self, renewal: &mut Renewal<'_>) -> Result<Option<TokenTerms>, Fault> {
        match self.renew {
            Some(renew) => renew(&self.service, renewal),
            None => Ok(None),
        }
    }

    fn tend(&self, scope: &mut Scope<'_>) -> Option<Result<bool, Fault>> {
        self.tend.map(|tend| tend(&self.service, scope))
    }

    fn count(&self, scope: &mut Scope<'_>) -> Option<Result<u64, Fault>> {
        self.count.map(|count| count(&self.service, scope))
    }

    fn compare(
        &self,
        entry: &str,
        before: &mut Scope<'_>,
        after: &mut Scope<'_>,
    ) -> Result<Option<Difference>, Fault> {
        match self.compare {
            Some(compare) => compare(&self.service, entry, before, after),
            None => Ok(None),
        }
    }

    fn call(&self, id: RouteId, call: &mut Call<'_>) -> Outcome {
        match self.pick(id, call.ask.verb).map(|operation| operation.run) {
            Some(Run::Engine(run)) => run(&self.service, call),
            _ => Err(Fault::unsupported_operation()),
        }
    }

    fn call_system(&self, id: RouteId, call: &mut SystemCall<'_>) -> Outcome {
        match self.pick(id, call.ask.verb).map(|operation| operation.run) {
            Some(Run::System(run)) => run(&self.service, call),
            _ => Err(Fault::unsupported_operation()),
        }
    }

    fn recover(&self, id: RouteId, now: &mut Call<'_>, then: &mut Call<'_>) -> Outcome {
        match self.pick(id, Verb::Recover).map(|operation| operation.run) {
            Some(Run::Recover(run)) => run(&self.service, now, then),
            _ => Err(Fault::unsupported_operation()),
        }
    }

    fn recover_system(
        &self,
        id: RouteId,
        now: &mut SystemCall<'_>,
        then: &mut SystemCall<'_>,
    ) -> Outcome {
        match self.pick(id, Verb::Recover).map(|operation| operation.run) {
            Some(Run::RecoverSystem(run)) => run(&self.service, now, then),
            _ => Err(Fault::unsupported_operation()),
        }
    }

    fn is_stored(&self, id: RouteId, verb: Verb) -> bool {
        self.pick(id, verb).is_some_and(|operation| match operation.run {
            Run::Engine(_) => true,
            _ => operation.stored,
        })
    }

    fn call_direct(&self, id: RouteId, ask: DirectAsk) -> Outcome {
        match self.pick(id, ask.verb).map(|operation| operation.run) {
            Some(Run::Direct(run)) => run(&self.service, ask),
            _ => Err(Fault::bare(405)),
        }
    }

    fn declarations(&self) -> Vec<Declaration> {
        self.routes
            .iter()
            .map(|route| Declaration {
                path: route.path,
                synopsis: route.synopsis,
                description: route.description,
                fields: route.fields,
                access: route.access,
                creates: route.operations.iter().any(|operation| operation.exists.is_some()),
                operations: route
                    .operations
                    .iter()
                    .map(|&Operation { verb, summary, published, .. }| Deed {
                        verb,
                        summary,
                        published,
                    })
                    .collect(),
            })
            .collect()
    }

    fn about(&self) -> &'static str {
        self.about
    }
}
