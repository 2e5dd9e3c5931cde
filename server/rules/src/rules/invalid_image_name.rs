//! IMG203 invalid-image-name

use image_model::origin::Given;
use image_model::value::Value;

use crate::checker::Checker;
use crate::finding::Fix;
use crate::rule::{Check, FixSafety, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG203",
    name: "invalid-image-name",
    what: "Finds names, registries and base images that no engine accepts: capital letters, spaces, a scheme such as\n\
           `https://`, a tag inside `name`.",
    why: "flyte passes them on as they are. The engine refuses the build, and registries the push.",
    proof: Proof::Engine { error: "repository name must be lowercase" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"MyModel\").with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"mymodel\").with_pip_packages(\"httpx\")\n",
    safety: FixSafety::Safe,
    fix: "Capital letters are made small, and a scheme and a slash at the end are taken away, where that makes the name valid.",
    check: Check::Call(|checker, _, call| {
        for given in &call.arguments {
            let wrong = match (call.method, given.parameter) {
                ("from_ref_name", _) => continue,
                (_, "name") => name as fn(&str) -> Option<&'static str>,
                (_, "registry") => registry,
                ("from_base", "image_uri") | ("clone", "base_image") => reference,
                _ => continue,
            };
            one(checker, given, wrong);
        }
    }),
    ..Rule::BASE
};

fn one(checker: &Checker<'_>, given: &Given, wrong: fn(&str) -> Option<&'static str>) {
    let Value::Str(text) = &given.value else { return };
    if text.is_empty() {
        return;
    }
    let Some(why) = wrong(text) else { return };
    let mended = text.to_lowercase();
    let mended = mended.strip_prefix("https://").or(mended.strip_prefix("http://")).unwrap_or(&mended);
    let mended = mended.trim_end_matches('/');
    let parameter = given.parameter.replace('_', " ");
    let advice = if wrong(mended).is_none() { format!("; write {mended}") } else { String::new() };
    let message = format!("no engine accepts the {parameter} {text:?}, {why}: the build fails{advice}");
    let fix = (wrong(mended).is_none()).then(|| {
        Fix::safe(format!("write {mended}"), vec![checker.literal(given, &[])?.with(mended)?])
    });
    checker.push(checker.at(&RULE, given, &[], message).fix(fix.flatten()));
}

/// A path of a repository: small letters, digits, and `.`, `_`, `__`, `-` between them.
fn path(text: &str) -> Option<&'static str> {
    if text.contains("://") {
        return Some("it has a scheme");
    }
    if text.chars().any(char::is_uppercase) {
        return Some("capital letters are not allowed");
    }
    if text.chars().any(char::is_whitespace) {
        return Some("spaces are not allowed");
    }
    let component = |part: &str| {
        let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = |c: char| ok(c) || matches!(c, '.' | '_' | '-');
        let separators = part.split(ok).filter(|s| !s.is_empty());
        part.starts_with(ok)
            && part.ends_with(ok)
            && part.chars().all(bytes)
            && separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.chars().all(|c| c == '-'))
    };
    let wrong = text.split('/').any(|part| !component(part));
    wrong.then_some("between small letters and digits only single dots, underscores and dashes are allowed")
}

fn name(text: &str) -> Option<&'static str> {
    if text.contains(':') && !text.contains("://") {
        return Some("a tag is not part of the name");
    }
    path(text)
}

/// A host with a port, then a path.
fn registry(text: &str) -> Option<&'static str> {
    if text.contains("://") {
        return Some("it has a scheme");
    }
    let (host, rest) = text.split_once('/').map_or((text, None), |(host, rest)| (host, Some(rest)));
    let is_host = host.contains(['.', ':']) || host == "localhost";
    if !is_host {
        return path(text);
    }
    let domain = host.split(':').next().unwrap_or(host);
    let label = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !domain.split('.').all(label) || host.split(':').nth(1).is_some_and(|p| !p.chars().all(|c| c.is_ascii_digit())) {
        return Some("its host is no host name");
    }
    rest.and_then(path)
}

/// A repository with a tag and a digest.
fn reference(text: &str) -> Option<&'static str> {
    let text = text.split('@').next().unwrap_or(text);
    if text.contains("://") {
        return Some("it has a scheme");
    }
    let (repository, tag) = match text.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (text, None),
    };
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if tag.is_some_and(|t| t.is_empty() || t.len() > 128 || !t.chars().all(word) || t.starts_with(['.', '-'])) {
        return Some("its tag is none");
    }
    registry(repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_accept_is_accepted() {
        for text in ["ghcr.io/acme/a-b__c.d", "localhost:5000/x", "acme/x", "x", "127.0.0.1:5000/a", "GHCR.io/acme"] {
            assert_eq!(registry(text), None, "{text}");
        }
        for text in ["debian:12", "nvcr.io/nvidia/pytorch:24.01-py3", "a@sha256:00", "ghcr.io/a/b:V1", "localhost:5000/a"] {
            assert_eq!(reference(text), None, "{text}");
        }
        for text in ["My", "a b", "a:1", "https://a", "a//b", "-a", "a-", "a..b", "a/", "a___b"] {
            assert!(name(text).is_some(), "{text}");
        }
        for text in ["ghcr.io/Acme", "https://ghcr.io/acme", "ghcr.io/acme/", "gh cr.io/a", "a.b:x/c"] {
            assert!(registry(text).is_some(), "{text}");
        }
    }
}
