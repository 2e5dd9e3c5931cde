//! The client's settings, under `imageLsp` or bare, in the names of the settings file or in camel case.

use std::path::Path;

use image_rules::settings::Settings;
use serde_json::Value;

/// What the client's settings say.
///
/// # Errors
/// What is wrong with them, in words.
pub(crate) fn read(settings: &Value, folder: &Path) -> Result<Settings, String> {
    let settings = settings.get("imageLsp").unwrap_or(settings);
    if !settings.is_object() {
        return Ok(Settings::default());
    }
    let mut settings = Settings::of_json(settings, folder)?;
    // VS Code gives an empty list for one that nobody wrote; taken at its word it would switch all rules off.
    settings.select = settings.select.filter(|rules| !rules.is_empty());
    Ok(settings)
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
            json!({ "flyteVersion": "2.5.2", "trace": { "server": "off" } }),
        ] {
            let settings = read(&settings, Path::new("/w")).expect("right");
            assert_eq!((settings.flyte_version, settings.python), (expected.clone(), None));
        }
        let nested =
            json!({ "imageLsp": { "inlayHints": { "tag": false }, "severity": { "IMG103": "off" } } });
        let settings = read(&nested, Path::new("/w")).expect("right");
        assert_eq!((settings.inlay_tag, settings.severities.get("IMG103")), (Some(false), Some(&None)));
        let unwritten = read(&json!({ "imageLsp": { "select": [], "ignore": [] } }), Path::new("/w"));
        assert_eq!(unwritten.map(|s| s.select.is_none()), Ok(true));
        assert_eq!(read(&json!(null), Path::new("/w")).map(|s| s.flyte_version), Ok(None));
        let wrong = read(&json!({ "imageLsp": { "python": 3 } }), Path::new("/w"));
        assert_eq!(wrong.map(|_| ()), Err("python takes text, not a number".to_owned()));
    }
}
