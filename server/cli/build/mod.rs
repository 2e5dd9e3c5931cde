//! `image-lsp build`

mod json;
mod plain;
mod remote;
mod report;
mod terminal;

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use image_build::{
    BuildError, Builder, Built, Choices, Event, Plan, Prepared, Sink, Surroundings, Wanted, builder, find,
    prepare,
};
use image_python::inspect::{FileReport, ImageReport};
use image_python::json::Places;
use image_python::project::Facts;
use image_rules::settings::Settings;

use crate::args::{Build, ProgressKind, Project};
use crate::context::Context;
use crate::error::{CliError, warn};
use crate::files;
use crate::interrupt::{INTERRUPTED, interrupted};

/// Who shows what happens.
trait Progress: Send {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// The image is there.
    fn finished(&mut self, built: &Built) -> std::io::Result<()>;
    /// There is no image.
    fn failed(&mut self, error: &BuildError) -> std::io::Result<()>;
}

pub(crate) fn run(arguments: &Build, project: &Project) -> Result<u8, CliError> {
    let context = Context::new(project);
    let (report, number) = files::one_image(&arguments.path, &context)?;
    let image = &report.images[number];
    let settings = context.settings(&report.path);
    if let Some(error) = context.take_settings_errors().pop() {
        return Err(error);
    }
    let around = image_lsp_server::surroundings(&context.ambient);
    say_assumptions(arguments, image);
    let progress = Mutex::new(progress(arguments, &context));
    let chosen = builder(arguments.builder.as_deref().or(settings.builder.as_deref()), &report.facts);
    let ready = || prepared(arguments, image, &report, &context, &around);
    if matches!(chosen, Ok(Builder::Remote)) {
        remote::refuse_options(arguments)?;
        if !arguments.dry_run {
            let request =
                remote::Request { arguments, report: &report, number, context: &context, around: &around };
            let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
            return remote::run(&request, ready(), progress);
        }
        crate::error::note(&remote::where_to(&report.facts));
    } else if arguments.no_wait {
        return Err(CliError::Usage("--no-wait is for the remote builder alone".to_owned()));
    }
    let prepared = chosen.and_then(|b| Ok((b, ready()?)));
    let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    let (chosen, prepared) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return told(&mut **lock(), &error),
    };
    let (plan, doubts) = match prepared {
        Prepared::AsItIs(uri) => {
            let built = Built { uri, existed: true, ..Built::default() };
            lock().finished(&built)?;
            return Ok(0);
        }
        Prepared::Plan(plan, doubts) => (plan, doubts),
    };
    for doubt in doubts {
        lock().event(&Event::Warning { message: doubt.message, rule: doubt.rule, site: doubt.site });
    }
    if arguments.dry_run {
        return dry_run(arguments, &plan);
    }
    let request = Request { arguments, settings: &settings, wanted: wanted(chosen), around: &around };
    let progress = Arc::new(progress);
    let result = build_with_signals(&request, &plan, &progress)?;
    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(built) => {
            progress.finished(&built)?;
            Ok(0)
        }
        Err(error) => told(&mut **progress, &error),
    }
}

fn told(progress: &mut dyn Progress, error: &BuildError) -> Result<u8, CliError> {
    progress.failed(error)?;
    Ok(if error.is_cancelled() { INTERRUPTED } else { 1 })
}

fn wanted(builder: Builder) -> Wanted {
    if builder == Builder::LocalPodman { Wanted::Podman } else { Wanted::Docker }
}

fn progress(arguments: &Build, context: &Context) -> Box<dyn Progress> {
    // A terminal that says nothing of itself (no TERM) shows no lines that are drawn anew.
    let is_terminal = std::io::stderr().is_terminal() && !indicatif::ProgressDrawTarget::stderr().is_hidden();
    let kind = match arguments.progress {
        // Lines that are drawn anew would not be seen elsewhere.
        ProgressKind::Auto | ProgressKind::Tty if is_terminal => ProgressKind::Tty,
        ProgressKind::Auto | ProgressKind::Tty => ProgressKind::Plain,
        other => other,
    };
    let fs = Arc::clone(&context.fs);
    let directory = context.ambient.current_directory.clone();
    match kind {
        ProgressKind::Json => Box::new(json::Json::new(fs, directory)),
        ProgressKind::Tty => Box::new(terminal::Terminal::new(fs, directory)),
        _ => Box::new(plain::Plain::new(fs, directory)),
    }
}

/// Paths below the current directory without it.
fn places<'a>(fs: &'a dyn image_manifests::fs::FileSystem, directory: &'a std::path::Path) -> Places<'a> {
    Places::new(fs, move |path| path.strip_prefix(directory).unwrap_or(path).display().to_string())
}

fn say_assumptions(arguments: &Build, image: &ImageReport) {
    let (path, _) = files::split_name(&arguments.path);
    let Some(variant) = image.variants.first() else { return };
    for condition in &variant.when {
        warn(path, &format!("this is the image when {}", condition.shown()));
    }
    for assumption in &variant.assumptions {
        warn(path, &format!("assuming that {assumption}"));
    }
}

fn prepared(
    arguments: &Build,
    image: &ImageReport,
    report: &FileReport,
    context: &Context,
    around: &Surroundings,
) -> Result<Prepared, BuildError> {
    let settings: Arc<Settings> = context.settings(&report.path);
    let findings = image_rules::check(report, &context.sources, &*context.fs, &settings);
    prepare(image, &findings, &arguments.platform, &*context.fs, &context.raw, around)
}

/// Writes what would be built.
fn dry_run(arguments: &Build, plan: &Plan) -> Result<u8, CliError> {
    let folder = match &arguments.context_dir {
        Some(folder) => {
            let is_empty = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
            if !is_empty {
                return Err(CliError::Usage(format!("{} is not empty", folder.display())));
            }
            folder.clone()
        }
        None => tempfile::Builder::new().prefix("image-lsp-").disable_cleanup(true).tempdir()?.keep(),
    };
    let (files, bytes) = plan.write_context(&folder).map_err(CliError::Build)?;
    crate::error::note(&format!("{files} files, {bytes} bytes"));
    let mut out = crate::paint::Output::new();
    std::io::Write::write_fmt(&mut out, format_args!("{}\n", folder.display()))?;
    out.finish()?;
    Ok(0)
}

struct Request<'a> {
    arguments: &'a Build,
    settings: &'a Settings,
    wanted: Wanted,
    around: &'a Surroundings,
}

impl Request<'_> {
    fn choices(&self) -> Choices {
        let push = match (self.arguments.push, self.arguments.no_push) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let builtin = self.settings.syntax_directive.as_deref() == Some("builtin");
        Choices { push, force: self.arguments.force, builtin }
    }

    async fn build(&self, plan: &Plan, sink: &Sink) -> Result<Built, BuildError> {
        let named = self.arguments.engine_host.as_deref().map(|host| (host, "--engine-host"));
        let set = self.settings.engine_host.as_deref().map(|host| (host, "the setting build.engine-host"));
        let (_, engine) = find(named.or(set), self.wanted, self.around).await;
        image_build::build(plan, &engine?, self.choices(), self.around, sink).await
    }
}

/// Builds until it is done or somebody interrupts it.
fn build_with_signals(
    request: &Request<'_>,
    plan: &Plan,
    progress: &Arc<Mutex<Box<dyn Progress>>>,
) -> Result<Result<Built, BuildError>, CliError> {
    let told = Arc::clone(progress);
    let sink: Sink = Arc::new(move |event| told.lock().unwrap_or_else(PoisonError::into_inner).event(&event));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = request.build(plan, &sink) => result,
            () = interrupted() => Err(BuildError::Cancelled { runs_on: request.wanted == Wanted::Podman }),
        }
    });
    // What is connected closes; nothing else is waited for.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Ok(result)
}

/// The engine that would build, for `debug-info`.
pub(crate) fn engines(settings: &Settings, facts: &Facts, around: &Surroundings) -> Vec<(String, String)> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let set = settings.engine_host.as_deref().map(|host| (host, "the setting build.engine-host"));
    let named = builder(settings.builder.as_deref(), facts).map_or(Wanted::Docker, wanted);
    let (tried, found) = runtime.block_on(find(set, named, around));
    let mut rows: Vec<(String, String)> = tried
        .into_iter()
        .map(|t| {
            ("engine".to_owned(), format!("{} ({}): {}", t.candidate.host, t.candidate.because, t.outcome))
        })
        .collect();
    match found {
        Ok(engine) => rows.push(("builds for".to_owned(), engine.platform)),
        Err(error) if rows.is_empty() => rows.push(("engine".to_owned(), error.to_string())),
        Err(_) => {}
    }
    rows
}
