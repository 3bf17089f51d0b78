//! A snapshot's file, made of its parts by somebody who has no keys.

use edgekeep::base::clock::Timestamp;
use edgekeep::base::digest::sha256;
use edgekeep::snapshot::format::archive::Writer;
use edgekeep::snapshot::format::meta::Meta;
use edgekeep::snapshot::format::{member, sha256sums};

/// The file of these, with sums that are right; what vouches for the sums is as it was.
pub fn archive(meta: &Meta, state: &[u8], sealed: &[u8]) -> Vec<u8> {
    let meta = meta.encode();
    let sums = sha256sums(&sha256(&meta), &sha256(state));
    let members = [
        (member::META, &meta[..]),
        (member::STATE, state),
        (member::SUMS, &sums),
        (member::SEALED, sealed),
    ];
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, Timestamp::EPOCH).unwrap();
    for (name, mut content) in members {
        writer.member(name, content.len() as u64, &mut content).unwrap();
    }
    writer.finish().unwrap();
    file
}
