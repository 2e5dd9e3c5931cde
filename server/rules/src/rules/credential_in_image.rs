//! IMG308 credential-in-image

use image_model::origin::Given;
use image_model::value::Value;
use image_python::syntax::ast::Expression;

use super::texts;
use crate::checker::Checker;
use crate::rule::{Check, Proof, Rule, Severity};
use crate::source::written;

pub(super) static RULE: Rule = Rule {
    code: "IMG308",
    name: "credential-in-image",
    severity: Severity::Warning,
    what: "Finds tokens and passwords written into environment variables, index URLs and requirements. User names alone are\n\
           none, nor are `$NAME` and `${NAME}`.",
    why: "They are in the source, in the Dockerfile and in the image: whoever can pull it can read them.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"acme\", index_url=\"https://ci:9fJx2kQ7@pypi.acme.org/simple\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\n    \"acme\", index_url=\"https://ci:$PYPI_TOKEN@pypi.acme.org/simple\", secret_mounts=flyte.Secret(\"pypi\", as_env_var=\"PYPI_TOKEN\")\n)\n",
    fix: "There is none: make it a secret, mount it with `secret_mounts`, and change the one that was written here.",
    check: Check::Call(|checker, _, call| {
        for given in &call.arguments {
            match given.parameter {
                "env_vars" => variables(checker, given),
                "packages" | "index_url" | "extra_index_urls" | "extra_args" => {
                    for (items, text) in texts(given) {
                        if let Some(what) = in_address(text).or_else(|| known_token(text)) {
                            report(checker, given, &items, what);
                        }
                    }
                }
                _ => {}
            }
        }
    }),
    ..Rule::BASE
};

fn variables(checker: &Checker<'_>, given: &Given) {
    let Value::Dict(pairs) = &given.value else { return };
    for (i, (key, value)) in pairs.iter().enumerate() {
        let (Value::Str(key), Value::Str(text)) = (key, value) else { continue };
        let named = is_credential_name(key) && looks_secret(text);
        if let Some(what) = in_address(text).or_else(|| known_token(text)).or(named.then_some("a credential")) {
            report(checker, given, &[2 * i + 1], what);
        }
    }
}

fn report(checker: &Checker<'_>, given: &Given, items: &[usize], what: &str) {
    // What comes from elsewhere, an environment variable say, is not written here.
    let is_literal = written(given, items).is_some_and(|site| {
        let source = checker.source(&site.path);
        source.is_some_and(|s| matches!(s.at(site.range()), Some((_, Expression::Str(_)))))
    });
    if is_literal {
        let message =
            format!("{what} is written into the image, where everyone who can pull it reads it; use a secret with secret_mounts");
        checker.push(checker.at(&RULE, given, items, message));
    }
}

/// `https://user:password@host`
fn in_address(text: &str) -> Option<&'static str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("://") {
        let host = after.split(['/', ' ', '?', '#']).next().unwrap_or(after);
        if let Some((user, _)) = host.rsplit_once('@')
            && let Some((_, password)) = user.split_once(':')
            && !password.is_empty()
            && !password.contains(['$', '{', '<', '*'])
        {
            return Some("a password");
        }
        rest = after;
    }
    None
}

/// Tokens that are known by how they begin.
fn known_token(text: &str) -> Option<&'static str> {
    const BEGINNINGS: &[(&str, usize, &str)] = &[
        ("ghp_", 36, "a token of GitHub"),
        ("gho_", 36, "a token of GitHub"),
        ("ghs_", 36, "a token of GitHub"),
        ("github_pat_", 30, "a token of GitHub"),
        ("glpat-", 20, "a token of GitLab"),
        ("hf_", 30, "a token of Hugging Face"),
        ("sk-", 32, "an API key"),
        ("AKIA", 16, "an access key of AWS"),
        ("xoxb-", 20, "a token of Slack"),
        ("pypi-AgE", 50, "a token of PyPI"),
        ("dckr_pat_", 20, "a token of docker"),
    ];
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    BEGINNINGS.iter().find_map(|(start, least, what)| {
        let at = text.find(start)?;
        let before = text[..at].chars().next_back().is_none_or(|c| !word(c));
        let rest = &text[at + start.len()..];
        let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
        (before && length >= *least).then_some(*what)
    })
}

fn is_credential_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["TOKEN", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "SECRET", "SECRET_KEY", "ACCESS_KEY", "PRIVATE_KEY"]
        .iter()
        .any(|end| upper == *end || upper.ends_with(&format!("_{end}")))
}

/// A value that somebody may have to hide: long, of letters and digits, no path and no placeholder.
fn looks_secret(text: &str) -> bool {
    let lower = text.to_lowercase();
    let placeholder = ["example", "changeme", "dummy", "your", "xxx", "test", "placeholder", "todo", "none", "fake", "secret"];
    text.len() >= 8
        && text.chars().any(|c| c.is_ascii_digit())
        && text.chars().any(|c| c.is_ascii_alphabetic())
        && !text.contains(['$', ' ', '<', '{', '/', '.', ':'])
        && !placeholder.iter().any(|p| lower.contains(p))
}
