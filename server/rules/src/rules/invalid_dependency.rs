//! IMG507 invalid-dependency

use image_manifests::requirement::{fault, specifiers_fault};

use crate::manifest::Role;
use crate::rule::{Check, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG507",
    name: "invalid-dependency",
    what: "Finds dependencies in a script's header that are no requirements as PEP 508 has them, and a `requires-python` that is\n\
           no version specifier.",
    why: "uv refuses to run the script, and `uv pip install` in the build refuses most of them.",
    proof: Proof::Uv { error: "Expected one of" },
    example: "# /// script\n# dependencies = [\"flyte\", \"numpy pandas\"]\n# ///\nprint(\"training\")\n",
    instead: "# /// script\n# dependencies = [\"flyte\", \"numpy\", \"pandas\"]\n# ///\nprint(\"training\")\n",
    covers: |error| {
        let message = &error.raised.message;
        message.starts_with("Invalid PEP 508") || message.starts_with("Environment markers are not")
    },
    check: Check::Manifest(|checker, used| {
        let Some(manifest) = used.read.manifest.as_ref().filter(|_| used.role.is_script()) else { return };
        for dependency in &manifest.dependencies {
            let Some(fault) = fault(&dependency.text) else { continue };
            // flyte installs folders from such addresses, whatever follows.
            if used.role == Role::UvScript && dependency.text.contains("file://") {
                continue;
            }
            let message = format!("{:?} is no requirement: {}", dependency.text, fault.message);
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
