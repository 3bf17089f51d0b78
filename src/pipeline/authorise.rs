//! Whether the sender may do it.

use serde_json::{Map, Value};

use super::rights::Sender;
use crate::api::ask::{Ask, Verb};
use crate::api::call::Caller;
use crate::api::route::Access;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::policy::acl::Question;
use crate::policy::capability::Capability;

/// Refuses who may not do it; says who does it, as an engine may see them.
///
/// `exists` tells whether a write updates what is there, `data` what was sent; each is asked for
/// only where the answer hangs on it.
pub fn check<'d>(
    txn: &mut Txn,
    ask: &Ask,
    sender: Option<&Sender>,
    access: Access,
    exists: impl FnOnce(&mut Txn, &Caller) -> Result<bool, Fault>,
    data: impl FnOnce() -> Result<&'d Map<String, Value>, Fault>,
) -> Result<Option<Caller>, Fault> {
    if matches!(access, Access::Sealed | Access::Unauthenticated | Access::Guest) {
        return Ok(sender.map(caller));
    }
    let sender = sender.ok_or_else(Fault::denied)?;
    let mut caller = caller(sender);
    let capability = match ask.verb {
        // Whoever has a token may ask what there is.
        Verb::Help => return Ok(Some(caller)),
        // No policy gives a verb that nothing answers.
        Verb::Probe if caller.root => return Ok(Some(caller)),
        Verb::Probe => return Err(Fault::refused()),
        Verb::Read => Capability::Read,
        Verb::List => Capability::List,
        Verb::Patch => Capability::Patch,
        Verb::Delete => Capability::Delete,
        Verb::Recover => Capability::Recover,
        Verb::Write if caller.root || exists(txn, &caller)? => Capability::Update,
        Verb::Write => Capability::Create,
    };
    let question = Question { capability, path: &ask.path, wrap_ttl: ask.wrap_ttl };
    let decision = sender.acl.check(&question, data)?;
    let wants_sudo = matches!(access, Access::Sudo | Access::SudoUnlessSealed);
    if !decision.allowed || wants_sudo && !decision.sudo {
        return Err(Fault::refused());
    }
    caller.sudo = decision.sudo;
    Ok(Some(caller))
}

fn caller(sender: &Sender) -> Caller {
    let token = &sender.found.token;
    Caller {
        accessor: token.accessor.clone(),
        display_name: token.display_name.clone(),
        entity_id: token.entity_id.clone(),
        policies: sender.policies(),
        cubbyhole: token.cubbyhole.clone(),
        root: sender.acl.is_root(),
        sudo: false,
    }
}
