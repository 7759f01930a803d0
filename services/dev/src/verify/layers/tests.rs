use super::*;
use crate::metadata::Dependency;

/// A made-up workspace: packages by name and folder (none for somebody else's), then arrows.
fn workspace(packages: &[(&str, Option<&str>)], arrows: &[(&str, &str)]) -> Metadata {
    let mut metadata = Metadata::default();
    for (name, folder) in packages {
        let package = Package {
            name: (*name).to_owned(),
            folder: folder.map(str::to_owned),
            ..Package::default()
        };
        metadata.packages.insert((*name).to_owned(), package);
    }
    for (from, to) in arrows {
        let development_only = to.ends_with('?');
        let id = to.trim_end_matches('?').to_owned();
        let package = metadata.packages.get_mut(*from).unwrap();
        package.dependencies.push(Dependency {
            id,
            development_only,
        });
    }
    metadata
}

const PACKAGES: &[(&str, Option<&str>)] = &[
    ("guuid", Some("guuid")),
    ("session-core", Some("session-core")),
    ("statesync-core", Some("statesync-core")),
    ("store-embedded", Some("services/store-embedded")),
    ("lifecycle", Some("services/lifecycle")),
    ("gateway", Some("services/gateway")),
    ("aetherflow", Some("services/aetherflow")),
    ("bench-stores", Some("benches/stores")),
    ("aetherflow-chaos", Some("services/chaos")),
    ("tokio", None),
    ("yrs", None),
];

#[test]
fn arrows_that_point_down_are_fine() {
    let metadata = workspace(
        PACKAGES,
        &[
            ("session-core", "guuid"),
            ("statesync-core", "yrs"),
            ("statesync-core", "tokio?"),
            ("store-embedded", "statesync-core"),
            ("gateway", "store-embedded"),
            ("gateway", "lifecycle"),
            ("aetherflow", "lifecycle"),
            ("gateway", "tokio"),
            ("gateway", "gateway?"),
            ("aetherflow", "gateway"),
            ("bench-stores", "gateway"),
            ("aetherflow-chaos", "store-embedded"),
        ],
    );
    assert_eq!(findings(&metadata), Vec::<String>::new());
}

#[test]
fn cores_do_not_meet_and_ids_stand_alone() {
    let metadata = workspace(
        PACKAGES,
        &[
            ("session-core", "statesync-core"),
            ("guuid", "session-core?"),
        ],
    );
    assert_eq!(
        findings(&metadata),
        [
            "guuid depends on session-core: Ids must not see Core",
            "session-core depends on statesync-core: Core must not see Core"
        ]
    );
}

#[test]
fn nobody_depends_on_the_assembly_or_on_benches() {
    let metadata = workspace(
        PACKAGES,
        &[("bench-stores", "aetherflow"), ("gateway", "bench-stores?")],
    );
    assert_eq!(findings(&metadata).len(), 2);
}

#[test]
fn what_programs_have_in_common_knows_nothing_of_what_they_serve() {
    let metadata = workspace(
        PACKAGES,
        &[("lifecycle", "guuid"), ("store-embedded", "lifecycle")],
    );
    assert_eq!(
        findings(&metadata),
        [
            "lifecycle depends on guuid: Program must not see Ids",
            "store-embedded depends on lifecycle: Store must not see Program"
        ]
    );
}

#[test]
fn whoever_checks_services_shares_nothing_with_them() {
    let arrows = ["gateway", "statesync-core"].map(|to| ("aetherflow-chaos", to));
    assert_eq!(findings(&workspace(PACKAGES, &arrows)).len(), 2);
}

#[test]
fn a_runtime_is_found_behind_somebody_elses_package() {
    let metadata = workspace(PACKAGES, &[("statesync-core", "yrs"), ("yrs", "tokio")]);
    let found = findings(&metadata);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("statesync-core -> yrs -> tokio: "),
        "{found:?}"
    );
}

#[test]
fn a_package_in_an_unknown_place_is_asked_about() {
    let metadata = workspace(&[("stray", Some("tools/stray"))], &[]);
    assert!(findings(&metadata)[0].starts_with("tools/stray is in no layer"));
}
