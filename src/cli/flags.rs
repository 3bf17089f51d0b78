//! Go's flag habits turned into argh's, from each command's own table.
//!
//! Go takes `-a` and `--a`, `-a=b` and `-a b`, `-bool` and `-bool=false`, lets the last of a
//! repeated option win, stops at the first operand, and knows the operand `-`. argh takes
//! `--a b`, each once. What has the argument name `bool` in the table is an option whose value
//! may be left out.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

use crate::base::golang;
use crate::base::nearest::nearest;

/// The command line, sorted by table.
#[derive(Debug, Default)]
pub struct Sorted<'t> {
    /// What was given of each table.
    pub given: Vec<Vec<Given<'t>>>,
    /// What follows the options.
    pub operands: Vec<String>,
}

/// An option that was given.
#[derive(Debug)]
pub struct Given<'t> {
    /// Which one.
    pub flag: &'t FlagInfo<'t>,
    /// Its value; a switch has none.
    pub value: Option<String>,
    /// Where in the command line what follows it begins.
    end: usize,
}

/// What follows an option's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind<'t> {
    /// Nothing: it is a switch.
    Nothing,
    /// `true` or `false`, which may be left out.
    Truth,
    /// A value that is called so.
    Named(&'t str),
}

impl<'t> ValueKind<'t> {
    /// That of an option.
    pub fn of(flag: &FlagInfo<'t>) -> Self {
        match flag.kind {
            FlagInfoKind::Switch => Self::Nothing,
            FlagInfoKind::Option { arg_name: "bool" } => Self::Truth,
            FlagInfoKind::Option { arg_name } => Self::Named(arg_name),
        }
    }
}

/// An option that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct FlagError {
    /// What is wrong, in the words of Go's flag package.
    pub text: String,
    /// Where in the command line what follows it begins.
    pub end: usize,
}

/// Sorts a command line by the tables that its options are in.
pub fn sort<'t>(
    args: &[String],
    tables: &'t [CommandInfoWithArgs],
) -> Result<Sorted<'t>, FlagError> {
    let mut given_of: Vec<Vec<Given<'t>>> = tables.iter().map(|_| Vec::new()).collect();
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        if !arg.starts_with('-') || arg == "-" {
            break;
        }
        at += 1;
        if arg == "--" {
            break;
        }
        let wrong = |text: String, end| Err(FlagError { text, end });
        let bare = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).unwrap_or(arg);
        if bare.starts_with(['-', '=']) {
            return wrong(format!("bad flag syntax: {arg}"), at);
        }
        let (name, given) = match bare.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (bare, None),
        };
        let Some((table, flag)) = find(tables, name) else {
            return wrong(undefined(name, tables), at);
        };
        let value = match (ValueKind::of(flag), given) {
            (ValueKind::Named(_), Some(value)) => value,
            (ValueKind::Named(_), None) => match args.get(at) {
                Some(value) => {
                    at += 1;
                    value.clone()
                }
                None => return wrong(format!("flag needs an argument: -{name}"), at),
            },
            (ValueKind::Nothing | ValueKind::Truth, None) => true.to_string(),
            (ValueKind::Nothing | ValueKind::Truth, Some(value)) => {
                match golang::parse_bool(&value) {
                    Ok(truth) => truth.to_string(),
                    Err(_) => {
                        let text =
                            format!("invalid boolean value {value:?} for -{name}: parse error");
                        return wrong(text, at);
                    }
                }
            }
        };
        put(&mut given_of[table], flag, value, at);
    }
    Ok(Sorted { given: given_of, operands: args.get(at..).unwrap_or_default().to_vec() })
}

impl Sorted<'_> {
    /// What was given of a table, as argh reads it, without operands.
    pub fn argh(&self, table: usize) -> Vec<&str> {
        let given = self.given.get(table).into_iter().flatten();
        given.flat_map(|one| [Some(one.flag.long), one.value.as_deref()]).flatten().collect()
    }

    /// argh's complaint about a value in the words of Go's flag package.
    pub fn complaint(&self, argh: &str) -> FlagError {
        let parts = argh.strip_prefix("Error parsing option '").and_then(|rest| {
            let (flag, rest) = rest.split_once("' with value '")?;
            let (value, why) = rest.split_once("': ")?;
            Some((flag, value, why))
        });
        let Some((flag, value, why)) = parts else {
            return FlagError { text: argh.trim_end().to_owned(), end: usize::MAX };
        };
        let is_it = |one: &&Given<'_>| one.flag.long == flag && one.value.as_deref() == Some(value);
        let end = self.given.iter().flatten().find(is_it).map(|one| one.end);
        FlagError {
            text: format!("invalid value {value:?} for flag {}: {}", &flag[1..], why.trim_end()),
            end: end.unwrap_or(usize::MAX),
        }
    }
}

/// What of `rest` looks like an option and is none, for it stands behind an operand.
pub fn stray(rest: &[String]) -> Option<String> {
    let stray: Vec<&str> = rest
        .iter()
        .map(String::as_str)
        .filter(|arg| arg.starts_with('-') && *arg != "-" && name_of(arg) != "format")
        .collect();
    (!stray.is_empty()).then(|| {
        format!(
            "Command flags must be provided before positional arguments. The following arguments \
             will not be parsed as flags: [{}]",
            stray.join(",")
        )
    })
}

/// Says of a format that stands behind an operand of `rest` that it is an operand, too.
pub fn late_format(rest: &[String]) -> Option<String> {
    let late = rest.iter().find(|arg| arg.starts_with('-') && name_of(arg) == "format")?;
    Some(format!(
        "{late:?} stands behind an operand: the result is printed so, but it is also taken for \
         data. Put it before the operands"
    ))
}

/// The last value that an option has anywhere on the command line.
pub fn anywhere(args: &[String], name: &str) -> Option<String> {
    let mut found = None;
    for (i, arg) in args.iter().enumerate() {
        if arg.starts_with('-') && name_of(arg) == name {
            found = match arg.split_once('=') {
                Some((_, value)) => Some(value.to_owned()),
                None => args.get(i + 1).cloned(),
            };
        }
    }
    found
}

fn name_of(arg: &str) -> &str {
    let bare = arg.trim_start_matches('-');
    bare.split_once('=').map_or(bare, |(name, _)| name)
}

fn find<'t>(tables: &'t [CommandInfoWithArgs], name: &str) -> Option<(usize, &'t FlagInfo<'t>)> {
    tables.iter().enumerate().find_map(|(i, table)| {
        let matches = |flag: &&FlagInfo| {
            flag.long.strip_prefix("--") == Some(name)
                || flag.short.is_some_and(|short| name.len() == 1 && name.starts_with(short))
        };
        table.flags.iter().find(matches).map(|flag| (i, flag))
    })
}

/// Says that there is no such option, and which was probably meant.
fn undefined(name: &str, tables: &[CommandInfoWithArgs]) -> String {
    let known = tables.iter().flat_map(|table| table.flags).filter(|flag| !flag.hidden);
    let known = known.filter_map(|flag| flag.long.strip_prefix("--"));
    let meant = nearest(name, known).map(|known| format!(". Did you mean -{known}?"));
    format!("flag provided but not defined: -{name}{}", meant.unwrap_or_default())
}

/// Adds an option; of one that may stand only once, the last value stays.
fn put<'t>(given: &mut Vec<Given<'t>>, flag: &'t FlagInfo<'t>, value: String, end: usize) {
    if flag.optionality != Optionality::Repeating {
        given.retain(|before| before.flag.long != flag.long);
    }
    match ValueKind::of(flag) {
        ValueKind::Nothing if value == "false" => {}
        ValueKind::Nothing => given.push(Given { flag, value: None, end }),
        ValueKind::Truth | ValueKind::Named(_) => {
            given.push(Given { flag, value: Some(value), end });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argh::{ArgsInfo, FromArgs};

    /// options of every kind
    #[derive(FromArgs, ArgsInfo)]
    #[expect(dead_code, reason = "only its table is looked at")]
    struct Own {
        /// a number
        #[argh(option)]
        cas: Option<i64>,
        /// a switch
        #[argh(switch, short = 'f')]
        force: bool,
        /// said, denied or left open
        #[argh(option, arg_name = "bool")]
        cas_required: Option<bool>,
        /// many
        #[argh(option)]
        versions: Vec<String>,
    }

    /// another table
    #[derive(FromArgs, ArgsInfo)]
    #[expect(dead_code, reason = "only its table is looked at")]
    struct Other {
        /// a format
        #[argh(option)]
        format: Option<String>,
    }

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn sorted(line: &str) -> Result<(String, String, String), String> {
        let tables = [Own::get_args_info(), Other::get_args_info()];
        let sorted = sort(&words(line), &tables).map_err(|e| e.text)?;
        let of = |table| sorted.argh(table).join(" ");
        Ok((of(0), of(1), sorted.operands.join(" ")))
    }

    #[test]
    fn go_habits_become_arghs() {
        for (line, own, other, operands) in [
            ("-cas=3 a b", "--cas 3", "", "a b"),
            ("--cas 3 -format json a", "--cas 3", "--format json", "a"),
            ("-cas -1 x", "--cas -1", "", "x"),
            ("-cas=1 -cas=2 x", "--cas 2", "", "x"),
            ("-versions=1 -versions 2,3", "--versions 1 --versions 2,3", "", ""),
            ("-force -", "--force", "", "-"),
            ("-f=true x", "--force", "", "x"),
            ("-force -force=false x", "", "", "x"),
            ("-cas-required x", "--cas-required true", "", "x"),
            ("-cas-required=0 x", "--cas-required false", "", "x"),
            ("-- -cas=3", "", "", "-cas=3"),
            ("a -cas=3", "", "", "a -cas=3"),
            ("-cas= x", "--cas ", "", "x"),
            ("-versions --cas -cas=1 x", "--versions --cas --cas 1", "", "x"),
            ("-versions=--cas -cas=1 -cas=2 x", "--versions --cas --cas 2", "", "x"),
            ("-versions --force -force x", "--versions --force --force", "", "x"),
        ] {
            let want = (own.to_owned(), other.to_owned(), operands.to_owned());
            assert_eq!(sorted(line), Ok(want), "{line}");
        }
    }

    #[test]
    fn mistakes_are_named_as_go_names_them() {
        for (line, text) in [
            ("-nope x", "flag provided but not defined: -nope"),
            ("-forse x", "flag provided but not defined: -forse. Did you mean -force?"),
            ("-cas", "flag needs an argument: -cas"),
            ("-force=maybe", "invalid boolean value \"maybe\" for -force: parse error"),
            ("---cas=1", "bad flag syntax: ---cas=1"),
            ("-=1", "bad flag syntax: -=1"),
        ] {
            assert_eq!(sorted(line), Err(text.to_owned()), "{line}");
        }
        let line = words("-cas=x -force a");
        let tables = [Own::get_args_info()];
        let found = sort(&line, &tables).unwrap();
        let complaint = found.complaint("Error parsing option '--cas' with value 'x': no number\n");
        assert_eq!(complaint.text, "invalid value \"x\" for flag -cas: no number");
        assert_eq!(complaint.end, 1);
    }

    #[test]
    fn options_behind_operands_are_warned_of() {
        assert_eq!(stray(&words("a=1 - -format=json")), None);
        let warning = stray(&words("a -x=1 b --y -output-policy")).unwrap();
        assert!(warning.ends_with("flags: [-x=1,--y,-output-policy]"), "{warning}");
        assert_eq!(late_format(&words("a=1 - -x format=json")), None);
        let warning = late_format(&words("a -format=json")).unwrap();
        assert!(warning.starts_with("\"-format=json\" stands behind an operand: "), "{warning}");
        assert_eq!(anywhere(&words("a -format json"), "format"), Some("json".into()));
        assert_eq!(anywhere(&words("-format=a x --format=b"), "format"), Some("b".into()));
    }
}
