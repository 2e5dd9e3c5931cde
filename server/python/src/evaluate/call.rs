//! Functions and classes of the workspace: definition, calls, attributes.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use image_model::error::Unknown;
use image_model::signature::{Arguments, Kind as ParameterKind, Parameter, Slot, bind};

use super::exception::Exception;
use super::scope::Scope;
use super::statement::Flow;
use super::value::{Class, Closure, Flavour, Kind, Place, Value};
use super::{Evaluator, bounds};
use crate::syntax::ast::{self, Body, Function, Id, Passing};

/// Arguments of a call, evaluated.
#[derive(Clone, Default)]
pub(crate) struct Call {
    pub(crate) arguments: Arguments<Value>,
    /// The place of each argument as it was written, in order of the call: positional, then keywords.
    pub(crate) places: Vec<Option<Place>>,
    pub(crate) keyword_places: Vec<Option<Place>>,
    /// From the name of what is called to the closing parenthesis.
    pub(crate) site: Option<Place>,
}

impl Call {
    pub(crate) fn of(positional: Vec<Value>) -> Self {
        Self { arguments: Arguments { positional, ..Arguments::default() }, ..Self::default() }
    }

    pub(crate) fn positional(&self) -> &[Value] {
        &self.arguments.positional
    }

    pub(crate) fn keyword(&self, name: &str) -> Option<&Value> {
        self.arguments.keywords.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The argument of a parameter, by position or by name.
    pub(crate) fn get(&self, index: usize, name: &str) -> Option<&Value> {
        self.arguments.positional.get(index).or_else(|| self.keyword(name))
    }

    /// Whether everything that is passed is known by count and name.
    pub(crate) fn is_closed(&self) -> bool {
        self.arguments.more_positional.is_none() && self.arguments.more_keywords.is_none()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.arguments.positional.iter().chain(self.arguments.keywords.iter().map(|(_, v)| v))
    }
}

/// Where statements are executed: a module, a class body, a call.
pub(crate) struct Frame {
    pub(crate) module: usize,
    pub(crate) scope: Rc<Scope>,
    function: Option<Arc<Function>>,
    /// Where `:=` in a comprehension binds: the scope around it.
    around: Option<Rc<Scope>>,
}

impl Frame {
    pub(crate) fn of_module(module: usize, scope: Rc<Scope>) -> Self {
        Self { module, scope, function: None, around: None }
    }

    /// The same place with names of its own, as a comprehension has them.
    pub(crate) fn nested(&self) -> Self {
        let scope = Scope::below(&self.scope.for_functions());
        // A comprehension in a function sees the function's names through its scope.
        let scope = if self.scope.is_class { scope } else { Scope::below(&self.scope) };
        let around = Some(self.around.clone().unwrap_or_else(|| Rc::clone(&self.scope)));
        Self { module: self.module, scope, function: None, around }
    }

    /// Where the name of a `:=` is bound.
    pub(crate) fn walrus_scope(&self, name: &Arc<str>) -> Rc<Scope> {
        self.around.clone().unwrap_or_else(|| self.scope_of(name))
    }

    /// The first parameter of the function whose body this is.
    pub(crate) fn first_parameter(&self) -> Option<Value> {
        let function = self.function.as_ref()?;
        self.scope.get(&function.parameters.first()?.name)
    }

    /// A name that Python makes local to the function, and that a `global` does not take out.
    pub(crate) fn is_local(&self, name: &Arc<str>) -> bool {
        self.function.as_ref().is_some_and(|f| {
            !f.globals.contains(name)
                && (f.locals.contains(name) || f.parameters.iter().any(|p| p.name == *name))
        })
    }

    /// The scope in which an assignment binds a name.
    pub(crate) fn scope_of(&self, name: &Arc<str>) -> Rc<Scope> {
        let declared = self.function.as_ref().is_some_and(|f| f.globals.contains(name));
        if !declared {
            return Rc::clone(&self.scope);
        }
        // `nonlocal`: the nearest scope around that has it; `global`: the module's.
        let mut around = self.scope.parent.clone();
        let mut last = Rc::clone(&self.scope);
        while let Some(scope) = around {
            if scope.contains(name) {
                return scope;
            }
            around = scope.parent.clone();
            last = scope;
        }
        last
    }

    pub(crate) fn place(&self, evaluator: &Evaluator<'_>, id: Id) -> Place {
        let module = &evaluator.modules[self.module].module;
        let span = module.spans.get(id as usize).copied().unwrap_or(ast::Span { start: 0, end: 0 });
        Place { module: self.module, span }
    }
}

impl Class {
    /// An attribute of the class or of its bases.
    pub(crate) fn find(&self, name: &str) -> Option<Value> {
        self.attributes.get(name).or_else(|| self.bases.iter().find_map(|b| b.find(name)))
    }

    pub(crate) fn derives_from(self: &Rc<Self>, other: &Rc<Self>) -> bool {
        Rc::ptr_eq(self, other) || self.bases.iter().any(|b| b.derives_from(other))
    }
}

impl Evaluator<'_> {
    pub(super) fn closure(&mut self, function: Arc<Function>, frame: &Frame) -> Result<Closure, Exception> {
        let mut defaults = Vec::with_capacity(function.parameters.len());
        for parameter in &function.parameters {
            defaults.push(match parameter.default {
                Some(default) => Some(self.evaluate(default, frame)?),
                None => None,
            });
        }
        Ok(Closure {
            function,
            module: frame.module,
            scope: frame.scope.for_functions(),
            defaults,
            flavour: Flavour::Plain,
            called: Cell::new(false),
        })
    }

    pub(crate) fn lambda(&mut self, index: u32, frame: &Frame, place: Place) -> Result<Value, Exception> {
        let Some(function) = self.modules[frame.module].module.functions.get(index as usize).cloned() else {
            return Ok(self.unknown("it is no Python", Some(place)));
        };
        let closure = self.closure(function, frame)?;
        Ok(Value::from(Kind::Function(Rc::new(closure))).at(place))
    }

    pub(crate) fn define_function(
        &mut self,
        index: u32,
        decorators: &[Id],
        frame: &Frame,
        place: Place,
    ) -> Result<(), Exception> {
        let Some(function) = self.modules[frame.module].module.functions.get(index as usize).cloned() else {
            return Ok(());
        };
        let name = Arc::clone(&function.name);
        let mut closure = self.closure(function, frame)?;
        let mut wrapping = Vec::new();
        for decorator in decorators {
            let decorator = self.evaluate(*decorator, frame)?;
            match &decorator.kind {
                Kind::External(name) => match &**name {
                    "builtins.staticmethod" => closure.flavour = Flavour::Static,
                    "builtins.classmethod" => closure.flavour = Flavour::Class,
                    "builtins.property" | "functools.cached_property" => closure.flavour = Flavour::Property,
                    "functools.lru_cache"
                    | "functools.cache"
                    | "abc.abstractmethod"
                    | "typing.overload"
                    | "typing.final"
                    | "typing.override"
                    | "typing_extensions.override" => {}
                    _ => wrapping.push(decorator),
                },
                // `@functools.lru_cache(…)` and `@functools.wraps(f)` leave the function as it is.
                Kind::Method(_, name) if &**name == "transparent" => {}
                _ => wrapping.push(decorator),
            }
        }
        let closure = Rc::new(closure);
        self.closures.push(Rc::clone(&closure));
        let mut value = Value::from(Kind::Function(closure)).at(place);
        for decorator in wrapping.iter().rev() {
            value = self.call_value(decorator, Call::of(vec![value]), place)?;
        }
        self.assign_name(&name, value, &frame.scope, place);
        Ok(())
    }

    /// Evaluates the arguments of a call.
    pub(crate) fn arguments(&mut self, written: &[ast::Argument], frame: &Frame) -> Result<Call, Exception> {
        let mut call = Call::default();
        for argument in written {
            let value = self.evaluate(argument.value, frame)?;
            let place = Place { module: frame.module, span: argument.span };
            match &argument.passing {
                Passing::Position => {
                    call.arguments.positional.push(value);
                    call.places.push(Some(place));
                }
                Passing::Keyword(name) => {
                    call.arguments.keywords.push((name.to_string(), value));
                    call.keyword_places.push(Some(place));
                }
                Passing::Star => match self.iterate(&value, place)? {
                    Ok(items) => {
                        for item in items {
                            call.arguments.positional.push(item.resting_on(value.rests_on));
                            call.places.push(Some(place));
                        }
                    }
                    Err(why) => {
                        call.arguments.more_positional =
                            Some(Value::unknown_again(&why, Some(place)).resting_on(value.rests_on));
                    }
                },
                Passing::DoubleStar => self.splat_keywords(&value, place, &mut call),
            }
        }
        Ok(call)
    }

    pub(super) fn splat_keywords(&mut self, value: &Value, place: Place, call: &mut Call) {
        if let Kind::Dict(dict) = &value.kind
            && dict.poison.borrow().is_none()
        {
            let pairs = dict.entries.borrow().pairs.clone();
            if pairs.iter().all(|(k, _)| matches!(k.kind, Kind::Str(_))) {
                for (key, item) in pairs {
                    if let Kind::Str(name) = &key.kind {
                        call.arguments.keywords.push((name.to_string(), item.resting_on(value.rests_on)));
                        call.keyword_places.push(Some(place));
                    }
                }
                return;
            }
        }
        let why = match &value.kind {
            Kind::Unknown(why) => Arc::clone(why),
            _ => Arc::new(Unknown {
                reason: "the keywords passed with ** are not known".into(),
                site: Some(self.site(place)),
            }),
        };
        call.arguments.more_keywords =
            Some(Value::unknown_again(&why, Some(place)).resting_on(value.rests_on));
    }

    /// Calls a value.
    pub(crate) fn call_value(
        &mut self,
        function: &Value,
        call: Call,
        place: Place,
    ) -> Result<Value, Exception> {
        if function.rests_on & self.contradicted != 0 {
            return Ok(self.unknown(
                "it depends on an environment variable that is otherwise in this case",
                Some(place),
            ));
        }
        match &function.kind {
            Kind::Function(closure) => self.call_closure(closure, None, call, place),
            Kind::Bound(object, closure) => {
                self.call_closure(closure, Some(Value::clone(object)), call, place)
            }
            Kind::Class(class) => self.construct(class, call, place),
            Kind::External(name) => {
                let name = Arc::clone(name);
                self.call_external(&name, call, place)
            }
            Kind::Method(object, name) => {
                let (object, name) = (Value::clone(object), Arc::clone(name));
                self.call_method(&object, &name, call, place)
            }
            Kind::Instance(instance) => match instance.class.find("__call__") {
                Some(Value { kind: Kind::Function(closure), .. }) if instance.class.opaque.is_none() => {
                    self.call_closure(&closure, Some(function.clone()), call, place)
                }
                _ => Ok(self.unknown_call(&call, "an object is called that is not followed", place)),
            },
            Kind::Unknown(why) => {
                let reason = why.reason.clone();
                Ok(self.unknown_call(&call, &reason, place))
            }
            _ => Ok(self.unknown_call(&call, "something is called that is no function", place)),
        }
    }

    /// A call of something unknown: it may raise, and it may change the lists and dictionaries it is given.
    pub(crate) fn unknown_call(&mut self, call: &Call, reason: &str, place: Place) -> Value {
        let text = self.text(place).split('(').next().unwrap_or("").trim().to_owned();
        self.may_raise(&text);
        let why = Arc::new(Unknown {
            reason: "it was given to a function that is not followed, which may have changed it".to_owned(),
            site: Some(self.site(place)),
        });
        for value in call.values() {
            self.poison(value, &why);
        }
        self.unknown(reason.to_owned(), Some(place))
    }

    pub(crate) fn call_closure(
        &mut self,
        closure: &Rc<Closure>,
        first: Option<Value>,
        call: Call,
        place: Place,
    ) -> Result<Value, Exception> {
        closure.called.set(true);
        let function = Arc::clone(&closure.function);
        if function.is_generator || function.is_async {
            let what = if function.is_async { "a coroutine" } else { "a generator" };
            let reason = format!("{} is {what}, which is not followed", function.name);
            return Ok(self.unknown_call(&call, &reason, place));
        }
        if self.calls >= bounds::CALLS || self.depth >= bounds::DEPTH {
            return Ok(self.unknown_call(&call, "the calls are nested too deeply", place));
        }
        let mut arguments = call.arguments;
        if let Some(first) = first {
            arguments.positional.insert(0, first);
        }
        let parameters: Vec<Parameter<'_>> = function
            .parameters
            .iter()
            .map(|p| Parameter {
                name: &p.name,
                kind: p.kind,
                required: p.default.is_none()
                    && matches!(p.kind, ParameterKind::Positional | ParameterKind::KeywordOnly),
            })
            .collect();
        let slots = match bind(&function.name, 0, &parameters, &arguments) {
            Ok(slots) => slots,
            Err(mismatch) => return Err(Exception::new("TypeError", mismatch.message, place)),
        };
        let scope = Scope::below(&closure.scope);
        for ((parameter, slot), default) in function.parameters.iter().zip(slots).zip(&closure.defaults) {
            let value = match slot {
                Slot::Given(value) | Slot::Unknown(value) => value,
                Slot::Default => default.clone().unwrap_or_else(Value::none),
                Slot::Many(items) => Value::tuple(items),
                Slot::Keywords(pairs) => {
                    let mut entries = super::value::Entries::default();
                    for (name, value) in pairs {
                        let name: Arc<str> = name.into();
                        entries.set(super::value::Key::Str(Arc::clone(&name)), Value::str(name), value);
                    }
                    Value::dict(entries)
                }
            };
            scope.set(&parameter.name, value);
        }
        let frame =
            Frame { module: closure.module, scope, function: Some(Arc::clone(&function)), around: None };
        self.calls += 1;
        self.stack.push(place);
        let (weak, returns_unknown) = (self.weak.clone(), std::mem::take(&mut self.returns_unknown));
        let result = match &function.body {
            Body::Expression(id) => self.evaluate(*id, &frame),
            Body::Block(body) => match self.block(body, &frame) {
                Flow::Return(value) => Ok(value),
                Flow::Raise(exception) => Err(exception),
                _ => Ok(Value::none()),
            },
        };
        self.calls -= 1;
        self.stack.pop();
        let uncertain = std::mem::replace(&mut self.returns_unknown, returns_unknown);
        self.weak = weak;
        match result {
            Ok(value) if uncertain || self.weak.is_some() => {
                let why = Unknown {
                    reason: format!("which of the returns of {} is reached is not known", function.name),
                    site: Some(self.site(place)),
                };
                Ok(Value { kind: Kind::Unknown(Arc::new(why)), ..value })
            }
            result => result,
        }
    }

    /// Calls the functions that nothing called and that speak of images, with unknown arguments.
    pub(crate) fn speculate(&mut self) {
        self.speculative = true;
        let mut next = 0;
        while next < self.closures.len() {
            let closure = Rc::clone(&self.closures[next]);
            next += 1;
            if closure.called.get() || closure.module != 0 || !closure.function.mentions_image {
                continue;
            }
            closure.called.set(true);
            self.limit = (self.steps + super::bounds::STEPS).min(super::bounds::ALL_STEPS);
            let place = Place { module: closure.module, span: closure.function.span };
            let scope = Scope::below(&closure.scope);
            for parameter in &closure.function.parameters {
                let value = self.unknown(
                    format!("it is the parameter {} of {}", parameter.name, closure.function.name),
                    Some(place),
                );
                scope.set(&parameter.name, value);
            }
            let frame = Frame {
                module: closure.module,
                scope,
                function: Some(Arc::clone(&closure.function)),
                around: None,
            };
            match &closure.function.body {
                Body::Expression(id) => {
                    let _ = self.evaluate(*id, &frame);
                }
                Body::Block(body) => {
                    let _ = self.block(body, &frame);
                }
            }
        }
        self.speculate_main_block();
    }
}
