//! IMG312 no-ca-certificates

use super::{commands, layer_of, receiver_end};
use crate::finding::{Edit, Fix};
use crate::knowledge;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};
use crate::shell;

pub(super) static RULE: Rule = Rule {
    code: "IMG312",
    name: "no-ca-certificates",
    severity: Severity::Hint,
    what: "Finds commands that fetch something over HTTPS on a base image that is known to have no certificates, where nothing\n\
           before installs `ca-certificates`.",
    why: "curl, wget and git refuse the connection. The default image has certificates, as have the images of Python.",
    proof: Proof::Later("The command fails in the build: `unable to get local issuer certificate`."),
    example: "import flyte\n\nimage = (\n    flyte.Image.from_base(\"debian:12\")\n    .clone(name=\"train\", extendable=True)\n    .with_apt_packages(\"curl\")\n    .with_commands([\"curl -sSfO https://example.org/model.bin\"])\n)\n",
    instead: "import flyte\n\nimage = (\n    flyte.Image.from_base(\"debian:12\")\n    .clone(name=\"train\", extendable=True)\n    .with_apt_packages(\"curl\", \"ca-certificates\")\n    .with_commands([\"curl -sSfO https://example.org/model.bin\"])\n)\n",
    safety: FixSafety::Unsafe,
    fix: "It installs `ca-certificates` before.",
    check: Check::Call(|checker, variant, call| {
        if !knowledge::foreign_base(variant).is_some_and(|b| b.no_certificates) {
            return;
        }
        let before = layer_of(variant, call).and_then(|layer| knowledge::installed_before(variant, layer));
        let Some(before) = before else { return };
        if before.iter().any(|text| text.contains("ca-certificates")) {
            return;
        }
        for (given, items, text) in commands(call) {
            if text.contains("ca-certificates") {
                return;
            }
            let fetches = shell::commands(text).iter().any(|s| {
                matches!(s.name(), Some("curl" | "wget" | "git")) && s.words.iter().any(|w| w.text.contains("https://"))
            });
            let insecure = text.contains("--no-check-certificate") || text.contains("--insecure") || text.contains(" -k ");
            if fetches && !insecure {
                let fix = || {
                    let source = checker.source(&call.site.path)?;
                    let at = receiver_end(&source, call)?;
                    let edit = format!(".with_apt_packages({})", source.string("ca-certificates"));
                    Fix::unsafe_("install ca-certificates before", vec![Edit::insert(&call.site.path, at, edit)])
                };
                let message = "the base image has no certificates, and nothing before installs them: HTTPS fails; add \
                               ca-certificates to the apt packages";
                checker.push(checker.at(&RULE, given, &items, message).fix(fix()));
                return;
            }
        }
    }),
    ..Rule::BASE
};
