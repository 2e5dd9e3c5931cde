//! IMG303 state-lost-between-commands

use image_model::origin::{Given, Site};

use super::commands;
use crate::checker::{Checker, contains};
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};
use crate::shell;
use crate::source::written;

pub(super) static RULE: Rule = Rule {
    code: "IMG303",
    name: "state-lost-between-commands",
    severity: Severity::Warning,
    what: "Finds `cd`, `export`, `source` and the activation of an environment as the end of a command, with other commands\n\
           after it.",
    why: "Each command is a `RUN` with a shell of its own: the next one begins in the image's working directory, without the\n\
          variables. Under `/bin/sh` there is no `source` at all.",
    proof: Proof::Later("The next command runs in another folder, or without the variable."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"cd /opt\", \"mkdir data\"])\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"cd /opt && mkdir data\"])\n",
    safety: FixSafety::Unsafe,
    fix: "It joins the command and the next one with `&&`.",
    check: Check::Call(|checker, _, call| {
        let all = commands(call);
        for (i, (given, items, text)) in all.iter().enumerate() {
            let Some(lost) = lost(text) else { continue };
            let Some((next_given, next, _)) = all.get(i + 1) else { continue };
            let message = format!("{lost} ends with this command: the next one runs in a shell of its own; join them with &&");
            let fix = || {
                let first = written(given, items)?;
                let second = written(next_given, next)?;
                join(checker, given, first, second)
            };
            checker.push(checker.at(&RULE, given, items, message).fix(fix()));
        }
    }),
    ..Rule::BASE
};

/// What the last part of a command does for nothing.
fn lost(text: &str) -> Option<String> {
    if text.contains('\n') {
        return None;
    }
    let all = shell::commands(text);
    let last = all.last().filter(|s| !s.piped)?;
    // A subshell keeps it to itself on purpose.
    if text.trim_end().ends_with(')') {
        return None;
    }
    let words: Vec<&str> = last.words.iter().map(|w| w.text.as_str()).collect();
    match *words.first()? {
        "cd" | "pushd" => Some("what cd does".to_owned()),
        "export" => words.iter().any(|w| w.contains('=')).then(|| "what export sets".to_owned()),
        "source" | "." if words.len() > 1 => Some("what source sets".to_owned()),
        "conda" | "mamba" | "micromamba" if words.get(1) == Some(&"activate") => Some("the activation".to_owned()),
        "alias" | "umask" | "set" | "ulimit" if words.len() > 1 => Some(format!("what {} sets", words[0])),
        word => {
            let assignment = word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            (assignment && words.len() == 1).then(|| "the variable".to_owned())
        }
    }
}

/// One literal of two, which stand next to each other in a list.
fn join(checker: &Checker<'_>, given: &Given, first: &Site, second: &Site) -> Option<Fix> {
    if !contains(&given.site, first) || !contains(&given.site, second) {
        return None;
    }
    let source = checker.source(&first.path)?;
    let (a, b) = (source.literal(first)?, source.literal(second)?);
    let between = source.text(first.end..second.start);
    if between.trim() != "," {
        return None;
    }
    let a_text = source.text(first.range());
    let quote = a_text.chars().next()?;
    if a.value().contains('\n') || b.value().contains(['\n', quote]) || a_text.starts_with("\"\"\"") {
        return None;
    }
    let both = Site { end: second.end, ..first.clone() };
    let joined = format!("{quote}{} && {}{quote}", a.value(), b.value());
    Fix::unsafe_("join it with the next command", vec![Edit::replace(&both, joined)])
}
