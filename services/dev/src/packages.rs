//! Programs that come from the operating system: found if they are there, otherwise installed from
//! Debian's packages.
//!
//! A new need is one more [`Package`] and one function that finds it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Job, command, find_program};
use crate::failure::Failure;

/// What is needed, why, and what Debian calls it.
#[derive(Debug)]
pub(crate) struct Package {
    /// The name that apt knows.
    pub(crate) name: &'static str,
    /// What we need it for.
    pub(crate) reason: &'static str,
}

/// Finds Chromium (or Chrome) and makes sure that it has a font to draw text with.
///
/// `AETHERFLOW_CHROMIUM` names one in an unusual place.
///
/// # Errors
///
/// If it is neither there nor can be installed: the failure says what to run.
pub(crate) fn chromium(job: &mut Job, say: &dyn Fn(&str)) -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os(CHROMIUM_VARIABLE).map(PathBuf::from) {
        return if path.is_file() {
            Ok(path)
        } else {
            let path = path.display();
            Err(Failure::new(format!(
                "{CHROMIUM_VARIABLE} is {path}, which is not a program"
            )))
        };
    }
    let mut missing = Vec::new();
    if find_chromium().is_none() {
        missing.push(CHROMIUM);
    }
    if !has_fonts(FONT_FOLDERS) {
        missing.push(FONTS);
    }
    install(&missing, job, say)?;
    find_chromium().ok_or_else(|| {
        Failure::new(format!(
            "Chromium was not found. Install it, or set {CHROMIUM_VARIABLE} to its path"
        ))
    })
}

/// Makes sure that there is a PostgreSQL server for tests to start.
///
/// # Errors
///
/// If it is neither there nor can be installed: the failure says what to run.
pub(crate) fn postgresql(job: &mut Job, say: &dyn Fn(&str)) -> Result<(), Failure> {
    if has_postgresql() {
        return Ok(());
    }
    install(&[POSTGRESQL], job, say)?;
    if has_postgresql() {
        Ok(())
    } else {
        Err(Failure::new("PostgreSQL was installed, but not found"))
    }
}

/// Makes sure that there is a Redis server for tests to start.
///
/// # Errors
///
/// If it is neither there nor can be installed: the failure says what to run.
pub(crate) fn redis(job: &mut Job, say: &dyn Fn(&str)) -> Result<(), Failure> {
    let found = || find_program(&["redis-server"]).is_some();
    if found() {
        return Ok(());
    }
    install(&[REDIS], job, say)?;
    if found() {
        Ok(())
    } else {
        Err(Failure::new("Redis was installed, but not found"))
    }
}

/// Installs what is missing, if anything is.
///
/// # Errors
///
/// If this machine has no apt, this user may not install, or the installation fails.
fn install(missing: &[Package], job: &mut Job, say: &dyn Fn(&str)) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let Some(privilege) = privilege() else {
        return Err(cannot_install(&names));
    };
    for package in missing {
        say(&format!(
            "installs Debian's package {}: {}",
            package.name, package.reason
        ));
    }
    // Lists that cannot be refreshed may still be good enough, so only the installation decides.
    let _ = job.run(privilege.apt_get(&["update"]))?;
    let arguments: Vec<&str> = ["install", "--yes", "--no-install-recommends"]
        .into_iter()
        .chain(names.clone())
        .collect();
    job.run(privilege.apt_get(&arguments))?
        .required()
        .map_err(|failure| Failure::new(format!("{failure}\n{}", cannot_install(&names))))?;
    Ok(())
}

/// How this user may install packages.
#[derive(Debug, Clone, Copy)]
enum Privilege {
    Root,
    /// Without being asked for a password: nobody may be there to answer.
    Sudo,
}

impl Privilege {
    fn apt_get(self, arguments: &[&str]) -> Command {
        let mut apt = match self {
            Self::Root => command("env"),
            Self::Sudo => {
                let mut sudo = command("sudo");
                sudo.args(["-n", "env"]);
                sudo
            }
        };
        apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(APT_OPTIONS)
            .args(arguments);
        apt
    }
}

fn privilege() -> Option<Privilege> {
    find_program(&["apt-get"])?;
    if rustix::process::geteuid().is_root() {
        return Some(Privilege::Root);
    }
    let sudo = Command::new("sudo").args(["-n", "true"]).output();
    sudo.is_ok_and(|output| output.status.success())
        .then_some(Privilege::Sudo)
}

fn cannot_install(names: &[&str]) -> Failure {
    let names = names.join(" ");
    Failure::new(format!(
        "could not install: {names}. On Debian run:\n    sudo apt-get update && \
         sudo apt-get install --yes --no-install-recommends {names}\nand elsewhere install the \
         same by the system's own means ({CHROMIUM_VARIABLE} names a browser in an unusual place)"
    ))
}

fn find_chromium() -> Option<PathBuf> {
    find_program(CHROMIUM_NAMES)
        .or_else(|| Some(PathBuf::from(CHROME_ON_MACOS)).filter(|path| path.is_file()))
}

/// Debian keeps the server's programs out of the path, in a folder for each version.
fn has_postgresql() -> bool {
    let versions = std::fs::read_dir(POSTGRESQL_FOLDER).into_iter().flatten();
    let mut servers = versions
        .filter_map(Result::ok)
        .map(|version| version.path().join("bin/initdb"));
    servers.any(|server| server.is_file()) || find_program(&["initdb"]).is_some()
}

/// Whether any of `folders` holds a scalable font, at most [`FONT_DEPTH_MAX`] folders down.
fn has_fonts(folders: &[&str]) -> bool {
    folders
        .iter()
        .any(|folder| holds_font(Path::new(folder), FONT_DEPTH_MAX))
}

fn holds_font(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .any(|path| {
            if path.is_dir() {
                depth > 0 && holds_font(&path, depth - 1)
            } else {
                path.extension()
                    .is_some_and(|kind| kind == "ttf" || kind == "otf" || kind == "ttc")
            }
        })
}

/// The variable that names Chromium to us, and by which we name it to the browser tests.
pub(crate) const CHROMIUM_VARIABLE: &str = "AETHERFLOW_CHROMIUM";

const CHROMIUM: Package = Package {
    name: "chromium",
    reason: "the browser tests drive a real browser",
};
const FONTS: Package = Package {
    name: "fonts-liberation",
    reason: "the browser needs a font to draw text with",
};
const POSTGRESQL: Package = Package {
    name: "postgresql",
    reason: "the tests of store-postgres start private servers",
};
const REDIS: Package = Package {
    name: "redis-server",
    reason: "the tests of store-redis start private servers",
};
const POSTGRESQL_FOLDER: &str = "/usr/lib/postgresql";

const CHROMIUM_NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
const CHROME_ON_MACOS: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const FONT_FOLDERS: &[&str] = &[
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
];
/// Debian nests them as `truetype/liberation/name.ttf`.
const FONT_DEPTH_MAX: usize = 3;
/// Another installation may be running (unattended upgrades on a new machine), and mirrors fail now
/// and then.
const APT_OPTIONS: [&str; 4] = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
