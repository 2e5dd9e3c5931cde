//! IMG207 run-prefix

use super::commands;
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG207",
    name: "run-prefix",
    what: "Finds commands that begin with `RUN`.",
    why: "flyte writes `RUN` itself: the shell is asked to run a program called RUN, which there is none.",
    proof: Proof::Dockerfile { line: "RUN  RUN echo hello", then: "the build fails with `RUN: not found`" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"RUN echo hello\"])\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"echo hello\"])\n",
    safety: FixSafety::Safe,
    fix: "It takes the word away.",
    check: Check::Call(|checker, _, call| {
        for (given, items, text) in commands(call) {
            let trimmed = text.trim_start();
            let Some(word) = trimmed.get(..4).filter(|w| w.eq_ignore_ascii_case("run ")) else { continue };
            let word = word.trim_end();
            let message = format!("the command begins with {word}, which flyte writes itself: the shell finds no such program; leave it out");
            let start = text.len() - trimmed.len();
            let rest = trimmed[4..].trim_start();
            let fix = || {
                let part = checker.literal(given, &items)?.part(start..text.len() - rest.len());
                Fix::safe(format!("drop {word}"), vec![Edit::replace(&part, "")])
            };
            checker.push(checker.at(&RULE, given, &items, message).fix(fix()));
        }
    }),
    ..Rule::BASE
};
