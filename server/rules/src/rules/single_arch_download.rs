//! IMG306 single-arch-download

use image_model::value::Value;
use image_python::inspect::Variant;

use super::{commands, packages};
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG306",
    name: "single-arch-download",
    severity: Severity::Warning,
    what: "Finds addresses of programs or wheels for one architecture in an image that is built for several. Images of\n\
           `from_debian_base` are, unless `platform` says otherwise.",
    why: "In the other half of the build the program cannot run: the build fails, or the pod on such a node does.",
    proof: Proof::Later("The build for the other platform fails, or what it makes does."),
    example: "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name=\"train\")\n    .with_apt_packages(\"curl\")\n    .with_commands([\"curl -sSfL https://example.org/tool-linux-amd64 -o /usr/local/bin/tool\"])\n)\n",
    instead: "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name=\"train\", platform=(\"linux/amd64\",))\n    .with_apt_packages(\"curl\")\n    .with_commands([\"curl -sSfL https://example.org/tool-linux-amd64 -o /usr/local/bin/tool\"])\n)\n",
    fix: "There is none: build for one platform, or choose by `uname -m` in the command.",
    check: Check::Call(|checker, variant, call| {
        if !is_multi_platform(variant) {
            return;
        }
        let advice = "but the image is built for linux/amd64 and linux/arm64; give platform, or choose by uname -m";
        for (given, items, text) in commands(call) {
            if let Some(arch) = arch(text) {
                checker.push(checker.at(&RULE, given, &items, format!("the address is for {arch} only, {advice}")));
            }
        }
        for (given, text) in packages(call) {
            let wheel = text.contains("://") && text.contains(".whl") && !text.contains("platform_machine");
            if let (true, Some(arch)) = (wheel, arch(text)) {
                checker.push(checker.at(&RULE, given, &[], format!("the wheel is for {arch} only, {advice}")));
            }
        }
    }),
    ..Rule::BASE
};

fn is_multi_platform(variant: &Variant) -> bool {
    match &variant.image.platform {
        Value::Tuple(items) | Value::List(items) => items.len() > 1,
        _ => false,
    }
}

/// The architecture that an address in a text names, where the text does not choose by itself.
fn arch(text: &str) -> Option<&'static str> {
    const CHOOSES: &[&str] = &["uname", "TARGETARCH", "TARGETPLATFORM", "print-architecture", "$(arch)", "`arch`", "HOSTTYPE", "case ", "if "];
    if CHOOSES.iter().any(|word| text.contains(word)) {
        return None;
    }
    let names = ["x86_64", "x86-64", "amd64", "aarch64", "arm64"];
    let addresses = text.split_whitespace().filter(|word| word.contains("://"));
    let mut found = addresses.flat_map(|word| {
        // The name may be part of a longer word only between signs: `amd64`, not `beamd64`.
        names.into_iter().filter(move |name| {
            word.match_indices(name).any(|(at, _)| {
                let before = word[..at].chars().next_back();
                let after = word[at + name.len()..].chars().next();
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
                edge(before) && edge(after)
            })
        })
    });
    found.next()
}
