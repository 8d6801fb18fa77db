//! The catalogue and its page.

use dandelion_credit::features::catalogue_markdown;

/// `src/features/catalogue.md` is drawn from the catalogue; `DRAW_CATALOGUE=1 cargo test catalogue` draws it anew.
#[test]
fn the_page_in_the_documentation_is_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/features/catalogue.md");
    let title = "The catalogue: every feature once, in the order of the columns.\n\n";
    let page = format!("{title}{}", catalogue_markdown());
    if std::env::var_os("DRAW_CATALOGUE").is_some() {
        std::fs::write(path, &page).expect("the page can be written");
    }
    let found = std::fs::read_to_string(path).expect("the page can be read");
    assert!(found == page, "src/features/catalogue.md is not what the catalogue says: DRAW_CATALOGUE=1 draws it anew");
}
