//! The browser user interface: its packages and its build, each done only when something changed.
//!
//! Both leave a stamp: a fingerprint of what went in and of what came out. A build by hand, a
//! deleted file or another branch therefore never passes for an up-to-date one.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Job, command, find_program};
use crate::failure::{Failure, While};
use crate::project::Project;

/// Installs the npm packages if `package.json` or `package-lock.json` changed since the last time.
///
/// # Errors
///
/// If Node.js is missing or too old, or npm fails.
pub(crate) fn install_packages(
    project: &Project,
    job: &mut Job,
    say: &dyn Fn(&str),
) -> Result<(), Failure> {
    let web = project.web();
    let stamp = web.join("node_modules/.aetherflow-installed");
    let mut inputs = Fingerprint::default();
    for name in ["package.json", "package-lock.json"] {
        inputs.add_file(&web, Path::new(name))?;
    }
    let inputs = inputs.text();
    let installed = std::fs::read_to_string(&stamp).ok();
    if installed.as_deref() == Some(&inputs) {
        return Ok(());
    }
    check_node(job)?;
    say(match installed {
        None => "installs the npm packages of services/web (not installed yet)",
        Some(_) => "installs the npm packages of services/web (they changed)",
    });
    job.run(npm(project, &["ci", "--no-audit", "--no-fund"]))?
        .required()?;
    std::fs::write(&stamp, inputs).while_doing(|| format!("cannot write {}", stamp.display()))
}

/// Builds the user interface into `services/web/dist` if its sources changed, or the result did.
///
/// # Errors
///
/// As [`install_packages`], and if the build fails.
pub(crate) fn build(project: &Project, job: &mut Job, say: &dyn Fn(&str)) -> Result<(), Failure> {
    let web = project.web();
    let dist = web.join("dist");
    let stamp = project.target().join("web-build.stamp");
    let sources = fingerprint(&web, NOT_SOURCES)?;
    let known = std::fs::read_to_string(&stamp).unwrap_or_default();
    let reason = if !dist.join("index.html").is_file() {
        "not built yet"
    } else if known == format!("{sources}\n{}\n", fingerprint(&dist, &[])?) {
        return Ok(());
    } else {
        "changed since the last build"
    };
    install_packages(project, job, say)?;
    say(&format!(
        "builds the user interface in services/web ({reason})"
    ));
    job.run(npm(project, &["run", "build"]))?.required()?;
    if !dist.join("index.html").is_file() {
        return Err(Failure::new(
            "npm run build wrote no services/web/dist/index.html",
        ));
    }
    std::fs::create_dir_all(project.target())
        .and_then(|()| {
            let built = fingerprint(&dist, &[]).map_err(std::io::Error::other)?;
            std::fs::write(&stamp, format!("{sources}\n{built}\n"))
        })
        .while_doing(|| format!("cannot write {}", stamp.display()))
}

/// npm in `services/web`. No browser of its own is downloaded: the tests use the system's.
pub(crate) fn npm(project: &Project, arguments: &[&str]) -> Command {
    let mut npm = command("npm");
    npm.args(arguments)
        .current_dir(project.web())
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .env("npm_config_update_notifier", "false");
    npm
}

fn check_node(job: &mut Job) -> Result<(), Failure> {
    if find_program(&["node"]).is_none() || find_program(&["npm"]).is_none() {
        return Err(node_needed("was not found"));
    }
    let mut node = command("node");
    node.arg("--version");
    let version = job.capture(node)?;
    let version = version.trim();
    match node_version(version) {
        Some(found) if found >= NODE_VERSION_MIN => Ok(()),
        _ => Err(node_needed(&format!("is {version}, which is too old"))),
    }
}

fn node_needed(problem: &str) -> Failure {
    let (major, minor) = NODE_VERSION_MIN;
    Failure::new(format!(
        "Node.js {problem}. The user interface is built with Node.js {major}.{minor} or newer and \
         its npm: install it from https://nodejs.org/en/download (Debian 12's own package is older)"
    ))
}

/// Major and minor of `v20.19.2`.
fn node_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A fingerprint of every file below `folder`, names and contents, without the top-level entries
/// named in `without`.
fn fingerprint(folder: &Path, without: &[&str]) -> Result<String, Failure> {
    let mut files = Vec::new();
    list_files(folder, Path::new(""), without, &mut files)
        .while_doing(|| format!("cannot list {}", folder.display()))?;
    files.sort();
    let mut fingerprint = Fingerprint::default();
    for file in &files {
        fingerprint.add_file(folder, file)?;
    }
    Ok(fingerprint.text())
}

fn list_files(
    root: &Path,
    below: &Path,
    without: &[&str],
    files: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if without.iter().any(|name| path == Path::new(name)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list_files(root, &path, without, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The standard hasher is not cryptographic, and need not be: it tells a developer's own files
/// apart. Another Rust version may compute other values, which costs one build.
#[derive(Default)]
struct Fingerprint(DefaultHasher);

impl Fingerprint {
    fn add_file(&mut self, root: &Path, file: &Path) -> Result<(), Failure> {
        let content = std::fs::read(root.join(file))
            .while_doing(|| format!("cannot read {}", root.join(file).display()))?;
        // Lengths keep a name and the content after it apart.
        for part in [file.as_os_str().as_encoded_bytes(), &content] {
            self.0.write_usize(part.len());
            self.0.write(part);
        }
        Ok(())
    }

    fn text(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// What Vite needs: <https://vite.dev/guide/> asks for Node.js 20.19 or newer.
const NODE_VERSION_MIN: (u32, u32) = (20, 19);

/// What the build writes or does not read.
const NOT_SOURCES: &[&str] = &[
    "node_modules",
    "dist",
    "test-results",
    "playwright-report",
    "tests",
    "README.md",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        assert_eq!(node_version("v20.19.2"), Some((20, 19)));
        assert!(node_version("v20.9.0").unwrap() < NODE_VERSION_MIN);
        assert!(node_version("v22.0.0").unwrap() >= NODE_VERSION_MIN);
        assert_eq!(node_version("twenty"), None);
    }

    #[test]
    fn fingerprints_see_contents_names_and_nothing_that_is_left_out() {
        let folder = std::env::temp_dir().join(format!("aetherflow-web-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("src")).unwrap();
        std::fs::create_dir_all(folder.join("dist")).unwrap();
        std::fs::write(folder.join("src/a.ts"), "a").unwrap();
        let first = fingerprint(&folder, &["dist"]).unwrap();
        std::fs::write(folder.join("dist/out.js"), "out").unwrap();
        assert_eq!(fingerprint(&folder, &["dist"]).unwrap(), first);
        std::fs::write(folder.join("src/a.ts"), "b").unwrap();
        let changed = fingerprint(&folder, &["dist"]).unwrap();
        assert_ne!(changed, first);
        std::fs::rename(folder.join("src/a.ts"), folder.join("src/b.ts")).unwrap();
        assert_ne!(fingerprint(&folder, &["dist"]).unwrap(), changed);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
