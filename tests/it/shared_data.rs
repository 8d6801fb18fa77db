//! Data that nobody here invented lies beside the checkout, in `../shared/data`; a stranger's clone has none.

#![allow(dead_code)]

use std::io::Read;
use std::path::PathBuf;

/// The file or folder `path` of the data folder, or `None` with a printed notice where it is absent.
pub fn find(path: &str) -> Option<PathBuf> {
    let found = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if found.exists() {
        return Some(found);
    }
    println!("skipped: no ../shared/data/{path} beside this checkout");
    None
}

/// The text of a data file, unpacked when its name ends in `.gz`; `None` where it is absent.
pub fn text(path: &str) -> Option<String> {
    let bytes = std::fs::read(find(path)?).expect("a file that exists can be read");
    let mut text = String::new();
    if path.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("the file is gzip of UTF-8");
    } else {
        text = String::from_utf8(bytes).expect("the file is UTF-8");
    }
    Some(text)
}
