//! IMG304 bashism

use image_model::value::Value;
use image_python::inspect::Variant;

use super::commands;
use crate::knowledge;
use crate::rule::{Check, Proof, Rule, Severity};
use crate::shell;

pub(super) static RULE: Rule = Rule {
    code: "IMG304",
    name: "bashism",
    severity: Severity::Warning,
    what: "Finds syntax of bash in commands, on base images whose `/bin/sh` is not bash: `[[ … ]]`, `{a,b}`, `<(…)`, `<<<`,\n\
           `&>`, `pushd`, `set -o pipefail`, `==` in `[ … ]`.",
    why: "Commands run under `/bin/sh`: flyte writes `SHELL [\"/bin/bash\", \"-c\"]` after all of them. Debian's sh is dash, which\n\
          stops with a syntax error, or does something else: `mkdir {a,b}` makes one folder called `{a,b}`.",
    proof: Proof::Later("The build fails in dash, or the command does something else."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"mkdir -p /data/{raw,clean}\"])\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"mkdir -p /data/raw /data/clean\"])\n",
    fix: "There is none: write it for sh, or hand it to `bash -c '…'`.",
    check: Check::Call(|checker, variant, call| {
        if !has_dash(variant) {
            return;
        }
        for (given, items, text) in commands(call) {
            if let Some(found) = bashism(text) {
                let message = format!(
                    "{found} is bash, but commands run under /bin/sh, which is dash in this image; write it for sh, or hand it \
                     to bash -c '…'"
                );
                checker.push(checker.at(&RULE, given, &items, message));
            }
        }
    }),
    ..Rule::BASE
};

fn has_dash(variant: &Variant) -> bool {
    let alpine = matches!(&variant.image.base_image, Value::Str(b) if b.contains("alpine"));
    knowledge::base(variant).is_some() && !alpine
}

fn bashism(text: &str) -> Option<&'static str> {
    for simple in shell::commands(text) {
        let plain: Vec<&str> = simple.words.iter().filter(|w| !w.quoted).map(|w| w.text.as_str()).collect();
        let first = simple.name().unwrap_or_default();
        if matches!(first, "bash" | "eval" | "ssh") {
            continue;
        }
        match first {
            "[[" => return Some("[[ … ]]"),
            "pushd" | "popd" => return Some("pushd"),
            "shopt" => return Some("shopt"),
            "declare" | "typeset" => return Some("declare"),
            "function" => return Some("function"),
            "set" if plain.contains(&"pipefail") => return Some("set -o pipefail"),
            "[" | "test" if plain.contains(&"==") => return Some("== in [ … ]"),
            _ => {}
        }
        for word in plain {
            if word.contains("<<<") {
                return Some("<<<");
            }
            if word.starts_with("&>") || word.contains(">&/") {
                return Some("&>");
            }
            if is_brace_expansion(word) {
                return Some("{…,…}");
            }
        }
    }
    let unquoted = without_quotes(text);
    if unquoted.contains("<(") || unquoted.contains(" >(") {
        return Some("<(…)");
    }
    if unquoted.contains(" &>") {
        return Some("&>");
    }
    None
}

/// `{a,b}` or `{1..3}`, not after a dollar sign.
fn is_brace_expansion(word: &str) -> bool {
    let Some(open) = word.find('{') else { return false };
    if word[..open].ends_with('$') {
        return false;
    }
    let Some(close) = word[open..].find('}') else { return false };
    let inner = &word[open + 1..open + close];
    let range = inner.split_once("..").is_some_and(|(a, b)| {
        let end = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_alphanumeric());
        end(a) && end(b)
    });
    range || (inner.contains(',') && !inner.contains(['{', '$', ':']))
}

fn without_quotes(text: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sh_is_no_bashism() {
        for text in [
            "mkdir -p a b", "[ a = b ] && x", "bash -c 'set -o pipefail; [[ a == b ]]'", "echo '{a,b}'", "echo ${a,b}",
            "awk '{print $1,$2}' x", "x > y 2>&1", "echo {}", "find . -exec rm {} +", "set -eux; apt-get update",
        ] {
            assert_eq!(bashism(text), None, "{text}");
        }
        for text in [
            "[[ a ]]", "if [[ -f x ]]; then y; fi", "mkdir {a,b}", "x <(y)", "cat <<< x", "x &> y", "set -euo pipefail",
            "for i in {1..3}; do x; done", "[ a == b ]", "pushd x",
        ] {
            assert!(bashism(text).is_some(), "{text}");
        }
    }
}
