//! Looking names up, and the names that images have at the end of a module.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use image_manifests::pytext;

use super::call::Frame;
use super::exception;
use super::value::{Kind, Place, Value};
use super::{Evaluator, bounds};
use crate::syntax::ast::{Comparison, Expression, Module, Statement, StatementKind};

/// Builtin functions and classes that the evaluator may meet.
const BUILTINS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "bytes",
    "callable",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "locals",
    "map",
    "max",
    "min",
    "next",
    "object",
    "open",
    "ord",
    "chr",
    "pow",
    "print",
    "property",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "classmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
    "exec",
    "eval",
    "NotImplemented",
    "__import__",
    "breakpoint",
    "exit",
    "quit",
    "hex",
    "oct",
    "bin",
    "ascii",
    "memoryview",
    "bytearray",
    "complex",
    "delattr",
    "compile",
    "aiter",
    "anext",
];

impl Evaluator<'_> {
    /// The value of a name.
    pub(crate) fn name(&mut self, name: &Arc<str>, frame: &Frame, place: Place) -> Value {
        let own = frame.scope.get(name);
        if let Some(value) = own {
            return value;
        }
        if frame.is_local(name) {
            self.may_raise(name);
            return self.unknown(format!("{name} is used before it is assigned"), Some(place));
        }
        if let Some(value) = frame.scope.lookup(name) {
            return value;
        }
        if let Some(value) = self.module_attribute(frame.module, name, place) {
            return value;
        }
        if let Some(value) = self.star_name(frame.module, name) {
            return value;
        }
        if BUILTINS.contains(&&**name) || exception::builtin(name).is_some() {
            return Value::external(format!("builtins.{name}"));
        }
        self.may_raise(name);
        self.unknown(format!("the name {name} is not defined"), Some(place))
    }

    /// `__name__` and `__file__` of a module.
    pub(crate) fn module_attribute(&mut self, module: usize, name: &str, place: Place) -> Option<Value> {
        let loaded = self.modules.get(module)?;
        let mut value = match name {
            "__file__" => Value::str(loaded.module.path.to_str()?),
            "__name__" if module == 0 => {
                let value = Value::str(loaded.name.as_str());
                let bit = self.assume("the file is loaded by flyte, not run as a script".to_owned());
                value.resting_on(bit)
            }
            "__name__" => Value::str(loaded.name.as_str()),
            "__debug__" => Value::bool(true),
            "__doc__" | "__package__" | "__spec__" | "__builtins__" => {
                self.unknown(format!("{name} is not followed"), Some(place))
            }
            _ => return None,
        };
        value.origin = Some(place);
        Some(value)
    }

    /// A name that `from flyte import *` may have brought.
    fn star_name(&self, module: usize, name: &str) -> Option<Value> {
        const FLYTE: &[&str] = &[
            "Image",
            "Secret",
            "TaskEnvironment",
            "Environment",
            "ContainerTask",
            "Resources",
            "build",
            "deploy",
            "init",
            "init_from_config",
            "init_from_api_key",
            "init_in_cluster",
            "init_passthrough",
            "run",
            "with_runcontext",
        ];
        let loaded = self.modules.get(module)?;
        let stars = loaded.star_externals.borrow();
        stars
            .iter()
            .any(|s| &**s == "flyte" && FLYTE.contains(&name))
            .then(|| Value::external(format!("flyte.{name}")))
    }

    /// `flyte.init…` under `if __name__ == "__main__":` says how the code is run; the rest of the block does not count,
    /// since `flyte build` does not execute it.
    pub(crate) fn main_block(&mut self) {
        if self.initialised {
            return;
        }
        let Some((module, frame)) = self.main_frame() else { return };
        for inner in main_statements(&module) {
            let StatementKind::Expression(id) = inner.kind else { continue };
            let Some(Expression::Call { function, .. }) = module.expressions.get(id as usize) else {
                continue;
            };
            let Ok(function) = self.evaluate(*function, &frame) else { continue };
            if matches!(&function.kind, Kind::External(name) if name.starts_with("flyte.init")) {
                let _ = self.evaluate(id, &frame);
            }
        }
    }

    /// Looks at the whole main block, for the images in it.
    pub(crate) fn speculate_main_block(&mut self) {
        let Some((module, frame)) = self.main_frame() else { return };
        self.limit = (self.steps + super::bounds::STEPS).min(super::bounds::ALL_STEPS);
        for statement in main_statements(&module) {
            let _ = self.block(std::slice::from_ref(statement), &frame);
        }
    }

    fn main_frame(&self) -> Option<(Arc<Module>, Frame)> {
        let main = self.modules.first()?;
        Some((Arc::clone(&main.module), Frame::of_module(0, Rc::clone(&main.scope))))
    }

    /// The dotted names that hold each image at the end of the main module.
    pub(crate) fn collect_names(&self) -> HashMap<usize, Vec<String>> {
        let mut names = HashMap::new();
        if let Some(main) = self.modules.first() {
            for (name, value) in main.scope.entries() {
                collect(&value, name.to_string(), 0, &mut 0, &mut names);
            }
        }
        names
    }
}

/// Lists that hold each other many times over would take for ever: each name is looked behind so far and no further.
fn collect(
    value: &Value,
    name: String,
    depth: u32,
    looked: &mut usize,
    names: &mut HashMap<usize, Vec<String>>,
) {
    *looked += 1;
    if depth > 4 || *looked > bounds::NAMED {
        return;
    }
    match &value.kind {
        Kind::Image(id) => {
            let list = names.entry(*id).or_default();
            if !list.contains(&name) {
                list.push(name);
            }
        }
        Kind::Tuple(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, format!("{name}[{i}]"), depth + 1, looked, names);
            }
        }
        Kind::List(items) if items.poison.borrow().is_none() => {
            for (i, item) in items.values.borrow().iter().enumerate() {
                collect(item, format!("{name}[{i}]"), depth + 1, looked, names);
            }
        }
        Kind::Dict(dict) if dict.poison.borrow().is_none() => {
            for (key, item) in &dict.entries.borrow().pairs {
                let shown = match &key.kind {
                    Kind::Str(s) => format!("\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\"")),
                    Kind::Int(i) => i.to_string(),
                    Kind::Bool(b) => pytext_bool(*b).to_owned(),
                    Kind::Float(f) => pytext::repr_float(*f),
                    _ => continue,
                };
                collect(item, format!("{name}[{shown}]"), depth + 1, looked, names);
            }
        }
        Kind::Environment(environment) => {
            if let Some(image) = environment.get("image") {
                collect(&image, format!("{name}.image"), depth + 1, looked, names);
            }
        }
        Kind::Instance(instance) if instance.poison.borrow().is_none() => {
            let attributes = instance.attributes.borrow();
            let mut sorted: Vec<_> = attributes.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            for (attribute, item) in sorted {
                collect(item, format!("{name}.{attribute}"), depth + 1, looked, names);
            }
        }
        Kind::Class(class) => {
            for (attribute, item) in class.attributes.entries() {
                collect(&item, format!("{name}.{attribute}"), depth + 1, looked, names);
            }
        }
        _ => {}
    }
}

pub(crate) fn pytext_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// The statements under `if __name__ == "__main__":`.
fn main_statements(module: &Module) -> impl Iterator<Item = &Statement> {
    let is_name = |id: u32| matches!(module.expressions.get(id as usize), Some(Expression::Name(n)) if &**n == "__name__");
    let is_main = move |statement: &Statement| -> Option<bool> {
        let StatementKind::If { branches, .. } = &statement.kind else { return None };
        let (test, _) = branches.first()?;
        let Some(Expression::Compare(left, rest)) = module.expressions.get(*test as usize) else {
            return None;
        };
        let [(Comparison::Equal, right)] = rest.as_slice() else { return None };
        Some(is_name(*left) || is_name(*right))
    };
    module
        .body
        .iter()
        .filter(move |s| is_main(s) == Some(true))
        .filter_map(|s| match &s.kind {
            StatementKind::If { branches, .. } => branches.first().map(|(_, body)| body),
            _ => None,
        })
        .flatten()
}
