//! `sys/tools/hash` and `sys/tools/random`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::digest::Algorithm;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::{golang, hex};

/// The endpoints, with the random source.
pub fn engine(entropy: Arc<dyn Entropy>) -> Bound<Arc<dyn Entropy>> {
    Bound::new("Hashes and random bytes.", ROUTES, entropy)
}

/// Most bytes that one request may ask for.
const MOST_BYTES: i64 = 128 << 10;

const INPUT: Field<String> = Field::new("input", "What is hashed, in base64.");
const ALGORITHM: Field<String> = Field::new(
    "algorithm",
    "sha2-224, sha2-256 (the default), sha2-384, sha2-512, sha3-224, sha3-256, sha3-384 or \
     sha3-512.",
);
const URL_ALGORITHM: Field<String> =
    Field::new("urlalgorithm", "The same in the path, where it goes before the body's.");
const HASH_FORMAT: Field<String> = Field::new("format", "hex (the default) or base64.");
const BYTES: Field<i64> = Field::new("bytes", "How many: 1 to 131072, 32 if left out.");
const PLACE: Field<String> = Field::new(
    "place",
    "How many bytes, which goes before the body's number; or the source (platform, seal or all), \
     and how many behind it.",
);
const RANDOM_FORMAT: Field<String> = Field::new("format", "base64 (the default) or hex.");

const ROUTES: &[Route<Arc<dyn Entropy>>] = &[
    Route {
        path: "tools/hash",
        synopsis: "Hash data.",
        description: "Nothing of it is kept.",
        fields: &[&INPUT.info, &ALGORITHM.info, &HASH_FORMAT.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Hash it.", hash)],
    },
    Route {
        path: "tools/hash/{urlalgorithm+}",
        synopsis: "Hash data with a given algorithm.",
        description: "Nothing of it is kept.",
        fields: &[&URL_ALGORITHM.info, &INPUT.info, &ALGORITHM.info, &HASH_FORMAT.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Hash it.", hash)],
    },
    Route {
        path: "tools/random",
        synopsis: "Make random bytes.",
        description: "From the kernel's source. Nothing of them is kept.",
        fields: &[&BYTES.info, &RANDOM_FORMAT.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Make them.", random)],
    },
    Route {
        path: "tools/random/{place+}",
        synopsis: "Make a given number of random bytes.",
        description: "From the kernel's source: no seal here has one of its own. Nothing of them \
                      is kept.",
        fields: &[&PLACE.info, &BYTES.info, &RANDOM_FORMAT.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Make them.", random)],
    },
];

/// How bytes are written.
#[derive(Clone, Copy)]
enum Format {
    Hex,
    Base64,
}

impl Format {
    fn named(name: &str) -> Option<Self> {
        match name {
            "hex" => Some(Self::Hex),
            "base64" => Some(Self::Base64),
            _ => None,
        }
    }

    fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }
}

fn hash(_: &Arc<dyn Entropy>, call: &mut SystemCall<'_>) -> Outcome {
    let fields = call.fields;
    let input = fields.get(&INPUT).map_or("", String::as_str);
    let input = golang::decode_base64(input).map_err(|error| {
        Fault::bad_request(format!("unable to decode input as base64: {error}"))
    })?;
    let format = fields.get(&HASH_FORMAT).map_or("hex", String::as_str);
    let format = Format::named(format).ok_or_else(|| {
        Fault::bad_request(format!(
            "unsupported encoding format {format}; must be \"hex\" or \"base64\""
        ))
    })?;
    let name = fields.get(&URL_ALGORITHM).or(fields.get(&ALGORITHM));
    let name = name.map_or("sha2-256", String::as_str);
    let algorithm = Algorithm::named(name)
        .ok_or_else(|| Fault::bad_request(format!("unsupported algorithm {name}")))?;
    let sum = format.write(&algorithm.hash(&input));
    Ok(Reply::data(object([("sum", sum.into())])))
}

fn random(entropy: &Arc<dyn Entropy>, call: &mut SystemCall<'_>) -> Outcome {
    let fields = call.fields;
    let place = fields.get(&PLACE).map_or("", String::as_str);
    let (source, count) = match place.split_once('/') {
        Some((source, count)) => (source, count),
        None if matches!(place, "platform" | "seal" | "all") => (place, ""),
        None => ("platform", place),
    };
    let count = match count {
        "" => fields.get(&BYTES).copied().unwrap_or(32),
        count => count.parse::<i64>().map_err(|_| {
            Fault::bad_request(format!(
                "error parsing url-set byte count: strconv.Atoi: parsing {}: invalid syntax",
                golang::quote(count)
            ))
        })?,
    };
    if count < 1 {
        return Err(Fault::bad_request("\"bytes\" cannot be less than 1"));
    }
    if count > MOST_BYTES {
        return Err(Fault::bad_request(format!("\"bytes\" should be less than {MOST_BYTES}")));
    }
    let format = fields.get(&RANDOM_FORMAT).map_or("base64", String::as_str);
    let format = Format::named(format).ok_or_else(|| {
        let format = golang::quote(format);
        Fault::bad_request(format!(
            "unsupported encoding format {format}; must be \"hex\" or \"base64\""
        ))
    })?;
    if !matches!(source, "platform" | "seal" | "all") {
        let source = golang::quote(source);
        return Err(Fault::bad_request(format!(
            "unsupported entropy source {source}; must be \"platform\" or \"seal\", or \"all\""
        )));
    }
    // It was bounded above.
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(count).unwrap_or_default()]);
    entropy.fill(&mut bytes);
    let reply = Reply::data(object([("random_bytes", format.write(&bytes).into())]));
    Ok(match source {
        "seal" => {
            reply.warn("no seal/entropy augmentation available, using platform entropy source")
        }
        _ => reply,
    })
}
