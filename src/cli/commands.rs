//! Every command, as the tree that the command line walks.

use super::command::Node;
use super::{
    audit, auth, completion, debug, delete, import, kv, lease, list, login, man, monitor,
    namespace, operator, patch, path_help, policy, print_token, promote, read, recover, restore,
    secrets, server, snapshot, status, token, unwrap, version, version_history, write,
};

/// The commands, in the order in which help lists them.
pub static COMMANDS: &[Node] = &[
    Node::leaf::<read::Read>("read"),
    Node::leaf::<write::Write>("write"),
    Node::leaf::<patch::Patch>("patch"),
    Node::leaf::<delete::Delete>("delete"),
    Node::leaf::<list::List>("list"),
    Node::leaf::<recover::Recover>("recover"),
    Node::leaf::<login::Login>("login"),
    Node::leaf::<unwrap::Unwrap>("unwrap"),
    Node::leaf::<path_help::PathHelp>("path-help"),
    Node::leaf::<server::Server>("server"),
    Node::leaf::<restore::Restore>("restore"),
    Node::leaf::<promote::Promote>("promote"),
    Node::leaf::<status::Status>("status"),
    Node::leaf::<monitor::Monitor>("monitor"),
    Node::leaf::<debug::Debug>("debug"),
    Node::Group("audit", "Work with audit devices", AUDIT),
    Node::Group("auth", "Work with auth methods", AUTH),
    Node::leaf::<completion::Completion>("completion"),
    Node::leaf::<import::Import>("import"),
    Node::Group("kv", "Work with the key/value secrets engine", KV),
    Node::Group("lease", "Work with leases", LEASE),
    Node::leaf::<man::Man>("man"),
    Node::Group("namespace", "Work with namespaces: here there is only the root", NAMESPACE),
    Node::Group("operator", "What an operator does: init, unseal, keys, snapshots", OPERATOR),
    Node::Group("policy", "Work with policies: what tokens may do", POLICY),
    Node::Group("print", "Print what the command line works with", PRINT),
    Node::Group("secrets", "Work with secrets engines", SECRETS),
    Node::Group("snapshot", "Save the store whole, and bring it back", SNAPSHOT),
    Node::Group("token", "Work with tokens: what callers show", TOKEN),
    Node::leaf::<version::Version>("version"),
    Node::leaf::<version_history::VersionHistory>("version-history"),
];

static AUDIT: &[Node] = &[
    Node::leaf::<audit::disable::Disable>("disable"),
    Node::leaf::<audit::enable::Enable>("enable"),
    Node::leaf::<audit::list::List>("list"),
];

static AUTH: &[Node] = &[
    Node::leaf::<auth::disable::Disable>("disable"),
    Node::leaf::<auth::enable::Enable>("enable"),
    Node::leaf::<auth::help::Help>("help"),
    Node::leaf::<auth::list::List>("list"),
    Node::leaf::<auth::remount::Move>("move"),
    Node::leaf::<auth::tune::Tune>("tune"),
];

static KV: &[Node] = &[
    Node::leaf::<kv::delete::Delete>("delete"),
    Node::leaf::<kv::destroy::Destroy>("destroy"),
    Node::leaf::<kv::enable_versioning::EnableVersioning>("enable-versioning"),
    Node::leaf::<kv::get::Get>("get"),
    Node::leaf::<kv::list::List>("list"),
    Node::Group("metadata", "Work with what is kept about a key: settings, versions", METADATA),
    Node::leaf::<kv::patch::Patch>("patch"),
    Node::leaf::<kv::put::Put>("put"),
    Node::leaf::<kv::rollback::Rollback>("rollback"),
    Node::leaf::<kv::undelete::Undelete>("undelete"),
];

static METADATA: &[Node] = &[
    Node::leaf::<kv::metadata::delete::Delete>("delete"),
    Node::leaf::<kv::metadata::get::Get>("get"),
    Node::leaf::<kv::metadata::patch::Patch>("patch"),
    Node::leaf::<kv::metadata::put::Put>("put"),
];

static LEASE: &[Node] = &[
    Node::leaf::<lease::lookup::Lookup>("lookup"),
    Node::leaf::<lease::renew::Renew>("renew"),
    Node::leaf::<lease::revoke::Revoke>("revoke"),
];

static NAMESPACE: &[Node] = &[Node::leaf::<namespace::list::List>("list")];

static OPERATOR: &[Node] = &[
    Node::leaf::<operator::diagnose::Diagnose>("diagnose"),
    Node::leaf::<operator::generate_root::GenerateRoot>("generate-root"),
    Node::leaf::<operator::init::Init>("init"),
    Node::leaf::<operator::key_status::KeyStatus>("key-status"),
    Node::leaf::<operator::members::Members>("members"),
    Node::Group("raft", "Snapshots and the cluster of one, under Vault's name", RAFT),
    Node::leaf::<operator::rekey::Rekey>("rekey"),
    Node::leaf::<operator::rotate::Rotate>("rotate"),
    Node::leaf::<operator::seal::Seal>("seal"),
    Node::leaf::<operator::step_down::StepDown>("step-down"),
    Node::leaf::<operator::unseal::Unseal>("unseal"),
    Node::leaf::<operator::usage::Usage>("usage"),
];

static RAFT: &[Node] = &[
    Node::Group("autopilot", "How the servers of the cluster are", AUTOPILOT),
    Node::leaf::<operator::raft::list_peers::ListPeers>("list-peers"),
    Node::Group("snapshot", "Save the store whole, and bring it back", RAFT_SNAPSHOT),
];

static AUTOPILOT: &[Node] = &[
    Node::leaf::<operator::raft::get_config::GetConfig>("get-config"),
    Node::leaf::<operator::raft::state::State>("state"),
];

static RAFT_SNAPSHOT: &[Node] = &[
    Node::leaf::<snapshot::inspect::Inspect>("inspect"),
    Node::leaf::<snapshot::load::Load>("load"),
    Node::leaf::<snapshot::restore::Restore>("restore"),
    Node::leaf::<snapshot::save::Save>("save"),
    Node::leaf::<snapshot::unload::Unload>("unload"),
];

static POLICY: &[Node] = &[
    Node::leaf::<policy::delete::Delete>("delete"),
    Node::leaf::<policy::fmt::Fmt>("fmt"),
    Node::leaf::<policy::list::List>("list"),
    Node::leaf::<policy::read::Read>("read"),
    Node::leaf::<policy::write::Write>("write"),
];

static PRINT: &[Node] = &[Node::leaf::<print_token::PrintToken>("token")];

static SECRETS: &[Node] = &[
    Node::leaf::<secrets::disable::Disable>("disable"),
    Node::leaf::<secrets::enable::Enable>("enable"),
    Node::leaf::<secrets::list::List>("list"),
    Node::leaf::<secrets::remount::Move>("move"),
    Node::leaf::<secrets::tune::Tune>("tune"),
];

static SNAPSHOT: &[Node] = &[
    Node::leaf::<snapshot::adopt::Adopt>("adopt"),
    Node::leaf::<snapshot::diff::Diff>("diff"),
    Node::leaf::<snapshot::forget::Forget>("forget"),
    Node::leaf::<snapshot::inspect::Inspect>("inspect"),
    Node::leaf::<snapshot::list::List>("list"),
    Node::leaf::<snapshot::load::Load>("load"),
    Node::leaf::<snapshot::log::Log>("log"),
    Node::leaf::<snapshot::read::Read>("read"),
    Node::leaf::<snapshot::restore::Restore>("restore"),
    Node::leaf::<snapshot::save::Save>("save"),
    Node::leaf::<snapshot::status::Status>("status"),
    Node::leaf::<snapshot::take::Take>("take"),
    Node::leaf::<snapshot::unload::Unload>("unload"),
    Node::leaf::<snapshot::verify::Verify>("verify"),
];

static TOKEN: &[Node] = &[
    Node::leaf::<token::capabilities::Capabilities>("capabilities"),
    Node::leaf::<token::create::Create>("create"),
    Node::leaf::<token::lookup::Lookup>("lookup"),
    Node::leaf::<token::renew::Renew>("renew"),
    Node::leaf::<token::revoke::Revoke>("revoke"),
];
