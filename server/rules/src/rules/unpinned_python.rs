//! IMG406 unpinned-python

use crate::finding::{Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG406",
    name: "unpinned-python",
    severity: Severity::Warning,
    opt_in: true,
    what: "Finds `from_debian_base` and `from_uv_script` without `python_version`.",
    why: "The image then takes the Python that runs the file: another tag, and another image, on each machine with another one.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", python_version=(3, 12))\n",
    safety: FixSafety::Unsafe,
    fix: "It pins to the Python of the project's environment.",
    check: Check::Call(|checker, variant, call| {
        let takes = matches!(call.method, "from_debian_base" | "from_uv_script");
        if !takes || call.is_open || call.given("python_version").next().is_some() {
            return;
        }
        // A clone may set it later.
        if variant.image.opaque.is_none() && !variant.image.python_is_default {
            return;
        }
        let fix = || {
            let (major, minor) = variant.environment.python_version?;
            let source = checker.source(&call.site.path)?;
            let written = source.call(call)?;
            let positional = call.method == "from_debian_base" && call.arguments.iter().any(|g| !g.keyword);
            let edit = written.add_keyword("python_version", &format!("({major}, {minor})"));
            (!positional).then(|| Fix::unsafe_(format!("pin to Python {major}.{minor}"), vec![edit]))?
        };
        let message = "the image takes the Python that runs the file, which differs between machines; set python_version";
        checker.push(Finding::new(&RULE, call.site.clone(), message).fix(fix()));
    }),
    ..Rule::BASE
};
