//! flyte's own reading of a header, and the old TOML package with which it reads: no bytes make them panic.
#![no_main]

use image_manifests::pytext::universal_newlines;
use image_manifests::{legacy_toml, script};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = universal_newlines(&String::from_utf8_lossy(data));
    for block in [script::uv_block(&text), script::pixi_block(&text), Some(text)].into_iter().flatten() {
        if let Ok(data) = legacy_toml::loads(&block) {
            let _ = data.get("dependencies").map(legacy_toml::Toml::repr);
        }
    }
});
