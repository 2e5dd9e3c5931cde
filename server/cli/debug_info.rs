//! `image-lsp debug-info`: what an issue report needs.

use std::io::Write as _;

use image_model::release;

use crate::args::Project;
use crate::context::Context;
use crate::error::CliError;

pub(crate) fn run(project: &Project) -> Result<u8, CliError> {
    let context = Context::new(project);
    let facts = context.facts(&context.ambient.current_directory.join("_"));
    let environment = &facts.environment;
    let none = || "none found".to_owned();
    let rows = [
        ("image-lsp", env!("CARGO_PKG_VERSION").to_owned()),
        ("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("releases known", format!("flyte {} to {}", release::oldest(), release::newest())),
        ("current directory", context.ambient.current_directory.display().to_string()),
        ("project", facts.project_root.as_ref().map_or_else(none, |p| p.display().to_string())),
        (
            "interpreter",
            facts.interpreter.as_ref().map_or_else(none, |i| format!("{} ({})", i.path.display(), i.shown)),
        ),
        ("python", environment.python_version.map_or_else(none, |(a, b)| format!("{a}.{b}"))),
        ("flyte", format!("{} ({})", environment.release.version, facts.release_from)),
        ("site-packages", environment.site_packages.clone().unwrap_or_else(none)),
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
    let mut out = anstream::stdout().lock();
    for (name, value) in rows {
        writeln!(out, "{name:<18} {value}")?;
    }
    Ok(0)
}
