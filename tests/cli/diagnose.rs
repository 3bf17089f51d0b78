//! `operator diagnose`, shown what is really broken.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::support::harness::needs_root;
use super::support::http::Client;
use super::support::hung::Hung;
use super::support::mount::Mount;
use super::support::{Server, TempDir, free_address, program};
use super::{of_nobody, text};

/// A configuration that may be right, in a folder of its own.
struct Case {
    home: TempDir,
    address: String,
}

/// What was found: each finding with its check and its status.
struct Found {
    children: Vec<(String, String, String)>,
}

impl Case {
    /// A store on disk behind a listener without TLS, which may say more.
    fn new(more: &str) -> Self {
        let case = Self { home: TempDir::new(), address: free_address() };
        let data = case.data().display().to_string();
        case.configure(&format!("storage \"redb\" {{\n  path = \"{data}\"\n}}"), more);
        case
    }

    fn configure(&self, storage: &str, listener: &str) {
        let listener = if listener.contains("tls_") {
            listener.to_owned()
        } else {
            format!("tls_disable = true\n  {listener}")
        };
        let text = format!(
            "{storage}\nlistener \"tcp\" {{\n  address = \"{}\"\n  {listener}\n}}\n",
            self.address
        );
        fs::write(self.config(), text).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.home.path().join("server.hcl")
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn file(&self) -> PathBuf {
        self.data().join("edgekeep.redb")
    }

    fn start(&self) -> Server {
        let config = format!("-config={}", self.config().display());
        Server::start(&["server", &config], self.address.clone())
    }

    /// Diagnoses it by a command that is begun so.
    fn diagnose_by(&self, mut command: Command) -> Found {
        command.args(["operator", "diagnose", "-format=json"]);
        let config = format!("-config={}", self.config().display());
        let output = command.arg(config).env("HOME", self.home.path()).output().unwrap();
        let said = text(&output.stdout);
        let tree: Value = serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{error}: {said}{}", text(&output.stderr)));
        let mut children = Vec::new();
        for check in tree["children"].as_array().unwrap() {
            for finding in check["children"].as_array().unwrap() {
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let whole = format!("{} | {}", word(&finding["message"]), word(&finding["advice"]));
                children.push((word(&check["name"]), word(&finding["status"]), whole));
            }
        }
        // What is found of the machine differs from one to the next; how it is told does not.
        let any = |status: &str| children.iter().any(|(_, is, _)| is == status);
        let exit = if any("fail") {
            1
        } else if any("warn") {
            2
        } else {
            0
        };
        assert_eq!(output.status.code(), Some(exit), "{said}");
        Found { children }
    }

    fn diagnose(&self) -> Found {
        self.diagnose_by(Command::new(program()))
    }
}

impl Found {
    /// Demands that a check found this.
    fn has(&self, check: &str, status: &str, part: &str) -> &Self {
        let fits =
            |(c, s, t): &(String, String, String)| c == check && s == status && t.contains(part);
        assert!(
            self.children.iter().any(fits),
            "no {check} {status} {part:?}: {:#?}",
            self.children
        );
        self
    }
}

/// The program, begun by a shell that says something first.
fn behind(words: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{words} && exec \"$0\" \"$@\""), program()]);
    command
}

pub fn a_store_is_seen_from_its_first_start_to_a_crash() {
    let case = Case::new("telemetry { unauthenticated_metrics_access = true }");
    let found = case.diagnose();
    found.has("storage", "ok", "is made at the first start").has("listener", "ok", "is free");
    found.has("wear", "skipped", "no server runs").has("targets", "skipped", "snapshots");
    assert!(!case.data().exists(), "nothing is made");

    let mut server = case.start();
    let running = format!("process {}", server.id());
    let (before, seen) = (fs::read(case.file()).unwrap(), fs::metadata(case.file()).unwrap());
    let found = case.diagnose();
    found.has("storage", "ok", &running).has("listener", "ok", &running);
    found.has("wear", "ok", "to the store's file since its start");
    assert_eq!(fs::read(case.file()).unwrap(), before);
    assert_eq!(fs::metadata(case.file()).unwrap().mtime_nsec(), seen.mtime_nsec());
    // It is as free to work as before.
    let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
    assert_eq!(server.client().post("sys/init", split).status, 200);

    server.kill();
    let crashed = fs::read(case.file()).unwrap();
    let found = case.diagnose();
    found.has("storage", "warn", "was not closed, by a crash or a power cut; it opens, with ");
    assert_eq!(fs::read(case.file()).unwrap(), crashed, "nothing is repaired");
}

/// What a server says that does not start with it.
fn refusal(case: &Case) -> String {
    let config = format!("-config={}", case.config().display());
    let said = Command::new(program()).args(["server", &config]).output().unwrap();
    assert!(!said.status.success(), "{}", text(&said.stdout));
    text(&said.stderr)
}

pub fn a_server_that_does_not_answer_is_no_good_one() {
    needs_root("to see whose a listener is");
    let case = Case::new("");
    let server = case.start();
    let pid = Pid::from_raw(server.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let found = case.diagnose();
    kill_process(pid, Signal::CONT).unwrap();
    found.has("listener", "warn", "does not answer in 5 s | is it stopped");
}

pub fn what_is_no_store_is_neither_waited_for_nor_begun_anew() {
    let case = Case::new("");
    stop(case.start());
    fs::remove_file(case.file()).unwrap();
    let refused = |why: &str| {
        let found = case.diagnose();
        found.has("storage", "fail", why);
        assert!(!found.children.iter().any(|(_, _, text)| text.contains("chmod")), "{why}");
        let said = refusal(&case);
        assert!(said.contains(why), "{said}");
    };
    if case.data().join("edgekeep.reserve").exists() {
        refused("there was a store in ");
        assert!(!case.file().exists());
    }
    for target in ["/none/edgekeep.redb", "/dev/zero"] {
        symlink(target, case.file()).unwrap();
        refused(if target == "/dev/zero" { "is no file" } else { "is its disk mounted?" });
        assert_eq!(fs::read_link(case.file()).unwrap(), Path::new(target));
        fs::remove_file(case.file()).unwrap();
    }
    fs::create_dir(case.file()).unwrap();
    refused("is no file");
    fs::remove_dir(case.file()).unwrap();
    mknodat(CWD, case.file(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    refused("is no file");

    fs::remove_file(case.config()).unwrap();
    mknodat(CWD, case.config(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    case.diagnose().has("configuration", "fail", "not read to its end in 5 s");
}

pub fn a_page_that_makes_no_sense_is_told_in_one_line() {
    let case = Case::new("");
    stop(case.start());
    let mut bytes = fs::read(case.file()).unwrap();
    let name = b"entries";
    let at = bytes.windows(name.len()).position(|part| part == name).unwrap();
    bytes[at - 1] = 0xff;
    fs::write(case.file(), &bytes).unwrap();
    let told = format!("{}: a page makes no sense. Move the file", case.file().display());
    case.diagnose().has("storage", "fail", &told);
    let said = refusal(&case);
    assert!(said.starts_with("the store is damaged: ") && said.contains(&told), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    let mut command = Command::new(program());
    let config = format!("-config={}", case.config().display());
    command.args(["operator", "diagnose", &config]).env("RUST_BACKTRACE", "1");
    assert_eq!(text(&command.output().unwrap().stderr), "");
}

pub fn a_store_that_was_cut_off_is_told_from_one_that_was_not_closed() {
    let case = Case::new("");
    let mut server = case.start();
    let root = initialised(&server);
    root.post("sys/mounts/kv", json!({ "type": "kv" }));
    for i in 0..40 {
        let value = "x".repeat(10_000);
        assert_eq!(root.post(&format!("kv/{i}"), json!({ "a": value })).status, 204);
    }
    server.kill();
    let crashed = fs::read(case.file()).unwrap();
    stop(case.start());
    let closed = fs::read(case.file()).unwrap();
    for (whole, status) in [(crashed, "warn"), (closed, "ok")] {
        fs::write(case.file(), &whole).unwrap();
        case.diagnose().has("storage", status, "opens, with ");
        for cut in [whole.len() / 4, whole.len() / 2] {
            let cut = &whole[..cut];
            fs::write(case.file(), cut).unwrap();
            case.diagnose().has("storage", "fail", "restore the newest snapshot");
            assert!(fs::read(case.file()).unwrap() == cut, "nothing is repaired");
            // The server says the same.
            let said = refusal(&case);
            assert!(said.contains("restore the newest snapshot"), "{said}");
        }
    }
}

/// Lets a server close its store.
fn stop(server: Server) {
    let stopped = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert!(server.wait().0);
}

/// Makes its keys and opens it: its root.
fn initialised(server: &Server) -> Client {
    let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let made = server.client().post("sys/init", split).json();
    let share = json!({ "key": made["keys_base64"][0] });
    assert_eq!(server.client().post("sys/unseal", share).status, 200);
    server.client().token(made["root_token"].as_str().unwrap())
}

pub fn a_store_that_was_closed_opens_and_a_broken_one_does_not() {
    let case = Case::new("");
    stop(case.start());
    case.diagnose().has("storage", "ok", "opens, and is not initialized yet");

    let whole = fs::read(case.file()).unwrap();
    let mut broken = whole.clone();
    broken[..64].fill(0x5a);
    fs::write(case.file(), &broken).unwrap();
    case.diagnose().has("storage", "fail", "restore the newest snapshot");
    fs::write(case.file(), b"").unwrap();
    case.diagnose().has("storage", "fail", "it is empty");

    fs::write(case.file(), &whole).unwrap();
    fs::set_permissions(case.data(), fs::Permissions::from_mode(0o755)).unwrap();
    case.diagnose().has("storage", "warn", "is open to other users (mode 0755)");
    fs::set_permissions(case.file(), fs::Permissions::from_mode(0o644)).unwrap();
    case.diagnose().has("storage", "fail", "chmod 600");
    fs::remove_file(case.data().join("edgekeep.reserve")).unwrap();
    case.diagnose().has("space", "warn", "the reserve of 4.0 MiB");
}

pub fn certificates_are_judged_by_their_dates_and_names() {
    let case = Case::new("");
    let file = |name: &str| case.home.path().join(name);
    let key = KeyPair::generate().unwrap();
    fs::write(file("key.pem"), key.serialize_pem()).unwrap();
    let certify = |from: i32, to: i32| {
        let mut params = CertificateParams::new(["gate.local".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        fs::write(file("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    };
    let memory = "storage \"inmem\" {}\napi_addr = \"https://other.local:8200\"\n";
    let [cert, private] = ["cert.pem", "key.pem"].map(|name| file(name).display().to_string());
    case.configure(memory, &format!("tls_cert_file = {cert:?}\n  tls_key_file = {private:?}"));
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();

    certify(2020, 2021);
    case.diagnose().has("certificates", "fail", "ended 2021-01-01T00:00:00Z | put a new one");
    certify(2090, 2091);
    case.diagnose().has("certificates", "fail", "begins 2090-01-01T00:00:00Z");
    certify(2020, 2090);
    let found = case.diagnose();
    found.has("certificates", "ok", "valid until 2090-01-01T00:00:00Z");
    found.has("certificates", "warn", "is not for other.local");
    found.has("configuration", "warn", "storage in memory");

    // What is no file is not read: it may never end, or never begin.
    let fifo = file("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    symlink("/dev/zero", file("zero.pem")).unwrap();
    fs::write(file("long.pem"), vec![b'x'; 3 << 20]).unwrap();
    for (odd, why) in [
        (fifo, "no file"),
        (file("zero.pem"), "no file"),
        (file("long.pem"), "it is longer than 2 MiB"),
    ] {
        let odd = odd.display().to_string();
        let ca = format!("tls_client_ca_file = {odd:?}");
        let pair = |cert: &str, key: &str| {
            format!("tls_cert_file = {cert:?}\n  tls_key_file = {key:?}\n  ")
        };
        for wrong in [pair(&odd, &private), pair(&cert, &odd), pair(&cert, &private) + &ca] {
            case.configure(memory, &wrong);
            case.diagnose().has("certificates", "fail", why);
        }
        case.configure(memory, &pair(&odd, &private));
        let config = format!("-config={}", case.config().display());
        let tested = Command::new(program()).args(["server", "-test", &config]).output().unwrap();
        let said = text(&tested.stderr);
        assert!(said.contains(why) && tested.status.code() == Some(1), "{said}");
    }
    case.configure(memory, &format!("tls_cert_file = {cert:?}\n  tls_key_file = {private:?}"));

    fs::set_permissions(&private, fs::Permissions::from_mode(0o644)).unwrap();
    case.diagnose().has("certificates", "warn", "it is open to all users (mode 0644)");
    fs::remove_file(&private).unwrap();
    case.diagnose().has("certificates", "fail", "tls_key_file");
}

pub fn an_address_is_free_or_taken_by_somebody() {
    let case = Case::new("");
    let taken = TcpListener::bind(&case.address).unwrap();
    let this = format!("process {})", std::process::id());
    case.diagnose()
        .has("listener", "fail", "another program listens")
        .has("listener", "fail", &this);
    drop(taken);

    let other = Case { home: TempDir::new(), address: case.address.clone() };
    other.configure("storage \"inmem\" {}", "");
    let server = other.start();
    case.diagnose().has("listener", "fail", "another Edgekeep listens");
    other.diagnose().has("listener", "ok", "the server, if it was started with this configuration");
    drop(server);
    fs::write(case.config(), "listener \"tcp\" {").unwrap();
    let found = case.diagnose();
    found.has("configuration", "fail", "server.hcl:").has("storage", "skipped", "no configuration");
}

pub fn a_server_that_wants_a_certificate_of_its_clients_is_known() {
    needs_root("to see whose a listener is");
    let case = Case::new("");
    let [cert, private] = ["cert.pem", "key.pem"].map(|name| case.home.path().join(name));
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["gate.local".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(&cert, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&private, key.serialize_pem()).unwrap();
    let listener = format!(
        "tls_cert_file = {cert:?}\n  tls_key_file = {private:?}\n  tls_client_ca_file = {cert:?}\n  \
         tls_require_and_verify_client_cert = true"
    );
    case.configure("storage \"inmem\" {}\ndisable_mlock = true", &listener);
    let config = format!("-config={}", case.config().display());
    let mut server = Server::spawn(&["server", &config], case.address.clone());
    server.wait_for_output("server started");
    let process = format!("an Edgekeep listens on {} (process {})", case.address, server.id());
    case.diagnose().has("listener", "ok", &process);
}

pub fn where_no_file_can_be_made_no_store_is() {
    let case = Case::new("");
    for path in ["/proc/nope", "/proc/sys/a/b", "/sys", "/dev/null"] {
        case.configure(&format!("storage \"redb\" {{\n  path = {path:?}\n}}"), "");
        case.diagnose().has("storage", "fail", path);
        let config = format!("-config={}", case.config().display());
        let tested = Command::new(program()).args(["server", "-test", &config]).output().unwrap();
        assert_eq!(tested.status.code(), Some(1), "{path}: {}", text(&tested.stdout));
    }
}

pub fn small_limits_are_found() {
    let case = Case::new("");
    case.diagnose_by(behind("ulimit -n 60")).has("descriptors", "fail", "LimitNOFILE");
    let found = case.diagnose_by(behind("ulimit -n 1024"));
    found.has("descriptors", "warn", "connections, not for the 2048 of max_connections");
    let found = case.diagnose_by(behind("ulimit -l 0"));
    let locked = found.children.iter().find(|(check, ..)| check == "memory").unwrap();
    assert!(matches!(locked.1.as_str(), "warn" | "fail"), "{locked:?}");
    assert!(locked.2.contains("LimitMEMLOCK"), "{locked:?}");
}

pub fn a_full_disk_and_a_store_in_memory_are_found() {
    let mount = Mount::new("tmpfs", "none", "size=32m");
    let case = Case::new("");
    let path = mount.path().display().to_string();
    case.configure(&format!("storage \"redb\" {{\n  path = \"{path}\"\n}}"), "");
    let server = case.start();
    drop(server);
    mount.fill(1 << 20);
    let found = case.diagnose();
    found.has("space", "fail", "below 16.0 MiB all writes are refused");
    found.has("storage", "warn", "lies in memory");
}

pub fn a_user_who_may_not_look_is_told_so() {
    let case = Case::new("");
    drop(case.start());
    let command = of_nobody(Command::new(program()));
    let found = case.diagnose_by(command);
    found.has("storage", "warn", "cannot be looked at by this user | run this as root");
}

pub fn people_get_a_table() {
    let case = Case::new("");
    let config = format!("-config={}", case.config().display());
    let words = ["operator", "diagnose", &config, "-skip=systemd", "-skip=memory", "-skip=wear"];
    let words = [&words[..], &["-skip", "space", "-skip=descriptors", "-skip=entropy"]].concat();
    let output = Command::new(program()).args(words).output().unwrap();
    let said = text(&output.stdout);
    assert!(said.starts_with("Check           Status     Finding\n"), "{said}");
    assert!(said.contains("\nwear            skipped    left out, by -skip\n"), "{said}");
    assert!(said.ends_with("\nAll is well.\n"), "{said}");
    assert!(!said.contains('\x1b'), "no colours where no terminal is: {said}");
    assert_eq!(output.status.code(), Some(0));
}

pub fn a_folder_that_hangs_is_told_and_holds_up_nothing_else() {
    let case = Case::new("");
    let folders = ["hangs", "well"].map(|name| case.home.path().join(name));
    let targets = folders.each_ref().map(|folder| {
        fs::create_dir(folder).unwrap();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let place = folder.display();
        format!(
            "snapshot \"{name}\" {{\n  type = \"file\"\n  path_prefix = \"{place}\"\n  \
             interval = \"24h\"\n}}\n"
        )
    });
    let text = fs::read_to_string(case.config()).unwrap() + &targets.concat();
    fs::write(case.config(), text).unwrap();
    let hung = Hung::over(&folders[0]);
    let found = hung.holds_up_not("a diagnosis", || case.diagnose());
    found.has("targets", "warn", "hangs: it has not answered for ");
    found.has("targets", "ok", "well: it holds 0 files");
}

pub fn a_file_of_authorities_that_hangs_is_told() {
    let case = Case::new("");
    let folder = case.home.path().join("hangs");
    fs::create_dir(&folder).unwrap();
    let ca_cert = folder.join("ca.pem");
    let target = |name: &str, more: &str| {
        let url = format!("https://127.0.0.1:9/{name}");
        format!(
            "snapshot \"{name}\" {{\n  type = \"http\"\n  interval = \"24h\"\n  \
             http_url = \"{url}\"\n{more}}}\n"
        )
    };
    let hangs = target("hangs", &format!("  ca_cert = \"{}\"\n", ca_cert.display()));
    let text = fs::read_to_string(case.config()).unwrap() + &hangs + &target("off", "");
    fs::write(case.config(), text).unwrap();
    let hung = Hung::over(&folder);
    let found = hung.holds_up_not("a diagnosis", || case.diagnose());
    found.has("targets", "warn", &format!("hangs: {} could not be read in ", ca_cert.display()));
    found.has("targets", "warn", "off: nobody listens at https://127.0.0.1:9/off");
}

pub fn a_folder_of_the_store_that_hangs_is_told() {
    let case = Case::new("");
    fs::create_dir(case.data()).unwrap();
    let hung = Hung::over(&case.data());
    let found = hung.holds_up_not("a diagnosis", || case.diagnose());
    found.has("configuration", "fail", "see whether the folder of the store answers");
}
