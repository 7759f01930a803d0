//! A network namespace without a name.
//!
//! A thread of its own lives in the namespace. Sockets and processes that it makes belong to the
//! namespace, wherever they are used later. The kernel removes the namespace and its devices with the
//! last thread, process and socket in it, so an interrupted or killed lab leaves nothing behind.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, unshare};

use crate::failure::LabFailure;

type Work = Box<dyn FnOnce() + Send>;

/// A network namespace: empty, without IPv6, its loopback device down.
#[derive(Debug)]
pub struct Namespace {
    work: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Namespace {
    /// Makes a namespace.
    ///
    /// # Errors
    ///
    /// Without root's rights over networks.
    pub fn new() -> Result<Self, LabFailure> {
        let (work, inbox) = mpsc::channel::<Work>();
        let (ready, made) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("namespace".into())
            .spawn(move || {
                let entered = enter();
                let alone = entered.is_ok();
                let _ = ready.send(entered);
                if alone {
                    inbox.into_iter().for_each(|work| work());
                }
            })
            .map_err(LabFailure::refused("starting a thread"))?;
        made.recv().map_err(|_| LabFailure::Gone)??;
        Ok(Self {
            work: Some(work),
            thread: Some(thread),
        })
    }

    /// Does `work` on the namespace's thread and waits for its answer.
    ///
    /// # Errors
    ///
    /// When the thread is gone because earlier work panicked.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LabFailure> {
        let (answer, answered) = mpsc::channel();
        let job: Work = Box::new(move || {
            let _ = answer.send(work());
        });
        let queue = self.work.as_ref().ok_or(LabFailure::Gone)?;
        queue.send(job).map_err(|_| LabFailure::Gone)?;
        answered.recv().map_err(|_| LabFailure::Gone)
    }

    /// Takes the loopback device up.
    ///
    /// # Errors
    ///
    /// Without iproute2, or when it fails.
    pub fn raise_loopback(&self) -> Result<(), LabFailure> {
        self.run(|| iproute(&["link", "set", "lo", "up"]))?
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Moves this thread into a new namespace.
fn enter() -> Result<(), LabFailure> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(LabFailure::refused("making a namespace"))?;
    // Router solicitations would be counted as traffic. A kernel without IPv6 has none.
    for scope in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
        let _ = std::fs::write(path, "1");
    }
    Ok(())
}

/// Runs `ip` in this thread's namespace.
fn iproute(arguments: &[&str]) -> Result<(), LabFailure> {
    let output = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(LabFailure::NoIproute)?;
    if output.status.success() {
        return Ok(());
    }
    Err(LabFailure::Iproute {
        arguments: arguments.join(" "),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
