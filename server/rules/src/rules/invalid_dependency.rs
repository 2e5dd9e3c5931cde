//! IMG507 invalid-dependency

use image_manifests::requirement::{fault, parts, specifiers_fault};
use image_model::error::Cause;

use crate::manifest::{Role, Used, quoted};
use crate::rule::{Check, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG507",
    name: "invalid-dependency",
    what: "Finds dependencies in a script's header that are no requirements as PEP 508 has them, and a `requires-python` that is\n\
           no version specifier.",
    why: "uv refuses to run the script, and `uv pip install` in the build refuses most of them.",
    proof: Proof::Uv { error: "Expected one of" },
    example: "# /// script\n# dependencies = [\"flyte\", \"numpy pandas\"]\n# ///\nprint(\"training\")\n",
    instead: "# /// script\n# dependencies = [\"flyte\", \"numpy\", \"pandas\"]\n# ///\nprint(\"training\")\n",
    covers: caused_by!(Cause::InvalidDependency),
    check: Check::Manifest(|checker, used| {
        let Some(manifest) = used.read.manifest.as_ref().filter(|_| used.role.is_script()) else { return };
        for dependency in &manifest.dependencies {
            if is_refused(used, &dependency.text) {
                let message = "flyte takes no environment markers in the dependencies of a pixi script and raises ValueError when the \
                               tag is computed; write a table [tool.pixi.target.<platform>.pypi-dependencies]";
                checker.push(used.finding(&RULE, dependency.range.clone(), message));
            }
            let Some(fault) = fault(&dependency.text) else { continue };
            // flyte installs folders from such addresses, whatever follows.
            if used.role == Role::UvScript && dependency.text.contains("file://") {
                continue;
            }
            let message = format!("{} is no requirement: {}", quoted(&dependency.text), fault.message);
            checker.push(used.finding(&RULE, dependency.part(fault.range), message));
        }
        if let Some(required) = &manifest.requires_python
            && let Some(fault) = specifiers_fault(&required.value)
        {
            let plain = required.value.chars().all(|c| c.is_ascii_digit() || c == '.') && !required.value.is_empty();
            let hint = if plain { format!("; write >={}", required.value) } else { String::new() };
            let message = format!("requires-python = {:?} is no version specifier: {fault}{hint}", required.value);
            checker.push(used.finding(&RULE, required.range.clone(), message));
        }
    }),
    ..Rule::BASE
};

/// Whether flyte refuses a dependency though PEP 508 has such. Source: flyte 2.12.1, pixi scripts.
fn is_refused(used: &Used<'_>, text: &str) -> bool {
    used.role == Role::PixiScript && fault(text).is_none() && parts(text).is_some_and(|p| p.marker.is_some())
}
