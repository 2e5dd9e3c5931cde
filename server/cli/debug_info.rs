//! `image-lsp debug-info`: what an issue report needs.

use std::io::Write as _;

use image_model::release::{self, Coverage, Release};

use crate::args::Project;
use crate::context::Context;
use crate::error::CliError;
use crate::paint::Output;

/// How the release in use stands to those that are known.
fn does_what(release: &Release) -> String {
    let acts_as = release.acts_as;
    match &release.coverage {
        Coverage::Known => format!("{acts_as} does: known"),
        Coverage::SameFiles => format!("{acts_as} does: known, its decisive files are the same"),
        Coverage::Older => "unknown: it is older than all known releases".to_owned(),
        _ => format!("{acts_as} does: assumed"),
    }
}

pub(crate) fn run(project: &Project) -> Result<u8, CliError> {
    let context = Context::new(project);
    let facts = context.facts(&context.ambient.current_directory.join("_"));
    let environment = &facts.environment;
    let none = || "none found".to_owned();
    let rows = [
        ("image-lsp", env!("CARGO_PKG_VERSION").to_owned()),
        ("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        (
            "releases known",
            format!(
                "flyte {} to {}: {} releases",
                release::oldest(),
                release::newest(),
                release::all().count()
            ),
        ),
        ("current directory", context.ambient.current_directory.display().to_string()),
        ("project", facts.project_root.as_ref().map_or_else(none, |p| p.display().to_string())),
        (
            "interpreter",
            facts.interpreter.as_ref().map_or_else(none, |i| format!("{} ({})", i.path.display(), i.shown)),
        ),
        ("python", environment.python_version.map_or_else(none, |(a, b)| format!("{a}.{b}"))),
        ("flyte", format!("{} ({})", environment.release.version, facts.release_from)),
        ("does what", does_what(&environment.release)),
        ("flyte's folder", environment.site_packages.clone().unwrap_or_else(none)),
        (
            "flyte config",
            facts.config.as_ref().map_or_else(none, |c| {
                let state = if c.is_missing { ", not there" } else { "" };
                format!("{} ({}{state})", c.path.display(), c.reason)
            }),
        ),
        (
            "registry",
            match (&environment.registry, &facts.registry_source) {
                (Some(registry), Some(source)) => format!("{registry} ({source})"),
                _ => none(),
            },
        ),
        ("working directory", environment.working_directory.clone()),
        (
            "root_dir",
            environment.root_dir.clone().unwrap_or_else(|| "none: flyte is not initialised".to_owned()),
        ),
        ("temporary files", environment.temp_dir.clone()),
    ];
    let mut out = Output::new();
    for (name, value) in rows {
        writeln!(out, "{name:<18} {value}")?;
    }
    for note in &facts.release_notes {
        writeln!(out, "{:<18} {note}", "note")?;
    }
    let settings = context.settings(&context.ambient.current_directory.join("_"));
    let around = image_lsp_server::surroundings(&context.ambient);
    for (name, value) in crate::build::engines(&settings, &facts, &around) {
        writeln!(out, "{name:<18} {value}")?;
    }
    for folder in facts.interpreter.iter().flat_map(|i| &i.search_path) {
        writeln!(out, "{:<18} {}", "packages", folder.display())?;
    }
    out.finish()?;
    Ok(0)
}
