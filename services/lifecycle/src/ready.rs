//! The one thing that a server says on standard output.

use std::io::Write;

/// Says that the program is ready, and where.
pub fn announce(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // Nobody may be reading; the service serves all the same.
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
