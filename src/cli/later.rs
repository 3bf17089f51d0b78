//! Vault's commands that are not there, and why.

/// The words of a command that has nothing to act on, and why that is so.
const IDLE: &[(&[&str], &str)] = &[
    (&["agent"], "comes later: until then let programs ask the server themselves"),
    (&["events"], "comes later: `edgekeep monitor` streams the log"),
    (&["namespace", "create"], ONE),
    (&["namespace", "delete"], ONE),
    (&["namespace", "lock"], ONE),
    (&["namespace", "lookup"], ONE),
    (&["namespace", "patch"], ONE),
    (&["namespace", "unlock"], ONE),
    (&["operator", "migrate"], MIGRATE),
    (&["operator", "raft", "autopilot", "set-config"], ALONE),
    (&["operator", "raft", "join"], ALONE),
    (&["operator", "raft", "remove-peer"], ALONE),
    (
        &["operator", "raft", "snapshot-agent"],
        "is not needed: snapshots go by themselves to the targets that the configuration declares, \
         and `edgekeep snapshot status` tells of them",
    ),
    (&["pki"], "comes later, with the secrets engine pki"),
    (&["plugin"], "has nothing to manage: all engines and methods are built in"),
    (&["proxy"], "comes later: until then let programs ask the server themselves"),
    (&["ssh"], "comes later, with the secrets engine ssh"),
    (&["transit"], "comes later, with the secrets engine transit"),
];

const ALONE: &str = "has nothing to act on: there is one server, which has no peers";
const ONE: &str = "has nothing to act on: there is only the root namespace. Keep apart by mounts \
                   and policies";
const MIGRATE: &str = "reads no store of Vault's: what lies there opens with Vault's own keys \
                       alone. Start that Vault again, and take from it with `edgekeep import`";

/// Types of Vault's secrets engines that are not there yet.
pub const ENGINES: &[&str] = &["database", "pki", "ssh", "totp", "transit"];
/// Types of Vault's auth methods that are not there yet.
pub const METHODS: &[&str] = &["cert", "jwt", "kubernetes", "ldap", "oidc"];

/// The next words of such commands that begin so.
pub fn behind<'a>(words: &'a [&'a str]) -> impl Iterator<Item = &'static str> + 'a {
    let begun = IDLE.iter().filter(move |(command, _)| command.starts_with(words));
    begun.filter_map(move |(command, _)| command.get(words.len()).copied())
}

/// What to say of such a command, or of the word that several of them begin with.
pub fn told(words: &[&str]) -> Option<String> {
    if words.is_empty() {
        return None;
    }
    let begun = |command: &[&str]| command.iter().zip(words).all(|(word, given)| word == given);
    let idle = IDLE.iter().filter(|(command, _)| begun(command));
    let idle = idle.map(|(command, why)| format!("`edgekeep {}` {why}", command.join(" ")));
    let lines: Vec<_> = idle.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_command_is_answered_for_and_a_group_with_all() {
        let said = |line: &str| told(&line.split_whitespace().collect::<Vec<_>>());
        let plugin =
            "`edgekeep plugin` has nothing to manage: all engines and methods are built in";
        assert_eq!(said("plugin register -sha256=x").as_deref(), Some(plugin));
        assert_eq!(said("operator raft").map(|all| all.lines().count()), Some(4));
        assert_eq!(said("operator raft frob"), None);
        assert_eq!(said("kv get"), None);
        assert_eq!(said(""), None);
    }
}
