use log::Level;

use super::*;

/// Far longer than anything here takes.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

fn tell(logs: &Logs, level: Level, target: &str, text: &str) -> Option<String> {
    let mut record = Record::builder();
    record.level(level).target(target);
    let args = format_args!("{text}");
    let record = record.args(args).build();
    logs.pass(&record, Timestamp::EPOCH).then(|| logs.line(&record, Timestamp::EPOCH))
}

#[test]
fn each_logger_has_a_level_of_its_own() {
    let logs = Logs::new(LevelFilter::Info, Format::Standard);
    let wanted = |level, target| tell(&logs, level, target, "x").is_some();
    assert!(wanted(Level::Info, "edgekeep::audit::file"));
    assert!(!wanted(Level::Debug, "edgekeep::audit::file"));
    logs.set(&[Logger::Audit], Some(LevelFilter::Debug));
    assert!(wanted(Level::Debug, "edgekeep::audit::file"));
    assert!(!wanted(Level::Debug, "edgekeep::node::housekeeping"));
    logs.set(&Logger::ALL, Some(LevelFilter::Error));
    assert!(Logger::ALL.iter().all(|logger| logs.level(*logger) == LevelFilter::Error));
    logs.set(&[Logger::Core], None);
    assert_eq!(logs.level(Logger::Core), LevelFilter::Info);
    logs.configure(LevelFilter::Warn);
    assert!(Logger::ALL.iter().all(|logger| logs.level(*logger) == LevelFilter::Warn));
    for (target, logger) in [
        ("edgekeep::node::housekeeping", "core"),
        ("edgekeep::request", "request"),
        ("edgekeep::server::gate", "server"),
        ("edgekeep::barrier::scrub", "storage"),
        ("edgekeep::sys::seal", "system"),
        ("edgekeep", "core"),
    ] {
        assert_eq!(Logger::of(target).name(), logger, "{target}");
        assert_eq!(Logger::named(logger), Some(Logger::of(target)));
    }
}

#[test]
fn a_line_is_for_people_or_for_machines() {
    for (format, line) in [
        (Format::Standard, "1970-01-01T00:00:00Z [WARN]  server.gate: full\n"),
        (
            Format::Json,
            "{\"@timestamp\":\"1970-01-01T00:00:00Z\",\"@level\":\"warn\",\
             \"@module\":\"server.gate\",\"@message\":\"full\"}\n",
        ),
    ] {
        let logs = Logs::new(LevelFilter::Info, format);
        let told = tell(&logs, Level::Warn, "edgekeep::server::gate", "full");
        let sorted = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let told = told.unwrap();
        assert!(told == line || sorted(&told).is_some_and(|told| Some(told) == sorted(line)));
    }
}

#[test]
fn who_listens_hears_what_they_want_whatever_is_logged() {
    let logs = Arc::new(Logs::new(LevelFilter::Error, Format::Standard));
    let (all, some) = (
        logs.watch(LevelFilter::Debug, Format::Standard),
        logs.watch(LevelFilter::Warn, Format::Standard),
    );
    assert_eq!(tell(&logs, Level::Debug, "edgekeep::a", "fine"), None);
    assert_eq!(tell(&logs, Level::Warn, "edgekeep::b", "coarse"), None);
    let heard = |watch: &Watch| match watch.listen(PATIENCE) {
        Heard::Lines(lines) => lines.lines().map(|line| line[29..].to_owned()).collect(),
        other => vec![format!("{other:?}")],
    };
    assert_eq!(heard(&all), ["a: fine", "b: coarse"]);
    assert_eq!(heard(&some), ["b: coarse"]);
    assert_eq!(some.listen(std::time::Duration::ZERO), Heard::Nothing);
    drop(all);
    logs.close();
    assert_eq!(some.listen(PATIENCE), Heard::End);
    assert_eq!(logs.watch(LevelFilter::Info, Format::Json).listen(PATIENCE), Heard::End);
}

#[test]
fn a_slow_listener_loses_messages_and_hinders_nobody() {
    let logs = Arc::new(Logs::new(LevelFilter::Off, Format::Standard));
    let watch = logs.watch(LevelFilter::Info, Format::Standard);
    let text = "x".repeat(1000);
    for _ in 0..1000 {
        tell(&logs, Level::Info, "edgekeep::a", &text);
    }
    let Heard::Lines(lines) = watch.listen(PATIENCE) else { panic!("nothing was heard") };
    let heard = lines.lines().count() - 1;
    assert!(200 < heard && lines.len() < 300_000, "{heard} lines of {}", lines.len());
    let notice = lines.lines().last().unwrap();
    assert!(notice.contains(&format!("{} messages were lost", 1000 - heard)), "{notice}");
    tell(&logs, Level::Info, "edgekeep::a", "again");
    let Heard::Lines(lines) = watch.listen(PATIENCE) else { panic!("nothing was heard") };
    assert!(lines.ends_with("a: again\n"), "{lines}");
}

#[test]
fn the_one_who_listened_longest_makes_room() {
    let logs = Arc::new(Logs::new(LevelFilter::Off, Format::Standard));
    let watches: Vec<Watch> =
        (0..=MOST_WATCHES).map(|_| logs.watch(LevelFilter::Info, Format::Standard)).collect();
    tell(&logs, Level::Info, "edgekeep::a", "x");
    assert_eq!(watches[0].listen(PATIENCE), Heard::End);
    for watch in &watches[1..] {
        assert!(matches!(watch.listen(PATIENCE), Heard::Lines(_)));
    }
}
