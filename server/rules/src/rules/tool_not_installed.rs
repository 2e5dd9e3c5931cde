//! IMG215 tool-not-installed

use image_python::inspect::Variant;

use super::{commands, layer_of, receiver_end};
use crate::finding::{Edit, Fix};
use crate::knowledge;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};
use crate::shell;

pub(super) static RULE: Rule = Rule {
    code: "IMG215",
    name: "tool-not-installed",
    severity: Severity::Warning,
    what: "Finds curl, wget, git, unzip, gcc, make and sudo in commands on a base image that is known to lack them, where\n\
           nothing before installs them.",
    why: "The command fails in the build: `curl: not found`.",
    proof: Proof::Later("The build fails with exit code 127."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"curl -sSfO https://example.org/model.bin\"])\n",
    instead: "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name=\"train\")\n    .with_apt_packages(\"curl\")\n    .with_commands([\"curl -sSfO https://example.org/model.bin\"])\n)\n",
    safety: FixSafety::Unsafe,
    fix: "It installs the tool before, with `with_apt_packages`.",
    check: Check::Call(|checker, variant, call| {
        let all = commands(call);
        if all.is_empty() {
            return;
        }
        let Some(base) = knowledge::base(variant) else { return };
        let layer = layer_of(variant, call);
        let Some(mut before) = layer.and_then(|layer| knowledge::installed_before(variant, layer)) else { return };
        for (given, items, text) in all {
            let missing = missing(text, base.lacks, &before);
            before.push(text.to_owned());
            let Some(tool) = missing else { continue };
            let fix = || {
                let source = checker.source(&call.site.path)?;
                let at = receiver_end(&source, call).filter(|_| has_apt(variant))?;
                let edit = format!(".with_apt_packages({})", source.string(tool));
                Fix::unsafe_(format!("install {tool} before"), vec![Edit::insert(&call.site.path, at, edit)])
            };
            let message = format!(
                "{tool} is not in the image so far: the command fails in the build with \"{tool}: not found\"; install it before"
            );
            checker.push(checker.at(&RULE, given, &items, message).fix(fix()));
        }
    }),
    ..Rule::BASE
};

fn has_apt(variant: &Variant) -> bool {
    !matches!(&variant.image.base_image, image_model::value::Value::Str(b) if b.contains("alpine"))
}

/// The first tool that a command runs before anything speaks of installing it.
fn missing<'t>(text: &str, lacks: &[&'t str], before: &[String]) -> Option<&'t str> {
    let mentions = |text: &str, tool: &str| text.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|w| w == tool || (matches!(tool, "gcc" | "make") && w == "build-essential"));
    let mut so_far = String::new();
    for simple in shell::commands(text) {
        let words: Vec<&str> = simple.words.iter().map(|w| w.text.as_str()).collect();
        if let Some(tool) = simple.name().and_then(|name| lacks.iter().find(|t| **t == name))
            // A path of its own tells that it was put there.
            && simple.program().is_some_and(|(_, w)| !w.text.contains('/'))
            && !mentions(&so_far, tool)
            && !before.iter().any(|b| mentions(b, tool))
        {
            return Some(tool);
        }
        so_far.push(' ');
        so_far.push_str(&words.join(" "));
    }
    None
}
