//! Is there a unit, is it started with the machine, and does it keep the server confined?

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::Finding;

const UNIT: &str = "edgekeep.service";

/// Where units lie, by systemd.unit(5): the first one of a name counts.
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// What a unit must say for the server to be confined; any value but these denials will do.
const CONFINING: [&str; 5] =
    ["NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices"];
const DENIALS: [&str; 5] = ["", "no", "false", "off", "0"];

/// Looks at the files; systemd itself is not asked.
pub fn look() -> Vec<Finding> {
    if !Path::new("/run/systemd/system").is_dir() {
        return vec![Finding::skipped("systemd does not run here")];
    }
    in_folders(&FOLDERS.map(PathBuf::from))
}

fn in_folders(folders: &[PathBuf]) -> Vec<Finding> {
    let Some(unit) = folders.iter().map(|folder| folder.join(UNIT)).find(|unit| unit.exists())
    else {
        return vec![Finding::warn(
            format!("there is no {UNIT}: nothing starts the server with the machine"),
            format!("write one in {}", FOLDERS[0]),
        )];
    };
    let shown = unit.display();
    let text = with_drop_ins(&unit, folders);
    let mut findings = vec![match is_enabled(folders) {
        true => Finding::ok(format!("{shown} is started with the machine")),
        false => Finding::warn(
            format!("{shown} is not started with the machine"),
            format!("systemctl enable {UNIT}"),
        ),
    }];
    let user = last(&text, "User").filter(|user| !matches!(*user, "" | "root" | "0"));
    if user.is_none() && last(&text, "DynamicUser").is_none_or(|word| DENIALS.contains(&word)) {
        findings.push(Finding::warn(
            format!("{shown} runs the server as root"),
            "give it a user of its own: User=edgekeep",
        ));
    }
    let open: Vec<&str> = CONFINING
        .into_iter()
        .filter(|key| last(&text, key).is_none_or(|word| DENIALS.contains(&word)))
        .collect();
    findings.push(match open.as_slice() {
        [] => Finding::ok("the unit confines the server"),
        _ => Finding::warn(
            format!("the unit leaves open what it could close: {}", open.join(", ")),
            "set them; systemd-analyze security shows what they do",
        ),
    });
    findings
}

/// The unit's text, and what is laid over it.
fn with_drop_ins(unit: &Path, folders: &[PathBuf]) -> String {
    let mut files = vec![unit.to_owned()];
    for folder in folders.iter().rev() {
        let entries = fs::read_dir(folder.join(format!("{UNIT}.d")));
        let mut over: Vec<_> = entries.into_iter().flatten().flatten().map(|e| e.path()).collect();
        over.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
        over.sort();
        files.extend(over);
    }
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap_or_default());
    texts.collect::<Vec<_>>().join("\n")
}

/// Whether something wants it: `systemctl enable` makes such a link.
fn is_enabled(folders: &[PathBuf]) -> bool {
    let wanting = |folder: &PathBuf| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut wants = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == "wants" || e == "requires"));
        wants.any(|wants| fs::symlink_metadata(wants.join(UNIT)).is_ok())
    };
    folders.iter().any(wanting)
}

/// What a key is last set to.
fn last<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut values = text.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then_some(value.trim())
    });
    values.next_back()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;
    use std::os::unix::fs::symlink;

    fn statuses(folder: &Path) -> Vec<Status> {
        in_folders(&[folder.to_owned()]).iter().map(|finding| finding.status).collect()
    }

    #[test]
    fn a_unit_is_judged_with_what_is_laid_over_it() {
        let name = format!("edgekeep-diagnose-systemd-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        assert_eq!(statuses(&folder), [Status::Warn]);

        fs::write(folder.join(UNIT), "[Service]\nProtectSystem = strict\nPrivateTmp=yes\n")
            .unwrap();
        assert_eq!(statuses(&folder), [Status::Warn; 3]);

        let (over, wants) =
            (folder.join(format!("{UNIT}.d")), folder.join("multi-user.target.wants"));
        fs::create_dir(&over).unwrap();
        fs::create_dir(&wants).unwrap();
        symlink(folder.join(UNIT), wants.join(UNIT)).unwrap();
        let more = "[Service]\nUser=edgekeep\nNoNewPrivileges=yes\nProtectHome=yes\n";
        fs::write(over.join("a.conf"), format!("{more}PrivateDevices=no\n")).unwrap();
        assert_eq!(statuses(&folder), [Status::Ok, Status::Warn]);
        fs::write(over.join("b.conf"), "[Service]\nPrivateDevices=yes\n").unwrap();
        assert_eq!(statuses(&folder), [Status::Ok, Status::Ok]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
