//! `operator generate-root`: a root token from the unseal keys.

use argh::{ArgsInfo, FromArgs};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::attempt::{Attempt, Step};
use super::{pgp, share};
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{operands, prompt, table};
use crate::client::{Call, Verb};

const PATH: &str = "sys/generate-root";

/// The command with all its options.
pub type GenerateRoot = With<Own, Attempt>;

/// Make a root token with a quorum of the unseal keys.
///
/// Begin with -init, then give shares until the encoded token is shown, and read it with -decode.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// encoded token to read, or - for stdin; needs -otp
    #[argh(option, arg_name = "string")]
    decode: Option<String>,
    /// print a one-time password for -otp
    #[argh(switch)]
    generate_otp: bool,
    /// one-time password that the token is encoded with
    #[argh(option, arg_name = "string")]
    otp: Option<String>,
    /// file of the PGP public key that the token is encrypted to, in place of a password
    #[argh(option, arg_name = "file", from_str_fn(pgp::key))]
    pgp_key: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for GenerateRoot {
    const OPERANDS: &'static str = "[KEY]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let Self { own, more } = self;
        operands::at_most_one(&own.operands, "0-1")?;
        let encoded = own.decode.clone();
        let act = more.asked([
            (own.generate_otp, "-generate-otp", Act::GenerateOtp),
            (encoded.is_some(), "-decode", Act::Decode(encoded.unwrap_or_default())),
        ])?;
        match act {
            Act::GenerateOtp => print_otp(cx)?,
            Act::Decode(encoded) => own.print_decoded(cx, &encoded)?,
            Act::Attempt(Step::Begin) => own.begin(cx)?,
            Act::Attempt(Step::Cancel) => {
                let cancelled = cx.order(Call::new(Verb::Delete, format!("{PATH}/attempt")));
                cancelled.map_err(|stop| stop.about("Error canceling root token generation"))?;
                cx.say("Success! Root token generation canceled (if it was started)")?;
            }
            Act::Attempt(Step::Status) => {
                let status = read_status(cx)?;
                print_status(cx, &status)?;
            }
            Act::Attempt(Step::Provide) => own.provide(cx, more.nonce)?,
        }
        Ok(Exit::Done)
    }
}

/// What it does.
enum Act {
    /// Something about the making of a token.
    Attempt(Step),
    /// Prints a one-time password.
    GenerateOtp,
    /// Prints the token that is encoded so.
    Decode(String),
}

impl From<Step> for Act {
    fn from(step: Step) -> Self {
        Self::Attempt(step)
    }
}

impl Own {
    fn begin(&self, cx: &mut Context) -> Result<(), Stop> {
        let mut body = Map::new();
        for (name, value) in [("otp", &self.otp), ("pgp_key", &self.pgp_key)] {
            if let Some(value) = value {
                body.insert(name.into(), json!(value));
            }
        }
        let begun = cx.learn(Call::put(format!("{PATH}/attempt"), body.into()), is_status);
        let status = begun.map_err(|stop| stop.about("Error initializing root generation"))?;
        if cx.format == Format::Table && status["otp"].as_str().is_some_and(|otp| !otp.is_empty()) {
            cx.warn(&table::wrap(
                "A One-Time-Password has been generated for you and is shown in the OTP field. \
                 You will need this value to decode the resulting root token, so keep it safe.",
                0,
            ));
        }
        print_status(cx, &status)
    }

    fn provide(&self, cx: &mut Context, nonce: Option<String>) -> Result<(), Stop> {
        let status = read_status(cx)?;
        if status["started"] != true {
            let length = otp_length(&status);
            return Err(Stop::Usage(table::wrap(
                &format!(
                    "No root generation is in progress. Start a root generation by running \
                     \"edgekeep operator generate-root -init\".\n\
                     If starting root generation using the OTP method and generating your own \
                     OTP, the length of the OTP string needs to be {length} characters in length."
                ),
                0,
            )));
        }
        let operand = self.operands.first().map(String::as_str);
        let current = status["nonce"].as_str().unwrap_or_default();
        let share = share::take(cx, operand, nonce, current, "Root generation operation")?;
        let body = json!({ "key": share.key.as_str(), "nonce": share.nonce });
        let sent = cx.learn(Call::put(format!("{PATH}/update"), body), is_status);
        let status = sent.map_err(|stop| stop.about("Error posting unseal key"))?;
        print_status(cx, &status)
    }

    fn print_decoded(&self, cx: &mut Context, encoded: &str) -> Result<(), Stop> {
        let Some(otp) = self.otp.as_deref().filter(|otp| !otp.is_empty()) else {
            return Err(Stop::Usage("Missing otp: use -otp to supply it".into()));
        };
        let token = decode(&prompt::given(encoded)?, otp)
            .map_err(|e| Stop::Usage(format!("Error decoding root token: {e}")))?;
        match cx.format {
            Format::Table => cx.say(&token),
            _ => cx.say_value(&json!({ "token": token.as_str() })),
        }
    }
}

/// A token of the password's length, under it.
fn decode(encoded: &str, otp: &str) -> Result<Zeroizing<String>, String> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&STANDARD, lenient)
        .decode(encoded)
        .map_err(|_| "the encoded token is no base64: is a part of it missing?".to_owned())?;
    if bytes.len() != otp.len() {
        return Err(format!(
            "error xoring token: length of byte slices is not equivalent: {} != {}",
            bytes.len(),
            otp.len()
        ));
    }
    let token = bytes.iter().zip(otp.bytes()).map(|(byte, pad)| byte ^ pad).collect();
    String::from_utf8(token)
        .map(Zeroizing::new)
        .map_err(|_| "this is not the one-time password that it was encoded with".into())
}

fn print_otp(cx: &mut Context) -> Result<(), Stop> {
    let status = read_status(cx)?;
    let otp = cx.entropy().base62(otp_length(&status));
    match cx.format {
        Format::Table => cx.say(&otp),
        _ => cx.say_value(&json!({ "otp": otp })),
    }
}

fn otp_length(status: &Value) -> usize {
    status["otp_length"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(0)
}

fn read_status(cx: &mut Context) -> Result<Value, Stop> {
    let status = cx.learn(Call::get(format!("{PATH}/attempt")), is_status);
    status.map_err(|stop| stop.about("Error getting root generation status"))
}

fn is_status(answer: &Value) -> bool {
    answer["started"].is_boolean()
}

fn print_status(cx: &mut Context, status: &Value) -> Result<(), Stop> {
    let get = |name: &str| status.get(name).map(golang::display).unwrap_or_default();
    if cx.format != Format::Table {
        let number = |name: &str| status.get(name).cloned().unwrap_or_else(|| json!(0));
        let truth = |name: &str| status[name] == true;
        return cx.say_value(&json!({
            "complete": truth("complete"),
            "encoded_root_token": get("encoded_root_token"),
            "encoded_token": get("encoded_token"),
            "nonce": get("nonce"),
            "otp": get("otp"),
            "otp_length": number("otp_length"),
            "pgp_fingerprint": get("pgp_fingerprint"),
            "progress": number("progress"),
            "required": number("required"),
            "started": truth("started"),
        }));
    }
    let mut rows = Vec::new();
    let mut add = |key: &str, value: String| rows.push([key.to_owned(), value]);
    add("Nonce", get("nonce"));
    add("Started", get("started"));
    add("Progress", format!("{}/{}", get("progress"), get("required")));
    add("Complete", get("complete"));
    let length = otp_length(status);
    let length = if length == 0 { String::new() } else { length.to_string() };
    for (title, value) in [
        ("PGP Fingerprint", get("pgp_fingerprint")),
        ("OTP", get("otp")),
        ("OTP Length", length),
        ("Encoded Token", get("encoded_token")),
    ] {
        if !value.is_empty() {
            add(title, value);
        }
    }
    cx.say(&table::columns(&rows))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_token_is_read_under_its_password() {
        // "s.x" under "abc"
        assert_eq!(decode("EkwbAA", "abc").unwrap_err().split(':').count(), 3);
        assert_eq!(decode("Ekwb", "abc").unwrap().as_str(), "s.x");
        assert!(decode("!", "abc").is_err());
    }
}
