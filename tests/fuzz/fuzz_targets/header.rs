//! The header of a script: every place in it is one of the text, and its TOML maps back.
#![no_main]

use image_manifests::manifest::{Format, Manifest};
use image_manifests::toml_format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for format in [Format::Script, Format::Project, Format::Pixi] {
        let Some(manifest) = Manifest::read(format, &text) else { continue };
        for dependency in &manifest.dependencies {
            assert!(text.get(dependency.range.clone()).is_some());
            assert!(text.get(dependency.name_range.clone()).is_some());
            let _ = image_manifests::requirement::fault(&dependency.text);
        }
        assert!(manifest.faults.iter().all(|f| text.get(f.range.clone()).is_some()));
        let Some(header) = manifest.header else { continue };
        assert!(text.get(header.range()).is_some());
        for (byte, c) in header.content.text.char_indices().filter(|(_, c)| *c != '\n') {
            let at = header.content.to_file(byte);
            assert_eq!(text[at..].chars().next(), Some(c));
            assert_eq!(header.content.from_file(at), Some(byte));
        }
        if let Some(formatted) = toml_format::format(&header.content.text) {
            assert_eq!(toml_format::format(&formatted).as_deref(), Some(formatted.as_str()));
        }
    }
});
