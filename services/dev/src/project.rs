//! Where things are in the work tree.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::cargo;
use crate::failure::{Failure, While};

/// The folders that the commands work in.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// Finds the work tree that this program was built from.
    ///
    /// # Errors
    ///
    /// If cargo does not know one.
    pub(crate) fn locate() -> Result<Self, Failure> {
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .output()
            .while_doing(|| "cannot run cargo metadata".to_owned())?;
        if !output.status.success() {
            return Err(Failure::new(String::from_utf8_lossy(&output.stderr).trim()));
        }
        let about: Value = serde_json::from_slice(&output.stdout)
            .while_doing(|| "cannot read what cargo metadata says".to_owned())?;
        let folder = |key: &str| {
            let path = about[key].as_str().map(PathBuf::from);
            path.ok_or_else(|| Failure::new(format!("cargo metadata does not say its {key}")))
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
        })
    }

    /// The root of the work tree.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds, and where logs and notes of these commands go.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The browser user interface.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("services/web")
    }

    /// `path` as a person at the terminal would write it: relative to the root where possible.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
