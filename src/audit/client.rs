//! Whom Vault counts as one client.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::digest::sha256;

/// By which Vault knows the client that a token is of: the entity, or a digest of what tokens
/// without one have in common, their policies.
pub fn client_id<'a>(entity_id: &str, policies: impl IntoIterator<Item = &'a str>) -> String {
    if !entity_id.is_empty() {
        return entity_id.to_owned();
    }
    let mut policies: Vec<&str> = policies.into_iter().collect();
    policies.sort_unstable();
    let input = format!("{}\0root", policies.join("\x7f"));
    STANDARD.encode(sha256(input.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_an_entity_is_known_by_its_policies() {
        for (entity_id, policies, known) in [
            (
                "",
                &["surf-admin", "default", "sudo"][..],
                "PWa2+llmKWwgQ1Fjaxmh5/v+qc+EntehUSliX0+67DY=",
            ),
            ("", &["root"], "0DHqvq2D77kL2/JTPSZkTMJbkFVmUu0TzMi0jiXcFy8="),
            ("an entity", &["default"], "an entity"),
        ] {
            assert_eq!(client_id(entity_id, policies.iter().copied()), known);
        }
    }
}
