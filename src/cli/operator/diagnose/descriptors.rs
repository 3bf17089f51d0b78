//! May enough files and connections be open at once?

use rustix::process::{Resource, getrlimit};

use super::Subject;
use super::finding::Finding;
use crate::server;

/// Looks at the limit of the running server, or at that of this process.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let limit = match &subject.running {
        Some(server) => server.limit("Max open files"),
        // The server raises its limit as far as it goes.
        None => Some(getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)),
    };
    let limits = &subject.config.limits;
    let reserved = server::reserved_descriptors(limits.workers);
    vec![match limit {
        Some(limit) => judge(limit, reserved, limits.connections as u64),
        None => Finding::skipped("the server's limit cannot be read"),
    }]
}

fn judge(limit: u64, reserved: u64, connections: u64) -> Finding {
    let wanted = reserved.saturating_add(connections);
    let remedy = format!("raise LimitNOFILE in the unit (ulimit -n) to {wanted}");
    if limit <= reserved {
        let what =
            format!("{limit} descriptors may be open: the server needs {reserved} for itself");
        return Finding::fail(what, remedy);
    }
    if limit < wanted {
        let what = format!(
            "{limit} descriptors may be open: enough for {} connections, not for the {connections} \
             of max_connections",
            limit - reserved
        );
        return Finding::warn(what, remedy);
    }
    Finding::ok(format!("enough may be open for {connections} connections"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::judge;

    #[test]
    fn limits_are_judged_by_what_is_needed() {
        assert_eq!(judge(100, 100, 2048).status, Status::Fail);
        assert_eq!(judge(1024, 100, 2048).status, Status::Warn);
        assert_eq!(judge(u64::MAX, 100, 2048).status, Status::Ok);
    }
}
