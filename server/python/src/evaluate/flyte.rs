//! flyte's own names: images, secrets, layers.

use std::sync::Arc;

use image_model::development;
use image_model::error::{Cause, Raised, Stop, Unknown};
use image_model::image::Image;
use image_model::layer::{Layer, LayerKind};
use image_model::methods::{self, Argument, Method, Place as MethodPlace};
use image_model::secret::Secret;
use image_model::signature::{self, Arguments, Kind as ParameterKind, Mismatch, Parameter, Slot};
use image_model::value::Value as ModelValue;
use image_model::world::{Environment, World};

use super::call::Call;
use super::convert::Effort;
use super::exception::Exception;
use super::value::{Kind, Place, Value, again};
use super::{Evaluator, Failing};

/// The packages in which environments live.
const PACKAGES: &[&str] = &["flyte", "flyteplugins", "union", "unionai"];

/// Whether a dotted name is that of an environment class: `flyte.TaskEnvironment`, `flyte.app.AppEnvironment`, those of
/// the plugins.
pub(crate) fn is_environment(dotted: &str) -> bool {
    let first = dotted.split('.').next().unwrap_or_default();
    PACKAGES.contains(&first) && dotted.rsplit('.').next().is_some_and(|last| last.ends_with("Environment"))
}

/// What a dotted name of flyte stands for, whatever module it was imported from.
fn own_name(dotted: &str) -> Option<&str> {
    let rest = dotted.strip_prefix("flyte.")?;
    // `flyte._image.Image` and `flyte.Image` are the same class.
    Some(rest.strip_prefix("_image.").or_else(|| rest.strip_prefix("_secret.")).unwrap_or(rest))
}

impl Evaluator<'_> {
    /// Calls something of flyte's; `None` for other names.
    pub(crate) fn call_flyte(
        &mut self,
        dotted: &str,
        call: &Call,
        place: Place,
    ) -> Option<Result<Value, Exception>> {
        if is_environment(dotted) {
            return Some(self.make_environment(dotted, call, place));
        }
        let name = own_name(dotted)?;
        if let Some(constructor) = name.strip_prefix("Image.") {
            let Some(method) = methods::method(constructor) else {
                if !constructor.starts_with("from_") {
                    return None;
                }
                return self.missing_method(constructor, None, None, call, place);
            };
            return Some(self.construct_image(method, call, place));
        }
        match name {
            "Image" => {
                let cause = Cause::DirectInstantiation;
                let raised = Raised { exception: "TypeError", message: DIRECT.to_owned(), cause };
                let failing = Failing { place, blamed: place, method: None, before: None, call: None };
                Some(self.definition_error(raised, failing))
            }
            "Secret" => Some(self.make_secret(call, place)),
            "build" | "build_images" => Some(Ok(self.unknown("the result of a build", Some(place)))),
            _ if name.starts_with("init") => {
                if name == "init"
                    && call.keyword("image_registry").is_some()
                    && !self.environment.release.behaviours.configured_registry
                {
                    let message = "init() got an unexpected keyword argument 'image_registry'";
                    return Some(self.softly(Exception::new("TypeError", message, place)));
                }
                self.initialise(name, call);
                Some(Ok(Value::none()))
            }
            _ => {
                let kind = LayerKind::by_class_name(name)?;
                if kind.since().is_some_and(|since| !self.environment.release.has(since)) {
                    return None;
                }
                Some(self.make_layer(kind, call, place))
            }
        }
    }

    /// Something of a library by its dotted name; flyte's own folders are known paths.
    pub(crate) fn external_value(&mut self, dotted: String, place: Place) -> Value {
        if dotted == "flyte.__version__" {
            return Value::str(self.environment.release.version.as_str()).at(place);
        }
        let folder = match dotted.strip_prefix("flyte._image.") {
            Some("DIST_FOLDER") => "dist",
            Some("RS_CONTROLLER_DIST_FOLDER") => "rs_controller/dist",
            Some("SOURCE_ROOT") => "",
            _ => return Value { origin: Some(place), ..Value::external(dotted) },
        };
        match development::wheel_folder(folder, &self.world()) {
            Ok(path) => {
                let bit = self.assume_fact(image_model::world::Fact::InstallDir);
                Value::path(path).resting_on(bit)
            }
            Err(_) => {
                self.unknown("the folder lies beside the installed flyte, and none was found", Some(place))
            }
        }
    }

    /// The arguments of a call as the model takes them, with what they rest on.
    fn model_arguments(&self, call: &Call) -> (Arguments<Argument>, u64) {
        let mut rests_on = 0;
        let mut effort = Effort::default();
        let mut convert = |value: &Value, place: Option<Place>| {
            let (converted, bits) = self.to_model_within(value, &mut effort);
            rests_on |= bits;
            let layer = if let Kind::Layer(layer) = &value.kind { Some(Arc::clone(layer)) } else { None };
            let origin = self.origin_of(value, &mut effort);
            Argument { value: converted, site: place.map(|p| self.site(p)), keyword: false, origin, layer }
        };
        let at = |places: &[Option<Place>], i: usize| places.get(i).copied().flatten();
        let positional = call
            .arguments
            .positional
            .iter()
            .enumerate()
            .map(|(i, v)| convert(v, at(&call.places, i)))
            .collect();
        let keywords = call
            .arguments
            .keywords
            .iter()
            .enumerate()
            .map(|(i, (n, v))| {
                let argument = convert(v, at(&call.keyword_places, i));
                (n.clone(), Argument { keyword: true, ..argument })
            })
            .collect();
        let more_positional = call.arguments.more_positional.as_ref().map(|v| convert(v, None));
        let more_keywords = call.arguments.more_keywords.as_ref().map(|v| convert(v, None));
        (Arguments { positional, keywords, more_positional, more_keywords }, rests_on)
    }

    /// `Image.from_…(…)`
    fn construct_image(
        &mut self,
        method: &'static Method,
        call: &Call,
        place: Place,
    ) -> Result<Value, Exception> {
        if !method.constructor {
            return Ok(self.unknown_call(call, "a method of Image is called on the class", place));
        }
        self.apply(method, None, call, place)
    }

    /// `image.name(…)`
    pub(crate) fn call_image_method(
        &mut self,
        id: usize,
        name: &str,
        call: &Call,
        place: Place,
    ) -> Result<Value, Exception> {
        match methods::method(name) {
            Some(method) => self.apply(method, Some(id), call, place),
            None if name.starts_with("with_") => match self.missing_method(name, Some(id), None, call, place)
            {
                Some(result) => result,
                None => Ok(self.unknown_call(call, &format!("Image has no method {name}"), place)),
            },
            None => Ok(self.unknown_call(call, &format!("Image has no method {name}"), place)),
        }
    }

    /// Whether an image, or the class, has an attribute; `None` where that is not known.
    pub(crate) fn has_image_attribute(&self, object: &Value, name: &str) -> Option<bool> {
        match &object.kind {
            Kind::Image(_) => {}
            Kind::External(dotted) if own_name(dotted) == Some("Image") => {}
            _ => return None,
        }
        let release = &self.environment.release;
        methods::method(name).filter(|_| release.is_exact()).map(|method| release.has(method.since))
    }

    /// Whether this outcome is that of another release than the one in use: the code asked for one, and goes on as if
    /// it were there. What such a release has is not known.
    fn is_of_another_release(&self) -> bool {
        let fact = self.facts.describe(image_model::world::Fact::FlyteVersion);
        self.by_assumption.get(&fact).is_some_and(|bit| self.contradicted & (1 << bit) != 0)
    }

    /// A method that the release in use lacks: Python's AttributeError. `None` where a release that is not known
    /// exactly may have it.
    fn missing_method(
        &mut self,
        name: &str,
        receiver: Option<usize>,
        since: Option<&'static str>,
        call: &Call,
        place: Place,
    ) -> Option<Result<Value, Exception>> {
        if (since.is_none() && !self.environment.release.is_exact()) || self.is_of_another_release() {
            return None;
        }
        let object = if receiver.is_some() { "'Image' object" } else { "type object 'Image'" };
        let message = format!("{object} has no attribute '{name}'");
        let cause = Cause::MissingMethod { since };
        let raised = Raised { exception: "AttributeError", message, cause };
        let before = receiver.and_then(|id| self.images.get(id)).map(|r| Arc::clone(&r.image));
        if let Some(parent) = receiver.and_then(|r| self.images.get_mut(r)) {
            parent.has_descendants = true;
        }
        let method = methods::method(name).map(|m| m.name);
        let blamed = call.site.unwrap_or(place);
        Some(self.definition_error(raised, Failing { place, blamed, method, before, call: None }))
    }

    fn apply(
        &mut self,
        method: &'static Method,
        receiver: Option<usize>,
        call: &Call,
        place: Place,
    ) -> Result<Value, Exception> {
        if !self.environment.release.has(method.since)
            && let Some(result) = self.missing_method(method.name, receiver, Some(method.since), call, place)
        {
            return result;
        }
        let (arguments, mut rests_on) = self.model_arguments(call);
        let before = receiver.and_then(|id| self.images.get(id)).map(|r| (Arc::clone(&r.image), r.rests_on));
        if let Some((_, bits)) = &before {
            rests_on |= bits;
        }
        let written = call.site.map(|site| MethodPlace {
            site: self.site(site),
            expression: self.site(place),
            called_from: self.called_from(place),
        });
        let mut called = written.clone().map(|w| Arc::new(method.call_site(w)));
        let world = World::new(self.fs, &self.environment);
        let result = method.bind(&self.environment.release, &arguments, written).and_then(|(bound, site)| {
            called = site;
            match &before {
                Some((image, _)) => method.change(image, &bound, &world),
                None => method.construct(&bound, &world),
            }
        });
        let used = world.take_used();
        match result {
            Ok(mut image) => {
                image.used = image.used.union(used);
                let id = self.add_image(image, place, receiver, rests_on);
                Ok(Value::from(Kind::Image(id)).at(place))
            }
            Err(Stop::Raise(raised))
                if matches!(raised.cause, Cause::UnknownArgument { .. }) && self.is_of_another_release() =>
            {
                Ok(self.unknown_call(call, "this is executed with another release of flyte", place))
            }
            Err(Stop::Raise(raised)) => {
                if let Some(parent) = receiver.and_then(|r| self.images.get_mut(r)) {
                    parent.has_descendants = true;
                }
                let blamed = blamed(&raised.cause, call).or(call.site).unwrap_or(place);
                let failing = Failing {
                    place,
                    blamed,
                    method: Some(method.name),
                    before: before.map(|(image, _)| image),
                    call: called,
                };
                self.definition_error(raised, failing)
            }
            Err(Stop::Unknown(why)) => {
                let why = if why.site.is_some() {
                    why
                } else {
                    Arc::new(Unknown { reason: why.reason.clone(), site: Some(self.site(place)) })
                };
                let mut image = Image::opaque(why, &self.world());
                if let Some((before, _)) = &before {
                    image.layers.clone_from(&before.layers);
                    image.origin.clone_from(&before.origin);
                    image.calls.clone_from(&before.calls);
                }
                image.calls.extend(called);
                let id = self.add_image(image, place, receiver, rests_on);
                Ok(Value::from(Kind::Image(id)).at(place))
            }
        }
    }

    /// An attribute of an image; `None` for its methods.
    pub(crate) fn image_attribute(&mut self, id: usize, name: &str, place: Place) -> Option<Value> {
        // What begins like a method of another release fails when it is called.
        if methods::method(name).is_some() || name.starts_with("with_") {
            return None;
        }
        let record = self.images.get(id)?;
        let (image, rests_on) = (Arc::clone(&record.image), record.rests_on);
        let value = match name {
            "base_image" => self.of_model(&image.base_image),
            "registry" => self.of_model(&image.registry),
            "name" => self.of_model(&image.name),
            "platform" => self.of_model(&image.platform),
            "python_version" => self.of_model(&image.python_version),
            "extendable" => self.of_model(&image.extendable),
            "uri" => {
                // flyte keeps the first answer, and whether it was initialised by then decides about ignore files.
                let before = Environment { root_dir: None, ..self.environment.clone() };
                let uris = [&self.environment, &before].map(|e| image.uri(&World::new(self.fs, e)));
                match uris {
                    [Ok(uri), Ok(other)] if uri == other => Value::str(uri),
                    _ => self.unknown(
                        "the URI of this image is not known when the module is imported",
                        Some(place),
                    ),
                }
            }
            _ => self.unknown(format!("an image's {name} is not followed"), Some(place)),
        };
        Some(value.resting_on(rests_on))
    }

    /// Something was set on an image behind its back (`object.__setattr__` reaches it, too).
    pub(crate) fn tamper(&mut self, id: usize, name: &str) {
        let why =
            Arc::new(Unknown { reason: format!("the code sets the image's {name} itself"), site: None });
        let opaque = Image::opaque(why, &self.world());
        if let Some(record) = self.images.get_mut(id) {
            record.image = Arc::new(opaque);
        }
    }

    /// A value of the model's as the evaluator's.
    pub(crate) fn of_model(&self, value: &ModelValue) -> Value {
        let items = |values: &[ModelValue]| values.iter().map(|v| self.of_model(v)).collect::<Vec<_>>();
        match value {
            ModelValue::None => Value::none(),
            ModelValue::Bool(b) => Value::bool(*b),
            ModelValue::Int(i) => Value::int(*i),
            ModelValue::Float(f) => Kind::Float(*f).into(),
            ModelValue::Str(s) => Value::str(Arc::clone(s)),
            ModelValue::Bytes(b) => Kind::Bytes(Arc::clone(b)).into(),
            ModelValue::Tuple(values) => Value::tuple(items(values)),
            ModelValue::List(values) => Value::list(items(values)),
            ModelValue::Path(p) => Value::path(p.clone()),
            ModelValue::Secret(s) => Kind::Secret(Arc::clone(s)).into(),
            ModelValue::Unknown(why) => again(why).into(),
            _ => self.unknown("it is not followed", None),
        }
    }

    /// The parameters of a call of a class, bound.
    fn bound(
        &mut self,
        qualname: &str,
        parameters: &[Parameter<'_>],
        call: &Call,
        place: Place,
    ) -> Result<(Vec<ModelValue>, u64), Exception> {
        let (arguments, rests_on) = self.model_arguments(call);
        let slots = signature::bind(qualname, 1, parameters, &arguments).map_err(|mismatch| {
            let Mismatch { message, cause } = mismatch;
            Exception::from_raised(Raised { exception: "TypeError", message, cause }, place)
        })?;
        let values = slots
            .into_iter()
            .map(|slot| match slot {
                Slot::Given(argument) | Slot::Unknown(argument) => argument.value,
                _ => ModelValue::None,
            })
            .collect();
        Ok((values, rests_on))
    }

    fn make_secret(&mut self, call: &Call, place: Place) -> Result<Value, Exception> {
        let parameter = |name, required| Parameter { name, kind: ParameterKind::Positional, required };
        let parameters = [
            parameter("key", true),
            parameter("group", false),
            parameter("mount", false),
            parameter("as_env_var", false),
        ];
        let (values, rests_on) = match self.bound("Secret.__init__", &parameters, call, place) {
            Ok(bound) => bound,
            Err(exception) => return self.softly(exception),
        };
        let [key, group, mount, as_env_var] = values.as_slice() else {
            return Ok(self.unknown("a secret that is not followed", Some(place)));
        };
        match Secret::new(key.clone(), group.clone(), mount.clone(), as_env_var.clone()) {
            Ok(secret) => Ok(Value::from(Kind::Secret(Arc::new(secret))).resting_on(rests_on)),
            Err(Stop::Raise(raised)) => self.softly(Exception::from_raised(raised, place)),
            Err(Stop::Unknown(why)) => Ok(Value::unknown_again(&why, Some(place)).resting_on(rests_on)),
        }
    }

    /// An exception of flyte's that is no image's: outside of a `try` it is noted, and the evaluation goes on.
    pub(super) fn softly(&mut self, exception: Exception) -> Result<Value, Exception> {
        if !self.attempts.is_empty() {
            return Err(exception);
        }
        self.note_import_error(&exception.raised, exception.place);
        if !self.speculative && self.weak.is_none() {
            self.errors.push((exception.raised.clone(), exception.place));
        }
        let reason =
            format!("flyte raises {} here: {}", exception.raised.exception, exception.raised.message);
        Ok(self.unknown(reason, Some(exception.place)))
    }

    fn make_layer(&mut self, kind: LayerKind, call: &Call, place: Place) -> Result<Value, Exception> {
        let names: Vec<(&'static str, bool)> = kind.parameters().collect();
        let parameters: Vec<Parameter<'_>> = names
            .iter()
            .map(|(name, required)| Parameter { name, kind: ParameterKind::Positional, required: *required })
            .collect();
        let (arguments, _) = self.model_arguments(call);
        let qualname = format!("{}.__init__", kind.class_name());
        let slots = match signature::bind(&qualname, 1, &parameters, &arguments) {
            Ok(slots) => slots,
            Err(mismatch) => return self.softly(Exception::new("TypeError", mismatch.message, place)),
        };
        let fields: Vec<(&str, ModelValue)> = names
            .iter()
            .zip(slots)
            .filter_map(|((name, _), slot)| match slot {
                Slot::Given(argument) | Slot::Unknown(argument) => Some((*name, argument.value)),
                _ => None,
            })
            .collect();
        match Layer::new(kind, &fields) {
            Ok(layer) => Ok(Value::from(Kind::Layer(Arc::new(layer))).at(place)),
            Err(Stop::Raise(raised)) => self.softly(Exception::from_raised(raised, place)),
            Err(Stop::Unknown(why)) => Ok(Value::unknown_again(&why, Some(place)).resting_on(0)),
        }
    }
}

/// The argument to blame for an error, where it is one argument.
fn blamed(cause: &Cause, call: &Call) -> Option<Place> {
    let is_list = |value: &Value| match &value.kind {
        Kind::List(_) => true,
        Kind::Tuple(items) => items.iter().any(|i| matches!(i.kind, Kind::List(_))),
        _ => false,
    };
    let keyword = |wanted: &dyn Fn(&str, &Value) -> bool| {
        let place = call.arguments.keywords.iter().position(|(n, v)| wanted(n, v))?;
        call.keyword_places.get(place).copied().flatten()
    };
    match cause {
        Cause::List { field } => {
            let position = call.positional().iter().position(is_list);
            position
                .and_then(|p| call.places.get(p).copied().flatten())
                .or_else(|| keyword(&|name, value| name == *field || is_list(value)))
        }
        Cause::NotTxt { .. } => {
            call.places.first().copied().flatten().or_else(|| keyword(&|name, _| name == "file"))
        }
        _ => None,
    }
}

/// flyte's text for `Image(…)`.
const DIRECT: &str =
    "Direct instantiation of Image not allowed, please use one of the various from_...() methods instead";
