//! Names and their values: a module's, a class body's, a call's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::value::Value;

/// A scope. Functions look names up in their own, then in those around the place where they were defined.
#[derive(Default)]
pub(crate) struct Scope {
    names: RefCell<HashMap<Arc<str>, Value>>,
    /// In order of first assignment, as Python's `__dict__` has them.
    order: RefCell<Vec<Arc<str>>>,
    pub(crate) parent: Option<Rc<Scope>>,
    /// A class body: functions in it do not see its names.
    pub(crate) is_class: bool,
}

impl Scope {
    pub(crate) fn below(parent: &Rc<Scope>) -> Rc<Self> {
        Rc::new(Self { parent: Some(Rc::clone(parent)), ..Self::default() })
    }

    pub(crate) fn class_below(parent: &Rc<Scope>) -> Rc<Self> {
        Rc::new(Self { parent: Some(Rc::clone(parent)), is_class: true, ..Self::default() })
    }

    /// The scope that functions defined here look names up in.
    pub(crate) fn for_functions(self: &Rc<Self>) -> Rc<Self> {
        match (&self.parent, self.is_class) {
            (Some(parent), true) => parent.for_functions(),
            _ => Rc::clone(self),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.names.borrow().get(name).cloned()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names.borrow().contains_key(name)
    }

    pub(crate) fn set(&self, name: &Arc<str>, value: Value) {
        if self.names.borrow_mut().insert(Arc::clone(name), value).is_none() {
            self.order.borrow_mut().push(Arc::clone(name));
        }
    }

    pub(crate) fn remove(&self, name: &str) {
        if self.names.borrow_mut().remove(name).is_some() {
            self.order.borrow_mut().retain(|n| &**n != name);
        }
    }

    /// Looks a name up here and in the scopes around.
    pub(crate) fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.get(name) {
            return Some(value);
        }
        let mut around = self.parent.clone();
        while let Some(scope) = around {
            if let Some(value) = scope.get(name) {
                return Some(value);
            }
            around = scope.parent.clone();
        }
        None
    }

    /// All names in order with their values.
    pub(crate) fn entries(&self) -> Vec<(Arc<str>, Value)> {
        let names = self.names.borrow();
        self.order.borrow().iter().filter_map(|n| Some((Arc::clone(n), names.get(n)?.clone()))).collect()
    }
}
