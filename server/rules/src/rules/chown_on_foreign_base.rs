//! IMG311 chown-on-foreign-base

use image_model::value::Value;

use super::layer_of;
use crate::finding::Finding;
use crate::knowledge;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG311",
    name: "chown-on-foreign-base",
    severity: Severity::Warning,
    what: "Finds `with_source_file` and `with_source_folder` on a base image that is known to have no user `flyte`, where no\n\
           command before creates one, and flyte's configuration chooses the builder `local-podman`.",
    why: "flyte writes `COPY --chown=flyte:flyte` for every base image. Podman does not know the user, and the build fails.\n\
          Docker gives the files to root without a word, which is why the rule speaks of Podman only.",
    proof: Proof::Dockerfile {
        line: "COPY --chown=flyte:flyte",
        then: "Podman fails with `looking up UID/GID for \"flyte:flyte\": … unknown user`",
    },
    files: &[("config.yaml", "image:\n  builder: local-podman\n  registry: ghcr.io/acme\n")],
    example: "import flyte\nfrom pathlib import Path\n\nimage = (\n    flyte.Image.from_base(\"debian:12\")\n    .clone(name=\"train\", extendable=True)\n    .with_source_file(Path(__file__))\n)\n",
    instead: "import flyte\nfrom pathlib import Path\n\nimage = (\n    flyte.Image.from_base(\"debian:12\")\n    .clone(name=\"train\", extendable=True)\n    .with_commands([\"useradd --create-home flyte\"])\n    .with_source_file(Path(__file__))\n)\n",
    fix: "There is none: how the user is created differs between base images.",
    check: Check::Call(|checker, variant, call| {
        let copies = matches!(call.method, "with_source_file" | "with_source_folder");
        let writes = variant.environment.release.behaviours.copy_owner.contains("flyte");
        let podman = checker.report.facts.configured_builder() == Some("local-podman");
        if !copies || !writes || !podman || knowledge::foreign_base(variant).is_none() {
            return;
        }
        let before = layer_of(variant, call).and_then(|layer| knowledge::installed_before(variant, layer));
        let Some(before) = before else { return };
        // Whatever speaks of users may create it.
        if before.iter().any(|t| t.contains("flyte") || t.contains("useradd") || t.contains("adduser") || t.contains("passwd")) {
            return;
        }
        let base = match &variant.image.base_image {
            Value::Str(base) => base,
            _ => return,
        };
        let message = format!(
            "{base} has no user flyte, to whom flyte's COPY gives the files: Podman's build fails; create the user in a command \
             before"
        );
        checker.push(Finding::new(&RULE, call.site.clone(), message));
    }),
    ..Rule::BASE
};
