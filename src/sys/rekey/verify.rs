//! New shares are given back before they are in force.

use serde_json::json;

use super::{Rekey, RekeyService, Stage, Target, not_changed, told};
use crate::api::ask::DirectAsk;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::api::strict::Strict;
use crate::barrier::UnsealError;
use crate::barrier::journal::record::Mark;
use crate::base::fault::Fault;
use crate::sys::shares::{Gathering, MISSING, Share, must_name};

/// GET.
pub fn status(service: &RekeyService, target: Target, _: DirectAsk) -> Outcome {
    service.must_have(target)?;
    let unsealed = service.unsealed()?;
    let held = service.on(target, &unsealed);
    Ok(shown(held.as_ref().ok_or_else(nothing_begun)?))
}

/// DELETE: the shares given back so far are forgotten.
pub fn restart(service: &RekeyService, target: Target, _: DirectAsk) -> Outcome {
    service.must_have(target)?;
    let unsealed = service.unsealed()?;
    let mut held = service.on(target, &unsealed);
    let rekey = held.as_mut().ok_or_else(nothing_begun)?;
    let nonce = service.entropy.uuid();
    if let Stage::Verifying(verification) = &mut rekey.stage {
        verification.gathering = Gathering::default();
        verification.nonce.clone_from(&nonce);
    }
    let mut answer = progress(rekey);
    // Vault shows a new nonce even where no verification has begun.
    answer["nonce"] = nonce.into();
    Ok(Reply::bare(answer))
}

/// PUT and POST.
pub fn update(service: &RekeyService, target: Target, ask: DirectAsk) -> Outcome {
    service.must_have(target)?;
    let body = Strict::read("RekeyVerificationUpdateRequest", &ask.body)?;
    let share = Share::sent(&body, "", MISSING)?;
    let unsealed = service.unsealed()?;
    let mut held = service.on(target, &unsealed);
    let Some(rekey) = held.as_mut() else {
        return Err(Fault::bad_request("no rekey in progress"));
    };
    let needed = rekey.split.threshold();
    let Stage::Verifying(verification) = &mut rekey.stage else {
        return Err(Fault::bad_request("no rekey verification in progress"));
    };
    must_name(body.text("nonce")?, &verification.nonce, "verify")?;
    let Some(key) = verification.gathering.take(share, needed, "verify")? else {
        return Ok(shown(rekey));
    };
    if key.and_then(|key| verification.seal.record().open_by_people(&key)).is_err() {
        verification.nonce = service.entropy.uuid();
        let text = "rekey verification failed; incorrect key shares supplied";
        return Err(Fault::bad_request(text));
    }
    let kept = service.undo.before(&unsealed, Mark::Rekey);
    let done = unsealed.rekey_with(&verification.seal, |txn| {
        verification.backup.as_ref().map_or(Ok(()), |b| b.store(target, txn))
    });
    let answer = json!({ "nonce": verification.nonce, "complete": true });
    if matches!(done, Ok(()) | Err(UnsealError::Overtaken)) {
        // Overtaken, these shares will never open anything.
        *held = None;
    }
    done.map_err(not_changed)?;
    Ok(told(Reply::bare(answer), kept))
}

fn shown(rekey: &Rekey) -> Reply {
    Reply::bare(progress(rekey))
}

fn progress(rekey: &Rekey) -> serde_json::Value {
    let verification = match &rekey.stage {
        Stage::Asking(_) => None,
        Stage::Verifying(verification) => Some(verification),
    };
    json!({
        "nonce": verification.map_or("", |verification| &verification.nonce),
        "started": verification.is_some(),
        "t": rekey.split.threshold(),
        "n": rekey.split.shares(),
        "progress": verification.map_or(0, |verification| verification.gathering.progress()),
    })
}

fn nothing_begun() -> Fault {
    Fault::bad_request("no rekey configuration found")
}
