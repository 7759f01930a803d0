//! Dependencies point one way.
//!
//! ```text
//! guuid  <-  cores  <-  transport, stores, api  <-  services, bindings  <-  aetherflow  |  benches
//!                                     lifecycle  <-
//! ```
//!
//! A package belongs to the layer of its folder. A core names no runtime and no driver either, not
//! even through somebody else's package, so that one seed can replay it.

use std::collections::BTreeSet;

use super::stage::{Outcome, Stage};
use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::terminal::count;

/// Checks every arrow between our packages.
///
/// # Errors
///
/// If one points the wrong way: which is in the log.
pub(crate) fn check(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let metadata = stage.metadata()?;
    let findings = findings(&metadata);
    for finding in &findings {
        stage.job.note(finding);
    }
    match findings.len() {
        0 => Ok(Outcome::noted(count(metadata.ours().count(), "package"))),
        wrong => Err(Failure::new(format!(
            "{} the wrong way",
            count(wrong, "arrow")
        ))),
    }
}

/// What is wrong: one line each, nothing if all is well.
fn findings(metadata: &Metadata) -> Vec<String> {
    let mut findings = Vec::new();
    for package in metadata.ours() {
        let Some(layer) = Layer::of(package) else {
            let folder = package.folder.as_deref().unwrap_or_default();
            findings.push(format!(
                "{folder} is in no layer: give it one in verify/layers.rs"
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(other) = metadata.packages.get(&dependency.id) else {
                continue;
            };
            // By naming itself, a package gives its tests its own optional features.
            if other.folder == package.folder {
                continue;
            }
            // One that is in no layer is reported for itself.
            let Some(below) = Layer::of(other) else {
                continue;
            };
            if !layer.may_see(below) {
                findings.push(format!(
                    "{} depends on {}: {layer:?} must not see {below:?}",
                    package.name, other.name
                ));
            }
        }
        if layer == Layer::Core || layer == Layer::Ids {
            findings.extend(drivers(metadata, package));
        }
    }
    findings
}

/// Where a package stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// `guuid`.
    Ids,
    /// The pure parts: `quantum/proto`, `session-core`, `statesync-core`.
    Core,
    /// `quantum` and its simulator.
    Transport,
    /// Storage and generated types: `services/store-*`, `services/api`.
    Store,
    /// `services/lifecycle`: what every server program does from its start to its exit code. It knows
    /// nothing of what they serve.
    Program,
    /// The servers.
    Service,
    /// `services/aetherflow`: all servers in one process.
    Assembly,
    /// What other languages and client programs use.
    Binding,
    /// `benches/*`.
    Bench,
    /// `services/chaos`: breaks the services, which it meets over the wire alone.
    Breaker,
    /// `services/dev`: this program.
    Developer,
}

impl Layer {
    fn of(package: &Package) -> Option<Self> {
        let folder = package.folder.as_deref()?;
        Some(match folder {
            "guuid" => Self::Ids,
            "quantum/proto" | "session-core" | "statesync-core" => Self::Core,
            "quantum" | "quantum/sim" => Self::Transport,
            "services/api" => Self::Store,
            "services/lifecycle" => Self::Program,
            "services/aetherflow" => Self::Assembly,
            "services/chaos" => Self::Breaker,
            "services/dev" => Self::Developer,
            _ if folder.starts_with("services/store-") => Self::Store,
            _ if folder.starts_with("services/") => Self::Service,
            _ if folder.starts_with("bindings/") => Self::Binding,
            _ if folder.starts_with("benches/") => Self::Bench,
            _ => return None,
        })
    }

    fn may_see(self, below: Self) -> bool {
        use Layer::{
            Assembly, Bench, Binding, Breaker, Core, Developer, Ids, Program, Service, Store,
            Transport,
        };
        match self {
            Ids | Program | Developer => false,
            Core => below == Ids,
            Store => matches!(below, Ids | Core),
            // The simulator drives the same transport.
            Transport => matches!(below, Ids | Core | Transport),
            Service => matches!(below, Ids | Core | Transport | Store | Program),
            Assembly => matches!(below, Ids | Core | Transport | Store | Program | Service),
            // The C header stands on the client SDK.
            Binding => matches!(below, Ids | Core | Transport | Store | Binding),
            // Test servers are with the stores. It must not share what it checks.
            Breaker => matches!(below, Ids | Store),
            Bench => !matches!(below, Assembly | Breaker | Developer),
        }
    }
}

/// Runtimes and drivers that `package` reaches, each with the way there. Tests may use them.
fn drivers(metadata: &Metadata, package: &Package) -> Vec<String> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let mut paths = vec![(package, package.name.clone())];
    while let Some((from, path)) = paths.pop() {
        for dependency in from
            .dependencies
            .iter()
            .filter(|arrow| !arrow.development_only)
        {
            let Some(other) = metadata.packages.get(&dependency.id) else {
                continue;
            };
            if !seen.insert(&dependency.id) {
                continue;
            }
            let path = format!("{path} -> {}", other.name);
            if DRIVERS.contains(&other.name.as_str()) {
                findings.push(format!("{path}: a core names no runtime and no driver"));
            } else {
                paths.push((other, path));
            }
        }
    }
    findings
}

/// Packages that bring a runtime, a socket, a disk or a server's protocol.
const DRIVERS: &[&str] = &[
    "async-std",
    "axum",
    "deadpool-redis",
    "fjall",
    "heed",
    "hyper",
    "mio",
    "quinn",
    "quinn-udp",
    "redb",
    "redis",
    "reqwest",
    "rocksdb",
    "rusqlite",
    "sled",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tonic",
    "tower-http",
    "tungstenite",
];

#[cfg(test)]
mod tests;
