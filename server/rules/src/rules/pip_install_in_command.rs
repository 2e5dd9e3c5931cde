//! IMG302 pip-install-in-command

use image_model::origin::CallSite;
use image_python::inspect::Variant;

use super::{commands, method_name, packages};
use crate::checker::Checker;
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};
use crate::shell::{self, Simple};

pub(super) static RULE: Rule = Rule {
    code: "IMG302",
    name: "pip-install-in-command",
    severity: Severity::Warning,
    what: "Finds `pip install` in a command. `uv pip install` is none, nor is an interpreter with its path.",
    why: "The image's Python is the one of a virtual environment without pip: `pip` is that of the system, and what it installs\n\
          the tasks cannot import; `python -m pip` fails in the build.",
    proof: Proof::Later("The build succeeds; the task fails with ModuleNotFoundError."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"pip install torch\"])\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"torch\")\n",
    safety: FixSafety::Unsafe,
    fix: "Where it is the only command it becomes a `with_pip_packages`.",
    check: Check::Call(|checker, variant, call| {
        let all = commands(call);
        if all.is_empty() || has_pip(variant) {
            return;
        }
        let only = all.len() == 1;
        for (given, items, text) in &all {
            let simple = shell::commands(text);
            let Some(pip) = simple.iter().find(|s| is_pip_install(s)) else { continue };
            let how = if pip.name().is_some_and(|n| n.starts_with("pip")) {
                "pip is that of the system, not of the image's environment: tasks cannot import what it installs"
            } else {
                "the image's environment has no pip: the command fails in the build"
            };
            let fix = || (only && simple.len() == 1).then(|| replace(checker, call, pip))?;
            let message = format!("{how}; use with_pip_packages, or uv pip install");
            checker.push(checker.at(&RULE, given, items, message).fix(fix()));
        }
    }),
    ..Rule::BASE
};

/// Whether pip is among the packages, and so in the environment.
fn has_pip(variant: &Variant) -> bool {
    let mut all = variant.image.calls.iter().flat_map(|c| packages(c).map(|(_, text)| text.to_owned()).collect::<Vec<_>>());
    all.any(|text| crate::requirement::name(&text).as_deref() == Some("pip"))
}

fn is_pip_install(simple: &Simple) -> bool {
    let Some((_, program)) = simple.program() else { return false };
    let words: Vec<&str> = simple.arguments().iter().map(|w| w.text.as_str()).collect();
    match program.text.as_str() {
        "pip" | "pip3" => words.first() == Some(&"install"),
        "python" | "python3" => words.starts_with(&["-m", "pip", "install"]),
        _ => false,
    }
}

/// `with_pip_packages("torch")` in place of `with_commands(["pip install torch"])`.
fn replace(checker: &Checker<'_>, call: &CallSite, pip: &Simple) -> Option<Fix> {
    let source = checker.source(&call.site.path)?;
    let written = source.call(call)?;
    if written.arguments.len() != 1 || source.text(written.inside..written.close).contains('#') {
        return None;
    }
    let words: Vec<&str> = pip.arguments().iter().map(|w| w.text.as_str()).collect();
    let at = words.iter().position(|w| *w == "install")?;
    let mut arguments = Vec::new();
    let mut keywords = Vec::new();
    let mut rest = words.iter().skip(at + 1);
    while let Some(word) = rest.next() {
        match *word {
            "--no-cache-dir" | "-U" | "--upgrade" | "-q" | "--quiet" | "--no-input" => {}
            "--pre" => keywords.push("pre=True".to_owned()),
            "--index-url" | "-i" => keywords.push(format!("index_url={}", source.string(rest.next()?))),
            word if word.starts_with('-') || word.contains(['$', '>', '<', '`']) => return None,
            word => arguments.push(source.string(word)),
        }
    }
    if arguments.is_empty() {
        return None;
    }
    arguments.extend(keywords);
    let inside = image_model::origin::Site { start: written.inside, end: written.close, ..call.site.clone() };
    let edits =
        vec![Edit::replace(&method_name(call), "with_pip_packages"), Edit::replace(&inside, arguments.join(", "))];
    Fix::unsafe_("use with_pip_packages", edits)
}
