//! The fields that the endpoints take, beside the terms of tokens.

use std::time::Duration;

use crate::api::field::Field;

pub static ROLE_NAME: Field<String> =
    Field::new("role_name", "The role's name, of at most 4096 bytes; its case does not matter.");

pub static ROLE_ID: Field<String> =
    Field::new("role_id", "By which logins name the role; a random one when it is not given.");

pub static BIND_SECRET_ID: Field<bool> = Field::new(
    "bind_secret_id",
    "Whether a login needs a secret id; true when it is not given. Without, the role must be \
     bound to networks.",
);

pub static SECRET_ID_BOUND_CIDRS: Field<Vec<String>> = Field::new(
    "secret_id_bound_cidrs",
    "Networks in CIDR notation from which logins come; from everywhere when empty.",
);

pub static BOUND_CIDR_LIST: Field<Vec<String>> =
    Field::new("bound_cidr_list", "The old name of secret_id_bound_cidrs.");

pub static SECRET_ID_NUM_USES: Field<i64> = Field::new(
    "secret_id_num_uses",
    "How many logins a secret id is good for; for any number when 0.",
);

pub static SECRET_ID_TTL: Field<Duration> = Field::new(
    "secret_id_ttl",
    "How long a secret id is good, at most as long as the mount's longest lease; without an end \
     when 0.",
);

pub static LOCAL_SECRET_IDS: Field<bool> = Field::new(
    "local_secret_ids",
    "Accepted when a role is made, and shown; there is no cluster for it to matter.",
);

pub static SECRET_ID: Field<String> =
    Field::new("secret_id", "The secret id, of at most 4096 bytes.");

pub static SECRET_ID_ACCESSOR: Field<String> =
    Field::new("secret_id_accessor", "The accessor of a secret id.");

pub static METADATA: Field<String> = Field::new(
    "metadata",
    "Shown with the tokens of its logins: a JSON object of texts, or `name=text` with commas; \
     either may be in base64.",
);

pub static CIDR_LIST: Field<Vec<String>> = Field::new(
    "cidr_list",
    "Networks from which the secret id can be used; each must lie in one of the role's.",
);

pub static SECRET_ID_TOKEN_CIDRS: Field<Vec<String>> = Field::new(
    "token_bound_cidrs",
    "Networks from which the tokens of its logins can be used; each must lie in one of the role's.",
);

pub static NUM_USES: Field<i64> = Field::new(
    "num_uses",
    "How many logins the secret id is good for: not more than the role says, which holds when \
     this is not given.",
);

pub static TTL: Field<Duration> = Field::new(
    "ttl",
    "How long the secret id is good: not longer than the role says, which holds when this is not \
     given.",
);
