//! What OpenSSH's client says when it ends, and what to do about it.

use super::super::TargetError;
use crate::base::said;

/// Why the session with `at` ended, by what the client said.
pub(super) fn told(at: &str, said: &str) -> TargetError {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let own = |remedy: &str| {
        let last: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = last.iter().rev().take(2).rev().copied().collect::<Vec<_>>().join(" ");
        let last = said::said(&last);
        let told = if last.is_empty() { String::new() } else { format!(" (ssh says: {last})") };
        format!("{at}: {remedy}{told}")
    };
    if has(&["IDENTIFICATION HAS CHANGED", "key has changed", "POSSIBLE DNS SPOOFING"]) {
        return TargetError::Denied(own(
            "its host key is another than known_hosts says: was it set up anew, or does somebody \
             stand in between? If it was, replace the key in known_hosts",
        ));
    }
    if has(&["Host key verification failed", "host key is known for", "No matching host key"]) {
        return TargetError::Denied(own(
            "its host key is not known: compare what `ssh-keyscan` prints with what its owner \
             says, and put that into known_hosts",
        ));
    }
    if has(&["Permission denied (", "Too many authentication failures", "Authentication failed"]) {
        return TargetError::Denied(own(
            "it does not take the key: is the public one in its authorized_keys, and can this \
             server's user alone read the private one?",
        ));
    }
    if has(&["subsystem request failed", "exec request failed"]) {
        return TargetError::Failed(own(
            "it offers no SFTP: its sshd_config needs `Subsystem sftp internal-sftp`",
        ));
    }
    if has(&["Bad configuration option", "Bad owner or permissions", "unknown option", "usage:"]) {
        return TargetError::Failed(own("the SSH client does not work as it is set up"));
    }
    TargetError::Away(own("it cannot be reached, or the connection ended"))
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn each_end_is_told_as_what_it_is() {
        for (said, kind) in [
            ("Host key verification failed.\r\n", "Denied"),
            ("b@h: Permission denied (publickey).\r\n", "Denied"),
            ("subsystem request failed on channel 0\r\n", "Failed"),
            ("ssh: connect to host h port 22: Connection refused\r\n", "Away"),
            ("ssh: Could not resolve hostname h: Name or service not known\r\n", "Away"),
            ("", "Away"),
        ] {
            let told = format!("{:?}", told("sftp://h", said));
            let whole = told.contains(said.trim());
            assert!(told.starts_with(kind) && whole, "{said}: {told}");
        }
    }
}
