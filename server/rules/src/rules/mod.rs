//! All rules, one file each, and what several of them say the same way.

use std::sync::Arc;

use image_model::origin::{CallSite, Given, Site};
use image_model::value::Value;
use image_python::inspect::{Stage, StageError, Variant};
use image_python::syntax::ast::{Expression, StatementKind};

use crate::finding::Edit;
use crate::rule::Rule;
use crate::source::Source;

/// Declares the modules of the rules and the list of all of them, in the order of the codes.
macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        $(pub(crate) mod $name;)*
        /// Every rule, in the order of the codes.
        pub static ALL: &[&Rule] = &[$(&$name::RULE),*];
    };
}

rules![
    layer_after_dockerfile,
    layer_on_frozen_image,
    layer_on_nameless_image,
    requirements_not_txt,
    list_instead_of_arguments,
    unknown_argument,
    wrong_argument_type,
    commands_as_arguments,
    duplicate_source_name,
    invalid_secret,
    direct_instantiation,
    missing_argument,
    missing_file,
    wrong_file_kind,
    relative_to_working_directory,
    machine_dependent_tag,
    missing_lock,
    stale_lock,
    large_context,
    invalid_platform,
    unsupported_python,
    invalid_image_name,
    no_push_registry,
    unpushable_registry,
    unquoted_env_value,
    run_prefix,
    empty_layer,
    invalid_requirement,
    invalid_apt_package,
    invalid_choice,
    secret_not_available,
    dockerfile_with_remote_builder,
    vcs_without_git,
    tool_not_installed,
    flyte_not_installed,
    pip_install_in_command,
    state_lost_between_commands,
    bashism,
    path_overridden,
    single_arch_download,
    dropped_registry_secret,
    credential_in_image,
    python_mismatch,
    unknown_image_ref,
    chown_on_foreign_base,
    no_ca_certificates,
    registry_secret_not_in_environment,
    secret_not_mounted,
    unpinned_requirement,
    floating_base,
    missing_system_library,
    shared_name,
    prereleases_for_all,
    unpinned_python,
    no_script_header,
    invalid_script_header,
    header_flyte_misreads,
    script_without_flyte,
    requires_python_ignored,
    ignored_uv_settings,
    invalid_dependency,
    duplicate_dependency,
    unmounted_reference,
    invalid_requirement_line,
    duplicate_requirement,
    unused_suppression,
    unknown_rule,
    unverified_release,
];

/// The rule of a code or a name.
#[must_use]
pub fn find(code_or_name: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(code_or_name) || rule.name == code_or_name)
}

/// What is called at an error, in words.
fn called(error: &StageError) -> &'static str {
    error.method.unwrap_or("what is called here")
}

/// Who raises what, and when.
fn raises(error: &StageError) -> String {
    let when = match error.stage {
        Stage::Import => "when the module is imported",
        Stage::Hash => "when the tag is computed",
        Stage::Validate => "when the image is checked before the build",
        Stage::Build => "when the Dockerfile is written",
    };
    format!("flyte raises {} {when}", error.raised.exception)
}

/// The place of a method's name.
fn method_name(call: &CallSite) -> Site {
    Site { end: call.site.start + call.method.len(), ..call.site.clone() }
}

/// Where the expression ends that a method is called on.
fn receiver_end(source: &Source, call: &CallSite) -> Option<usize> {
    let written = source.call(call)?;
    match source.expression(written.function)? {
        Expression::Attribute { value, .. } => Some(source.range(*value).end),
        _ => None,
    }
}

/// The texts in an argument: the argument itself, or the items of a list or tuple, each with its place in it.
fn texts<'g>(given: &'g Given) -> Vec<(Vec<usize>, &'g str)> {
    match &given.value {
        Value::Str(text) => vec![(Vec::new(), &**text)],
        Value::List(items) | Value::Tuple(items) => {
            let text = |(i, item): (usize, &'g Value)| match item {
                Value::Str(text) => Some((vec![i], &**text)),
                _ => None,
            };
            items.iter().enumerate().filter_map(text).collect()
        }
        _ => Vec::new(),
    }
}

/// The commands of a `with_commands`, with their places.
fn commands(call: &CallSite) -> Vec<(&Given, Vec<usize>, &str)> {
    if call.method != "with_commands" {
        return Vec::new();
    }
    call.given("commands")
        .flat_map(|g| texts(g).into_iter().map(move |(place, text)| (g, place, text)))
        .collect()
}

/// The packages of a `with_pip_packages`, with their places.
fn packages(call: &CallSite) -> impl Iterator<Item = (&Given, &str)> {
    let own = matches!(call.method, "with_pip_packages");
    call.given("packages").filter(move |_| own).filter_map(|g| match &g.value {
        Value::Str(text) => Some((g, &**text)),
        _ => None,
    })
}

/// The place among the image's layers of the layer that a call adds.
fn layer_of(variant: &Variant, call: &CallSite) -> Option<usize> {
    variant.image.layers.iter().position(|l| l.site.as_ref().is_some_and(|s| s.site == call.site))
}

/// How the file writes `pathlib.Path`; `None` where it does not import it.
fn path_name(source: &Source) -> Option<String> {
    source.module.body.iter().find_map(|statement| match &statement.kind {
        StatementKind::From { level: 0, module, names } if &**module == "pathlib" => {
            let path = names.iter().find(|a| &*a.name == "Path")?;
            Some(path.alias.as_deref().unwrap_or("Path").to_owned())
        }
        StatementKind::Import(aliases) => {
            let path = aliases.iter().find(|a| &*a.name == "pathlib")?;
            Some(format!("{}.Path", path.alias.as_deref().unwrap_or("pathlib")))
        }
        _ => None,
    })
}

/// The edit that imports `Path`; `None` where the file has another `Path`, or no place for an import.
fn path_import(source: &Source) -> Option<Edit> {
    let mut at = None;
    for statement in &source.module.body {
        let range = statement.span.range();
        match &statement.kind {
            StatementKind::Import(aliases) => {
                if aliases.iter().any(|a| a.alias.as_deref().unwrap_or(&a.name) == "Path") {
                    return None;
                }
                at = Some((range.end, false));
            }
            StatementKind::From { names, .. } => {
                if names.iter().any(|a| a.alias.as_deref().unwrap_or(&a.name) == "Path") {
                    return None;
                }
                at = Some((range.end, false));
            }
            StatementKind::Class { name, .. } if &**name == "Path" => return None,
            _ => {}
        }
    }
    let (end, _) = at?;
    let text = &*source.module.text;
    // An import that shares its line with something else is no place to go on.
    let rest = &text[end..];
    let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
    if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
        return None;
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let import = format!("{line_end}from pathlib import Path");
    Some(Edit::insert(&Arc::clone(&source.module.path), end + line.len(), import))
}
