//! The composition root: the only place that wires concrete types together.

mod error;
pub mod front;
mod housekeeping;
mod identity;
mod metrics;
pub mod offline;
pub mod opened;
mod operations;
mod serving;
mod supervision;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::audit::devices::Audit;
use crate::barrier::seal::shamir::{self, Split};
use crate::barrier::{Barrier, UnsealError};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::logs::Logs;
use crate::base::secret::Secret;
use crate::config::{Config, Storage as StorageConfig};
use crate::mount::config::Ttls;
use crate::mount::store::MountStore;
use crate::mount::table::{Mount, MountTable};
use crate::pipeline::flights::Flights;
use crate::pipeline::lockout::Lockouts;
use crate::pipeline::meters::Meters;
use crate::pipeline::meters::tokens::Meters as TokenMeters;
use crate::pipeline::revoke;
use crate::pipeline::rights::Rights;
use crate::pipeline::tokens::Tokens;
use crate::pipeline::{Builtin, Pipeline};
use crate::policy::cache::PolicyCache;
use crate::quota::leases::LeaseCounts;
use crate::quota::limiter::Quotas;
use crate::server::gate::inherited::Inherited;
use crate::server::tls::TlsError;
use crate::server::{Front, Surroundings};
use crate::snapshot::follow::{self, Followed, Follower};
use crate::snapshot::keeper::{Keeper, Means};
use crate::snapshot::loaded::Loader;
use crate::snapshot::meters::Meters as SnapshotMeters;
use crate::snapshot::precaution::Precaution;
use crate::snapshot::spool::Spools;
use crate::storage::memory::Memory;
use crate::storage::redb::{Options, Redb};
use crate::storage::{Storage, StorageError};
use crate::sys;
use crate::sys::about::About;
use crate::sys::openapi::{Builtins, OpenApi};
use crate::sys::reach::Reach;
use crate::sys::undo::Undo;
use crate::sys::unsealing::Unsealing;
pub use error::NodeError;
use housekeeping::Housekeeping;
use metrics::Counting;
use operations::Operations;
use serving::Serving;
use supervision::{State, Supervision};

/// Bytes that a spool leaves free on its disk: writes go on until half of it is left.
const SPOOL_FLOOR: u64 = 32 << 20;

/// A store that was opened and is not served yet.
pub struct Opened {
    storage: Arc<dyn Storage>,
    barrier: Arc<Barrier>,
    tokens: Arc<Tokens>,
    world: World,
    follower: Option<Arc<Follower>>,
    /// Whether its folder is removed at the end.
    passing: bool,
}

/// A running server.
pub struct Node {
    barrier: Arc<Barrier>,
    audit: Arc<Audit>,
    front: Arc<Front>,
    mounts: Arc<MountStore>,
    lockouts: Arc<Lockouts>,
    housekeeping: Housekeeping,
    logs: Arc<Logs>,
    state: State,
    storage: Arc<dyn Storage>,
}

/// What a node is given besides its configuration.
#[derive(Clone)]
pub struct World {
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub entropy: Arc<dyn Entropy>,
    /// Where sockets of our own lie; found by itself when `None`.
    pub run_folder: Option<PathBuf>,
    /// What is logged.
    pub logs: Arc<Logs>,
    /// Is set once the server is to end, though its store is not open yet.
    pub interrupted: Arc<AtomicBool>,
}

impl Opened {
    /// Opens the store that is configured.
    pub fn open(config: &Config, world: World) -> Result<Self, NodeError> {
        let storage = open(&config.storage, &world)?;
        let (clock, entropy) = (world.clock.clone(), world.entropy.clone());
        let barrier = Barrier::new(storage.clone(), clock, entropy.clone());
        let barrier = Arc::new(barrier.with_seal(config.seal.seal(&entropy)));
        // What a newer program left is not served, not even sealed: it would seem uninitialised.
        if let Err(newer @ UnsealError::Newer(..)) = barrier.settings() {
            return Err(NodeError::Store(newer.to_string()));
        }
        let mounts = Arc::new(MountStore::new(entropy.clone()));
        let (counts, address) = (LeaseCounts::new(barrier.clone()), front::address(config));
        let meters = Arc::new(TokenMeters::new(&world.clock));
        let tokens = Arc::new(Tokens { mounts, entropy, counts, address, meters });
        Ok(Self { storage, barrier, tokens, world, follower: None, passing: false })
    }

    /// Its folder is removed at the end: nothing needs to be kept in it.
    pub fn set_passing(&mut self) {
        self.passing = true;
    }

    /// Makes a standby of it, which follows a target until it is promoted.
    pub fn follow(&mut self, config: &Config, of: Followed) -> Result<(), NodeError> {
        let StorageConfig::Redb { folder, .. } = &config.storage else {
            let what = "a standby keeps its store on a disk: storage \"redb\"";
            return Err(NodeError::Store(what.to_owned()));
        };
        let means = follow::Means {
            storage: self.storage.clone(),
            spools: Arc::new(spools(&config.storage)),
            clock: self.world.clock.clone(),
            folder: folder.to_path_buf(),
        };
        self.follower = Follower::new(of, means)?.map(Arc::new);
        Ok(())
    }

    /// Makes the keys of a new store with a single share, a root token and kv of this version at
    /// `secret/`, and unseals it: what `-dev` gives. A store that has keys is `None`: it wants its
    /// own.
    pub fn make_dev_store(&self, root: Secret, kv: &str) -> Result<Option<DevStore>, NodeError> {
        let settings = self.barrier.settings().map_err(|e| NodeError::Store(e.to_string()))?;
        if settings.is_some() {
            return Ok(None);
        }
        let one = Split::new(1, 1).map_err(|e| NodeError::Store(e.to_string()))?;
        let entropy = &*self.world.entropy;
        let mut mounts = MountTable::initial(entropy);
        let mut secret = Mount::new("secret/", "kv", "key/value secret storage", entropy);
        secret.options = Some([("version".to_owned(), kv.to_owned())].into());
        mounts.put(secret);
        let (shares, root) = self.barrier.initialize(one, |txn| {
            Ok::<_, NodeError>(sys::init::first(txn, &self.tokens, &mounts, Some(root.clone()))?)
        })?;
        let key = shamir::combine(&shares)
            .ok_or_else(|| NodeError::Store("the new store's share makes no key".to_owned()))?;
        self.barrier.unseal(&key).map_err(|e| NodeError::Store(e.to_string()))?;
        let unseal_key = shares.into_iter().next().unwrap_or_default();
        Ok(Some(DevStore { unseal_key, root }))
    }

    /// Serves it, sealed or not, on the sockets that were handed over where there are some.
    pub fn serve(self, config: &Config, sockets: Inherited) -> Result<Node, NodeError> {
        let Self { storage, barrier, tokens, world, follower, passing } = self;
        let World { clock, entropy, run_folder, logs, .. } = world;
        let certificates = front::Certificates::prepare(config, &clock, &entropy)?;
        let ttls = Ttls {
            default: config.default_lease_ttl.as_secs(),
            max: config.max_lease_ttl.as_secs(),
        };
        let about = About {
            barrier: barrier.clone(),
            storage_type: config.storage.kind(),
            cluster_name: config.cluster_name.clone(),
            certificate: certificates.notice(),
        };
        let quotas = Arc::new(Quotas::new(clock.clone(), &*entropy, config.strangers));
        let lockouts = Arc::new(Lockouts::new(config.user_lockout.clone(), &*entropy));
        let audit = Audit::new(clock.clone(), entropy.clone(), folder(&config.storage));
        let audit = Arc::new(audit);
        let policies = PolicyCache::new(&clock);
        let rights = Arc::new(Rights { mounts: tokens.mounts.clone(), policies });
        let snapshots = Arc::new(SnapshotMeters::new(&clock));
        let spools = Arc::new(spools(&config.storage));
        let kept = (!passing).then(|| precaution(&config.storage, &entropy));
        let means = Means {
            barrier: barrier.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            // Of their own: a target that hangs takes none from who asks.
            spools: Arc::new(self::spools(&config.storage)),
            meters: snapshots.clone(),
            include: config.snapshots.values().flat_map(|to| to.include.clone()).collect(),
            home: folder(&config.storage),
        };
        let keeper = Arc::new(Keeper::new(means, config.snapshots.clone()));
        let undo = Undo::new(kept.flatten(), keeper.clone());
        let workers = config.limits.workers;
        let reach = Arc::new(Reach::new(keeper.clone(), spools.beside(), workers));
        let (limits, revoking) = (Arc::downgrade(&keeper), Arc::downgrade(&tokens));
        barrier.when_opened(revoke::has_returned, move |unsealed| {
            limits.upgrade().iter().for_each(|keeper| keeper.opened(unsealed));
            revoking.upgrade().iter().try_for_each(|it| revoke::revoke_returned(it, unsealed))
        })?;
        let unsealing =
            Arc::new(Unsealing::new(barrier.clone(), audit.clone(), clock.clone(), undo.clone()));
        unsealing.prepare();
        let services = Services {
            about: about.clone(),
            unsealing: unsealing.clone(),
            audit: audit.clone(),
            quotas: quotas.clone(),
            storage: storage.clone(),
            tokens: tokens.clone(),
            rights: rights.clone(),
            ttls,
            spools: spools.clone(),
            snapshots: snapshots.clone(),
            keeper: keeper.clone(),
            reach: reach.clone(),
            follower: follower.clone(),
            undo: undo.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let mut builtins = builtins(services);
        let declared = Builtins::default();
        builtins.extend(operations::builtins(Operations {
            entropy: entropy.clone(),
            openapi: OpenApi {
                builtins: declared.clone(),
                mounts: tokens.mounts.clone(),
                rights: rights.clone(),
            },
            audit: audit.clone(),
            barrier: barrier.clone(),
            mounts: tokens.mounts.clone(),
            clock: clock.clone(),
            address: tokens.address.clone(),
            configuration: config.sanitized(),
            response_headers: front::response_headers(config),
            logs: logs.clone(),
            lockouts: lockouts.clone(),
            keeper: keeper.clone(),
            reach,
        }));
        builtins.extend(identity::builtins(&tokens));
        let counting = Counting {
            clock: clock.clone(),
            about,
            tokens: tokens.clone(),
            policies: rights.policies.meters.clone(),
            audit: audit.clone(),
            snapshots,
            keeper: keeper.clone(),
            follower: follower.clone(),
            flights: Arc::new(flights(config, &clock, &*entropy)),
            requests: Arc::new(Meters::new(&clock)),
            quotas: quotas.clone(),
            lockouts: lockouts.clone(),
            front: Arc::default(),
        };
        let metrics = Arc::new(metrics::metrics(&counting, &config.telemetry));
        builtins.extend(metrics::builtins(&counting, metrics.clone()));
        declared.tell(builtins.iter().map(|(prefix, engine)| (*prefix, &**engine)));
        let pipeline = Pipeline {
            barrier: barrier.clone(),
            tokens: tokens.clone(),
            rights,
            audit: audit.clone(),
            flights: counting.flights,
            meters: counting.requests,
            quotas: quotas.clone(),
            lockouts: lockouts.clone(),
            builtins,
            ttls,
        };
        let settings = front::settings(config, &certificates, run_folder);
        let serving =
            Serving { barrier: barrier.clone(), pipeline, metrics, follower: follower.clone() };
        let around = Surroundings {
            service: Arc::new(serving),
            clock: clock.clone(),
            entropy: entropy.clone(),
            counters: counting.front,
        };
        let front = Front::start(settings, sockets, around).map_err(NodeError::Front)?;
        let front = Arc::new(front);
        let state = State {
            barrier: barrier.clone(),
            unsealing: unsealing.clone(),
            follower: follower.clone(),
            flaws: Arc::default(),
        };
        let supervision = Supervision::new(state.clone(), front.clone(), clock.clone());
        let care = housekeeping::Care {
            storage: storage.clone(),
            front: front.clone(),
            certificates,
            clock,
            entropy,
            barrier: barrier.clone(),
            audit: audit.clone(),
            quotas,
            lockouts: lockouts.clone(),
            tokens: tokens.clone(),
            keeper,
            follower,
            undo,
            unsealing,
            clock_told: [None; 3],
            store_told: None,
        };
        let housekeeping = Housekeeping::start(care, supervision)?;
        let mounts = tokens.mounts.clone();
        Ok(Node { barrier, audit, front, mounts, lockouts, housekeeping, logs, state, storage })
    }
}

impl Node {
    /// What is listened on: host:port, or a path.
    pub fn names(&self) -> &[String] {
        self.front.names()
    }

    /// The address of the first TCP listener.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.front.addresses().first().copied()
    }

    /// What it is at, in a few words.
    pub fn state(&self) -> String {
        self.state.told()
    }

    /// What its last reload found, in a few words; nothing when all was well.
    pub fn set_flaws(&self, flaws: Vec<&'static str>) {
        self.state.set_flaws(flaws);
    }

    /// Reads the certificates again, and tries again what the seal has refused.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.state.unsealing.retry();
        self.front.reload()
    }

    /// Opens the files of audit devices anew, after they were moved away.
    pub fn reopen_audit(&self) {
        self.audit.reopen();
    }

    /// Lets what runs end, ships what is committed, seals, and ends.
    pub fn stop(self) {
        self.state.unsealing.end();
        let keeper = self.housekeeping.stop();
        // Who listens would go on doing so.
        self.logs.close();
        // The housekeeping, which had the only other, is gone.
        if let Ok(front) = Arc::try_unwrap(self.front) {
            front.stop();
        }
        if let Some(unsealed) = self.barrier.unsealed() {
            housekeeping::keep(&self.lockouts, &unsealed, &self.mounts);
        }
        keeper.stop();
        self.barrier.seal();
        self.audit.close();
        // A request that hangs in a target has it yet, and the process ends without it.
        self.storage.close();
    }
}

/// The keys of a store that was made for development.
pub struct DevStore {
    /// The one share.
    pub unseal_key: Secret,
    /// The root token.
    pub root: Secret,
}

fn open(config: &StorageConfig, world: &World) -> Result<Arc<dyn Storage>, StorageError> {
    match config {
        StorageConfig::Memory => Ok(Arc::new(Memory::new())),
        StorageConfig::Redb { folder, cache_bytes } => {
            let World { clock, interrupted, .. } = world;
            let mut options = Options::new(clock.clone());
            options.cache_bytes = *cache_bytes;
            options.progress = housekeeping::tell_repair(clock.clone(), interrupted.clone());
            Ok(Arc::new(Redb::open(folder, options)?))
        }
    }
}

/// Room for the requests that run: streams without an end do so beside the workers.
fn flights(config: &Config, clock: &Arc<dyn Clock>, entropy: &dyn Entropy) -> Flights {
    let limits = &config.limits;
    Flights::new(limits.workers * 2, limits.worked_bytes, clock, entropy)
}

/// Spools lie beside the store, or where there is none, with the temporary files.
fn spools(config: &StorageConfig) -> Spools {
    match config {
        StorageConfig::Memory => Spools::new(std::env::temp_dir(), SPOOL_FLOOR),
        StorageConfig::Redb { folder, .. } => Spools::new(folder.as_path(), SPOOL_FLOOR),
    }
}

/// Keeps snapshots in the store's folder, where it has one.
fn precaution(config: &StorageConfig, entropy: &Arc<dyn Entropy>) -> Option<Precaution> {
    Some(Precaution::new(folder(config)?, spools(config), entropy.clone()))
}

/// The folder of the store, where it has one.
fn folder(config: &StorageConfig) -> Option<PathBuf> {
    match config {
        StorageConfig::Memory => None,
        StorageConfig::Redb { folder, .. } => folder.canonicalize().ok(),
    }
}

/// What the builtins are made of.
struct Services {
    about: About,
    unsealing: Arc<Unsealing>,
    audit: Arc<Audit>,
    storage: Arc<dyn Storage>,
    tokens: Arc<Tokens>,
    rights: Arc<Rights>,
    quotas: Arc<Quotas>,
    ttls: Ttls,
    spools: Arc<Spools>,
    snapshots: Arc<SnapshotMeters>,
    keeper: Arc<Keeper>,
    reach: Arc<Reach>,
    follower: Option<Arc<Follower>>,
    undo: Undo,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Every engine of our own, with the prefix that it answers under.
fn builtins(services: Services) -> Vec<Builtin> {
    let Services {
        about,
        unsealing,
        audit,
        storage,
        tokens,
        rights,
        quotas,
        ttls,
        spools,
        snapshots: meters,
        keeper,
        follower,
        reach,
        undo,
        clock,
        entropy,
    } = services;
    let barrier = about.barrier.clone();
    let init = sys::init::Init {
        barrier: barrier.clone(),
        clock: clock.clone(),
        tokens: tokens.clone(),
        unsealing: unsealing.clone(),
    };
    let standby = sys::standby::Standby { follower, clock: clock.clone() };
    let seal = sys::seal::Seal {
        about: about.clone(),
        unsealing,
        standby: standby.clone(),
        entropy: entropy.clone(),
    };
    let health = sys::health::Health { about, storage, audit, keeper: keeper.clone(), standby };
    let rekey = sys::rekey::RekeyService::new(
        barrier.clone(),
        clock.clone(),
        entropy.clone(),
        undo.clone(),
    );
    let keys = sys::keys::Keys { barrier: barrier.clone(), undo: undo.clone() };
    let generate_root =
        sys::generate_root::GenerateRoot::new(barrier.clone(), clock.clone(), tokens.clone());
    let loader = Loader { spools: spools.clone(), clock, entropy: entropy.clone() };
    let loads = sys::snapshot_load::Loads {
        barrier: barrier.clone(),
        loader,
        rights: rights.clone(),
        reach: reach.clone(),
        ttls,
    };
    let leases = sys::leases::Leases { tokens: tokens.clone(), barrier: barrier.clone() };
    let restoring =
        sys::restoring::Restoring { barrier, tokens: tokens.clone(), undo: undo.clone() };
    let rewind = sys::rewind::Rewind {
        restoring: restoring.clone(),
        mounts: tokens.mounts.clone(),
        meters: meters.clone(),
        reach,
    };
    let snapshots =
        sys::snapshot::Snapshots { restoring, entropy: entropy.clone(), spools, meters };
    let passwords = sys::password_policies::PasswordPolicies { entropy: entropy.clone() };
    let capabilities =
        sys::capabilities::Capabilities { tokens: tokens.clone(), rights: rights.clone() };
    let ui = sys::mounts::ui::Ui { store: tokens.mounts.clone(), rights: rights.clone() };
    let limits = sys::quotas::Service {
        quotas: quotas.clone(),
        tokens: tokens.clone(),
        mounts: tokens.mounts.clone(),
        entropy: entropy.clone(),
    };
    let mounts = sys::mounts::Mounts { store: tokens.mounts.clone(), quotas, entropy, ttls, undo };
    let policies = rights.policies.meters.clone();
    let token = sys::token::Service { tokens: tokens.clone(), rights: rights.clone(), ttls };
    vec![
        ("auth/token/", Box::new(sys::token::engine(token))),
        ("sys/", Box::new(sys::health::engine(health))),
        ("sys/", Box::new(sys::seal::engine(seal))),
        ("sys/", Box::new(sys::init::engine(init))),
        ("sys/", Box::new(sys::keys::engine(keys))),
        ("sys/", Box::new(sys::rekey::engine(rekey))),
        ("sys/", Box::new(sys::generate_root::engine(generate_root))),
        ("sys/", Box::new(sys::mounts::engine(mounts.clone()))),
        ("sys/", Box::new(sys::mounts::ui::engine(ui))),
        ("sys/", Box::new(sys::auth::engine(mounts))),
        ("sys/", Box::new(sys::quotas::engine(limits))),
        ("sys/", Box::new(sys::leases::engine(leases))),
        ("sys/", Box::new(sys::wrapping::engine(tokens))),
        ("sys/", Box::new(sys::snapshot::engine(snapshots))),
        ("sys/", Box::new(sys::snapshot_load::engine(loads))),
        ("sys/", Box::new(sys::rewind::engine(rewind))),
        ("sys/", Box::new(sys::capabilities::engine(capabilities))),
        ("sys/", Box::new(sys::policies::engine(policies))),
        ("sys/", Box::new(sys::password_policies::engine(passwords))),
    ]
}
