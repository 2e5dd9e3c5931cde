//! The evaluator's values as the model's.

use std::sync::Arc;

use image_model::error::Unknown;
use image_model::origin::Origin;
use image_model::value::Value as ModelValue;

use super::Evaluator;
use super::value::{Kind, Value};

impl Evaluator<'_> {
    /// A value for one of flyte's methods, and what it rests on, itself and inside.
    pub(crate) fn to_model(&self, value: &Value) -> (ModelValue, u64) {
        self.to_model_within(value, &mut Effort::default())
    }

    /// The same, with what was looked at before: all arguments of a call are bounded together.
    pub(crate) fn to_model_within(&self, value: &Value, effort: &mut Effort) -> (ModelValue, u64) {
        let mut conversion = Conversion { rests_on: 0, values: effort.values };
        let converted = self.convert(value, &mut conversion, 0);
        effort.values = conversion.values;
        (converted, conversion.rests_on)
    }

    /// Where a value and its items were written. Lists may hold each other: past a bound the items are left out.
    pub(crate) fn origin_of(&self, value: &Value, effort: &mut Effort) -> Origin {
        self.origin_within(value, 0, &mut effort.origins)
    }

    fn origin_within(&self, value: &Value, depth: u32, looked: &mut usize) -> Origin {
        const ITEMS: usize = 20_000;
        let mut origin = Origin { site: value.origin.map(|p| self.site(p)), items: Vec::new() };
        *looked += 1;
        if depth > 3 || *looked > ITEMS {
            return origin;
        }
        origin.items = match &value.kind {
            Kind::Tuple(values) if values.len() < ITEMS => {
                values.iter().map(|v| self.origin_within(v, depth + 1, looked)).collect()
            }
            Kind::List(list) if !list.once && list.values.borrow().len() < ITEMS => {
                list.values.borrow().iter().map(|v| self.origin_within(v, depth + 1, looked)).collect()
            }
            Kind::Dict(dict) if dict.entries.borrow().pairs.len() < ITEMS => {
                let entries = dict.entries.borrow();
                let both = entries.pairs.iter().flat_map(|(k, v)| [k, v]);
                both.map(|v| self.origin_within(v, depth + 1, looked)).collect()
            }
            _ => Vec::new(),
        };
        origin
    }

    fn convert(&self, value: &Value, conversion: &mut Conversion, depth: u32) -> ModelValue {
        conversion.rests_on |= value.rests_on;
        conversion.values += 1;
        if value.rests_on & self.contradicted != 0 {
            return ModelValue::unknown(
                "it depends on an environment variable that is otherwise in this case",
            );
        }
        if depth > 50 || conversion.values > super::bounds::CONVERTED {
            return ModelValue::unknown("it is nested too deeply");
        }
        let mut items = |values: &[Value]| -> Arc<[ModelValue]> {
            values.iter().map(|v| self.convert(v, conversion, depth + 1)).collect()
        };
        match &value.kind {
            Kind::None => ModelValue::None,
            Kind::Bool(b) => ModelValue::Bool(*b),
            Kind::Int(i) => ModelValue::Int(*i),
            Kind::Float(f) => ModelValue::Float(*f),
            Kind::Str(s) => ModelValue::Str(Arc::clone(s)),
            Kind::Bytes(b) => ModelValue::Bytes(Arc::clone(b)),
            Kind::Tuple(values) => ModelValue::Tuple(items(values)),
            Kind::List(list) if list.once => ModelValue::unknown("it is an iterator"),
            Kind::List(list) => match &*list.poison.borrow() {
                Some(why) => self.sited(why, value),
                None => ModelValue::List(items(&list.values.borrow())),
            },
            Kind::Set(set) => match &*set.poison.borrow() {
                Some(why) => self.sited(why, value),
                None => ModelValue::Set(items(&set.values.borrow())),
            },
            Kind::Dict(dict) => match &*dict.poison.borrow() {
                Some(why) => self.sited(why, value),
                None => {
                    let entries = dict.entries.borrow();
                    let pairs = entries.pairs.iter().map(|(k, v)| {
                        (self.convert(k, conversion, depth + 1), self.convert(v, conversion, depth + 1))
                    });
                    ModelValue::Dict(pairs.collect())
                }
            },
            Kind::Path(p) => ModelValue::Path(p.clone()),
            Kind::Secret(s) => ModelValue::Secret(Arc::clone(s)),
            Kind::Unknown(why) => self.sited(why, value),
            Kind::VersionInfo(..) => {
                ModelValue::unknown("only the first two numbers of sys.version_info are known")
            }
            Kind::Image(_) => ModelValue::Object("Image"),
            Kind::Function(_) => ModelValue::Object("function"),
            Kind::Bound(..) => ModelValue::Object("method"),
            Kind::Class(_) => ModelValue::Object("type"),
            Kind::Module(_) => ModelValue::Object("module"),
            Kind::Ellipsis => ModelValue::Object("ellipsis"),
            Kind::External(name) => ModelValue::unknown(&format!("{name} is not known")),
            Kind::Instance(instance) => ModelValue::unknown(&format!(
                "an object of the class {} is not followed here",
                instance.class.name
            )),
            _ => ModelValue::unknown("it is an object that is not followed"),
        }
    }

    /// A reason with the place of the value, unless it has one of its own.
    fn sited(&self, why: &Arc<Unknown>, value: &Value) -> ModelValue {
        if why.site.is_some() || value.origin.is_none() {
            return ModelValue::Unknown(Arc::clone(why));
        }
        let site = value.origin.map(|p| self.site(p));
        ModelValue::Unknown(Arc::new(Unknown { reason: why.reason.clone(), site }))
    }
}

/// How many values were looked at for one call.
#[derive(Default)]
pub(crate) struct Effort {
    values: usize,
    origins: usize,
}

/// What a conversion found on the way.
struct Conversion {
    rests_on: u64,
    values: usize,
}
