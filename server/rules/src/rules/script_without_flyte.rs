//! IMG504 script-without-flyte

use super::flyte_not_installed::lacks_flyte;
use crate::finding::Fix;
use crate::manifest::Role;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG504",
    name: "script-without-flyte",
    severity: Severity::Warning,
    what: "Finds scripts of `from_uv_script` whose header does not name flyte, where nothing else installs it in the image.",
    why: "The image of a script begins with a bare Python: flyte does not put itself into it. Without it the pod of a task fails at\n\
          once, with `a0: executable file not found`.",
    proof: Proof::Later("Nothing fails before the pod starts."),
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\")\n",
    files: &[
        ("train.py", "# /// script\n# dependencies = [\"pandas\"]\n# ///\nprint(\"training\")\n"),
        ("good.py", "# /// script\n# dependencies = [\"pandas\", \"flyte\"]\n# ///\nprint(\"training\")\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"good.py\", name=\"train\")\n",
    safety: FixSafety::Safe,
    fix: "It adds flyte to the header's dependencies.",
    check: Check::Manifest(|checker, used| {
        let (Role::UvScript, Some(by), Some(manifest)) = (used.role, &used.by, &used.read.manifest) else { return };
        let Some(header) = manifest.header.as_ref().filter(|h| h.trouble.is_none() && manifest.faults.is_empty()) else {
            return;
        };
        // Apps and services need no flyte.
        let of_image = checker.report.images.iter().find(|i| i.variants.iter().any(|v| std::ptr::eq(v, by.variant)));
        let environments = of_image.map(|i| i.environments.as_slice()).unwrap_or_default();
        let is_for_tasks = environments.is_empty() || environments.iter().any(|e| &*e.class == "flyte.TaskEnvironment");
        if !is_for_tasks || lacks_flyte(checker, by.variant) != Some(true) {
            return;
        }
        let key = manifest.source.as_ref().and_then(|s| s.key(&["dependencies"]));
        let range = key.map_or_else(|| header.opener.clone(), |key| header.content.range(key));
        let message = "the dependencies of this script do not name flyte, without which the pods of a task cannot start";
        let fix = used.read.add_dependency("flyte").and_then(|edits| Fix::safe("add flyte to the dependencies", edits));
        checker.push(used.finding(&RULE, range, message).fix(fix));
    }),
    ..Rule::BASE
};
