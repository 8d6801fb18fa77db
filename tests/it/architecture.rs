//! The arrows between rooms, read from the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may use, besides the ground floor. The order is the order of the work.
const ARROWS: &[(&str, &[&str])] = &[
    ("graph", &[]),
    ("scorecard", &[]),
    ("receipts", &[]),
    ("loan", &[]),
    ("features", &["graph"]),
    ("merchant", &["features", "scorecard"]),
    ("fraud", &["graph", "receipts"]),
    ("underwriting", &["merchant", "receipts", "fraud", "loan", "scorecard"]),
    ("monitoring", &["receipts", "fraud", "loan", "scorecard"]),
    ("synthetic", &[]),
];

/// Files and folders of the ground floor: they may use each other and no room.
const GROUND: &[&str] =
    &["account", "calendar", "elementary", "error", "money", "parallel", "progress", "rate", "transfer"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("an entry of src can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The top-level modules that a source names by `crate::`, doc comments and `#[cfg(test)]` tails aside.
fn named_modules(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let mut named = BTreeSet::new();
    for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        for after in line.split("crate::").skip(1) {
            let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            named.insert(name);
            // `use crate::{graph::…, loan::…}` would hide the names behind the brace; house style is one path a line.
            assert!(!after.starts_with('{'), "write one `use crate::room::…` a line: {line}");
        }
    }
    named
}

#[test]
fn arrows_between_rooms_run_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for path in sources(&src) {
        let relative = path.strip_prefix(&src).expect("sources lie in src");
        let first = relative.iter().next().expect("a path has a part").to_str().expect("names are ASCII");
        let home = first.trim_end_matches(".rs");
        if home == "lib" {
            continue;
        }
        let allowed: &[&str] = match ARROWS.iter().find(|(room, _)| *room == home) {
            Some((_, allowed)) => allowed,
            None => {
                assert!(
                    GROUND.contains(&home),
                    "{first} is neither a room nor on the ground floor: name it in this test"
                );
                &[]
            }
        };
        for named in named_modules(&fs::read_to_string(&path).expect("a source is UTF-8")) {
            checked += 1;
            if rooms.contains(named.as_str()) && named != home && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{} uses {named}", relative.display()));
            }
        }
    }
    assert!(checked > 0, "the test reads no source");
    assert!(wrong.is_empty(), "arrows that run the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn arrows_have_no_cycle() {
    for (place, (room, uses)) in ARROWS.iter().enumerate() {
        for used in *uses {
            assert!(
                ARROWS[..place].iter().any(|(earlier, _)| earlier == used),
                "{room} uses {used}, which comes later"
            );
        }
    }
}
