//! `aetherflow audit`: looks at audit logs.

mod chain;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use self::verify::VerifyOptions;

/// What can be done with audit logs.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Verify that the audit logs of all documents, or of one, are what they were, and so are the
    /// records that are still kept.
    ///
    /// Exit code 0: they are. 1: some are not; one line for each says where, and in which way. 2: it
    /// could not be found out.
    Verify(Box<VerifyOptions>),
}

/// Carries out a command; the exit code says how it went.
pub(crate) fn run(command: AuditCommand) -> ExitCode {
    let AuditCommand::Verify(options) = command;
    match verify::run(*options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            lifecycle::tell(crate::NAME, &error);
            ExitCode::from(lifecycle::UNUSABLE)
        }
    }
}
