//! IMG903 unverified-release

use image_model::release::Coverage;
use image_python::project::assumed;

use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG903",
    name: "unverified-release",
    severity: Severity::Hint,
    what: "Tells that what the flyte in use does is assumed, not known: its release is newer than this version of image-lsp,\n\
           is not in its table, or its files are not those of the release (a patched or a development install).",
    why: "Tags and Dockerfiles are predicted from what each release of flyte does. A release that is not known may do\n\
          something else, and then the tag that is built is another one than the tag that is shown. The assumption is listed\n\
          with each image, too.\n\n\
          What to do: update image-lsp; or use a release that it knows (`image-lsp debug-info` tells which those are, and\n\
          what was found where). `image-lsp verify` asks the flyte that is installed, and says whether the predictions are\n\
          right; what differs has this code, too, as a warning. An installation whose decisive files are those of a known\n\
          release is never reported otherwise, whatever its version.",
    proof: Proof::Later("It is about what image-lsp knows."),
    example: "# /// script\n# dependencies = [\"flyte==2.5.19\"]\n# ///\nimport flyte\n\nimage = flyte.Image.from_base(\"debian:12\")\n",
    instead: "# /// script\n# dependencies = [\"flyte==2.5.20\"]\n# ///\nimport flyte\n\nimage = flyte.Image.from_base(\"debian:12\")\n",
    fix: "There is none: which release is installed is yours to choose.",
    check: Check::File(|checker| {
        let report = checker.report;
        let release = &report.facts.environment.release;
        let assumption = match release.coverage {
            Coverage::Known | Coverage::SameFiles => return,
            Coverage::Older => report.facts.release_unknown(),
            _ => assumed(release),
        };
        if let (Some(assumption), Some(image)) = (assumption, checker.own_images().next()) {
            let message = format!(
                "{assumption} (flyte is {}); tags and Dockerfiles may differ from what it builds; `image-lsp explain \
                 IMG903` says what to do",
                report.facts.release_from
            );
            checker.push(Finding::new(&RULE, image.site.clone(), message));
        }
    }),
    ..Rule::BASE
};
