//! A partial evaluator: it runs a module the way Python would, with values that are known or unknown-because.
//!
//! It never imports or executes anything. Where the code has several outcomes (a condition that nobody can decide, or
//! that an environment variable decides) the module is evaluated once for each, so that what belongs together stays
//! together. It is total: steps, alternatives, depth and sizes are bounded, and past a bound a value is
//! unknown-because.

mod attempt;
mod builtins;
mod call;
mod choices;
mod classes;
mod comparison;
mod containers;
mod control;
mod convert;
mod environments;
mod exception;
mod expression;
mod flyte;
mod format;
mod library;
mod methods;
mod modules;
mod names;
mod operators;
mod path_methods;
mod scope;
mod statement;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_model::error::{Raised, Unknown};
use image_model::image::Image;
use image_model::origin::{CallSite, Site};
use image_model::value::Value as ModelValue;
use image_model::world::{Environment, World};

use crate::project::Facts;
use choices::Decision;
use exception::Exception;
use scope::Scope;
use value::{Kind, Place, Value};

pub use choices::Condition;
pub use modules::{Sources, module_file};

/// Bounds of an evaluation. Past any of them a value is unknown, never wrong.
mod bounds {
    /// Expressions and statements that one statement of a module may come to.
    pub(super) const STEPS: u64 = 100_000;
    /// The same for all statements of all modules, in one outcome.
    pub(super) const ALL_STEPS: u64 = 400_000;
    /// Outcomes that are followed.
    pub(super) const OUTCOMES: usize = 32;
    /// Nested calls and expressions.
    pub(super) const DEPTH: u32 = 220;
    /// Nested calls of the workspace's functions.
    pub(super) const CALLS: u32 = 40;
    /// Turns of one loop.
    pub(super) const TURNS: usize = 4_000;
    /// Items of a container, characters of a string.
    pub(super) const SIZE: usize = 1_000_000;
    /// Values that one comparison looks at; a list in itself nests as deep as this.
    pub(super) const COMPARED: usize = 20_000;
    /// Values that are looked at behind one name of the module for images.
    pub(super) const NAMED: usize = 50_000;
    /// Values that the arguments of one call hold, all told.
    pub(super) const CONVERTED: usize = 100_000;
    /// Modules of the workspace that are loaded for one file.
    pub(super) const MODULES: usize = 400;
}

/// One way the file can turn out.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was decided on the way.
    pub conditions: Vec<Condition>,
    /// The images, in order of creation.
    pub images: Vec<Found>,
    /// The first exception that leaves the module: Python would stop there.
    pub import_error: Option<(Raised, Site)>,
    /// flyte's errors at calls that make no image: secrets, environments.
    pub errors: Vec<(Raised, Site)>,
    /// The environment, with what the code's `flyte.init` says.
    pub environment: Arc<Environment>,
    /// Modules of the workspace that were read.
    pub files: Vec<Arc<Path>>,
}

/// An image that the evaluation came across.
#[derive(Debug, Clone)]
pub struct Found {
    /// The image.
    pub image: Arc<Image>,
    /// The expression that made it.
    pub site: Site,
    /// The dotted names that hold it at the end of the module.
    pub names: Vec<String>,
    /// The `image=` arguments that it was given to.
    pub uses: Vec<Site>,
    /// The environments that it was given to.
    pub environments: Vec<Use>,
    /// Another image was made from it.
    pub has_descendants: bool,
    /// It was made while the file itself was evaluated, not one that it imports.
    pub own: bool,
    /// In words: what it rests on beyond the code.
    pub assumptions: Vec<String>,
    /// Where the names stand that it hangs on, in this outcome.
    pub unsettled: Option<Arc<Unknown>>,
    /// flyte's error at the definition, with the range to blame and the method that raises it.
    pub error: Option<(Raised, Site, Option<&'static str>)>,
    /// Made in a function that nothing calls: its parameters are unknown.
    pub speculative: bool,
}

/// An environment that an image is given to.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// The dotted name of its class: `flyte.TaskEnvironment`.
    pub class: Arc<str>,
    /// The call that makes it.
    pub call: Site,
    /// The `image=` argument.
    pub image: Site,
    /// Its `secrets`; `None` where there are none.
    pub secrets: ModelValue,
}

/// The result of evaluating a file.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The outcomes that were followed, the likeliest first.
    pub outcomes: Vec<Outcome>,
    /// There are more outcomes than were followed.
    pub truncated: bool,
}

/// Evaluates a file in all its outcomes.
#[must_use]
pub fn evaluate(path: &Path, sources: &Sources, fs: &dyn FileSystem, facts: &Facts) -> Evaluation {
    let mut outcomes = Vec::new();
    let mut pending: Vec<Vec<bool>> = vec![Vec::new()];
    let mut truncated = false;
    let mut steps = 0;
    while let Some(plan) = pending.pop() {
        if outcomes.len() >= bounds::OUTCOMES || steps > bounds::ALL_STEPS {
            truncated = true;
            break;
        }
        let decided = plan.len();
        let mut evaluator = Evaluator::new(sources, fs, facts, plan);
        evaluator.run(path);
        steps += evaluator.steps;
        // Every decision that was not planned opens another outcome. The one that differs first is tried first.
        let decisions: Vec<bool> = evaluator.decisions.iter().map(|d| d.taken).collect();
        for place in (decided..decisions.len()).rev() {
            let mut other = decisions[..place].to_vec();
            other.push(!decisions[place]);
            pending.push(other);
        }
        outcomes.push(evaluator.finish());
    }
    Evaluation { outcomes, truncated }
}

/// An image with what is known of its making.
struct ImageRecord {
    image: Arc<Image>,
    place: Place,
    owner: usize,
    rests_on: u64,
    has_descendants: bool,
    error: Option<(Raised, Place, Option<&'static str>)>,
    uses: Vec<Place>,
    environments: Vec<Use>,
    speculative: bool,
}

/// A module that is being or has been evaluated.
struct Loaded {
    module: Arc<crate::syntax::ast::Module>,
    scope: Rc<Scope>,
    /// Its dotted name.
    name: String,
    /// A package's folder, in which its submodules lie.
    package: Option<std::path::PathBuf>,
    /// Star imports of libraries: any name may come from them.
    star_externals: std::cell::RefCell<Vec<Arc<str>>>,
}

/// A call that flyte refuses.
struct Failing {
    place: Place,
    /// The range to blame.
    blamed: Place,
    method: Option<&'static str>,
    /// The image that the method was called on.
    before: Option<Arc<Image>>,
    call: Option<Arc<CallSite>>,
}

/// State of a `try` body.
#[derive(Default)]
struct Attempt {
    /// Something in it may raise, though nobody can know.
    may_raise: Option<String>,
    /// What was changed in it.
    changed: Vec<Value>,
}

struct Evaluator<'a> {
    sources: &'a Sources,
    fs: &'a dyn FileSystem,
    facts: &'a Facts,
    environment: Environment,
    modules: Vec<Loaded>,
    by_path: HashMap<std::path::PathBuf, usize>,
    images: Vec<ImageRecord>,
    import_error: Option<(Raised, Place)>,
    /// flyte's errors that are no image's.
    errors: Vec<(Raised, Place)>,
    /// The calls of functions that are being executed, in the module that is looked at.
    stack: Vec<Place>,
    assumptions: Vec<String>,
    by_assumption: BTreeMap<String, u32>,
    /// Assumptions that this outcome contradicts.
    contradicted: u64,
    plan: Vec<bool>,
    decisions: Vec<Decision>,
    decided_unknowns: HashMap<*const Unknown, bool>,
    /// Keeps the keys of `decided_unknowns` alive.
    kept: Vec<Arc<Unknown>>,
    steps: u64,
    /// Where the statement of the module that is being executed has to end.
    limit: u64,
    depth: u32,
    calls: u32,
    /// Why assignments and changes give no known value right now: the body of a loop over something unknown.
    weak: Option<Arc<Unknown>>,
    attempts: Vec<Attempt>,
    /// The function being called may have returned before: its result is unknown.
    returns_unknown: bool,
    /// The module whose statements are being executed, for ownership of images.
    owner: usize,
    speculative: bool,
    closures: Vec<Rc<value::Closure>>,
    initialised: bool,
    /// Comparisons made for one operator.
    compared: std::cell::Cell<usize>,
    /// Environment variables that the code sets itself.
    changed_variables: BTreeMap<String, Value>,
    /// The code changed environment variables in a way that is not followed.
    environment_unknown: bool,
    /// The names that hold each image at the end of the module.
    names: Option<HashMap<usize, Vec<String>>>,
}

impl<'a> Evaluator<'a> {
    fn new(sources: &'a Sources, fs: &'a dyn FileSystem, facts: &'a Facts, plan: Vec<bool>) -> Self {
        Self {
            sources,
            fs,
            facts,
            environment: facts.environment.clone(),
            modules: Vec::new(),
            by_path: HashMap::new(),
            images: Vec::new(),
            import_error: None,
            errors: Vec::new(),
            stack: Vec::new(),
            assumptions: Vec::new(),
            by_assumption: BTreeMap::new(),
            contradicted: 0,
            plan,
            decisions: Vec::new(),
            decided_unknowns: HashMap::new(),
            kept: Vec::new(),
            steps: 0,
            limit: bounds::STEPS,
            depth: 0,
            calls: 0,
            weak: None,
            attempts: Vec::new(),
            returns_unknown: false,
            owner: 0,
            speculative: false,
            closures: Vec::new(),
            initialised: false,
            compared: std::cell::Cell::new(0),
            changed_variables: BTreeMap::new(),
            environment_unknown: false,
            names: None,
        }
    }

    /// Evaluates the file, then the functions that nothing called.
    fn run(&mut self, path: &Path) {
        if self.load(path, None).is_none() {
            return;
        }
        self.main_block();
        self.names = Some(self.collect_names());
        self.speculate();
    }

    fn world(&self) -> World<'_> {
        World::new(self.fs, &self.environment)
    }

    /// Counts a step; false when there are no more.
    fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps < self.limit
    }

    fn site(&self, place: Place) -> Site {
        let path = Arc::clone(&self.modules[place.module.min(self.modules.len() - 1)].module.path);
        let range = place.span.range();
        Site { path, start: range.start, end: range.end }
    }

    /// Where the file that is looked at called what leads to a place in another file.
    fn called_from(&self, place: Place) -> Option<Site> {
        if place.module == 0 {
            return None;
        }
        self.stack.iter().rev().find(|p| p.module == 0).map(|p| self.site(*p))
    }

    fn text(&self, place: Place) -> &str {
        self.modules.get(place.module).and_then(|m| m.module.text.get(place.span.range())).unwrap_or("")
    }

    /// An unknown value.
    fn unknown(&self, reason: impl Into<String>, place: Option<Place>) -> Value {
        let site = place.map(|p| self.site(p));
        Value { origin: place, ..Kind::Unknown(Arc::new(Unknown { reason: reason.into(), site })).into() }
    }

    /// The bit of an assumption.
    fn assume(&mut self, text: String) -> u64 {
        let next = u32::try_from(self.assumptions.len()).unwrap_or(63).min(63);
        let bit = *self.by_assumption.entry(text.clone()).or_insert_with(|| {
            self.assumptions.push(text);
            next
        });
        1 << bit
    }

    /// Notes that something here may raise an exception that nobody can know.
    fn may_raise(&mut self, what: &str) {
        if let Some(attempt) = self.attempts.last_mut()
            && attempt.may_raise.is_none()
        {
            attempt.may_raise = Some(what.to_owned());
        }
    }

    /// An exception of flyte's at a definition. Outside of a `try` the evaluation goes on with an image of which
    /// nothing is known, so that the rest of the file is still looked at.
    fn definition_error(&mut self, raised: Raised, failing: Failing) -> Result<Value, Exception> {
        let Failing { place, blamed, method, before, call } = failing;
        if !self.attempts.is_empty() {
            return Err(Exception::from_raised(raised, blamed));
        }
        self.note_import_error(&raised, blamed);
        let why = Unknown {
            reason: format!("flyte raises {} here: {}", raised.exception, raised.message),
            site: Some(self.site(place)),
        };
        let mut broken = Image::opaque(Arc::new(why), &self.world());
        if let Some(image) = before {
            broken.layers.clone_from(&image.layers);
            broken.origin.clone_from(&image.origin);
            broken.calls.clone_from(&image.calls);
        }
        broken.calls.extend(call);
        let id = self.add_image(broken, place, None, 0);
        self.images[id].error = Some((raised, blamed, method));
        Ok(Kind::Image(id).into())
    }

    fn note_import_error(&mut self, raised: &Raised, place: Place) {
        if self.import_error.is_none() && !self.speculative && self.weak.is_none() {
            self.import_error = Some((raised.clone(), place));
        }
    }

    fn add_image(&mut self, image: Image, place: Place, parent: Option<usize>, rests_on: u64) -> usize {
        let mut rests_on = rests_on;
        if self.weak.is_some() && !self.speculative {
            rests_on |= self.assume("the part of the code that makes it is executed".to_owned());
        }
        if let Some(parent) = parent.and_then(|p| self.images.get_mut(p)) {
            parent.has_descendants = true;
        }
        self.images.push(ImageRecord {
            image: Arc::new(image),
            place,
            owner: self.owner,
            rests_on,
            has_descendants: false,
            error: None,
            uses: Vec::new(),
            environments: Vec::new(),
            speculative: self.speculative,
        });
        self.images.len() - 1
    }

    fn finish(self) -> Outcome {
        let mut names = self.names.clone().unwrap_or_default();
        let images = self
            .images
            .iter()
            .enumerate()
            .map(|(id, record)| {
                let assumptions = (0..64)
                    .filter(|bit| record.rests_on & (1 << bit) != 0)
                    .filter_map(|bit| self.assumptions.get(bit).cloned())
                    .collect();
                let unsettled = (record.rests_on & self.contradicted != 0).then(|| {
                    Arc::new(Unknown {
                        reason: "it depends on an environment variable that is otherwise in this case"
                            .to_owned(),
                        site: None,
                    })
                });
                Found {
                    image: Arc::clone(&record.image),
                    site: self.site(record.place),
                    names: names.remove(&id).unwrap_or_default(),
                    uses: record.uses.iter().map(|p| self.site(*p)).collect(),
                    environments: record.environments.clone(),
                    has_descendants: record.has_descendants,
                    own: record.owner == 0,
                    assumptions,
                    unsettled,
                    error: record
                        .error
                        .clone()
                        .map(|(raised, place, method)| (raised, self.site(place), method)),
                    speculative: record.speculative,
                }
            })
            .collect();
        Outcome {
            conditions: self.decisions.iter().map(|d| d.condition(self.site(d.place))).collect(),
            images,
            import_error: self.import_error.clone().map(|(raised, place)| (raised, self.site(place))),
            errors: self.errors.iter().map(|(raised, place)| (raised.clone(), self.site(*place))).collect(),
            environment: Arc::new(self.environment.clone()),
            files: self.modules.iter().map(|m| Arc::clone(&m.module.path)).collect(),
        }
    }
}
