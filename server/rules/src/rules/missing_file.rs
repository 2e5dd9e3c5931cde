//! IMG101 missing-file

use image_model::error::Cause;

use crate::rule::{Check, Finding, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG101",
    name: "missing-file",
    severity: Severity::Error,
    since: "0.1.0",
    what: "Finds a requirements file, a project, a lock, a source file or folder, a Dockerfile, a script or an ignore file\n\
           that does not exist. Relative paths are looked for from the working directory, as flyte does.",
    why: "Nothing fails when the module is imported. Requirements, projects, scripts and Dockerfiles fail with\n\
          FileNotFoundError when the tag is computed, sources with ImageBuildError at the build, after the check whether the\n\
          image exists.",
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(\"no-such.txt\")\n",
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_source_file(Path(__file__))\n",
    fix: "There is none yet.",
    covers: |error| matches!(error.raised.cause, Cause::MissingPath { .. }),
    check: Check::Variant(|variant, findings| {
        // A file beside the module is there for whoever runs flyte from that folder: no mistake can be claimed.
        for missing in variant.missing.iter().filter(|m| !m.beside_module) {
            let looked = if missing.path == missing.resolved {
                String::new()
            } else {
                format!(" (looked for {})", missing.resolved)
            };
            findings.push(Finding {
                rule: &RULE,
                message: format!(
                    "the {} {} does not exist{looked}: the image of {} cannot be built; create it, or correct the path",
                    missing.what, missing.path, missing.method
                ),
                site: missing.site.clone(),
                related: Vec::new(),
            });
        }
    }),
};
