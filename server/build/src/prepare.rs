//! From an image that was inspected to a plan: who builds it, and everything that is known to fail before it is built.

use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_model::folders::Handle;
use image_model::world::{Environment, World};
use image_python::inspect::{ImageReport, Variant};
use image_python::project::Facts;
use image_rules::{Finding, Severity, covering};

use crate::error::{BuildError, Refusal};
use crate::plan::Plan;
use crate::surroundings::Surroundings;

/// flyte's builders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// The docker engine of this machine.
    Local,
    /// Its Podman.
    LocalPodman,
    /// flyte's backend.
    Remote,
}

impl Builder {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Local, Self::LocalPodman, Self::Remote];

    /// The name that flyte gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::LocalPodman => "local-podman",
            Self::Remote => "remote",
        }
    }
}

/// Who builds: whom the user names, else whom flyte's configuration names, else the local engine.
///
/// # Errors
/// [`BuildError::Refused`] for a name that flyte does not know, as its plugins bring them, and for one that the release in
/// use does not know yet.
pub fn builder(named: Option<&str>, facts: &Facts) -> Result<Builder, BuildError> {
    let name =
        named.or(facts.configured_builder()).filter(|n| !n.is_empty()).unwrap_or(Builder::Local.name());
    let refused = |message: String| BuildError::Refused(vec![Refusal { rule: None, message, site: None }]);
    let found = Builder::ALL.into_iter().find(|b| b.name() == name);
    let Some(found) = found else {
        return Err(refused(format!(
            "there is no builder {name:?} here: choose local, local-podman or remote"
        )));
    };
    let release = &facts.environment.release;
    if found == Builder::LocalPodman && !release.behaviours.podman_builder {
        return Err(refused(format!("flyte {} has no builder local-podman: choose local", release.version)));
    }
    Ok(found)
}

/// What is to be done for an image.
pub enum Prepared {
    /// Nothing was added: its base is used as it is.
    AsItIs(String),
    /// It is built. Besides, what rules say of it that may stop the build.
    Plan(Box<Plan>, Vec<Refusal>),
}

/// Works out what is to be done. `files` are the files as they are, `fs` those that Python code reads.
///
/// # Errors
/// [`BuildError::Refused`] with everything that flyte would raise; [`BuildError::Unknown`].
pub fn prepare(
    image: &ImageReport,
    findings: &[Finding],
    platforms: &[String],
    fs: &dyn FileSystem,
    files: &Arc<dyn FileSystem>,
    around: &Surroundings,
) -> Result<Prepared, BuildError> {
    let Some(variant) = image.variants.first() else {
        return Err(BuildError::Unknown {
            reason: "it has no outcome".to_owned(),
            site: Some(image.site.clone()),
        });
    };
    let errors = variant.errors.iter().map(|error| Refusal {
        rule: covering(error).map(|rule| rule.code),
        message: format!("{}: {}", error.raised.exception, error.raised.message),
        site: Some(error.site.clone()),
    });
    let errors: Vec<Refusal> = errors.collect();
    if !errors.is_empty() {
        return Err(BuildError::Refused(errors));
    }
    if let Some(unknown) = variant.unknowns.first() {
        let site = unknown.site.clone().or_else(|| Some(image.site.clone()));
        return Err(BuildError::Unknown { reason: unknown.reason.clone(), site });
    }
    if !variant.modified {
        return Ok(Prepared::AsItIs(variant.uri.clone().unwrap_or_default()));
    }
    // Whoever types may have to wait for folders; whoever builds reads them.
    let environment = Environment { folders: Handle::default(), ..Environment::clone(&variant.environment) };
    let world = World::new(fs, &environment);
    let plan = Plan::new(&variant.image, platforms, &world, files, around)?;
    Ok(Prepared::Plan(Box::new(plan), doubts(variant, findings)))
}

/// Errors that rules find in the calls of an image.
fn doubts(variant: &Variant, findings: &[Finding]) -> Vec<Refusal> {
    let within = |finding: &&Finding| {
        variant.image.calls.iter().any(|call| {
            let (inner, outer) = (&finding.site, &call.expression);
            inner.path == outer.path && outer.start <= inner.start && inner.end <= outer.end
        })
    };
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).filter(within);
    errors
        .map(|finding| Refusal {
            rule: Some(finding.rule.code),
            message: finding.message.clone(),
            site: Some(finding.site.clone()),
        })
        .collect()
}
