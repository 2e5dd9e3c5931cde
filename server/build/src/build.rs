//! A build from beginning to end: what is there already, what cannot work, the build itself, the push.

use crate::buildkit::{self, Solved};
use crate::credentials::Credentials;
use crate::engine::{Engine, Kind, Store};
use crate::error::{BuildError, Refusal};
use crate::event::{Event, Place, Sink};
use crate::flyte::Run;
use crate::plan::Plan;
use crate::podman;
use crate::push::{push, refused};
use crate::registry;
use crate::secrets::Values;
use crate::solve_options::SolveOptions;
use crate::surroundings::Surroundings;

/// What the user chose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choices {
    /// Whether to push; `None` for wherever there is a registry.
    pub push: Option<bool>,
    /// Whether to build what is there already.
    pub force: bool,
    /// Whether to use the engine's own frontend, whatever the Dockerfile says.
    pub builtin: bool,
}

/// An image that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    /// The address.
    pub uri: String,
    /// The digest that a registry knows it by, where it was pushed; else the engine's own.
    pub digest: Option<String>,
    /// The engine's name for it.
    pub id: Option<String>,
    /// It was there already.
    pub existed: bool,
    /// The run of flyte's backend that nobody waits for: then there is no address yet.
    pub started: Option<Run>,
}

impl Built {
    /// In a word: `built`, `exists`, or `started` where nobody waits for the end.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (&self.started, self.existed) {
            (Some(_), _) => "started",
            (None, true) => "exists",
            (None, false) => "built",
        }
    }
}

/// All that a build by an engine needs.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) engine: &'a Engine,
    pub(crate) options: &'a SolveOptions,
    pub(crate) secrets: &'a Values,
    pub(crate) credentials: &'a Credentials,
    pub(crate) sink: &'a Sink,
}

/// Builds a plan with an engine. Dropping this future cancels the build: docker ends the step that runs.
///
/// # Errors
/// Whatever stands in the way, as [`BuildError`].
pub async fn build(
    plan: &Plan,
    engine: &Engine,
    choices: Choices,
    around: &Surroundings,
    sink: &Sink,
) -> Result<Built, BuildError> {
    sink(Event::Started { uri: plan.uri.clone(), engine: engine.shown() });
    let pushes = choices.push.unwrap_or(plan.has_registry);
    let credentials = Credentials::new(engine.kind, around);
    let secrets = before(plan, engine, pushes, around)?;
    if !plan.has_registry && plan.needs_registry {
        let message = "the image has no registry: it stays in the engine, and flyte's own build refuses it";
        let site = plan.origin.as_ref().map(|o| o.site.clone());
        sink(Event::Warning { message: message.to_owned(), rule: Some("IMG204"), site });
    }
    if pushes && !plan.left_out.is_empty() {
        let message = format!(
            "it is pushed without {}: flyte takes a tag that is there as being there for all platforms",
            plan.left_out.join(" and ")
        );
        sink(Event::Warning { message, rule: None, site: None });
    }
    if !choices.force
        && let Some(place) = already(plan, engine, pushes, &credentials, around, sink).await
    {
        sink(Event::Exists { uri: plan.uri.clone(), place });
        return Ok(Built { uri: plan.uri.clone(), existed: true, ..Built::default() });
    }
    let mut options = SolveOptions::of(around, plan.takes_arguments, sink);
    options.push = pushes;
    options.builtin = choices.builtin;
    let job = Job { plan, engine, options: &options, secrets: &secrets, credentials: &credentials, sink };
    let solved = match engine.kind {
        Kind::Docker => buildkit::build(&job).await,
        Kind::Podman => podman::build(&job).await,
    };
    let solved = solved.map_err(|error| of_push(error, plan, engine, pushes))?;
    finish(plan, engine, pushes, solved, &credentials, sink).await
}

/// Everything that is known to fail, before anything is built.
fn before(plan: &Plan, engine: &Engine, pushes: bool, around: &Surroundings) -> Result<Values, BuildError> {
    if plan.platforms.len() > 1 && (engine.kind == Kind::Podman || engine.store == Store::Graph) {
        return Err(BuildError::Platforms {
            engine: engine.shown(),
            platforms: plan.platforms.join(" and "),
            own: engine.platform.clone(),
            podman: engine.kind == Kind::Podman,
        });
    }
    let mut refusals = Vec::new();
    if pushes && !plan.has_registry {
        refusals.push(Refusal {
            rule: Some("IMG204"),
            message:
                "there is no registry to push to: set registry, or image.registry in flyte's configuration"
                    .to_owned(),
            site: plan.origin.as_ref().map(|o| o.site.clone()),
        });
    }
    let fs = image_manifests::fs::OsFileSystem;
    match Values::find(&plan.secrets, around, &fs) {
        Ok(values) if refusals.is_empty() => return Ok(values),
        Ok(_) => {}
        Err(missing) => refusals.extend(missing),
    }
    Err(BuildError::Refused(refusals))
}

/// Where the image is already. What goes to a registry counts only there; flyte asks nobody else either.
async fn already(
    plan: &Plan,
    engine: &Engine,
    pushes: bool,
    credentials: &Credentials,
    around: &Surroundings,
    sink: &Sink,
) -> Option<Place> {
    // Such a tag says nothing of what is behind it: whoever asks for a build gets one. (flyte takes it as being there.)
    if plan.uri.ends_with(":latest") {
        return None;
    }
    if !pushes {
        return engine.docker.inspect_image(&plan.uri).await.is_ok().then_some(Place::Engine);
    }
    match registry::has(&plan.uri, &plan.platforms, credentials, &engine.insecure, around).await {
        Ok(found) => found.then_some(Place::Registry),
        Err(reason) => {
            let message = format!("whether the registry has the image already could not be asked: {reason}");
            sink(Event::Warning { message, rule: None, site: None });
            None
        }
    }
}

/// A build that pushes fails at the push as if it were a step.
fn of_push(error: BuildError, plan: &Plan, engine: &Engine, pushes: bool) -> BuildError {
    match error {
        BuildError::Failed(failure) if pushes && failure.lines.is_none() => {
            let is_push =
                failure.said.contains("failed to push") || failure.said.contains("exporting to image");
            if is_push { refused(&plan.uri, engine, &failure.said) } else { BuildError::Failed(failure) }
        }
        other => other,
    }
}

async fn finish(
    plan: &Plan,
    engine: &Engine,
    pushes: bool,
    solved: Solved,
    credentials: &Credentials,
    sink: &Sink,
) -> Result<Built, BuildError> {
    let in_build = engine.kind == Kind::Docker && engine.store == Store::Containerd;
    let mut digest = solved.digest.clone();
    if pushes && in_build {
        sink(Event::Pushed { uri: plan.uri.clone(), digest: digest.clone() });
    } else if pushes {
        digest = push(&plan.uri, engine, credentials, sink).await?;
    }
    let id = engine.docker.inspect_image(&plan.uri).await.ok().and_then(|image| image.id);
    let digest = digest.or_else(|| id.clone()).or(solved.config);
    Ok(Built { uri: plan.uri.clone(), digest, id, ..Built::default() })
}
