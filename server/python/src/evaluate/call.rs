//! Functions and classes of the workspace: definition, calls, attributes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use image_model::error::Unknown;
use image_model::signature::{Arguments, Kind as ParameterKind, Parameter, Slot, bind};

use super::exception::{self, Exception};
use super::scope::Scope;
use super::statement::Flow;
use super::value::{Class, Closure, Flavour, Instance, Kind, Place, Value, again};
use super::{Evaluator, bounds};
use crate::syntax::ast::{self, Body, Function, Id, Passing, Statement, StatementKind};

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

    fn values(&self) -> impl Iterator<Item = &Value> {
        self.arguments.positional.iter().chain(self.arguments.keywords.iter().map(|(_, v)| v))
    }
}

/// Where statements are executed: a module, a class body, a call.
pub(crate) struct Frame {
    pub(crate) module: usize,
    pub(crate) scope: Rc<Scope>,
    function: Option<Arc<Function>>,
}

impl Frame {
    pub(crate) fn of_module(module: usize, scope: Rc<Scope>) -> Self {
        Self { module, scope, function: None }
    }

    /// The same place with names of its own, as a comprehension has them.
    pub(crate) fn nested(&self) -> Self {
        let scope = Scope::below(&self.scope.for_functions());
        // A comprehension in a function sees the function's names through its scope.
        let scope = if self.scope.is_class { scope } else { Scope::below(&self.scope) };
        Self { module: self.module, scope, function: None }
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
    fn closure(&mut self, function: Arc<Function>, frame: &Frame) -> Result<Closure, Exception> {
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

    pub(crate) fn define_class(
        &mut self,
        name: &Arc<str>,
        bases: &[ast::Argument],
        body: &[Statement],
        decorators: &[Id],
        frame: &Frame,
        place: Place,
    ) -> Result<(), Exception> {
        let mut parents = Vec::new();
        let mut opaque: Option<String> = None;
        let (mut environment, mut exception) = (None, None);
        for base in bases {
            if base.passing != Passing::Position {
                opaque = Some(format!("the class {name} has a metaclass or options"));
                continue;
            }
            let value = self.evaluate(base.value, frame)?;
            match &value.kind {
                Kind::Class(parent) => {
                    environment = environment.or_else(|| parent.environment.clone());
                    exception = exception.or_else(|| parent.exception.clone());
                    if parent.opaque.is_some() {
                        opaque = Some(format!("a base of the class {name} is not followed"));
                    }
                    parents.push(Rc::clone(parent));
                }
                Kind::External(base) => match &**base {
                    "builtins.object" | "abc.ABC" | "typing.Protocol" | "typing.Generic" => {}
                    _ if super::flyte::is_environment(base) => environment = Some(Arc::clone(base)),
                    other => match exception::builtin(other.strip_prefix("builtins.").unwrap_or("")) {
                        Some(builtin) => exception = Some(builtin.into()),
                        None => {
                            opaque = Some(format!("the base {other} of the class {name} is not followed"))
                        }
                    },
                },
                // `Generic[T]` and the like are subscripts of libraries.
                _ => opaque = Some(format!("a base of the class {name} is not known")),
            }
        }
        let scope = Scope::class_below(&frame.scope);
        let inner = Frame { module: frame.module, scope: Rc::clone(&scope), function: None };
        if let Flow::Raise(exception) = self.block(body, &inner) {
            return Err(exception);
        }
        for (method, what) in [
            ("__getattribute__", "attribute access"),
            ("__getattr__", "attribute access"),
            ("__setattr__", "attribute access"),
            ("__new__", "construction"),
            ("__init_subclass__", "subclasses"),
            ("__post_init__", "construction"),
        ] {
            let is_dataclass_hook = method == "__post_init__";
            if scope.contains(method) && !is_dataclass_hook {
                opaque = Some(format!("the class {name} changes its {what}"));
            }
        }
        let mut fields = None;
        for decorator in decorators {
            let decorator = self.evaluate(*decorator, frame)?;
            match &decorator.kind {
                Kind::External(d) if &**d == "dataclasses.dataclass" => {
                    fields = Some(self.dataclass_fields(body, &parents, &scope, frame));
                }
                Kind::Method(_, d) if &**d == "dataclass" => {
                    fields = Some(self.dataclass_fields(body, &parents, &scope, frame));
                }
                Kind::External(d) if matches!(&**d, "functools.total_ordering" | "typing.final") => {}
                _ => opaque = Some(format!("a decorator of the class {name} is not followed")),
            }
        }
        if fields.is_none() {
            fields = parents.iter().find_map(|p| p.fields.clone()).filter(|_| !scope.contains("__init__"));
        }
        let opaque = opaque.map(|reason| Arc::new(Unknown { reason, site: Some(self.site(place)) }));
        let class = Class {
            name: Arc::clone(name),
            bases: parents,
            attributes: scope,
            fields,
            opaque,
            environment,
            exception,
        };
        let value = Value::from(Kind::Class(Rc::new(class))).at(place);
        self.assign_name(name, value, &frame.scope, place);
        Ok(())
    }

    /// The annotated names of a dataclass, each with whether it has a default.
    fn dataclass_fields(
        &self,
        body: &[Statement],
        parents: &[Rc<Class>],
        scope: &Scope,
        frame: &Frame,
    ) -> Vec<(Arc<str>, bool)> {
        let mut fields: Vec<(Arc<str>, bool)> =
            parents.iter().filter_map(|p| p.fields.clone()).flatten().collect();
        let module = &self.modules[frame.module].module;
        for statement in body {
            let StatementKind::Annotated { target, .. } = &statement.kind else { continue };
            let Some(ast::Expression::Name(name)) = module.expressions.get(*target as usize) else {
                continue;
            };
            let text = module.text.get(statement.span.range()).unwrap_or("");
            if text.contains("ClassVar") {
                continue;
            }
            let entry = (Arc::clone(name), scope.contains(name));
            match fields.iter_mut().find(|(n, _)| n == name) {
                Some(old) => *old = entry,
                None => fields.push(entry),
            }
        }
        fields
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

    fn splat_keywords(&mut self, value: &Value, place: Place, call: &mut Call) {
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
            Err(message) => return Err(Exception::new("TypeError", message, place)),
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
        let frame = Frame { module: closure.module, scope, function: Some(Arc::clone(&function)) };
        self.calls += 1;
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

    fn construct(&mut self, class: &Rc<Class>, call: Call, place: Place) -> Result<Value, Exception> {
        let init = class.find("__init__");
        if let (Some(environment), None) = (&class.environment, &init) {
            let name = Arc::clone(environment);
            return self.call_external(&name, call, place);
        }
        if let Some(why) = &class.opaque {
            let reason = why.reason.clone();
            return Ok(self.unknown_call(&call, &reason, place));
        }
        let instance = Rc::new(Instance {
            class: Rc::clone(class),
            attributes: RefCell::new(HashMap::new()),
            poison: RefCell::new(None),
        });
        let value = Value::from(Kind::Instance(Rc::clone(&instance))).at(place);
        if let Some(fields) = &class.fields
            && init.is_none()
        {
            return self.construct_dataclass(class, fields, &instance, value, call, place);
        }
        match init.map(|i| i.kind) {
            Some(Kind::Function(closure)) => {
                self.call_closure(&closure, Some(value.clone()), call, place)?;
            }
            Some(_) => return Ok(self.unknown_call(&call, "an __init__ that is not followed", place)),
            None if class.exception.is_some() => {
                if let Some(text @ Value { kind: Kind::Str(_), .. }) = call.positional().first() {
                    instance.attributes.borrow_mut().insert("__message__".into(), text.clone());
                }
            }
            None if call.values().next().is_some() => {
                return Err(Exception::new(
                    "TypeError",
                    format!("{}() takes no arguments", class.name),
                    place,
                ));
            }
            None => {}
        }
        Ok(value)
    }

    fn construct_dataclass(
        &mut self,
        class: &Rc<Class>,
        fields: &[(Arc<str>, bool)],
        instance: &Rc<Instance>,
        value: Value,
        call: Call,
        place: Place,
    ) -> Result<Value, Exception> {
        let parameters: Vec<Parameter<'_>> = fields
            .iter()
            .map(|(name, has_default)| Parameter {
                name,
                kind: ParameterKind::Positional,
                required: !has_default,
            })
            .collect();
        let qualname = format!("{}.__init__", class.name);
        let slots = match bind(&qualname, 1, &parameters, &call.arguments) {
            Ok(slots) => slots,
            Err(message) => return Err(Exception::new("TypeError", message, place)),
        };
        for ((name, _), slot) in fields.iter().zip(slots) {
            let item = match slot {
                Slot::Given(value) | Slot::Unknown(value) => value,
                _ => match class.find(name) {
                    // `field(default=…)` and `field(default_factory=…)`
                    Some(Value { kind: Kind::Method(spec, tag), .. }) if &*tag == "field" => {
                        self.field_default(&spec, place)?
                    }
                    Some(default) => default,
                    None => self.unknown("a field without a default", Some(place)),
                },
            };
            instance.attributes.borrow_mut().insert(Arc::clone(name), item);
        }
        if let Some(Value { kind: Kind::Function(hook), .. }) = class.find("__post_init__") {
            self.call_closure(&hook, Some(value.clone()), Call::default(), place)?;
        }
        Ok(value)
    }

    fn field_default(&mut self, spec: &Value, place: Place) -> Result<Value, Exception> {
        if let Kind::Dict(dict) = &spec.kind {
            let get = |name: &str| dict.entries.borrow().get(&super::value::Key::Str(name.into())).cloned();
            if let Some(default) = get("default") {
                return Ok(default);
            }
            if let Some(factory) = get("default_factory") {
                return self.call_value(&factory, Call::default(), place);
            }
        }
        Ok(self.unknown("a field whose default is not followed", Some(place)))
    }

    /// `object.name`
    pub(crate) fn attribute(
        &mut self,
        object: &Value,
        name: &Arc<str>,
        place: Place,
    ) -> Result<Value, Exception> {
        let rests_on = object.rests_on;
        let value = self.attribute_of(object, name, place)?;
        Ok(value.resting_on(rests_on))
    }

    fn attribute_of(&mut self, object: &Value, name: &Arc<str>, place: Place) -> Result<Value, Exception> {
        let method = || Value::from(Kind::Method(Rc::new(object.clone()), Arc::clone(name)));
        match &object.kind {
            Kind::Unknown(why) => {
                self.may_raise(name);
                Ok(Value::unknown_again(why, object.origin.or(Some(place))).resting_on(0))
            }
            Kind::External(dotted) => Ok(self.external_attribute(dotted, name, place)),
            Kind::Module(index) => Ok(self.member(*index, name, place)),
            Kind::Instance(instance) => self.instance_attribute(object, instance, name, place),
            Kind::Class(class) => self.class_attribute(class, name, place),
            Kind::Image(id) => Ok(self.image_attribute(*id, name, place).unwrap_or_else(method)),
            Kind::Environment(environment) => match environment.get(name) {
                Some(value) => Ok(value.clone()),
                None => Ok(method()),
            },
            Kind::Path(path) => {
                let path = path.clone();
                Ok(self.path_attribute(&path, name, place).unwrap_or_else(method))
            }
            Kind::VersionInfo(major, minor) => Ok(match &**name {
                "major" => Value::int(i64::from(*major)),
                "minor" => Value::int(i64::from(*minor)),
                _ => self.unknown("only the first two numbers of sys.version_info are known", Some(place)),
            }),
            Kind::Secret(secret) => Ok(self.of_model(match &**name {
                "key" => &secret.key,
                "group" => &secret.group,
                "mount" => &secret.mount,
                "as_env_var" => &secret.as_env_var,
                _ => return Ok(self.unknown(format!("a secret's {name} is not followed"), Some(place))),
            })),
            Kind::Function(closure) if &**name == "__name__" => {
                Ok(Value::str(Arc::clone(&closure.function.name)))
            }
            Kind::Function(_)
            | Kind::Bound(..)
            | Kind::Layer(_)
            | Kind::Ellipsis
            | Kind::Slice(_)
            | Kind::None => {
                self.may_raise(name);
                Ok(self.unknown(format!("the attribute {name} is not followed"), Some(place)))
            }
            _ => Ok(method()),
        }
    }

    fn instance_attribute(
        &mut self,
        object: &Value,
        instance: &Rc<Instance>,
        name: &Arc<str>,
        place: Place,
    ) -> Result<Value, Exception> {
        if let Some(why) = instance.poison.borrow().clone().or_else(|| instance.class.opaque.clone()) {
            return Ok(Value::unknown_again(&why, Some(place)).resting_on(0));
        }
        let own = instance.attributes.borrow().get(name).cloned();
        if let Some(value) = own {
            return Ok(value);
        }
        match instance.class.find(name) {
            Some(Value { kind: Kind::Function(closure), .. }) => match closure.flavour {
                Flavour::Plain => Ok(Kind::Bound(Rc::new(object.clone()), closure).into()),
                Flavour::Static => Ok(Kind::Function(closure).into()),
                Flavour::Class => {
                    let class = Value::from(Kind::Class(Rc::clone(&instance.class)));
                    Ok(Kind::Bound(Rc::new(class), closure).into())
                }
                Flavour::Property => {
                    self.call_closure(&closure, Some(object.clone()), Call::default(), place)
                }
            },
            Some(value) => Ok(value),
            None => {
                self.may_raise(name);
                Ok(self.unknown(format!("the {} has no attribute {name}", instance.class.name), Some(place)))
            }
        }
    }

    fn class_attribute(
        &mut self,
        class: &Rc<Class>,
        name: &Arc<str>,
        place: Place,
    ) -> Result<Value, Exception> {
        if &**name == "__name__" {
            return Ok(Value::str(Arc::clone(&class.name)));
        }
        if let Some(why) = &class.opaque {
            return Ok(Value::unknown_again(why, Some(place)).resting_on(0));
        }
        match class.find(name) {
            Some(Value { kind: Kind::Function(closure), .. }) if closure.flavour == Flavour::Class => {
                let class = Value::from(Kind::Class(Rc::clone(class)));
                Ok(Kind::Bound(Rc::new(class), closure).into())
            }
            Some(Value { kind: Kind::Method(_, tag), .. }) if &*tag == "field" => {
                Ok(self.unknown("the default of a dataclass's field", Some(place)))
            }
            Some(value) => Ok(value),
            None => {
                self.may_raise(name);
                Ok(self.unknown(format!("the class {} has no attribute {name}", class.name), Some(place)))
            }
        }
    }

    pub(crate) fn set_attribute(&mut self, object: &Value, name: &Arc<str>, value: Value) {
        let value = match &self.weak {
            Some(why) => again(why).into(),
            None => value,
        };
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.changed.push(object.clone());
        }
        match &object.kind {
            Kind::Instance(instance) => {
                instance.attributes.borrow_mut().insert(Arc::clone(name), value);
            }
            Kind::Class(class) => class.attributes.set(name, value),
            Kind::Module(index) => {
                if let Some(module) = self.modules.get(*index) {
                    module.scope.set(name, value);
                }
            }
            Kind::Image(id) => self.tamper(*id, name),
            _ => {}
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
            let frame =
                Frame { module: closure.module, scope, function: Some(Arc::clone(&closure.function)) };
            match &closure.function.body {
                Body::Expression(id) => {
                    let _ = self.evaluate(*id, &frame);
                }
                Body::Block(body) => {
                    let _ = self.block(body, &frame);
                }
            }
        }
    }
}
