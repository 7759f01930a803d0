//! Starts the server as a user does, and stops it as a user does.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use self::http::{Answer, request};
use self::server::Server;
use super::counts::Tests;
use super::stage::{hermetic, program};
use crate::command::{Job, cargo};
use crate::failure::{Failure, While};
use crate::project::Project;

mod http;
mod server;

/// Runs every scenario against `binary`; one that fails does not keep the others from running.
///
/// # Errors
///
/// If the folder of the scenarios cannot be prepared.
pub(crate) fn check(project: &Project, binary: &Path, job: &mut Job) -> Result<Tests, Failure> {
    let mut tests = Tests::default();
    for (name, scenario) in SCENARIOS {
        job.note(&format!("scenario {name}"));
        let folder = project.target().join("verify/smoke").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)
            .while_doing(|| format!("cannot create {}", folder.display()))?;
        let mut place = Place {
            project,
            binary,
            job,
            folder,
        };
        match scenario(&mut place) {
            Ok(()) => {
                let _ = std::fs::remove_dir_all(&place.folder);
                tests.passed += 1;
            }
            Err(failure) => {
                job.note(&format!("failed: {failure}"));
                tests.failed += 1;
                tests.failing.push((*name).to_owned());
            }
        }
    }
    Ok(tests)
}

type Scenario = fn(&mut Place<'_>) -> Result<(), Failure>;

const SCENARIOS: &[(&str, Scenario)] = &[
    (
        "cargo_up_starts_a_server_that_a_signal_stops",
        cargo_up_starts_and_stops,
    ),
    (
        "starting_again_shows_every_document",
        documents_survive_a_restart,
    ),
    ("ctrl_c_stops_it_too", ctrl_c_stops_it_too),
    (
        "second_instance_on_the_same_data_is_refused",
        second_instance_is_refused,
    ),
    ("taken_port_is_refused", taken_port_is_refused),
    (
        "data_directory_that_cannot_be_written_is_refused",
        unwritable_directory_is_refused,
    ),
];

/// What a scenario works with: the program, a log and a folder of its own.
struct Place<'a> {
    project: &'a Project,
    binary: &'a Path,
    job: &'a mut Job,
    folder: PathBuf,
}

impl Place<'_> {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// `aetherflow serve` on `data`, on free ports.
    fn serve(&self, data: &Path) -> Command {
        let mut serve = program(self.binary);
        serve
            .args(["serve", "--development-login"])
            .args(ANY_PORTS)
            .arg("--data-dir")
            .arg(data);
        serve
    }

    fn start(&mut self, command: Command) -> Result<Server, Failure> {
        Server::start(command, self.job)
    }

    /// The command must say in one line why it does not start, and fail.
    fn refused(&mut self, command: Command) -> Result<(), Failure> {
        let refused = self.job.run(command)?;
        let lines: Vec<&str> = refused
            .output
            .lines()
            .filter(|line| !line.is_empty())
            .collect();
        match lines[..] {
            _ if refused.status.success() => Err(Failure::new("it exited with 0")),
            [line] if line.starts_with("aetherflow: ") => Ok(()),
            _ => Err(Failure::new(format!(
                "expected one line that starts with `aetherflow: `, got {}",
                lines.len()
            ))),
        }
    }
}

fn cargo_up_starts_and_stops(place: &mut Place<'_>) -> Result<(), Failure> {
    let mut up = hermetic(cargo());
    // The optimised build differs in nothing that this looks at, and takes much longer.
    up.args(["up", "--debug", "--"])
        .args(ANY_PORTS)
        .arg("--data-dir")
        .arg(place.data());
    up.current_dir(place.project.root());
    let server = place.start(up)?;
    let ready = request(server.address(), "GET", "/readyz", None, None)?;
    expect("/readyz", &ready, 200)?;
    let page = request(server.address(), "GET", "/", None, None)?;
    expect("the page", &page, 200)?;
    if !page.body.contains("<html") {
        return Err(Failure::new("the page at / is not HTML"));
    }
    server.stop(Signal::TERM, place.job)
}

fn documents_survive_a_restart(place: &mut Place<'_>) -> Result<(), Failure> {
    let serve = place.serve(&place.data());
    let server = place.start(serve)?;
    let token = log_in(&server)?;
    let wanted = json!({ "name": "Survivor" });
    let created = request(
        server.address(),
        "POST",
        "/api/v1/documents",
        Some(&token),
        Some(&wanted),
    )?;
    expect("creating a document", &created, 201)?;
    let id = created.json()?["id"].clone();
    server.stop(Signal::TERM, place.job)?;

    let serve = place.serve(&place.data());
    let server = place.start(serve)?;
    let token = log_in(&server)?;
    let listed = request(
        server.address(),
        "GET",
        "/api/v1/documents",
        Some(&token),
        None,
    )?;
    expect("listing documents", &listed, 200)?;
    let documents = listed.json()?;
    let found = documents["documents"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|document| document["id"] == id && document["name"] == wanted["name"]);
    if !found {
        return Err(Failure::new(format!(
            "document {id} is not listed after the restart"
        )));
    }
    server.stop(Signal::TERM, place.job)
}

fn ctrl_c_stops_it_too(place: &mut Place<'_>) -> Result<(), Failure> {
    let serve = place.serve(&place.data());
    let server = place.start(serve)?;
    server.stop(Signal::INT, place.job)
}

fn second_instance_is_refused(place: &mut Place<'_>) -> Result<(), Failure> {
    let serve = place.serve(&place.data());
    let server = place.start(serve)?;
    let second = place.serve(&place.data());
    place.refused(second)?;
    let ready = request(server.address(), "GET", "/readyz", None, None)?;
    expect("/readyz of the first", &ready, 200)?;
    server.stop(Signal::TERM, place.job)
}

fn taken_port_is_refused(place: &mut Place<'_>) -> Result<(), Failure> {
    let taken = TcpListener::bind("127.0.0.1:0").while_doing(|| "cannot listen".to_owned())?;
    let address = taken
        .local_addr()
        .while_doing(|| "cannot listen".to_owned())?
        .to_string();
    for door in ["--ui", "--gateway", "--statesync-grpc"] {
        let mut serve = program(place.binary);
        serve.arg("serve");
        for flag in ANY_PORTS.iter().filter(|flag| flag.starts_with("--")) {
            let any_port = "127.0.0.1:0";
            let asked = if *flag == door { &address } else { any_port };
            serve.args([flag, asked]);
        }
        serve.arg("--data-dir").arg(place.data());
        place.refused(serve)?;
    }
    Ok(())
}

fn unwritable_directory_is_refused(place: &mut Place<'_>) -> Result<(), Failure> {
    // Nobody can create a folder below a file, not even root.
    let file = place.folder.join("file");
    std::fs::write(&file, "").while_doing(|| format!("cannot write {}", file.display()))?;
    let serve = place.serve(&file.join("data"));
    place.refused(serve)?;
    // Permissions do not bind root.
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let closed = place.folder.join("closed");
    std::fs::create_dir(&closed)
        .and_then(|()| std::fs::set_permissions(&closed, Permissions::from_mode(0o555)))
        .while_doing(|| format!("cannot create {}", closed.display()))?;
    let serve = place.serve(&closed);
    place.refused(serve)
}

fn log_in(server: &Server) -> Result<String, Failure> {
    let name = json!({ "name": "Alice" });
    let answer = request(
        server.address(),
        "POST",
        "/api/v1/auth/login",
        None,
        Some(&name),
    )?;
    expect("logging in", &answer, 200)?;
    let token = answer.json()?["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| Failure::new("logging in gave no access token"))
}

fn expect(what: &str, answer: &Answer, status: u16) -> Result<(), Failure> {
    if answer.status == status {
        return Ok(());
    }
    let detail: Value = answer.json().unwrap_or_default();
    Err(Failure::new(format!(
        "{what}: status {}, not {status} {detail}",
        answer.status
    )))
}

const ANY_PORTS: [&str; 6] = [
    "--ui",
    "127.0.0.1:0",
    "--gateway",
    "127.0.0.1:0",
    "--statesync-grpc",
    "127.0.0.1:0",
];
