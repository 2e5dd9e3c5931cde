//! IMG505 requires-python-ignored

use std::str::FromStr;

use pep440_rs::VersionSpecifiers;

use super::python_mismatch::{allows, python, set_python};
use crate::manifest::Role;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG505",
    name: "requires-python-ignored",
    severity: Severity::Warning,
    what: "Finds scripts of `from_uv_script` whose `requires-python` the image's Python does not satisfy, where no\n\
           `python_version` is given. IMG309 tells of one that is.",
    why: "flyte puts `requires-python` into the tag and never looks at it again: without `python_version` the image takes the Python\n\
          that runs the file. What the script needs of another one is missing when the task runs.",
    proof: Proof::Later("Nothing fails before the script runs in the image."),
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\")\n",
    files: &[("train.py", "# /// script\n# requires-python = \">=3.13\"\n# dependencies = [\"flyte\"]\n# ///\nprint(\"training\")\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\", python_version=(3, 13))\n",
    safety: FixSafety::Safe,
    fix: "It passes the oldest `python_version` that the script allows and flyte has an image for.",
    check: Check::Manifest(|checker, used| {
        let (Role::UvScript, Some(by), Some(manifest)) = (used.role, &used.by, &used.read.manifest) else { return };
        let image = &by.variant.image;
        let (Some(required), true) = (&manifest.requires_python, image.python_is_default) else { return };
        let (Some((major, minor)), Ok(specifiers)) = (python(by.variant), VersionSpecifiers::from_str(&required.value)) else {
            return;
        };
        if allows(&specifiers, (major, minor)) {
            return;
        }
        let message = format!(
            "this script requires Python {}, but flyte does not look at that: its image has Python {major}.{minor}, which runs the file; pass python_version",
            required.value
        );
        let found = used.finding(&RULE, required.range.clone(), message);
        checker.push(found.fix(set_python(checker, by.variant, &specifiers)));
    }),
    ..Rule::BASE
};
