//! `sys/mounts` and `sys/remount`: which engines are mounted where.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo, Fields};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::engines;
use crate::mount::config::{MountConfig, Ttls, Visibility};
use crate::mount::gone::gone;
use crate::mount::purge;
use crate::mount::store::MountStore;
use crate::mount::table::{Mount, MountTable};

/// What these endpoints are given.
pub struct Mounts {
    /// Reads and changes the table.
    pub store: Arc<MountStore>,
    /// For ids.
    pub entropy: Arc<dyn Entropy>,
    /// The system's TTLs.
    pub ttls: Ttls,
}

/// The endpoints with their service.
pub fn engine(service: Mounts) -> Bound<Mounts> {
    Bound::new("What is mounted where.", ROUTES, service)
}

const PATH: Field<String> = Field::new("path", "Where to mount, or what is mounted.");
const TYPE: Field<String> = Field::new("type", "The engine's type, such as kv.");
const DESCRIPTION: Field<String> = Field::new("description", "Free text.");
const OPTIONS: Field<Option<Map<String, Value>>> =
    Field::new("options", "The engine's options, such as version for kv.");
const CONFIG: Field<Option<Map<String, Value>>> =
    Field::new("config", "TTLs, listing_visibility and the like.");
const LOCAL: Field<bool> = Field::new("local", "Accepted; there is no replication.");
const SEAL_WRAP: Field<bool> = Field::new("seal_wrap", "Accepted; everything is sealed.");
const EXTERNAL_ENTROPY: Field<bool> =
    Field::new("external_entropy_access", "Accepted; there is no entropy augmentation.");
const DEFAULT_TTL: Field<String> =
    Field::new("default_lease_ttl", "Seconds or a duration; empty for the system's.");
const MAX_TTL: Field<String> =
    Field::new("max_lease_ttl", "Seconds or a duration; empty for the system's.");
const VISIBILITY: Field<String> = Field::new("listing_visibility", "unauth, hidden or empty.");
const REQUEST_HEADERS: Field<Vec<String>> =
    Field::new("passthrough_request_headers", "Accepted; engines are shown no headers.");
const RESPONSE_HEADERS: Field<Vec<String>> =
    Field::new("allowed_response_headers", "Accepted; engines set no headers.");
const REQUEST_KEYS: Field<Vec<String>> =
    Field::new("audit_non_hmac_request_keys", "Accepted; there are no audit devices.");
const RESPONSE_KEYS: Field<Vec<String>> =
    Field::new("audit_non_hmac_response_keys", "Accepted; there are no audit devices.");
const FROM: Field<String> = Field::new("from", "Where the engine is mounted.");
const TO: Field<String> = Field::new("to", "Where it is to be.");

/// What a mount's configuration has of lists.
const LISTS: [&Field<Vec<String>>; 4] =
    [&REQUEST_HEADERS, &RESPONSE_HEADERS, &REQUEST_KEYS, &RESPONSE_KEYS];

const ROUTES: &[Route<Mounts>] = &[
    Route {
        path: "mounts",
        synopsis: "List the mounted engines.",
        description: "Each mount's path with its type, options and configuration.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "List all mounts.", list)],
    },
    Route {
        path: "mounts/{path..}",
        synopsis: "Mount, read, tune or unmount an engine.",
        description: "PATH/tune reads and changes a mount's configuration.",
        fields: &[
            &PATH.info,
            &TYPE.info,
            &DESCRIPTION.info,
            &OPTIONS.info,
            &CONFIG.info,
            &LOCAL.info,
            &SEAL_WRAP.info,
            &EXTERNAL_ENTROPY.info,
            &DEFAULT_TTL.info,
            &MAX_TTL.info,
            &VISIBILITY.info,
            &REQUEST_HEADERS.info,
            &RESPONSE_HEADERS.info,
            &REQUEST_KEYS.info,
            &RESPONSE_KEYS.info,
        ],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read a mount or its configuration.", read),
            Operation::system(Verb::Write, "Mount an engine or tune it.", write),
            Operation::system(Verb::Delete, "Unmount an engine and delete its data.", unmount),
        ],
    },
    Route {
        path: "remount",
        synopsis: "Move a mount to another path.",
        description: "Its data stays where it is; policies keep the old path.",
        fields: &[&FROM.info, &TO.info],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::Write, "Move a mount.", remount)],
    },
    Route {
        path: "internal/ui/mounts",
        synopsis: "The mounts that the caller may see.",
        description: "Used by the command line and the web interface.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "List visible mounts.", ui_list)],
    },
    Route {
        path: "internal/ui/mounts/{path..}",
        synopsis: "The mount that a path is in.",
        description: "Used by the command line to find a kv mount and its version.",
        fields: &[&PATH.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Find a path's mount.", ui_read)],
    },
];

fn list(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let table = mounts.store.read(call.txn)?;
    let secrets = table.iter().filter(|mount| !mount.is_auth());
    Ok(Reply::data_at_top(secrets.map(|m| (m.path.clone(), shown(m).into())).collect()))
}

fn read(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let path = call.fields.need(&PATH)?.trim_end_matches('/');
    let table = mounts.store.read(call.txn)?;
    if let Some(path) = path.strip_suffix("/tune").filter(|_| !call.path.ends_with('/')) {
        let mount = find(&table, path)?;
        return Ok(Reply::data_at_top(mounts.tuning(mount)));
    }
    let (mount, _) = table.resolve(path).ok_or_else(|| no_mount(path))?;
    Ok(Reply::data_at_top(shown(mount)))
}

fn write(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let path = call.fields.need(&PATH)?.clone();
    match path.strip_suffix("/tune") {
        Some(path) => tune(mounts, call, path),
        None => mount(mounts, call, &path),
    }
}

fn mount(mounts: &Mounts, call: &mut SystemCall<'_>, path: &str) -> Outcome {
    let mount = mounts.wanted(path, call.fields)?;
    if let Some(other) = mounts.store.read(call.txn)?.conflict(&mount.path) {
        return Err(Fault::bad_request(format!("path is already in use at {}", other.path)));
    }
    mounts.store.put(call.txn, mount)?;
    Ok(Reply::nothing())
}

fn tune(mounts: &Mounts, call: &mut SystemCall<'_>, path: &str) -> Outcome {
    let mut mount = find(&*mounts.store.read(call.txn)?, path)?.clone();
    if is_fixed(&mount.path) {
        return Err(Fault::bad_request(format!("cannot tune {:?}", mount.path)));
    }
    let mut reply = Reply::nothing();
    let mut config = Map::new();
    let single = [&DEFAULT_TTL, &MAX_TTL, &VISIBILITY].map(|field| field.info.name);
    for name in single.into_iter().chain(LISTS.map(|list| list.info.name)) {
        config.extend(call.data.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    mounts.configure(&mut mount.config, &config)?;
    if let Some(description) = call.fields.get(&DESCRIPTION) {
        mount.description.clone_from(description);
    }
    if let Some(sent) = call.fields.get(&OPTIONS).cloned().flatten() {
        let mut sent = texts(&sent);
        if let Some(wanted) = sent.get_mut("version") {
            let before = version_of(&mount);
            let after = wanted_version(wanted, before)?;
            if mount.kind != "kv" && after != before {
                let text = format!("a mount of type {:?} has no versions", mount.kind);
                return Err(Fault::bad_request(text));
            }
            // Engines are found by this text, however the number was written.
            *wanted = after.to_string();
            if after != before {
                reply = reply.warn(format!(
                    "Upgrading mount from version {before} to version {after}. This mount will be \
                     unavailable for a brief period and will resume service shortly."
                ));
            }
            if after == 2 && before < 2 {
                engines::kv2::upgrade(&mut call.txn.scope(mount.id))?;
            }
        }
        mount.options.get_or_insert_default().extend(sent);
    }
    mounts.store.put(call.txn, mount)?;
    Ok(reply)
}

fn unmount(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let path = format!("{}/", call.fields.need(&PATH)?.trim_matches('/'));
    if is_fixed(&path) {
        return Err(Fault::bad_request(format!("cannot unmount {path:?}")));
    }
    if let Some(mount) = mounts.store.read(call.txn)?.at(&path) {
        mounts.store.remove(call.txn, mount.id)?;
        purge::note(call.txn, mount.id)?;
        gone(call.txn, mount)?;
    }
    Ok(Reply::nothing())
}

fn remount(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let from = format!("{}/", call.fields.need(&FROM)?.trim_matches('/'));
    let to = format!("{}/", call.fields.need(&TO)?.trim_matches('/'));
    let refused = is_fixed(&from).then_some(&from);
    let refused = refused.or_else(|| (is_fixed(&to) || !can_be_reached(&to)).then_some(&to));
    if let Some(path) = refused {
        return Err(Fault::bad_request(format!("cannot remount {path:?}")));
    }
    let table = mounts.store.read(call.txn)?;
    let Some(mount) = table.at(&from) else {
        return Err(Fault::bad_request(format!("no matching mount at {from:?}")));
    };
    if let Some(other) = table.conflict(&to) {
        return Err(Fault::bad_request(format!("path already in use at {:?}", other.path)));
    }
    gone(call.txn, mount)?;
    mounts.store.put(call.txn, Mount { path: to, ..mount.clone() })?;
    Ok(Reply::nothing())
}

fn ui_list(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let table = mounts.store.read(call.txn)?;
    let (auth, secret): (Vec<_>, Vec<_>) = table.iter().partition(|mount| mount.is_auth());
    let list = |mounts: Vec<&Mount>| {
        let shown = mounts.into_iter().map(|m| (m.listed_path().to_owned(), shown(m).into()));
        Value::Object(shown.collect())
    };
    Ok(Reply::data(object([("auth", list(auth)), ("secret", list(secret))])))
}

fn ui_read(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let path = call.fields.need(&PATH)?;
    let table = mounts.store.read(call.txn)?;
    let (mount, _) = table.resolve(path).ok_or_else(|| {
        Fault::new(
            403,
            format!(
                "preflight capability check returned 403, please ensure client's \
                                 policies grant access to path \"{path}/\""
            ),
        )
    })?;
    let mut data = shown(mount);
    data.insert("path".into(), mount.listed_path().into());
    Ok(Reply::data(data))
}

impl Mounts {
    /// The mount that is asked for, checked by itself.
    fn wanted(&self, path: &str, fields: &Fields) -> Result<Mount, Fault> {
        let path = format!("{}/", path.trim_matches('/'));
        let kind = fields.get(&TYPE).map_or("", String::as_str);
        if kind.is_empty() {
            return Err(Fault::bad_request("backend type must be specified as a string"));
        }
        if matches!(kind, "cubbyhole" | "identity" | "system" | "token") {
            let text = format!("mount type of {kind:?} is not mountable");
            return Err(Fault::bad_request(text));
        }
        let mut options = match fields.get(&OPTIONS) {
            None => Some(BTreeMap::new()),
            Some(None) => None,
            Some(Some(sent)) => Some(texts(sent)),
        };
        // `kv-v2` is Vault's short name for kv with version 2; kv's v1 was once called generic.
        let kind = match kind {
            "kv-v1" | "kv-v2" => {
                let version = kind.trim_start_matches("kv-v").to_owned();
                options.get_or_insert_default().insert("version".to_owned(), version);
                "kv"
            }
            other => other,
        };
        let version = options.as_ref().and_then(|options| options.get("version"));
        if engines::engine(kind, version.map(String::as_str)).is_none() {
            let text = match engines::engine(kind, None) {
                Some(_) => format!("nil backend of type {kind:?} returned from factory"),
                None => format!("plugin not found in the catalog: {kind}"),
            };
            return Err(Fault::bad_request(text));
        }
        let description = fields.get(&DESCRIPTION).map_or("", String::as_str);
        let mut mount = Mount::new(&path, kind, description, &*self.entropy);
        mount.options = options;
        mount.local = fields.get(&LOCAL).copied().unwrap_or_default();
        mount.seal_wrap = fields.get(&SEAL_WRAP).copied().unwrap_or_default();
        mount.external_entropy_access = fields.get(&EXTERNAL_ENTROPY).copied().unwrap_or_default();
        let config = fields.get(&CONFIG).cloned().flatten().unwrap_or_default();
        self.configure(&mut mount.config, &config)?;
        if !can_be_reached(&path) {
            return Err(Fault::bad_request(format!("cannot mount {path:?}")));
        }
        Ok(mount)
    }

    /// Puts what was sent into a mount's configuration.
    fn configure(&self, config: &mut MountConfig, sent: &Map<String, Value>) -> Result<(), Fault> {
        let ttls = [
            ("default_lease_ttl", "default", &mut config.default_lease_ttl),
            ("max_lease_ttl", "max", &mut config.max_lease_ttl),
        ];
        for (name, said, place) in ttls {
            let Some(value) = sent.get(name) else { continue };
            let text = golang::display(value);
            let bad = |why: String| {
                Fault::bad_request(format!("unable to parse {said} TTL of {text}: {why}"))
            };
            let ttl = match text.as_str() {
                "" | "system" | "<nil>" => Ttl::default(),
                text => Ttl::parse(text).map_err(|error| bad(error.to_string()))?,
            };
            let negative = || bad("it cannot be negative".to_owned());
            *place = u64::try_from(ttl.as_secs()).map_err(|_| negative())?;
        }
        let (default, max) = (config.default_lease_ttl, config.max_lease_ttl);
        if max != 0 && default > max {
            let text = "given default lease TTL greater than given max lease TTL";
            return Err(Fault::bad_request(text));
        }
        if max == 0 && default > self.ttls.max {
            return Err(Fault::bad_request(format!(
                "given default lease TTL greater than system max lease TTL of {}",
                self.ttls.max
            )));
        }
        if let Some(flag) = sent.get("force_no_cache").and_then(Value::as_bool) {
            config.force_no_cache = flag;
        }
        if let Some(visibility) = sent.get("listing_visibility") {
            let text = golang::display(visibility);
            let bad = || Fault::bad_request(format!("invalid listing_visibility {text}"));
            config.listing_visibility = Visibility::named(&text).ok_or_else(bad)?;
        }
        let infos: [&FieldInfo; 4] = LISTS.map(|list| &list.info);
        let lists = Fields::convert(&infos, |name| sent.get(name).map(Cow::Borrowed));
        let lists = lists.map_err(|error| Fault::bad_request(error.to_string()))?;
        let places = [
            &mut config.passthrough_request_headers,
            &mut config.allowed_response_headers,
            &mut config.audit_non_hmac_request_keys,
            &mut config.audit_non_hmac_response_keys,
        ];
        for (list, place) in LISTS.into_iter().zip(places) {
            if let Some(items) = lists.get(list) {
                place.clone_from(items);
            }
        }
        Ok(())
    }

    fn tuning(&self, mount: &Mount) -> Map<String, Value> {
        let mut data = config(mount);
        let Ttls { default, max } = mount.ttls(self.ttls);
        data.insert("default_lease_ttl".into(), default.into());
        data.insert("max_lease_ttl".into(), max.into());
        data.insert("description".into(), mount.description.clone().into());
        if let Some(options) = &mount.options {
            data.insert("options".into(), json!(options));
        }
        data
    }
}

/// A mount's configuration as clients see it: what is not set is left out.
fn config(mount: &Mount) -> Map<String, Value> {
    let MountConfig { default_lease_ttl, max_lease_ttl, force_no_cache, .. } = mount.config;
    let mut shown = object([
        ("default_lease_ttl", default_lease_ttl.into()),
        ("max_lease_ttl", max_lease_ttl.into()),
        ("force_no_cache", force_no_cache.into()),
    ]);
    let config = &mount.config;
    let mut texts = vec![("listing_visibility", config.listing_visibility.as_str())];
    texts.extend(mount.is_auth().then_some(("token_type", config.token_type.as_str())));
    let lists = [
        ("passthrough_request_headers", &config.passthrough_request_headers),
        ("allowed_response_headers", &config.allowed_response_headers),
        ("audit_non_hmac_request_keys", &config.audit_non_hmac_request_keys),
        ("audit_non_hmac_response_keys", &config.audit_non_hmac_response_keys),
        ("allowed_managed_keys", &config.allowed_managed_keys),
    ];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    shown.extend(texts.map(|(name, text)| (name.to_owned(), text.into())));
    shown.extend(lists.map(|(name, list)| (name.to_owned(), json!(list))));
    shown
}

/// A mount as clients see it.
fn shown(mount: &Mount) -> Map<String, Value> {
    object([
        ("accessor", json!(mount.accessor)),
        ("config", config(mount).into()),
        ("description", json!(mount.description)),
        ("external_entropy_access", json!(mount.external_entropy_access)),
        ("local", json!(mount.local)),
        ("options", json!(mount.options)),
        ("seal_wrap", json!(mount.seal_wrap)),
        ("type", json!(mount.kind)),
        ("uuid", json!(mount.uuid)),
    ])
}

fn find<'t>(table: &'t MountTable, path: &str) -> Result<&'t Mount, Fault> {
    let path = format!("{}/", path.trim_matches('/'));
    table.at(&path).ok_or_else(|| no_mount(&path))
}

/// Whether requests to a mount at `path` would arrive there: the gate redirects or refuses other
/// paths, and `tune` is a word of `sys/mounts`.
fn can_be_reached(path: &str) -> bool {
    let inner = path.strip_suffix('/').unwrap_or(path);
    let clean = inner.split('/').all(|segment| {
        !matches!(segment, "" | "." | "..") && segment.chars().all(golang::is_printable)
    });
    clean && !path.starts_with("auth/") && !inner.ends_with("/tune")
}

fn no_mount(path: &str) -> Fault {
    let path = path.trim_end_matches('/');
    Fault::bad_request(format!("No secret engine mount at {path}/"))
}

/// The mounts that every store has.
fn is_fixed(path: &str) -> bool {
    ["sys/", "identity/", "cubbyhole/", "auth/"].iter().any(|fixed| path.starts_with(fixed))
}

fn texts(map: &Map<String, Value>) -> BTreeMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), golang::display(value))).collect()
}

fn version_of(mount: &Mount) -> i64 {
    let version = mount.options.as_ref().and_then(|options| options.get("version"));
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

fn wanted_version(text: &str, before: i64) -> Result<i64, Fault> {
    let wanted = match text {
        "" => 0,
        text => golang::parse_int(text)
            .map_err(|error| Fault::bad_request(format!("unable to parse options: {error}")))?,
    };
    if !(1..=2).contains(&wanted) {
        return Err(Fault::bad_request(format!("invalid version provided: {wanted}")));
    }
    if wanted < before {
        return Err(Fault::bad_request(format!("cannot downgrade mount from version {before}")));
    }
    Ok(wanted)
}
