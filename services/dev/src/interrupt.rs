//! Ctrl-C reaches every child.
//!
//! Children run in process groups of their own, so that a hanging one can be ended together with
//! everything it started. The terminal therefore signals this process alone, and this file passes
//! it on.

use std::process::Child;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::{Failure, While};

/// A process group that is ended when this value is dropped, and when this process is told to stop.
#[derive(Debug)]
pub(crate) struct Group(Pid);

impl Group {
    /// The group that `child` leads. It must have been started with `process_group(0)` and must not
    /// have been waited for yet: until then its number belongs to nobody else.
    pub(crate) fn led_by(child: &Child) -> Self {
        let leader = Pid::from_child(child);
        running(|groups| groups.push(leader));
        Self(leader)
    }

    /// The process id of the leader, which is also the number of the group.
    pub(crate) fn leader(&self) -> Pid {
        self.0
    }
}

impl Drop for Group {
    /// Ends what is left of the group. Drop it before the leader is waited for.
    fn drop(&mut self) {
        running(|groups| groups.retain(|group| *group != self.0));
        // It may have ended by itself: then there is nobody left to tell.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// From now on SIGINT, SIGTERM and SIGHUP end every running [`Group`], then this process, with the
/// exit code a shell expects (128 + signal).
///
/// # Errors
///
/// If the handlers cannot be installed.
pub(crate) fn stop_children_on_signal() -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .while_doing(|| "cannot listen for signals".to_owned())?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            running(|groups| {
                for group in groups.drain(..) {
                    let _ = kill_process_group(group, Signal::KILL);
                }
            });
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

fn running<T>(change: impl FnOnce(&mut Vec<Pid>) -> T) -> T {
    change(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner))
}

static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
