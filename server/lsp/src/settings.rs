//! The client's settings, under `imageLsp` or bare, in the names of the settings file or in camel case.

use image_python::project::Options;
use serde_json::Value;

/// What settings say about the project. Names that are not known, and values of other types, are passed over.
pub(crate) fn options(settings: &Value) -> Options {
    let settings = settings.get("imageLsp").unwrap_or(settings);
    let text = |kebab: &str, camel: &str| {
        let value = settings.get(kebab).or_else(|| settings.get(camel))?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    Options {
        python: text("python", "python").map(Into::into),
        flyte_version: None,
        flyte_version_setting: text("flyte-version", "flyteVersion"),
        working_directory: text("working-directory", "workingDirectory").map(Into::into),
        root_dir: text("root-dir", "rootDir"),
        flyte_config: text("flyte-config", "flyteConfig").map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_spellings_and_no_spelling_do() {
        let expected = Some("2.5.2".to_owned());
        for settings in [
            json!({ "imageLsp": { "flyte-version": "2.5.2", "python": "" } }),
            json!({ "flyteVersion": "2.5.2" }),
        ] {
            let options = options(&settings);
            assert_eq!((options.flyte_version_setting, options.python), (expected.clone(), None));
        }
        assert_eq!(options(&json!(null)).flyte_version_setting, None);
        assert_eq!(options(&json!({ "imageLsp": [{ "python": 3 }] })).python, None);
    }
}
