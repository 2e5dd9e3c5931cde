//! IMG404 shared-name

use std::collections::BTreeMap;

use image_model::origin::Site;

use crate::checker::Checker;
use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG404",
    name: "shared-name",
    severity: Severity::Warning,
    opt_in: true,
    what: "Finds different images with the same registry and name.",
    why: "They share one repository and differ only by a tag that nobody can read: which one is whose cannot be seen in the\n\
          registry, nor can one of them be cleaned up by itself.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\n\ntrain = flyte.Image.from_debian_base(name=\"model\").with_pip_packages(\"torch\")\nserve = flyte.Image.from_debian_base(name=\"model\").with_pip_packages(\"fastapi\")\n",
    instead: "import flyte\n\ntrain = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"torch\")\nserve = flyte.Image.from_debian_base(name=\"serve\").with_pip_packages(\"fastapi\")\n",
    fix: "There is none: what they are called is yours to say.",
    check: Check::Workspace(check),
    ..Rule::BASE
};

/// Each address without its tag, with the addresses and where their images are made.
type Names<'c> = BTreeMap<String, Vec<(String, Site, usize)>>;

fn check(checkers: &[Checker<'_>]) {
    let mut names: Names<'_> = BTreeMap::new();
    for (number, checker) in checkers.iter().enumerate() {
        for image in checker.own_images().filter(|i| !i.intermediate && !i.speculative) {
            let Some(variant) = image.variants.first().filter(|v| v.modified) else { continue };
            let (Some(uri), Some(tag)) = (&variant.uri, &variant.tag) else { continue };
            if let Some(name) = uri.strip_suffix(&format!(":{tag}")) {
                names.entry(name.to_owned()).or_default().push((uri.clone(), image.site.clone(), number));
            }
        }
    }
    for (name, images) in names {
        for (uri, site, number) in &images {
            let Some((_, other, _)) = images.iter().find(|(u, _, _)| u != uri) else { continue };
            let message = format!("another image is called {name}, too; give each a name of its own");
            let found = Finding::new(&RULE, site.clone(), message).related(other.clone(), "the other image");
            if let Some(checker) = checkers.get(*number) {
                checker.push(found);
            }
        }
    }
}
