//! What cargo knows about our packages and the ones they depend on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::command::{Job, cargo};
use crate::failure::{Failure, While};
use crate::project::Project;

/// The workspace and everything it resolves to.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    /// All packages by id, ours and others'.
    pub(crate) packages: BTreeMap<String, Package>,
}

/// One package of the resolved graph.
#[derive(Debug, Default, Clone)]
pub(crate) struct Package {
    /// Its name, as `Cargo.toml` says it.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// For our own: the folder relative to the root, with `/`. Empty for others'.
    pub(crate) folder: Option<String>,
    /// The oldest Rust it says it builds with.
    pub(crate) rust_version: Option<String>,
    /// What it may be built into.
    pub(crate) targets: Vec<Target>,
    /// What it depends on in this workspace, features and platforms united.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A library, program, test or bench of a package.
#[derive(Debug, Default, Clone)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, `bench` ...
    pub(crate) kind: String,
    /// The features without which cargo leaves it out.
    pub(crate) required_features: Vec<String>,
}

/// An arrow of the graph.
#[derive(Debug, Default, Clone)]
pub(crate) struct Dependency {
    /// The id of the package it points to.
    pub(crate) id: String,
    /// Whether only tests, examples and benches need it.
    pub(crate) development_only: bool,
}

impl Metadata {
    /// Asks cargo. The first time on a machine this downloads the packages.
    ///
    /// # Errors
    ///
    /// If cargo cannot resolve the workspace.
    pub(crate) fn load(project: &Project, job: &mut Job) -> Result<Self, Failure> {
        let mut metadata = cargo();
        metadata
            .args(["metadata", "--format-version", "1"])
            .current_dir(project.root());
        let text = job.capture(metadata)?;
        let about: Value = serde_json::from_str(&text)
            .while_doing(|| "cannot read what cargo metadata says".to_owned())?;
        Ok(Self::read(&about))
    }

    /// Reads `cargo metadata --format-version 1`.
    pub(crate) fn read(about: &Value) -> Self {
        let root = about["workspace_root"].as_str().unwrap_or_default();
        let members: Vec<&str> = strings(&about["workspace_members"]).collect();
        let mut packages: BTreeMap<String, Package> = list(&about["packages"])
            .map(|package| {
                let id = text(&package["id"]);
                let ours = members.contains(&id.as_str());
                (id, read_package(package, ours.then_some(root)))
            })
            .collect();
        for node in list(&about["resolve"]["nodes"]) {
            let Some(package) = packages.get_mut(&text(&node["id"])) else {
                continue;
            };
            package.dependencies = list(&node["deps"]).map(read_dependency).collect();
        }
        Self { packages }
    }

    /// Our own packages.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .values()
            .filter(|package| package.folder.is_some())
    }

    /// The names of all targets of `kind` in our packages, in order, each once.
    pub(crate) fn targets(&self, kind: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .ours()
            .flat_map(|package| &package.targets)
            .filter(|target| target.kind == kind)
            .map(|target| target.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The features that our tests, benches and examples require, as `package/feature`. Without
    /// them cargo would leave those out, and say nothing.
    pub(crate) fn required_features(&self) -> Vec<String> {
        let mut features: Vec<String> = self
            .ours()
            .flat_map(|package| package.targets.iter().map(move |target| (package, target)))
            .flat_map(|(package, target)| {
                let required = target.required_features.iter();
                required.map(|feature| format!("{}/{feature}", package.name))
            })
            .collect();
        features.sort_unstable();
        features.dedup();
        features
    }
}

fn read_package(package: &Value, root: Option<&str>) -> Package {
    let folder = root.map(|root| {
        let manifest = text(&package["manifest_path"]);
        let path = manifest.strip_prefix(root).unwrap_or(&manifest);
        path.trim_end_matches("Cargo.toml")
            .trim_matches('/')
            .to_owned()
    });
    let targets = list(&package["targets"])
        .map(|target| Target {
            name: text(&target["name"]),
            kind: strings(&target["kind"])
                .next()
                .unwrap_or_default()
                .to_owned(),
            required_features: strings(&target["required-features"])
                .map(str::to_owned)
                .collect(),
        })
        .collect();
    Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        folder,
        rust_version: package["rust_version"].as_str().map(str::to_owned),
        targets,
        dependencies: Vec::new(),
    }
}

fn read_dependency(dependency: &Value) -> Dependency {
    let mut kinds = list(&dependency["dep_kinds"]).map(|kind| kind["kind"].as_str());
    Dependency {
        id: text(&dependency["pkg"]),
        development_only: kinds.all(|kind| kind == Some("dev")),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn packages_know_their_folder_and_their_arrows() {
        let metadata = Metadata::read(&json!({
            "workspace_root": "/tree",
            "workspace_members": ["path#a"],
            "packages": [
                {
                    "id": "path#a", "name": "a", "version": "0.1.0", "rust_version": "1.90",
                    "manifest_path": "/tree/services/a/Cargo.toml",
                    "targets": [
                        {"name": "a", "kind": ["lib"]},
                        {"name": "crash", "kind": ["test"], "required-features": ["sharp"]}
                    ]
                },
                {
                    "id": "index#b", "name": "b", "version": "2.0.0", "rust_version": null,
                    "manifest_path": "/elsewhere/b/Cargo.toml", "targets": []
                }
            ],
            "resolve": {"nodes": [{"id": "path#a", "deps": [
                {"pkg": "index#b", "dep_kinds": [{"kind": "dev"}, {"kind": null}]}
            ]}]}
        }));
        let ours: Vec<&Package> = metadata.ours().collect();
        assert_eq!(ours.len(), 1);
        assert_eq!(ours[0].folder.as_deref(), Some("services/a"));
        assert_eq!(ours[0].dependencies[0].id, "index#b");
        assert!(!ours[0].dependencies[0].development_only);
        assert_eq!(metadata.targets("test"), ["crash"]);
        assert_eq!(metadata.required_features(), ["a/sharp"]);
    }
}
