//! IMG101 missing-file

use std::path::Path;
use std::sync::Arc;

use image_python::inspect::{Missing, Stage};

use crate::finding::{Edit, Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, is_missing};

pub(super) static RULE: Rule = Rule {
    code: "IMG101",
    name: "missing-file",
    what: "Finds a requirements file, a project, a lock, a source file or folder, a Dockerfile, a script or an ignore file\n\
           that does not exist. Relative paths are looked for from the working directory, as flyte does.",
    why: "Nothing fails when the module is imported. Requirements, projects, scripts and Dockerfiles fail with\n\
          FileNotFoundError when the tag is computed, sources with ImageBuildError at the build, after the check whether the\n\
          image exists.",
    proof: Proof::Flyte {
        stage: Stage::Hash,
        error: "FileNotFoundError: [Errno 2] No such file or directory: ",
    },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"no-such.txt\")\n",
    files: &[("requirements.txt", "httpx\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"requirements.txt\")\n",
    safety: FixSafety::Unsafe,
    fix: "It creates an empty file. There is none for folders, locks, projects and Dockerfiles, which cannot be empty.",
    covers: is_missing,
    check: Check::Variant(|checker, variant| {
        // A file beside the module is there for whoever runs flyte from that folder: IMG103 says so.
        for missing in variant.missing.iter().filter(|m| !m.beside_module) {
            let looked = if missing.path == missing.resolved {
                String::new()
            } else {
                format!(" (looked for {})", missing.resolved)
            };
            let message = format!(
                "the {} {} does not exist{looked}: the image of {} cannot be built; create it, or correct the path",
                missing.what, missing.path, missing.method
            );
            let given = variant.image.calls.iter().flat_map(|c| &c.arguments).find(|g| g.site == missing.site);
            let found = match given {
                Some(given) => checker.at(&RULE, given, &[], message),
                None => Finding::new(&RULE, missing.site.clone(), message),
            };
            checker.push(found.fix(create(missing)));
        }
    }),
    ..Rule::BASE
};

fn create(missing: &Missing) -> Option<Fix> {
    let can_be_empty = matches!(missing.what, "requirements file" | "source file" | "ignore file" | "script");
    let path: Arc<Path> = Path::new(&missing.resolved).into();
    let edit = Edit::insert(&path, 0, "");
    (can_be_empty && path.is_absolute()).then(|| Fix::unsafe_("create the file, empty", vec![edit]))?
}
