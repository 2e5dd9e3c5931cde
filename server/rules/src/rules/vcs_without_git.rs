//! IMG214 vcs-without-git

use super::{layer_of, packages, receiver_end};
use crate::finding::{Edit, Fix};
use crate::knowledge;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG214",
    name: "vcs-without-git",
    severity: Severity::Warning,
    what: "Finds a `git+` requirement on an image without git.",
    why: "uv calls git to fetch it, and fails in the build. The default image has no git.",
    proof: Proof::Later("In the build: `Git executable not found. Ensure that Git is installed and available.`"),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"git+https://github.com/acme/acme.git\")\n",
    instead: "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name=\"train\")\n    .with_apt_packages(\"git\")\n    .with_pip_packages(\"git+https://github.com/acme/acme.git\")\n)\n",
    safety: FixSafety::Safe,
    fix: "It adds `with_apt_packages(\"git\")` before.",
    check: Check::Call(|checker, variant, call| {
        let Some((given, text)) = packages(call).find(|(_, text)| text.contains("git+")) else { return };
        if !knowledge::base(variant).is_some_and(|b| b.lacks.contains(&"git")) {
            return;
        }
        let installed = layer_of(variant, call).and_then(|layer| knowledge::installed_before(variant, layer));
        let Some(installed) = installed else { return };
        if installed.iter().any(|text| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "git")) {
            return;
        }
        let fix = || {
            let source = checker.source(&call.site.path)?;
            let at = receiver_end(&source, call)?;
            let text = format!(".with_apt_packages({})", source.string("git"));
            Fix::safe("install git before", vec![Edit::insert(&call.site.path, at, text)])
        };
        let message = format!("{text:?} is fetched with git, which this image does not have so far: the build fails; install it before");
        checker.push(checker.at(&RULE, given, &[], message).fix(fix()));
    }),
    ..Rule::BASE
};
