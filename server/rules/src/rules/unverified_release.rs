//! IMG903 unverified-release

use image_model::release::Coverage;
use image_python::project::assumed;

use crate::rule::{Check, Finding, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG903",
    name: "unverified-release",
    severity: Severity::Hint,
    since: "0.1.0",
    what: "Tells that what the flyte in use does is assumed, not known: its release is newer than this version of image-lsp,\n\
           is not in its table, or its files are not those of the release (a patched or a development install).",
    why: "Tags and Dockerfiles are predicted from what each release of flyte does. A release that is not known may do\n\
          something else, and then the tag that is built is another one than the tag that is shown. The assumption is listed\n\
          with each image, too.\n\n\
          What to do: update image-lsp; or use a release that it knows (`image-lsp debug-info` tells which those are, and\n\
          what was found where). For a flyte of your own, compare one image with what `print(image.uri)` says. An\n\
          installation whose decisive files are those of a known release is never reported, whatever its version.",
    example: "# /// script\n# dependencies = [\"flyte==2.5.19\"]\n# ///\nimport flyte\n\nimage = flyte.Image.from_base(\"debian:12\")\n",
    instead: "# /// script\n# dependencies = [\"flyte==2.5.20\"]\n# ///\nimport flyte\n\nimage = flyte.Image.from_base(\"debian:12\")\n",
    fix: "There is none: which release is installed is yours to choose.",
    covers: |_| false,
    check: Check::File(|report, findings| {
        let release = &report.facts.environment.release;
        let assumption = match release.coverage {
            Coverage::Known | Coverage::SameFiles => return,
            Coverage::Older => report.facts.release_unknown(),
            _ => assumed(release),
        };
        let own = report.images.iter().find(|image| !image.imported && image.site.path == report.path);
        if let (Some(assumption), Some(image)) = (assumption, own) {
            findings.push(Finding {
                rule: &RULE,
                message: format!(
                    "{assumption} (flyte is {}); tags and Dockerfiles may differ from what it builds; `image-lsp explain \
                     IMG903` says what to do",
                    report.facts.release_from
                ),
                site: image.site.clone(),
                related: Vec::new(),
            });
        }
    }),
};
