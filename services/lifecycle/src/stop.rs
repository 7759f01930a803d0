//! The signals that ask a process to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, from now on.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Begins to listen; from here on they do not end the process by themselves. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system does not let us listen.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them, and says which in words.
    ///
    /// Cancel safety: safe.
    pub async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "asked to terminate",
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn both_signals_are_heard_and_told_apart() {
        let mut stop = StopSignals::new().unwrap();
        for (signal, words) in [
            (Signal::INT, "interrupted"),
            (Signal::TERM, "asked to terminate"),
        ] {
            kill_process(getpid(), signal).unwrap();
            assert_eq!(stop.wait().await, words);
        }
    }
}
