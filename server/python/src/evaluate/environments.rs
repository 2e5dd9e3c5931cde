//! Environments (`TaskEnvironment(…)` and its like) and the initialisation of flyte (`flyte.init…(…)`).

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use image_manifests::flyte_config;
use image_model::path::PyPath;
use image_model::value::Value as ModelValue;

use super::call::Call;
use super::exception::Exception;
use super::value::{EnvironmentObject, Kind, Place, Value};
use super::{Evaluator, Use};

impl Evaluator<'_> {
    /// `TaskEnvironment(…)` and its like.
    pub(super) fn make_environment(
        &mut self,
        class: &str,
        call: &Call,
        place: Place,
    ) -> Result<Value, Exception> {
        let mut arguments: Vec<(Arc<str>, Value)> = Vec::new();
        if let Some(name) = call.positional().first() {
            arguments.push(("name".into(), name.clone()));
        }
        for (name, value) in &call.arguments.keywords {
            arguments.push((name.as_str().into(), value.clone()));
        }
        if let Some(image) = call.keyword("image") {
            let site = call
                .arguments
                .keywords
                .iter()
                .position(|(n, _)| n == "image")
                .and_then(|i| call.keyword_places.get(i).copied().flatten());
            if let Some(exception) = self.check_image(image, place) {
                return self.softly(exception);
            }
            if let (Kind::Image(id), Some(site)) = (&image.kind, site)
                && let Some(record) = self.images.get_mut(*id)
            {
                record.uses.push(site);
            }
            if let (Kind::Image(id), Some(site)) = (&image.kind, site) {
                let (secrets, _) =
                    call.keyword("secrets").map_or((ModelValue::None, 0), |s| self.to_model(s));
                let used =
                    Use { class: class.into(), call: self.site(place), image: self.site(site), secrets };
                if let Some(record) = self.images.get_mut(*id) {
                    record.environments.push(used);
                }
            }
        }
        let name = arguments.iter().find(|(n, _)| &**n == "name").map(|(_, v)| v.clone());
        if let Some(Value { kind: Kind::Str(name), rests_on: 0, .. }) = &name
            && class == "flyte.TaskEnvironment"
            && !is_environment_name(name)
        {
            let message = format!("Environment name '{name}' must be in snake_case or kebab-case format.");
            return self.softly(Exception::new("ValueError", message, place));
        }
        let environment = EnvironmentObject { class: class.into(), arguments: RefCell::new(arguments) };
        Ok(Value::from(Kind::Environment(Rc::new(environment))).at(place))
    }

    /// What flyte says to an `image=` that is neither an image nor a string.
    fn check_image(&self, image: &Value, place: Place) -> Option<Exception> {
        let shown = match &image.kind {
            Kind::Int(_)
            | Kind::Float(_)
            | Kind::Bool(_)
            | Kind::List(_)
            | Kind::Tuple(_)
            | Kind::Dict(_)
                if self.truth(image) == Ok(true) =>
            {
                format!("<class '{}'>", image.type_name())
            }
            Kind::Path(_) => "<class 'pathlib.PosixPath'>".to_owned(),
            _ => return None,
        };
        let message = format!("Expected image to be of type str or Image, got {shown}");
        Some(Exception::new("TypeError", message, place))
    }

    /// `environment.clone_with(name, image=…)`
    pub(crate) fn clone_environment(
        &mut self,
        environment: &Rc<EnvironmentObject>,
        call: &Call,
        place: Place,
    ) -> Result<Value, Exception> {
        let mut cloned = call.clone();
        if call.keyword("image").is_none()
            && let Some(image) = environment.get("image")
        {
            cloned.arguments.keywords.push(("image".to_owned(), image));
            cloned.keyword_places.push(None);
        }
        let class = Arc::clone(&environment.class);
        self.make_environment(&class, &cloned, place)
    }

    /// `flyte.init…(root_dir=…, image_registry=…)`
    pub(super) fn initialise(&mut self, name: &str, call: &Call) {
        if self.speculative {
            return;
        }
        self.initialised = true;
        if name != "init_from_config" {
            let endpoint = call.keyword("endpoint");
            self.environment.endpoint = endpoint.and_then(|e| self.str(e)).map(|e| e.to_string());
        }
        if name == "init_from_config"
            && let Some(Kind::Str(_) | Kind::Path(_)) = call.get(0, "path_or_config").map(|v| &v.kind)
            && let Some(path) = call.get(0, "path_or_config").and_then(|v| self.str(v))
        {
            let full = self.world().resolve(&PyPath::new(&path));
            self.read_config(&full);
        }
        if let Some(Value { kind: Kind::Str(registry), .. }) = call.keyword("image_registry") {
            self.environment.registry = Some(registry.to_string());
        }
        match call.keyword("root_dir").map(|v| (&v.kind, self.str(v))) {
            Some((Kind::Str(_) | Kind::Path(_), Some(root))) if !root.is_empty() => {
                self.environment.root_dir = Some(PyPath::new(&root).to_string());
            }
            Some((Kind::Unknown(_), _)) => self.environment.root_dir = None,
            _ => {
                // Without one, flyte takes the working directory.
                if self.environment.root_dir.is_none() {
                    self.environment.root_dir = Some(self.environment.working_directory.clone());
                }
            }
        }
    }

    fn read_config(&mut self, path: &Path) {
        let Ok(text) = self.fs.read_text(path) else { return };
        let config = flyte_config::parse(&text);
        if !self.facts.variables.contains_key("FLYTE_IMAGE_REGISTRY") {
            self.environment.registry = config.registry.or(self.environment.registry.take());
        }
        if !self.facts.variables.contains_key("FLYTE_ADMIN_ENDPOINT") {
            self.environment.endpoint = config.endpoint;
        }
        self.environment.image_refs = Some(config.image_refs);
    }
}

/// `[a-z0-9]+([_-][a-z0-9]+)*`
fn is_environment_name(name: &str) -> bool {
    !name.is_empty()
        && name.split(['_', '-']).all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}
