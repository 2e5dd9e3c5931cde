//! IMG103 relative-to-working-directory

use image_model::origin::{CallSite, Given, Site};
use image_model::path::PyPath;
use image_model::value::Value;
use image_python::inspect::Variant;
use image_python::syntax::ast::{Expression, Passing};

use super::{path_import, path_name};
use crate::checker::Checker;
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};
use crate::source::{Source, written_here};

pub(super) static RULE: Rule = Rule {
    code: "IMG103",
    name: "relative-to-working-directory",
    severity: Severity::Warning,
    what: "Finds relative paths in image definitions.",
    why: "A relative path is resolved from the folder in which flyte is run, not from the module's: another folder, another\n\
          file or none. In the container the module is imported again, from a folder of its own, and what looks for the file\n\
          there does not find it.",
    proof: Proof::Later("Nothing fails on the machine and in the folder where it was written."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(\"requirements.txt\")\n",
    files: &[("requirements.txt", "httpx\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"requirements.txt\")\n",
    safety: FixSafety::Safe,
    fix: "Where the file lies beside the module and not where flyte is run, the path is made to start from `__file__`, with\n\
          an import of `Path` where there is none. Where both are the same folder the fix is unsafe: an ignore file of the\n\
          project then holds for the folder, which changes the tag.",
    check: Check::Call(|checker, variant, call| {
        if checker.report.path.extension().is_some_and(|e| e == "ipynb") {
            return;
        }
        for given in call.arguments.iter().filter(|g| is_path(call, g)) {
            match &given.value {
                Value::Path(path) => one(checker, variant, given, &[], path.clone()),
                Value::Str(text) => one(checker, variant, given, &[], PyPath::new(text)),
                Value::List(items) => {
                    for (i, item) in items.iter().enumerate() {
                        match item {
                            Value::Path(path) => one(checker, variant, given, &[i], path.clone()),
                            Value::Str(text) => one(checker, variant, given, &[i], PyPath::new(text)),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }),
    ..Rule::BASE
};

/// Whether an argument is a path that flyte reads.
pub(super) fn is_path(call: &CallSite, given: &Given) -> bool {
    matches!(
        (call.method, given.parameter),
        ("with_requirements" | "from_dockerfile", "file")
            | ("with_uv_project" | "with_poetry_project", "pyproject_file" | "uvlock" | "poetry_lock")
            | ("with_pixi_project", "manifest_file" | "pixi_lock")
            | ("with_source_folder" | "with_source_file", "src")
            | ("with_dockerignore", "path")
            | ("from_uv_script" | "from_pixi_script", "script")
    )
}

fn one(
    checker: &Checker<'_>,
    variant: &Variant,
    given: &Given,
    items: &[usize],
    path: PyPath,
) {
    if path.is_absolute() || path.as_str().is_empty() {
        return;
    }
    let world = checker.world(variant);
    let folder = given.site.path.parent();
    let beside = folder.map(|f| f.join(path.as_str())).filter(|f| checker.fs.exists(f));
    let from_here = world.exists(&path);
    // What is nowhere is IMG101.
    if beside.is_none() && !from_here {
        return;
    }
    let state = match (&beside, from_here) {
        (Some(_), false) => {
            let directory = &variant.environment.working_directory;
            format!(" (it lies beside the module, not in {directory}, where flyte is run)")
        }
        _ => String::new(),
    };
    let message = format!(
        "the path {path} is relative to the folder in which flyte is run, and in the container to another one{state}; start it \
         from Path(__file__).parent"
    );
    let same = beside.as_ref().is_some_and(|b| world.realpath(&path).as_str() == canonical(checker, b));
    let fix = match beside {
        Some(_) if !from_here => fix(checker, given, items, &path, true),
        Some(_) if same => fix(checker, given, items, &path, false),
        _ => None,
    };
    checker.push(checker.at(&RULE, given, items, message).fix(fix));
}

fn canonical(checker: &Checker<'_>, path: &std::path::Path) -> String {
    checker.fs.canonicalize(path).map(|p| p.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `Path(__file__).parent / "…"` in place of the literal, or of the `Path(…)` around it.
fn fix(checker: &Checker<'_>, given: &Given, items: &[usize], path: &PyPath, safe: bool) -> Option<Fix> {
    let site = written_here(given, items)?;
    let source = checker.source(&site.path)?;
    let (literal, place) = literal(&source, site)?;
    let (name, import) = match path_name(&source) {
        Some(name) => (name, None),
        None => ("Path".to_owned(), Some(path_import(&source)?)),
    };
    let anchored = if path.as_str() == "." {
        format!("{name}(__file__).parent")
    } else {
        format!("{name}(__file__).parent / {literal}")
    };
    let mut edits = vec![Edit::replace(&place, anchored)];
    edits.extend(import);
    let message = "start the path from the module's folder";
    if safe { Fix::safe(message, edits) } else { Fix::unsafe_(message, edits) }
}

/// The literal's text, and the place of the whole: the literal, or `Path(literal)`.
fn literal(source: &Source, site: &Site) -> Option<(String, Site)> {
    match source.at(site.range())?.1 {
        Expression::Str(_) => {
            source.literal(site)?;
            Some((source.text(site.range()).to_owned(), site.clone()))
        }
        Expression::Call { function, arguments } => {
            let [only] = arguments.as_slice() else { return None };
            let callee = source.text(source.range(*function));
            if only.passing != Passing::Position || !matches!(callee, "Path" | "pathlib.Path") {
                return None;
            }
            let range = only.span.range();
            let inner = Site { start: range.start, end: range.end, ..site.clone() };
            source.literal(&inner)?;
            Some((source.text(range).to_owned(), site.clone()))
        }
        _ => None,
    }
}
