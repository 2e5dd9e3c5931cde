//! IMG201 invalid-platform

use image_model::origin::{CallSite, Given};
use image_model::value::Value;
use image_python::inspect::StageError;

use super::{raises, texts};
use crate::checker::{Checker, contains};
use crate::finding::{Edit, Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule};
use crate::source::written_here;

pub(super) static RULE: Rule = Rule {
    code: "IMG201",
    name: "invalid-platform",
    what: "Finds `platform=\"linux/amd64\"`, text where a tuple is needed, platforms other than `linux/amd64` and\n\
           `linux/arm64`, and scripts for pixi whose header lacks a platform of their image.",
    why: "The constructors that start from the default image take text apart into letters: the engine is asked to build for\n\
          `l`, `i`, `n`, …, and refuses. It has no base image for other platforms. An image is for `linux/amd64` and\n\
          `linux/arm64` where nothing else is said; where the platforms in a script's `[tool.pixi.workspace]` do not cover them,\n\
          flyte raises ValueError at the start of the build.",
    proof: Proof::Engine { error: "unknown operating system or architecture" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", platform=\"linux/amd64\").with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", platform=(\"linux/amd64\",)).with_pip_packages(\"httpx\")\n",
    safety: FixSafety::Safe,
    fix: "It makes a tuple of the text.",
    covers: is_platform,
    check: Check::Call(|checker, variant, call| {
        for given in call.given("platform") {
            check(checker, call, given);
        }
        for error in variant.errors.iter().filter(|e| is_platform(e) && contains(&call.site, &e.site)) {
            let message = format!("{}: {}", raises(error), error.raised.message);
            match call.given("platform").next() {
                // Text for the platform is told above.
                Some(given) if matches!(given.value, Value::Str(_)) => {}
                Some(given) => checker.push(checker.at(&RULE, given, &[], message)),
                None => checker.push(Finding::new(&RULE, error.site.clone(), message)),
            }
        }
    }),
    ..Rule::BASE
};

fn is_platform(error: &StageError) -> bool {
    let starts = ["Cannot build a pixi environment for platform", "The pixi script declares platforms"];
    starts.iter().any(|start| error.raised.message.starts_with(start))
}

fn check(checker: &Checker<'_>, call: &CallSite, given: &Given) {
    const KNOWN: [&str; 2] = ["linux/amd64", "linux/arm64"];
    // `clone` and `from_dockerfile` put text into a tuple themselves.
    let splits = matches!(call.method, "from_debian_base" | "from_uv_script" | "from_pixi_script");
    if let (Value::Str(text), true) = (&given.value, splits) {
        if text.is_empty() {
            return;
        }
        let message = format!(
            "platform is text, which flyte takes apart into letters: the build asks for {}, and fails; write a tuple",
            text.chars().take(3).map(|c| c.to_string()).collect::<Vec<_>>().join(", ") + ", …"
        );
        checker.push(checker.at(&RULE, given, &[], message).fix(tuple(checker, given)));
        return;
    }
    for (items, text) in texts(given) {
        if KNOWN.contains(&text) {
            continue;
        }
        let near = KNOWN.iter().find(|k| k.ends_with(text.rsplit('/').next().unwrap_or(text)));
        let near = near.map_or_else(|| "linux/amd64 or linux/arm64".to_owned(), |k| (*k).to_owned());
        let message = format!("flyte builds for linux/amd64 and linux/arm64 only, not for {text:?}: the build fails; write {near}");
        // Pixi's own check raises, and says the same.
        if call.method != "from_pixi_script" {
            checker.push(checker.at(&RULE, given, &items, message));
        }
    }
}

fn tuple(checker: &Checker<'_>, given: &Given) -> Option<Fix> {
    let site = written_here(given, &[])?;
    let source = checker.source(&site.path)?;
    source.literal(site)?;
    let text = source.text(site.range());
    Fix::safe("make it a tuple", vec![Edit::replace(site, format!("({text},)"))])
}
