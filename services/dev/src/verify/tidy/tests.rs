use super::*;

fn names(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn the_top_level_is_closed() {
    let files = names(&[
        "Cargo.toml",
        ".ci/run",
        "guuid/src/lib.rs",
        "notes.txt",
        "tools/x.rs",
    ]);
    assert_eq!(
        top_level(&files),
        [
            "notes.txt: not an entry of the top level",
            "tools: not an entry of the top level"
        ]
    );
}

#[test]
fn marks_of_unfinished_work_are_found_in_sources_only() {
    for mark in UNFINISHED_WORDS.iter().chain(UNFINISHED_CODE) {
        let line = format!("    // {mark} later");
        assert_eq!(content("a/src/lib.rs", &line, &[]).len(), 1, "{mark}");
        assert_eq!(content("docs/rules.md", &line, &[]).len(), 0, "{mark}");
    }
    assert_eq!(unfinished(concat!("let MASTO", "DON = 1;")), None);
}

#[test]
fn absolute_paths_of_one_machine_are_found() {
    let find = |text: &str| machine_path(&text.replace('@', "/"), &["/tree/".to_owned()]).is_some();
    assert!(find("see @work@main@x"));
    assert!(find("path = \"@home@me@x\""));
    assert!(find("built in /tree/x"));
    for fine in [
        "../shared@work@x",
        "https:@@example.com@home@x",
        "$HOME@work@x",
        "a@root@b",
    ] {
        assert!(!find(fine), "{fine}");
    }
}

#[test]
fn lock_files_name_only_public_registries() {
    let lock = "services/web/package-lock.json";
    let fine = "  \"resolved\": \"https://registry.npmjs.org/a/-/a-1.0.0.tgz\",";
    assert_eq!(content(lock, fine, &[]), Vec::<String>::new());
    let mirror = "  \"resolved\": \"https://mirror.example/a/-/a-1.0.0.tgz\",";
    assert_eq!(content(lock, mirror, &[]).len(), 1);
    let cargo = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    assert_eq!(content("Cargo.lock", cargo, &[]), Vec::<String>::new());
}

#[test]
fn rust_files_are_ascii_short_and_named_for_their_content() {
    assert_eq!(content("a/src/lib.rs", "// caf\u{e9}", &[]).len(), 1);
    assert_eq!(content("a/src/page.ts", "// caf\u{e9}", &[]).len(), 0);
    let long = "\n".repeat(LINES_MAX + 1);
    assert_eq!(content("a/src/lib.rs", &long, &[]).len(), 1);
    assert_eq!(content("a/tests/all.rs", &long, &[]).len(), 0);
    let tested = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_eq!(content("a/src/lib.rs", &tested, &[]).len(), 0);
    assert!(name("a/src/mod.rs").is_some());
    assert!(name("a/src/util.rs").is_some());
    assert!(name("a/src/utility_bill.rs").is_none());
}

#[test]
fn empty_verbs_are_refused_where_a_function_is_declared() {
    assert_eq!(
        empty_verb("    pub(crate) async fn get_name() {"),
        Some("get_")
    );
    assert_eq!(empty_verb("    // the fn get_name was renamed"), None);
    assert_eq!(empty_verb("    fn processor() {"), None);
    let method = "    fn get_name() {}\n}\n";
    let of_a_trait = format!("impl Named for Thing {{\n{method}\nimpl Thing {{\n}}\n");
    assert_eq!(content("a/src/lib.rs", &of_a_trait, &[]).len(), 0);
    let ours = format!("impl Named for Thing {{}}\n\nimpl Thing {{\n{method}");
    assert_eq!(content("a/src/lib.rs", &ours, &[]).len(), 1);
}

#[test]
fn a_focused_browser_test_is_found() {
    let line = concat!("test.on", "ly('one', () => {})");
    assert_eq!(
        content("services/web/tests/two.spec.ts", line, &[]).len(),
        1
    );
}
