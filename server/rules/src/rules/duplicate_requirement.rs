//! IMG603 duplicate-requirement

use super::duplicate_dependency::duplicates;
use crate::manifest::{Role, quoted};
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG603",
    name: "duplicate-requirement",
    severity: Severity::Warning,
    what: "Finds a project that the requirements file or the pyproject.toml of an image names twice, with specifiers that no\n\
           version satisfies together.",
    why: "uv finds no solution, and the build fails.",
    proof: Proof::Uv { error: "requirements are unsatisfiable" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"requirements.txt\")\n",
    files: &[("requirements.txt", "httpx==0.27\nHTTPX>=0.28\n"), ("good.txt", "httpx>=0.28\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"good.txt\")\n",
    fix: "There is none: which of the two is meant is not known.",
    check: Check::Manifest(|checker, used| {
        let is_one = matches!(used.role, Role::Requirements | Role::Project);
        let Some(manifest) = used.read.manifest.as_ref().filter(|_| is_one) else { return };
        for (first, second, _) in duplicates(manifest).into_iter().filter(|(_, _, clash)| *clash) {
            let (one, other) = (quoted(&first.text), quoted(&second.text));
            let message = format!("no version of {} satisfies {one} and {other} together", second.name);
            let found = used.finding(&RULE, second.range.clone(), message);
            checker.push(found.related(used.read.site(first.range.clone()), "the first time"));
        }
    }),
    ..Rule::BASE
};
