//! Which process listens, as the kernel tells it: proc_net(5) and proc_pid_fd(5).

use std::fs;
use std::net::ToSocketAddrs;
use std::path::PathBuf;

/// A process that listens.
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// What its program is called.
    pub name: String,
}

impl Process {
    /// One that listens on the port of an address; none where that is not told to this user.
    pub fn listening(address: &str) -> Option<Self> {
        let port = address.to_socket_addrs().ok()?.next()?.port();
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
        let tables = tables.into_iter().flatten().collect::<Vec<_>>();
        let sockets = tables.iter().flat_map(|table| table.lines());
        let sockets = sockets.filter_map(|line| socket_on(line, port));
        let sockets: Vec<PathBuf> =
            sockets.map(|inode| PathBuf::from(format!("socket:[{inode}]"))).collect();
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let mut of_them = pids.filter(|pid| {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            let mut links = open.filter_map(|entry| fs::read_link(entry.path()).ok());
            links.any(|link| sockets.contains(&link))
        });
        let pid = of_them.next()?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some(Self { pid, name: name.trim_end().to_owned() })
    }

    /// Whether it is a server of ours.
    pub fn is_edgekeep(&self) -> bool {
        self.name == "edgekeep"
    }
}

/// The number of a socket that listens on a port; the others of the table are none of it.
fn socket_on(line: &str, port: u16) -> Option<&str> {
    const LISTENS: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, local, _, LISTENS, _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
    let (_, of) = local.rsplit_once(':')?;
    (u16::from_str_radix(of, 16) == Ok(port)).then_some(*inode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_listens_is_found_by_the_port() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 \
                    0        0 4711 1 0000000000000000 100 0 0 10 0";
        assert_eq!(socket_on(line, 8080), Some("4711"));
        assert_eq!(socket_on(line, 8081), None);
        assert_eq!(socket_on(&line.replace(" 0A ", " 01 "), 8080), None, "it is connected");

        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = Process::listening(&here.local_addr().unwrap().to_string()).unwrap();
        assert_eq!((found.pid, found.is_edgekeep()), (std::process::id(), false));
    }
}
