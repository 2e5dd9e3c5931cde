//! Values of arguments: choices, names from the configuration and from projects, paths.

use std::path::PathBuf;

use image_manifests::fs::FileSystem;
use image_model::methods::{Default, Method, Parameter};
use image_model::value::Value;
use image_model::world::World;
use tower_lsp::ls_types::{CompletionItem, CompletionItemKind, Position};

use super::{paths, replacing};
use crate::probe::{Call, Place, Receiver};
use crate::state::State;

/// What is completed, and where.
pub(super) struct Asked<'a> {
    pub(super) place: &'a Place,
    pub(super) call: &'a Call,
    pub(super) method: &'static Method,
    pub(super) receiver: &'a Receiver,
    pub(super) position: Position,
    pub(super) state: &'a State,
}

/// Environment variables that images set often.
const VARIABLES: &[&str] = &[
    "CUDA_VISIBLE_DEVICES",
    "DEBIAN_FRONTEND",
    "HF_HOME",
    "LD_LIBRARY_PATH",
    "LOG_LEVEL",
    "NVIDIA_DRIVER_CAPABILITIES",
    "OMP_NUM_THREADS",
    "PATH",
    "PIP_INDEX_URL",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "TOKENIZERS_PARALLELISM",
    "TRANSFORMERS_CACHE",
    "TZ",
    "UV_INDEX_URL",
];

/// The completions of a parameter's value.
pub(super) fn of(parameter: &Parameter, asked: &Asked<'_>) -> Vec<CompletionItem> {
    let method = asked.method.name;
    match parameter.name {
        "python_version" => plain(["(3, 14)", "(3, 13)", "(3, 12)", "(3, 11)", "(3, 10)"], asked),
        "platform" => strings(&["linux/amd64", "linux/arm64"], asked),
        "project_install_mode" => strings(&["dependencies_only", "install_project"], asked),
        "copy_style" => strings(&["loaded_modules", "all", "none"], asked),
        "name" if method == "from_ref_name" => {
            let refs = asked.receiver.facts.environment.image_refs.clone().unwrap_or_default();
            strings(&refs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), asked)
        }
        "secret_mounts" | "registry_secret" => secrets(asked),
        "extra_args" if matches!(method, "with_uv_project" | "from_uv_script") => extras(asked),
        "env_vars" => variables(asked),
        "plugins" => strings(&["flyteplugins-"], asked),
        name => match paths::wanted(method, name) {
            Some(wanted) => paths::of(wanted, asked),
            None if matches!(parameter.default, Default::True | Default::False) => {
                plain(["True", "False"], asked)
            }
            None => Vec::new(),
        },
    }
}

fn item(label: &str) -> CompletionItem {
    CompletionItem {
        label: label.to_owned(),
        kind: Some(CompletionItemKind::VALUE),
        sort_text: Some(format!("0{label}")),
        ..CompletionItem::default()
    }
}

/// Values that are written as they are.
fn plain<const N: usize>(values: [&str; N], asked: &Asked<'_>) -> Vec<CompletionItem> {
    if asked.place.string.is_some() || asked.place.is_in('(') {
        return Vec::new();
    }
    let numbered = values.into_iter().enumerate();
    numbered.map(|(n, value)| CompletionItem { sort_text: Some(format!("0{n}")), ..item(value) }).collect()
}

/// Values that are strings: with quotes, unless the position is between quotes already.
fn strings(values: &[&str], asked: &Asked<'_>) -> Vec<CompletionItem> {
    match &asked.place.string {
        Some(string) => {
            let typed = asked.place.byte - string.start;
            let all = values.iter();
            all.map(|v| CompletionItem {
                kind: Some(CompletionItemKind::VALUE),
                ..replacing((*v).to_owned(), (*v).to_owned(), typed, asked)
            })
            .collect()
        }
        None => values.iter().map(|v| item(&format!("\"{v}\""))).collect(),
    }
}

/// Names of secrets that the open files use.
fn secrets(asked: &Asked<'_>) -> Vec<CompletionItem> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |value: &Value| {
        let list: Vec<&Value> = match value {
            Value::List(items) | Value::Tuple(items) => items.iter().collect(),
            one => vec![one],
        };
        for value in list {
            let name = match value {
                Value::Secret(secret) => secret.key.str().ok(),
                Value::Str(name) => Some(name.to_string()),
                _ => None,
            };
            if let Some(name) = name.filter(|n| !n.is_empty() && !names.contains(n)) {
                names.push(name);
            }
        }
    };
    for path in asked.state.documents.paths() {
        let Some(analysis) = asked.state.last(&path) else { continue };
        for image in &analysis.report.images {
            for used in &image.environments {
                add(&used.secrets);
            }
            for variant in &image.variants {
                let given = variant.image.calls.iter().flat_map(|c| &c.arguments);
                given
                    .filter(|g| matches!(g.parameter, "secret_mounts" | "registry_secret"))
                    .for_each(|g| add(&g.value));
            }
        }
    }
    names.sort();
    strings(&names.iter().map(String::as_str).collect::<Vec<_>>(), asked)
}

/// Keys of the dictionary of environment variables.
fn variables(asked: &Asked<'_>) -> Vec<CompletionItem> {
    // Behind a colon it is the value.
    let is_value =
        asked.place.item().split(['"', '\'']).enumerate().any(|(n, part)| n % 2 == 0 && part.contains(':'));
    if !asked.place.is_in('{') || is_value { Vec::new() } else { strings(VARIABLES, asked) }
}

/// `--extra` and `--group` of the project that the call names.
fn extras(asked: &Asked<'_>) -> Vec<CompletionItem> {
    let mut values: Vec<String> =
        ["--all-extras", "--all-groups", "--no-dev", "--no-default-groups"].map(str::to_owned).to_vec();
    if let Some(project) = project_file(asked).and_then(|p| asked.state.text_of(&p)) {
        let (extras, groups) = image_manifests::pyproject::extras_and_groups(&project);
        values.extend(extras.iter().map(|e| format!("--extra {e}")));
        values.extend(groups.iter().map(|g| format!("--group {g}")));
    }
    let Some(string) = &asked.place.string else {
        return values.iter().map(|v| item(&format!("\"{v}\""))).collect();
    };
    // Several arguments stand in one string: the one at the position begins behind the last option.
    let typed = &asked.place.text[string.start..asked.place.byte];
    let start = typed.rfind("--").unwrap_or(typed.len());
    values.into_iter().map(|v| replacing(v.clone(), v, typed.len() - start, asked)).collect()
}

/// The file that the call's first argument names.
fn project_file(asked: &Asked<'_>) -> Option<PathBuf> {
    let path = asked.place.path.clone();
    let folder = path.parent()?;
    let given = asked.call.given(&asked.place.text, Some("pyproject_file"), 0);
    let fs = asked.state.snapshot();
    let world = World::new(&fs, &asked.receiver.facts.environment);
    let literal = given.and_then(|g| g.split(['"', '\'']).nth(1)).unwrap_or("pyproject.toml");
    let relative = image_model::path::PyPath::new(literal);
    let candidates = [world.resolve(&relative), folder.join(literal), folder.join("pyproject.toml")];
    candidates.into_iter().find(|p| fs.is_file(p))
}
