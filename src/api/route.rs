//! The declaration of an endpoint.

use super::ask::{DirectAsk, Verb};
use super::call::{Call, SystemCall};
use super::field::{FieldInfo, Fields};
use super::reply::Reply;
use crate::base::fault::Fault;

/// What a handler returns.
pub type Outcome = Result<Reply, Fault>;

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, in every state of the server, sealed ones included.
    Sealed,
    /// Anybody, without a token, once the server is unsealed: logins.
    Unauthenticated,
    /// The same, but who sends a token must send a good one, and is known by it.
    Guest,
    /// Whoever has a token whose policies allow it.
    Policy,
    /// As `Policy`, after the wrapping token that the request names was found to be one.
    Unwrap,
    /// As `Policy`, and `sudo` on the path.
    Sudo,
    /// As `Sudo`; while the server is sealed anybody is told that it was done, and nothing is: for
    /// what a sealed server has behind it.
    SudoUnlessSealed,
}

impl Access {
    /// Whether something is done there for whoever has no token.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Sealed | Self::Unauthenticated | Self::Guest | Self::Unwrap)
    }
}

/// One endpoint: a path with its verbs. `S` is the service that its handlers are given.
pub struct Route<S: 'static> {
    /// See [`super::pattern`].
    pub path: &'static str,
    /// One line of help.
    pub synopsis: &'static str,
    /// The rest of the help.
    pub description: &'static str,
    /// What it takes, path captures included.
    pub fields: &'static [&'static FieldInfo],
    /// Who may call it.
    pub access: Access,
    /// What can be done there.
    pub operations: &'static [Operation<S>],
}

/// One verb of an endpoint.
pub struct Operation<S: 'static> {
    /// The verb.
    pub verb: Verb,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Whether it frees space or revokes, so that it goes on when the disk is full.
    pub essential: bool,
    /// The handler.
    pub run: Run<S>,
    /// For writes: how creates are told from updates, where policies tell them apart.
    pub exists: Option<Exists<S>>,
    /// Whether it stands in the OpenAPI document; a signpost does not.
    pub published: bool,
    /// For logins that are made as a role: which one, so that quotas can be for a role.
    pub role: Option<RoleOf<S>>,
    /// Whether it is slow by design, as a password's hash is: those without a token may do less
    /// of it.
    pub slow: bool,
    /// For logins: whose it would be, told before it is tried.
    pub alias: Option<AliasOf>,
    /// For reads of `sys`: whether what is answered is in the store, and so in a loaded snapshot
    /// too. Other engines have nothing else.
    pub stored: bool,
}

/// Reads the name of the alias that a login would be of, as the login returns it: see
/// [`super::login::Alias`].
pub type AliasOf = fn(&Fields<'_>) -> Option<String>;

/// Finds the role that a login is made as; `None` where it is none that exists.
pub type RoleOf<S> = fn(&S, &mut Call<'_>) -> Result<Option<String>, Fault>;

/// Whether what a write names is there already.
pub enum Exists<S: 'static> {
    /// Inside its own mount.
    Engine(fn(&S, &mut Call<'_>) -> Result<bool, Fault>),
    /// In the whole store: for `sys` alone.
    System(fn(&S, &mut SystemCall<'_>) -> Result<bool, Fault>),
}

impl<S> Clone for Exists<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Exists<S> {}

/// A handler. The transactional ones may be run again when their commit meets a conflict, so
/// they do nothing outside of their transaction.
pub enum Run<S: 'static> {
    /// Inside its own mount.
    Engine(fn(&S, &mut Call<'_>) -> Outcome),
    /// On the whole store: for `sys` alone.
    System(fn(&S, &mut SystemCall<'_>) -> Outcome),
    /// Without a transaction: for what works while sealed, or streams.
    Direct(fn(&S, DirectAsk) -> Outcome),
    /// Inside its own mount, from what the second call names in a loaded snapshot.
    Recover(fn(&S, &mut Call<'_>, &mut Call<'_>) -> Outcome),
    /// The same on the whole store.
    RecoverSystem(fn(&S, &mut SystemCall<'_>, &mut SystemCall<'_>) -> Outcome),
}

impl<S> Clone for Run<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Run<S> {}

impl<S> Operation<S> {
    const fn of(verb: Verb, summary: &'static str, run: Run<S>) -> Self {
        let essential = matches!(verb, Verb::Delete);
        Self {
            verb,
            summary,
            essential,
            run,
            exists: None,
            published: true,
            role: None,
            slow: false,
            alias: None,
            stored: false,
        }
    }

    /// An operation of an engine.
    pub const fn new(
        verb: Verb,
        summary: &'static str,
        run: fn(&S, &mut Call<'_>) -> Outcome,
    ) -> Self {
        Self::of(verb, summary, Run::Engine(run))
    }

    /// An operation of `sys` on the whole store.
    pub const fn system(
        verb: Verb,
        summary: &'static str,
        run: fn(&S, &mut SystemCall<'_>) -> Outcome,
    ) -> Self {
        Self::of(verb, summary, Run::System(run))
    }

    /// An operation without a transaction.
    pub const fn direct(
        verb: Verb,
        summary: &'static str,
        run: fn(&S, DirectAsk) -> Outcome,
    ) -> Self {
        Self::of(verb, summary, Run::Direct(run))
    }

    /// Brings back what a loaded snapshot has. The second call names it there, and what it is to
    /// be here the first; both are of this route. It is published nowhere: OpenAPI knows no such
    /// verb.
    pub const fn recover(
        summary: &'static str,
        run: fn(&S, &mut Call<'_>, &mut Call<'_>) -> Outcome,
    ) -> Self {
        Self::of(Verb::Recover, summary, Run::Recover(run)).signpost()
    }

    /// The same for an operation of `sys`.
    pub const fn recover_system(
        summary: &'static str,
        run: fn(&S, &mut SystemCall<'_>, &mut SystemCall<'_>) -> Outcome,
    ) -> Self {
        Self::of(Verb::Recover, summary, Run::RecoverSystem(run)).signpost()
    }

    /// Says of a part of something that it is brought back with the whole, which is the path
    /// above.
    pub const fn recover_with_whole() -> Self {
        Self::recover("Says what it comes back with.", |_, call, _| {
            let path = call.ask.path.trim_end_matches('/');
            let whole = path.rsplit_once('/').map_or(path, |(whole, _)| whole);
            let refused = Fault::unsupported_operation();
            Err(refused.saying(format!("it comes back with the whole, which is {whole}")))
        })
    }

    /// A read of `sys` whose answer is in the store alone, so that a loaded snapshot has one too.
    #[must_use]
    pub const fn stored(mut self) -> Self {
        self.stored = true;
        self
    }

    /// A write that is a create where `exists` says no, and an update elsewhere. Without this every
    /// write is an update.
    #[must_use]
    pub const fn creating(mut self, exists: fn(&S, &mut Call<'_>) -> Result<bool, Fault>) -> Self {
        self.exists = Some(Exists::Engine(exists));
        self
    }

    /// The same for an operation of `sys`.
    #[must_use]
    pub const fn creating_system(
        mut self,
        exists: fn(&S, &mut SystemCall<'_>) -> Result<bool, Fault>,
    ) -> Self {
        self.exists = Some(Exists::System(exists));
        self
    }

    /// Marks it as a signpost: it only says which path to use instead.
    #[must_use]
    pub const fn signpost(mut self) -> Self {
        self.published = false;
        self
    }

    /// A login that is made as the role which `role` finds.
    #[must_use]
    pub const fn naming_role(mut self, role: RoleOf<S>) -> Self {
        self.role = Some(role);
        self
    }

    /// Marks it as one that is slow by design.
    #[must_use]
    pub const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// A login of whom `alias` reads: failed ones are counted by that.
    #[must_use]
    pub const fn naming_alias(mut self, alias: AliasOf) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Marks it as one that frees space or revokes, whatever its verb.
    #[must_use]
    pub const fn essential(mut self) -> Self {
        self.essential = true;
        self
    }
}
