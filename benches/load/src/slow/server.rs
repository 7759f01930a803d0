//! The service in a process of its own, and questions to it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use statesync::server::{Parts, serve as serve_grpc};
use statesync::{CallLimits, TrustedGateway};
use statesync_core::MemoryStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::PATIENCE;
use crate::Failure;
use crate::heap;
use crate::rig::{library, runtime};

/// Bytes that the service takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Memory {
    pub(crate) heap: f64,
    pub(crate) resident: f64,
}

/// The other process, from here. It ends with this one.
pub(crate) struct Server {
    child: Child,
    port: u16,
    line: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no pipe")?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut port = String::new();
        stdout.read_line(&mut port)?;
        Ok(Self {
            child,
            port: port.trim().parse()?,
            line: Mutex::new((stdin, stdout)),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn memory(&self) -> Result<Memory, Failure> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let (stdin, stdout) = &mut *line;
        writeln!(stdin, "memory")?;
        stdin.flush()?;
        let mut heap = String::new();
        stdout.read_line(&mut heap)?;
        Ok(Memory {
            heap: heap.trim().parse()?,
            resident: resident(self.child.id())?,
        })
    }

    /// As soon as it does not change any more: whoever has left is gone, and what is on its way has
    /// arrived.
    pub(crate) async fn settled_memory(&self) -> Result<Memory, Failure> {
        const LOOK_AFTER: Duration = Duration::from_millis(100);
        const LOOKS_ALIKE: u32 = 5;
        let settling = async {
            let (mut last, mut alike) = (self.memory()?, 0);
            while alike < LOOKS_ALIKE {
                tokio::time::sleep(LOOK_AFTER).await;
                let now = self.memory()?;
                let is_alike = (now.heap - last.heap).abs() < 1024.0;
                alike = if is_alike { alike + 1 } else { 0 };
                last = now;
            }
            Ok(last)
        };
        tokio::time::timeout(PATIENCE, settling).await?
    }

    /// Bytes in the kernel that wait to be sent to the client at this port.
    pub(crate) fn unsent_to(&self, client: u16) -> Result<f64, Failure> {
        let table = std::fs::read_to_string("/proc/net/tcp")?;
        let unsent = unsent(&table, self.port, client);
        Ok(unsent.ok_or("the connection is not in /proc/net/tcp")? as f64)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The `tx_queue` of a connection, from the kernel's table.
fn unsent(table: &str, local: u16, remote: u16) -> Option<u64> {
    let port = |address: &str| {
        let (_, port) = address.split_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    let mut lines = table.lines().map(str::split_ascii_whitespace);
    lines.find_map(|mut fields| {
        let (from, to) = (port(fields.nth(1)?)?, port(fields.next()?)?);
        let (queue, _) = fields.nth(1)?.split_once(':')?;
        let is_it = (from, to) == (local, remote);
        is_it.then(|| u64::from_str_radix(queue, 16).ok())?
    })
}

/// Resident bytes of a process.
fn resident(process: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .ok_or("no VmRSS")?
        .parse()?;
    Ok(kib * 1024.0)
}

/// The other process: serves, says where, and answers questions until nobody asks any more.
pub(crate) fn serve() -> Result<(), Failure> {
    heap::count();
    let runtime = runtime()?;
    let port = runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let parts = Parts {
            library: Arc::new(library(Arc::new(MemoryStore::new()))),
            authenticate: Arc::new(TrustedGateway::new(None)),
            limits: CallLimits::default(),
        };
        tokio::spawn(serve_grpc(listener, parts, CancellationToken::new()));
        Ok::<_, Failure>(port)
    })?;
    println!("{port}");
    for line in std::io::stdin().lock().lines() {
        line?;
        println!("{}", heap::live());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_found_by_its_ends() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n   \
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0\n   \
             1: 0100007F:1F90 0100007F:D431 01 0000A000:00000010 00:00000000 00000000  0\n";
        assert_eq!(unsent(table, 8080, 54_321), Some(0xA000));
        assert_eq!(unsent(table, 54_321, 8080), None);
    }
}
