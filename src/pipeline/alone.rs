//! Reading in a state of the store where no server answers: who has the keys may read all of it.

use serde_json::{Map, Value};

use super::dispatch;
use super::locate::{Target, view_of};
use crate::api::ask::{Ask, Verb, WrapFormat};
use crate::api::call::Caller;
use crate::api::reply::{Content, Reply};
use crate::api::request::Peer;
use crate::api::route::Outcome;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::policies;
use crate::mount::config::Ttls;
use crate::mount::store::MountStore;
use crate::mount::table::Mount;

/// Those of Vault, of which a read only tells.
pub const TTLS: Ttls = Ttls { default: 2_764_800, max: 2_764_800 };

/// Where a secret is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path, as the API has it.
    pub path: String,
    /// Where its versions are told of, if it is of kv version 2.
    pub metadata: Option<String>,
}

/// Where the secret is read that people call `path`: that of kv 2 leaves `data/` out.
pub fn place(mounts: &MountStore, txn: &mut Txn, path: &str) -> Result<Place, Fault> {
    let table = mounts.read(txn)?;
    Ok(match table.resolve(path) {
        Some((mount, below)) if mount.kind == "kv" && mount.option("version") == Some("2") => {
            let at = |area| format!("{}{area}/{below}", mount.path);
            Place { path: at("data"), metadata: Some(at("metadata")) }
        }
        _ => Place { path: path.to_owned(), metadata: None },
    })
}

/// The data of a reply; null where it has none.
pub fn data(reply: Reply) -> Value {
    match reply.content {
        Content::Data(Some(data)) | Content::DataAtTop(data) => data.into(),
        _ => Value::Null,
    }
}

/// What the engine of a mount answers to a read of `path`, with these query parameters.
pub fn read(mounts: &MountStore, txn: &mut Txn, path: &str, query: &Map<String, Value>) -> Outcome {
    let table = mounts.read(txn)?;
    let (mount, below) = table.resolve(path).ok_or_else(|| nowhere(path))?;
    read_in(mount, txn, below, query)
}

/// The same of what lies `below` a mount of that state.
pub fn read_in(mount: &Mount, txn: &mut Txn, below: &str, query: &Map<String, Value>) -> Outcome {
    let path = format!("{}{below}", mount.path);
    let engine = mount.engine().ok_or_else(|| nowhere(&path))?;
    let view = view_of(mount, TTLS);
    let target = Target::Mounted { view, id: mount.id, engine, found: engine.find(below), below };
    dispatch::run(&target, txn, &ask(&path), query, Some(&everybody()), None)
}

fn nowhere(path: &str) -> Fault {
    Fault::new(404, format!("nothing is mounted at {path}"))
}

fn ask(path: &str) -> Ask {
    Ask {
        id: String::new(),
        verb: Verb::Read,
        path: path.to_owned(),
        token: None,
        peer: Peer::default(),
        wrap_ttl: None,
        wrap_format: WrapFormat::Id,
        snapshot: None,
    }
}

fn everybody() -> Caller {
    Caller {
        accessor: String::new(),
        display_name: policies::ROOT.to_owned(),
        entity_id: String::new(),
        policies: vec![policies::ROOT.to_owned()],
        cubbyhole: String::new(),
        root: true,
        sudo: true,
    }
}
