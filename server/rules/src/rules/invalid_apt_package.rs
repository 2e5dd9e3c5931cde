//! IMG210 invalid-apt-package

use image_model::value::Value;

use crate::rule::{Check, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG210",
    name: "invalid-apt-package",
    what: "Finds names that no package of Debian can have: capital letters, underscores, one letter.",
    why: "Names of packages are small letters, digits, `+`, `-` and `.`. apt-get finds no such package in the build.",
    proof: Proof::Dockerfile { line: "apt-get install -y --no-install-recommends    Build_Essential", then: "apt-get says `E: Unable to locate package Build_Essential`" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_apt_packages(\"Build_Essential\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_apt_packages(\"build-essential\")\n",
    fix: "There is none.",
    check: Check::Call(|checker, _, call| {
        for given in call.given("packages").filter(|_| call.method == "with_apt_packages") {
            let Value::Str(text) = &given.value else { continue };
            if text.trim().is_empty() || text.contains(['$', '&', ';', '|', '`', '*', '?', '^', '/', '(', '\'', '"', '>', '<']) {
                continue;
            }
            // flyte does not quote: several words are several packages.
            for word in text.split_whitespace().filter(|w| !w.starts_with('-')) {
                if let Some(why) = wrong(word) {
                    let message = format!("Debian has no package {word}, {why}: apt-get fails in the build");
                    checker.push(checker.at(&RULE, given, &[], message));
                }
            }
        }
    }),
    ..Rule::BASE
};

fn wrong(word: &str) -> Option<&'static str> {
    let name = word.split(['=', ':']).next().unwrap_or(word);
    if name.chars().any(char::is_uppercase) {
        return Some("names have no capital letters");
    }
    if name.contains('_') {
        return Some("names have no underscores");
    }
    if name.len() < 2 || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Some("names have two letters or digits at least");
    }
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (!name.chars().all(ok)).then_some("names are letters, digits, +, - and .")
}
