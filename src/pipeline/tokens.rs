//! The life of tokens: the only place that finds, makes, renews and revokes them, together with
//! their leases and what lies in their cubbyholes. Which are alive is told by [`super::living`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::meters::tokens::{Created, Meters, ttl_bucket};
use super::wrapping::jwt::Claimed;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::policies::ROOT;
use crate::base::secret::Secret;
use crate::identity;
use crate::lease::store as leases;
use crate::mount::config::Ttls;
use crate::mount::purge;
use crate::mount::store::MountStore;
use crate::quota::leases::LeaseCounts;
use crate::token::record::{Kind, Lifetime, Token, TokenKey, Uses};
use crate::token::{batch, store};

/// How many generations a token may have above it.
pub(super) const GENERATIONS: usize = 1_000;

/// The most children that `revoke-orphan` sets free at once.
const ORPHANS: usize = 10_000;

/// Where tokens themselves are mounted.
const TOKEN_MOUNT: &str = "auth/token/";

/// The path of root tokens that no request by a token has made.
pub const ROOT_PATH: &str = "auth/token/root";

/// What it takes.
pub struct Tokens {
    /// Tells whether the mount of a login is still there.
    pub mounts: Arc<MountStore>,
    /// For ids.
    pub entropy: Arc<dyn Entropy>,
    /// The URL at which clients reach the server: wrapping tokens can tell it.
    pub address: String,
    /// Tells whether there may be more leases.
    pub counts: LeaseCounts,
    /// Where they are counted.
    pub meters: Arc<Meters>,
}

/// A token that is alive.
#[derive(Clone)]
pub struct Found {
    /// What it is stored under; of a batch token, what it would be.
    pub key: TokenKey,
    /// The token.
    pub token: Token,
}

impl Tokens {
    /// The token of that id, or for which that JWT stands, if it is alive.
    pub fn find(&self, txn: &mut Txn, sent: &Secret) -> Result<Option<Found>, TxnError> {
        let Some(jwt) = Claimed::read(sent) else { return self.find_by_id(txn, sent) };
        match self.find_by_id(txn, &jwt.id)?.filter(|found| found.token.is_wrapping()) {
            Some(found) => Ok(jwt.is_ours(txn)?.then_some(found)),
            None => Ok(None),
        }
    }

    fn find_by_id(&self, txn: &mut Txn, id: &Secret) -> Result<Option<Found>, TxnError> {
        let _running = self.meters.lookup.begin();
        let key = store::key(txn, id);
        let token = match id.expose().starts_with(batch::PREFIX) {
            true => batch::open(txn, id),
            false => store::get(txn, key)?,
        };
        let Some(token) = token else { return Ok(None) };
        Ok(self.is_alive(txn, &token)?.then_some(Found { key, token }))
    }

    /// The token stored under that key, if it is alive.
    pub fn find_by_key(&self, txn: &mut Txn, key: TokenKey) -> Result<Option<Found>, TxnError> {
        let Some(token) = store::get(txn, key)? else { return Ok(None) };
        Ok(self.is_alive(txn, &token)?.then_some(Found { key, token }))
    }

    /// The token of that accessor, if it is alive.
    pub fn find_by_accessor(
        &self,
        txn: &mut Txn,
        accessor: &str,
    ) -> Result<Option<Found>, TxnError> {
        match store::by_accessor(txn, accessor)? {
            Some(key) => self.find_by_key(txn, key),
            None => Ok(None),
        }
    }

    /// The entity that tokens' own mount knows by that alias; it is made when there is none.
    pub fn entity_of_alias(&self, txn: &mut Txn, alias: &str) -> Result<String, Fault> {
        let table = self.mounts.read(txn)?;
        let both = table.at(TOKEN_MOUNT).zip(table.at("identity/"));
        let (own, identities) = both.ok_or_else(Fault::denied)?;
        let (metadata, groups) = (&BTreeMap::new(), &[]);
        let accessor = &own.accessor;
        let login =
            identity::login::Login { accessor, local: false, name: alias, metadata, groups };
        identity::login::login(&mut txn.scope(identities.id), &login, &*self.entropy)
    }

    /// The TTLs that hold for tokens that tokens make.
    pub fn mount_ttls(&self, txn: &mut Txn, system: Ttls) -> Result<Ttls, TxnError> {
        let table = self.mounts.read(txn)?;
        Ok(table.at(TOKEN_MOUNT).map_or(system, |mount| mount.ttls(system)))
    }

    /// Makes a token with its lease; under `id`, or else a random one.
    pub fn make(&self, txn: &mut Txn, token: &Token, id: Option<Secret>) -> Result<Secret, Fault> {
        let _running = self.meters.create.begin();
        self.count_made(txn, token)?;
        if let Kind::Batch = token.kind {
            self.lease_none(txn, token)?;
            return batch::id(txn, token).ok_or_else(|| {
                Fault::bad_request("a batch token with so much metadata would be too long")
            });
        }
        if let Some(parent) = &token.parent {
            self.check_generations(txn, parent.key)?;
        }
        let id = id.unwrap_or_else(|| Secret::new(format!("hvs.{}", self.entropy.base62(24))));
        let key = store::key(txn, &id);
        if let Some(token) = store::get(txn, key)? {
            if self.is_alive(txn, &token)? {
                return Err(Fault::bad_request("cannot create a token with a duplicate ID"));
            }
            self.revoke(txn, &Found { key, token })?;
        }
        store::insert(txn, key, token)?;
        let _registering = self.meters.register.begin();
        self.lease(txn, key, token)?;
        Ok(id)
    }

    /// Counts a token once it is made.
    fn count_made(&self, txn: &mut Txn, token: &Token) -> Result<(), TxnError> {
        let mount = token.login.as_ref().map_or(TOKEN_MOUNT, |login| &login.path);
        let method = match mount {
            TOKEN_MOUNT => Some("token".to_owned()),
            mount => self.mounts.read(txn)?.at(mount).map(|mount| mount.kind.clone()),
        };
        let created = Created {
            method: method.unwrap_or_default(),
            mount: mount.to_owned(),
            kind: token.kind.as_str(),
            ttl: ttl_bucket(token.life.creation_ttl),
        };
        let (root, meters) = (token.policies == [ROOT], self.meters.clone());
        txn.after_commit(move || {
            meters.created(created);
            if root {
                meters.create_root.count();
            }
        });
        Ok(())
    }

    /// Makes a root token that never expires. One whose id is given (`server -dev`) looks as if it
    /// had been made by request, as Vault's does.
    pub fn make_root(&self, txn: &mut Txn, id: Option<Secret>) -> Result<Secret, Fault> {
        let life = Lifetime { created: txn.now(), ..Lifetime::default() };
        let (path, name) = match id {
            Some(_) => ("auth/token/create", "token"),
            None => (ROOT_PATH, ROOT),
        };
        let mut token = self.draft(path.to_owned(), life);
        token.policies = vec![ROOT.to_owned()];
        token.display_name = name.to_owned();
        self.make(txn, &token, id)
    }

    /// A service token without parent, policies or limits, to be filled in.
    pub fn draft(&self, path: String, life: Lifetime) -> Token {
        Token {
            accessor: self.entropy.base62(24),
            cubbyhole: self.entropy.uuid(),
            kind: Kind::Service,
            parent: None,
            policies: Vec::new(),
            path,
            display_name: String::new(),
            metadata: None,
            life,
            uses: Uses::Unlimited,
            role: String::new(),
            entity_id: String::new(),
            bound_cidrs: Vec::new(),
            login: None,
        }
    }

    /// The same, of a batch token: it has neither an accessor nor a place for secrets.
    pub fn batch(token: Token) -> Token {
        let (accessor, cubbyhole) = Default::default();
        let life = Lifetime { renewable: false, ..token.life };
        Token { kind: Kind::Batch, accessor, cubbyhole, life, ..token }
    }

    /// Writes a token whose life was prolonged or cut.
    pub fn renewed(&self, txn: &mut Txn, found: &Found) -> Result<(), TxnError> {
        let _running = self.meters.renew.begin();
        let Found { key, token } = found;
        self.put(txn, *key, token)?;
        leases::moved(txn, &token.lease_id(*key), token.life.expires)
    }

    fn put(&self, txn: &mut Txn, key: TokenKey, token: &Token) -> Result<(), TxnError> {
        let _running = self.meters.store.begin();
        store::put(txn, key, token)
    }

    /// Counts a use of a token that was found in this transaction; the last one leaves it spent.
    pub fn use_once(&self, txn: &mut Txn, found: &mut Found) -> Result<(), TxnError> {
        let left = found.token.uses.less_one();
        if left != found.token.uses {
            found.token.uses = left;
            self.put(txn, found.key, &found.token)?;
        }
        Ok(())
    }

    /// Counts a use by a request that was refused. Whether there was one left: others may have
    /// used the token up meanwhile.
    pub fn count_refused(&self, txn: &mut Txn, key: TokenKey) -> Result<bool, TxnError> {
        let Some(token) = store::get(txn, key)? else { return Ok(false) };
        let mut found = Found { key, token };
        self.use_once(txn, &mut found)?;
        if found.token.uses.is_spent() {
            self.revoke(txn, &found)?;
        }
        Ok(true)
    }

    /// Ends a token that is used up, unless the request has revoked it itself.
    pub fn end(&self, txn: &mut Txn, found: &Found) -> Result<(), TxnError> {
        match store::get(txn, found.key)? {
            Some(_) => self.revoke(txn, found),
            None => Ok(()),
        }
    }

    /// Revokes a token, and with it all that descend from it.
    pub fn revoke(&self, txn: &mut Txn, found: &Found) -> Result<(), TxnError> {
        let _running = self.meters.revoke_tree.begin();
        self.remove(txn, found)
    }

    /// Removes a token that is dead, or is to be. Those that descend from it are dead without it.
    pub(super) fn remove(&self, txn: &mut Txn, found: &Found) -> Result<(), TxnError> {
        self.bury(txn, found)?;
        store::remove(txn, found.key, &found.token)
    }

    /// Revokes a token whose children live on as orphans.
    pub fn revoke_orphan(&self, txn: &mut Txn, found: &Found) -> Result<(), Fault> {
        let children = store::some_children(txn, &found.token.accessor, ORPHANS + 1)?;
        if children.len() > ORPHANS {
            return Err(Fault::bad_request(format!(
                "the token has more than {ORPHANS} children: revoke them, or it together with them"
            )));
        }
        for key in children {
            match store::get(txn, key)? {
                Some(child) => store::orphan(txn, key, child)?,
                None => store::unlink(txn, &found.token.accessor, key)?,
            }
        }
        self.bury(txn, found)?;
        Ok(store::remove_alone(txn, found.key, &found.token)?)
    }

    /// Removes what goes with a token.
    fn bury(&self, txn: &mut Txn, found: &Found) -> Result<(), TxnError> {
        self.end_lease(txn, found)?;
        let (table, cubbyhole) = (self.mounts.read(txn)?, &found.token.cubbyhole);
        match table.at("cubbyhole/") {
            Some(mount) if !cubbyhole.is_empty() => purge::remove(txn, mount.id, cubbyhole),
            _ => Ok(()),
        }
    }

    fn check_generations(&self, txn: &mut Txn, parent: TokenKey) -> Result<(), Fault> {
        let mut next = Some(parent);
        for _ in 1..GENERATIONS {
            let Some(key) = next else { return Ok(()) };
            let parent = store::get(txn, key)?.and_then(|token| token.parent);
            next = parent.map(|parent| parent.key);
        }
        Err(Fault::bad_request(format!(
            "a token can have at most {GENERATIONS} generations above it"
        )))
    }
}
