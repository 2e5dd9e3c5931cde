//! IMG204 no-push-registry

use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG204",
    name: "no-push-registry",
    severity: Severity::Warning,
    what: "Finds images that have to be built and have no registry, where flyte's configuration file chooses the local\n\
           builder and neither it nor `FLYTE_IMAGE_REGISTRY` sets a registry.",
    why: "The local builder pushes what it builds. flyte raises ImageBuildError at the build, after the check whether the\n\
          image exists.",
    proof: Proof::Later("flyte asks for an engine first: `ImageBuildError: Cannot build image 'train': no container registry is configured to push to.`"),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx\")\n",
    files: &[("config.yaml", "image:\n  builder: local\n")],
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", registry=\"ghcr.io/acme\").with_pip_packages(\"httpx\")\n",
    fix: "There is none: where your images go is yours to say.",
    check: Check::File(|checker| {
        if !checker.report.facts.configured_builder().is_some_and(|b| b.starts_with("local")) {
            return;
        }
        for image in checker.own_images().filter(|i| !i.intermediate && !i.speculative) {
            for variant in &image.variants {
                let environment = &variant.environment;
                let local = environment.endpoint.as_deref().is_some_and(|e| e.contains("localhost"));
                let none = variant.image.registry.truthy() == Ok(false)
                    && environment.registry.as_deref().is_none_or(str::is_empty);
                if variant.modified && none && !local && variant.image.opaque.is_none() {
                    let site = variant.image.origin.as_ref().map_or(&image.site, |o| &o.site);
                    let message = "this image has to be pushed, and there is no registry to push it to: flyte raises \
                                   ImageBuildError at the build; set registry, or image.registry in flyte's configuration";
                    checker.push(Finding::new(&RULE, site.clone(), message));
                }
            }
        }
    }),
    ..Rule::BASE
};
