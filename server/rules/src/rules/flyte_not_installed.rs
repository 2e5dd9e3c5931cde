//! IMG301 flyte-not-installed

use image_manifests::script::uv_block;
use image_model::layer::{Layer, LayerKind};
use image_python::inspect::{ImageReport, Use, Variant};
use image_python::syntax::ast::{Id, Statement, StatementKind};

use crate::checker::Checker;
use crate::finding::{Finding, Fix};
use crate::knowledge;
use crate::requirement;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG301",
    name: "flyte-not-installed",
    severity: Severity::Warning,
    what: "Finds images of a `TaskEnvironment` with tasks in which nothing installs flyte: a foreign base,\n\
           `install_flyte=False`, a uv script or a project without it.",
    why: "The container of a task is started with flyte's own program. Without it the pod fails at once, with\n\
          `a0: executable file not found`.",
    proof: Proof::Later("Nothing fails before the pod starts."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", install_flyte=False).with_pip_packages(\"pandas\")\nenv = flyte.TaskEnvironment(name=\"train\", image=image)\n\n\n@env.task\nasync def train() -> int:\n    return 1\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", install_flyte=False).with_pip_packages(\"flyte\", \"pandas\")\nenv = flyte.TaskEnvironment(name=\"train\", image=image)\n\n\n@env.task\nasync def train() -> int:\n    return 1\n",
    safety: FixSafety::Unsafe,
    fix: "It adds `flyte` to the packages of the last `with_pip_packages`, or takes `install_flyte=False` away.",
    check: Check::File(|checker| {
        for image in &checker.report.images {
            let of_tasks = image
                .environments
                .iter()
                .any(|e| &*e.class == "flyte.TaskEnvironment" && has_tasks(checker, e));
            for variant in image.variants.iter().filter(|_| of_tasks) {
                // IMG504 tells of scripts, at their header.
                let of_script = variant.image.origin.as_ref().is_some_and(|o| o.method == "from_uv_script");
                if !of_script && variant.image.opaque.is_none() && lacks_flyte(checker, variant) == Some(true) {
                    report(checker, image, variant);
                }
            }
        }
    }),
    ..Rule::BASE
};

/// Whether a function of the file is a task of an environment. One of container tasks alone needs no flyte.
fn has_tasks(checker: &Checker<'_>, environment: &Use) -> bool {
    let Some(source) = checker.source(&environment.call.path) else { return false };
    let statements = source.module.statements();
    let is_made_here = |id: Id| source.range(id) == environment.call.range();
    let names: Vec<&str> = statements
        .iter()
        .filter_map(|s| match &s.kind {
            StatementKind::Assign { targets, value } if is_made_here(*value) => Some(targets.as_slice()),
            StatementKind::Annotated { target, value: Some(value) } if is_made_here(*value) => {
                Some(std::slice::from_ref(target))
            }
            _ => None,
        })
        .flatten()
        .map(|target| source.text(source.range(*target)))
        .collect();
    let is_task = |id: &Id| {
        let text = source.text(source.range(*id));
        names.iter().any(|name| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(".task")))
    };
    let decorated = |s: &&&Statement| match &s.kind {
        StatementKind::Function { decorators, .. } => decorators.iter().any(is_task),
        _ => false,
    };
    statements.iter().find(decorated).is_some()
}

fn report(checker: &Checker<'_>, image: &ImageReport, variant: &Variant) {
    let origin = variant.image.origin.as_deref();
    let install = origin.and_then(|o| o.given("install_flyte").next());
    let message = "nothing in this image installs flyte, without which the pods of a task cannot start; add flyte to its packages";
    let mut found = match (install, origin) {
        (Some(given), _) => checker.at(&RULE, given, &[], message),
        (None, Some(origin)) => Finding::new(&RULE, origin.site.clone(), message),
        (None, None) => Finding::new(&RULE, image.site.clone(), message),
    };
    if let Some(environment) = image.environments.first() {
        found = found.related(environment.image.clone(), "the image of tasks");
    }
    checker.push(found.fix(fix(checker, variant)));
}

fn fix(checker: &Checker<'_>, variant: &Variant) -> Option<Fix> {
    let pip = variant.image.calls.iter().rev().find(|c| c.method == "with_pip_packages");
    if let Some(call) = pip {
        let source = checker.source(&call.site.path)?;
        let written = source.call(call)?;
        let text = source.string("flyte");
        let text = if written.arguments.is_empty() { text } else { format!("{text}, ") };
        let edit = crate::finding::Edit::insert(&call.site.path, written.inside, text);
        return Fix::unsafe_("install flyte", vec![edit]);
    }
    let origin = variant.image.origin.as_ref()?;
    let given = origin.given("install_flyte").find(|g| g.keyword)?;
    let source = checker.source(&origin.site.path)?;
    let call = source.call(origin)?;
    let (index, _) = call.argument_at(&given.site)?;
    Fix::unsafe_("install flyte", vec![call.remove(index)?])
}

/// Whether nothing installs flyte; `None` where that is not known.
pub(super) fn lacks_flyte(checker: &Checker<'_>, variant: &Variant) -> Option<bool> {
    let origin = variant.image.origin.as_ref()?;
    match origin.method {
        "from_debian_base" => {
            let install = origin.given("install_flyte").next().map(|g| &g.value);
            if install.is_none_or(|v| v.truthy() != Ok(false)) {
                return Some(false);
            }
        }
        "from_uv_script" | "from_pixi_script" => {}
        "from_base" => {
            knowledge::foreign_base(variant)?;
        }
        _ => return None,
    }
    for layer in &variant.image.layers {
        if installs(checker, variant, layer)? {
            return Some(false);
        }
    }
    Some(true)
}

fn is_flyte(name: &str) -> bool {
    name.starts_with("flyte") || name.starts_with("union")
}

/// Whether a layer installs flyte; `None` where that is not known.
fn installs(checker: &Checker<'_>, variant: &Variant, layer: &Layer) -> Option<bool> {
    // flyte's own layers only make the default image.
    if layer.site.is_none() {
        return Some(false);
    }
    let world = checker.world(variant);
    let read = |field: &str| {
        let path = layer.get(field).path_for("exists").ok()?;
        checker.fs.read_text(&world.resolve(path)).ok()
    };
    let mentions = |text: &str| text.contains("flyte") || text.contains("union");
    if layer.get("extra_args").truthy() != Ok(false) {
        return None;
    }
    Some(match layer.kind {
        LayerKind::PipPackages => {
            let packages = layer.get("packages");
            if packages.is_none() {
                return Some(false);
            }
            for package in packages.iterate().ok()? {
                let text = package.str().ok()?;
                // An address or a path may bring anything.
                if requirement::name(&text).is_none_or(|n| is_flyte(&n)) {
                    return Some(true);
                }
            }
            false
        }
        LayerKind::Requirements => {
            let text = read("file")?;
            let special = |l: &str| requirement::is_special(l.split(" #").next().unwrap_or(l));
            mentions(&text) || text.lines().map(str::trim).any(|l| !l.is_empty() && !l.starts_with('#') && special(l))
        }
        LayerKind::UVScript => {
            let text = read("script")?;
            let block = uv_block(&text).or_else(|| image_manifests::script::pixi_block(&text))?;
            mentions(&block) || block.contains("://") || block.contains("path")
        }
        LayerKind::UVProject | LayerKind::PoetryProject => {
            let lock = read("uvlock").or_else(|| read("poetry_lock")).unwrap_or_default();
            let project = read("pyproject")?;
            mentions(&lock) || mentions(&project) || project.contains("dynamic")
        }
        LayerKind::PixiProject | LayerKind::PixiScript => return None,
        LayerKind::PythonWheels => true,
        LayerKind::Commands | LayerKind::DockerLines => {
            let field = if layer.kind == LayerKind::Commands { "commands" } else { "lines" };
            for text in layer.get(field).iterate().ok()? {
                let text = text.str().ok()?;
                let creates_user = text.contains("useradd");
                if (mentions(&text) && !creates_user) || text.contains("pip install") || text.contains("uv sync") {
                    return Some(true);
                }
            }
            false
        }
        _ => false,
    })
}
