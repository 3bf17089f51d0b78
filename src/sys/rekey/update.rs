//! Old shares are given; the last of them makes the new ones.

use serde_json::Value;

use super::backup::Backup;
use super::{
    Rekey, RekeyService, Stage, Target, Verification, fingerprints, not_changed, shown, told,
};
use crate::api::ask::DirectAsk;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::api::strict::Strict;
use crate::barrier::journal::record::Mark;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::sys::disclosure::{self, Disclosure, disclose};
use crate::sys::shares::{Gathering, MISSING, Share, must_name, needed, refused};

/// `rekey/update`.
pub fn update(service: &RekeyService, target: Target, ask: DirectAsk) -> Outcome {
    service.must_have(target)?;
    let body = Strict::read("RekeyUpdateRequest", &ask.body)?;
    let share = Share::sent(&body, "", MISSING)?;
    let unsealed = service.unsealed()?;
    let mut held = service.on(target, &unsealed);
    let Some(rekey) = held.as_mut() else {
        return Err(Fault::bad_request(format!("no {} rekey in progress", target.name())));
    };
    must_name(body.text("Nonce")?, &rekey.nonce, "rekey")?;
    let Stage::Asking(gathering) = &mut rekey.stage else {
        let text = "the new shares are handed out already: give them to rekey/verify, or cancel";
        return Err(Fault::bad_request(text));
    };
    let required = needed(&service.barrier)?;
    let Some(key) = gathering.take(share, required, "generation")? else {
        return Ok(shown(held.as_ref(), required));
    };
    let wrong = |error| refused("failed to read root key", &error);
    key.and_then(|key| service.barrier.vouch(&unsealed, &key)).map_err(wrong)?;

    let (split, nonce) = (rekey.split, rekey.nonce.clone());
    // An automatic seal may be slow to answer, and others ask how far this is.
    drop(held);
    let prepared = service.barrier.prepare_rekey(&unsealed, split);
    let (seal, shares) = prepared.map_err(|error| refused("rekey failed", &error))?;
    let mut held = service.on(target, &unsealed);
    let asked =
        |rekey: &&mut Rekey| rekey.nonce == nonce && matches!(rekey.stage, Stage::Asking(_));
    let Some(rekey) = held.as_mut().filter(asked) else {
        return Err(Fault::bad_request(format!("no {} rekey in progress", target.name())));
    };
    let disclosure = disclose(&shares, &rekey.recipients, &*service.entropy)?;
    let backup = rekey.backup.then(|| Backup::new(&rekey.nonce, &rekey.recipients, &disclosure));
    if rekey.verify {
        let nonce = service.entropy.uuid();
        let answer = handed_out(rekey, disclosure, Some(&nonce));
        let gathering = Gathering::default();
        let verification = Verification { nonce, seal, backup, gathering };
        rekey.stage = Stage::Verifying(Box::new(verification));
        return Ok(answer);
    }
    let kept = service.undo.before(&unsealed, Mark::Rekey);
    let alongside = |txn: &mut Txn| backup.as_ref().map_or(Ok(()), |b| b.store(target, txn));
    let done = unsealed.rekey_with(&seal, alongside);
    let answer = handed_out(rekey, disclosure, None);
    done.map_err(not_changed)?;
    *held = None;
    Ok(told(answer, kept))
}

fn handed_out(rekey: &Rekey, disclosure: Disclosure, verification: Option<&str>) -> Reply {
    let mut answer = object([
        ("nonce", Value::from(rekey.nonce.as_str())),
        ("complete", true.into()),
        ("keys", disclosure::shown(disclosure.hex)),
        ("keys_base64", disclosure::shown(disclosure.base64)),
        ("pgp_fingerprints", fingerprints(&rekey.recipients)),
        ("backup", rekey.backup.into()),
        ("verification_required", rekey.verify.into()),
    ]);
    if let Some(nonce) = verification {
        answer.insert("verification_nonce".to_owned(), nonce.into());
    }
    Reply::bare(answer.into())
}
