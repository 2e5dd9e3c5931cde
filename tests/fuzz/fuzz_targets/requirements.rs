//! Requirements files: entries follow each other, and every place is one of the text.
#![no_main]

use image_manifests::requirements_txt::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut end = 0;
    for entry in read(&text) {
        assert!(entry.range.start >= end);
        end = entry.range.end;
        let part = text.get(entry.range.clone()).expect("a place");
        assert!(text.get(entry.value.clone()).is_some());
        assert!(entry.hashes.iter().all(|h| text.get(h.clone()).is_some()));
        assert!(entry.fault.as_ref().is_none_or(|f| part.get(f.range.clone()).is_some()), "{entry:?}");
        let _ = entry.is_local(&text);
    }
});
