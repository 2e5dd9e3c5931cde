//! IMG403 missing-system-library

use super::{packages, receiver_end};
use crate::finding::{Edit, Fix};
use crate::knowledge::{self, SYSTEM_LIBRARIES};
use crate::requirement;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG403",
    name: "missing-system-library",
    severity: Severity::Warning,
    opt_in: true,
    what: "Finds packages whose import needs a library of the system that nothing installs, of a list of well-known pairs:\n\
           opencv-python with libgl1 and libglib2.0-0, pytesseract with tesseract-ocr, and others.",
    why: "The image is built, and the import fails in the task: `ImportError: libGL.so.1: cannot open shared object file`.",
    proof: Proof::Later("Nothing fails before the task runs."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"opencv-python\")\n",
    instead: "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name=\"train\")\n    .with_apt_packages(\"libgl1\", \"libglib2.0-0\")\n    .with_pip_packages(\"opencv-python\")\n)\n",
    safety: FixSafety::Unsafe,
    fix: "It installs the libraries before.",
    check: Check::Call(|checker, variant, call| {
        if knowledge::base(variant).is_none() {
            return;
        }
        let Some(installed) = knowledge::installed_before(variant, variant.image.layers.len()) else { return };
        for (given, text) in packages(call) {
            let Some(name) = requirement::name(text) else { continue };
            let Some((_, libraries)) = SYSTEM_LIBRARIES.iter().find(|(n, _)| *n == name) else { continue };
            let missing: Vec<&str> =
                libraries.iter().copied().filter(|l| !installed.iter().any(|t| t.contains(l))).collect();
            if missing.is_empty() {
                continue;
            }
            let fix = || {
                let source = checker.source(&call.site.path)?;
                let at = receiver_end(&source, call)?;
                let names: Vec<String> = missing.iter().map(|l| source.string(l)).collect();
                let edit = format!(".with_apt_packages({})", names.join(", "));
                Fix::unsafe_("install the libraries before", vec![Edit::insert(&call.site.path, at, edit)])
            };
            let message = format!("{name} needs {} to be imported, which nothing installs", missing.join(" and "));
            checker.push(checker.at(&RULE, given, &[], message).fix(fix()));
        }
    }),
    ..Rule::BASE
};
