//! The auth methods that people log in by, and what each wants to know.

/// An auth method as a person meets it.
pub struct Method {
    /// Its type.
    kind: &'static str,
    /// What stands behind `edgekeep login`.
    usage: &'static str,
    /// What logging in by it means.
    about: &'static str,
    /// A login by it.
    example: &'static str,
    /// What it is told, as KEY=VALUE, and what that is.
    config: &'static [(&'static str, &'static str)],
}

const METHODS: &[Method] = &[
    Method {
        kind: "approle",
        usage: "-method=approle [CONFIG K=V...]",
        about: "Log in with the two ids of an AppRole.",
        example: "-method=approle role_id=9a6c3d1e-... secret_id=@secret-id.txt",
        config: &[
            ("role_id", "the role's id"),
            ("secret_id", "the secret id; it is asked for when it is not given"),
        ],
    },
    Method {
        kind: "cert",
        usage: "-method=cert [CONFIG K=V...]",
        about: "Log in with the certificate of a client.",
        example: "-method=cert -client-cert=ann.pem -client-key=ann.key",
        config: &[("name", "role to log in by; else each that the certificate fits is tried")],
    },
    Method {
        kind: "ldap",
        usage: "-method=ldap [CONFIG K=V...]",
        about: "Log in with a name and a password of an LDAP directory.",
        example: "-method=ldap username=ann",
        config: NAME_AND_PASSWORD,
    },
    Method {
        kind: "radius",
        usage: "-method=radius [CONFIG K=V...]",
        about: "Log in with a name and a password that a RADIUS server knows.",
        example: "-method=radius username=ann",
        config: NAME_AND_PASSWORD,
    },
    Method {
        kind: "token",
        usage: "TOKEN [CONFIG K=V...]",
        about: "Log in with a token that you have. It is asked for when it is not given.",
        example: "-",
        config: &[
            ("token", "the token; - reads it from stdin"),
            ("lookup", "false: do not ask the server what the token is"),
        ],
    },
    Method {
        kind: "userpass",
        usage: "-method=userpass [CONFIG K=V...]",
        about: "Log in with a name and a password that the server keeps.",
        example: "-method=userpass username=ann",
        config: NAME_AND_PASSWORD,
    },
];

const NAME_AND_PASSWORD: &[(&str, &str)] = &[
    ("username", "the name"),
    ("password", "the password; it is asked for when it is not given, and - reads it from stdin"),
];

/// The method of a type.
pub fn find(kind: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.kind == kind)
}

impl Method {
    /// How one logs in by it.
    pub fn help(&self) -> String {
        let Self { usage, about, example, config, .. } = self;
        let config = config.iter().map(|(key, what)| format!("  {key}=<string>\n      {what}\n"));
        format!(
            "Usage: edgekeep login {usage}\n\n  {about}\n\n      $ edgekeep login {example}\n\n\
             Configuration:\n\n{}",
            config.collect::<Vec<_>>().join("\n").trim_end()
        )
    }
}
