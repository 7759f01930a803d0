//! The steps that Node.js carries out: the user interface and the clients from npm.

use super::counts::Tests;
use super::stage::{Outcome, Stage};
use crate::failure::Failure;
use crate::packages;
use crate::web;

pub(super) fn build(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    stage.user_interface()?;
    Ok(Outcome::done())
}

pub(super) fn unit_tests(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    web::install_packages(stage.project, &mut stage.job, &Stage::say)?;
    let command = web::npm(stage.project, &["run", "test"]);
    stage.run_tests(command, Tests::of_node)
}

pub(super) fn clients(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let binary = stage.binary()?;
    web::install_packages(stage.project, &mut stage.job, &Stage::say)?;
    let mut command = web::npm(stage.project, &["run", "test:clients"]);
    command.env(BINARY_VARIABLE, binary);
    stage.run_tests(command, Tests::of_node)
}

pub(super) fn browser(stage: &mut Stage<'_>) -> Result<Outcome, Failure> {
    let binary = stage.binary()?;
    web::install_packages(stage.project, &mut stage.job, &Stage::say)?;
    let chromium = packages::chromium(&mut stage.job, &Stage::say)?;
    let mut command = web::npm(stage.project, &["run", "test:browser"]);
    command
        .env(BINARY_VARIABLE, binary)
        .env(packages::CHROMIUM_VARIABLE, chromium);
    stage.run_tests(command, Tests::of_node)
}

impl Stage<'_> {
    /// The built user interface: the server embeds it, so nothing that includes the server
    /// compiles before.
    ///
    /// # Errors
    ///
    /// If it does not build, or did not earlier in this run.
    pub(super) fn user_interface(&mut self) -> Result<(), Failure> {
        match &self.prepared.user_interface {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(Failure::new(
                "the user interface did not build: see the first step that failed",
            )),
            None => {
                let built = web::build(self.project, &mut self.job, &Self::say);
                self.prepared.user_interface = Some(built.clone());
                built
            }
        }
    }
}

/// By which the tests know what to run.
const BINARY_VARIABLE: &str = "AETHERFLOW_BINARY";
