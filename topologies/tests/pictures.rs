//! The documents show each application as it is.

use std::path::Path;
use std::process::Command;

#[test]
fn each_page_holds_the_picture_that_describe_makes() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for name in ["category-sales", "fraud", "analytics", "dimensions"] {
        let described = Command::new(env!("CARGO_BIN_EXE_headwater")).args(["describe", name]).output().unwrap();
        assert!(described.status.success(), "{described:?}");
        let picture = String::from_utf8(described.stdout).unwrap();
        let page = std::fs::read_to_string(docs.join(format!("{name}.md"))).unwrap();
        assert!(page.contains(picture.trim_end()), "docs/{name}.md must hold this:\n{picture}");
    }
}
