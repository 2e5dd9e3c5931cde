//! Classes of the workspace: definition, instances, attributes.

use super::Evaluator;
use super::call::{Call, Frame};
use super::exception::{self, Exception};
use super::scope::Scope;
use super::statement::Flow;
use super::value::{Class, Flavour, Instance, Kind, Place, Value, again};
use crate::syntax::ast::{self, Id, Passing, Statement, StatementKind};
use image_model::error::Unknown;
use image_model::signature::{Kind as ParameterKind, Parameter, Slot, bind};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

impl Evaluator<'_> {
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
        let inner = Frame::of_module(frame.module, Rc::clone(&scope));
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
                    fields = self.dataclass_fields(body, &parents, &scope, frame);
                    if fields.is_none() {
                        opaque = Some(format!("the fields of the dataclass {name} are not followed"));
                    }
                }
                Kind::Method(_, d) if &**d == "dataclass" => {
                    fields = self.dataclass_fields(body, &parents, &scope, frame);
                    if fields.is_none() {
                        opaque = Some(format!("the fields of the dataclass {name} are not followed"));
                    }
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
    pub(super) fn dataclass_fields(
        &self,
        body: &[Statement],
        parents: &[Rc<Class>],
        scope: &Scope,
        frame: &Frame,
    ) -> Option<Vec<(Arc<str>, bool)>> {
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
            // Fields that the constructor does not take, or takes otherwise, are too rare to follow.
            if ["init=", "kw_only", "KW_ONLY", "InitVar"].iter().any(|odd| text.contains(odd)) {
                return None;
            }
            let entry = (Arc::clone(name), scope.contains(name));
            match fields.iter_mut().find(|(n, _)| n == name) {
                Some(old) => *old = entry,
                None => fields.push(entry),
            }
        }
        Some(fields)
    }

    pub(super) fn construct(
        &mut self,
        class: &Rc<Class>,
        call: Call,
        place: Place,
    ) -> Result<Value, Exception> {
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

    pub(super) fn construct_dataclass(
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
            Err(mismatch) => return Err(Exception::new("TypeError", mismatch.message, place)),
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

    pub(super) fn field_default(&mut self, spec: &Value, place: Place) -> Result<Value, Exception> {
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

    pub(super) fn attribute_of(
        &mut self,
        object: &Value,
        name: &Arc<str>,
        place: Place,
    ) -> Result<Value, Exception> {
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
                Some(value) => Ok(value),
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

    pub(super) fn instance_attribute(
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

    pub(super) fn class_attribute(
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
            Kind::Environment(environment) => environment.set(name, value),
            Kind::Image(id) => self.tamper(*id, name),
            _ => {}
        }
    }
}
