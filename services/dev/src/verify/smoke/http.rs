//! Just enough of an HTTP client to ask a server on this machine a question.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, While};

/// What the server answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body, as text.
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_str(&self.body).while_doing(|| "the answer is not JSON".to_owned())
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self {
            status,
            body: body.to_owned(),
        })
    }
}

/// Sends one request on a connection of its own.
///
/// # Errors
///
/// If there is no answer in [`TIME_MAX`], or none that can be read.
pub(crate) fn request(
    server: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer, Failure> {
    let line = format!("{method} {path}");
    let text = exchange(server, &message(&line, server, token, body))
        .while_doing(|| format!("{line} has no answer"))?;
    Answer::parse(&text).ok_or_else(|| Failure::new(format!("the answer to {line} is not HTTP")))
}

/// HTTP/1.0: the answer ends where the connection does, and is never cut into chunks.
fn message(line: &str, host: SocketAddr, token: Option<&str>, body: Option<&Value>) -> String {
    let token = token.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let body = body.map_or(String::new(), Value::to_string);
    let length = body.len();
    format!(
        "{line} HTTP/1.0\r\nHost: {host}\r\n{token}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

fn exchange(server: SocketAddr, message: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&server, TIME_MAX)?;
    connection.set_read_timeout(Some(TIME_MAX))?;
    connection.set_write_timeout(Some(TIME_MAX))?;
    connection.write_all(message.as_bytes())?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A busy machine answers within a second; more is a hang.
const TIME_MAX: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_split_into_status_and_body() {
        let answer = Answer::parse("HTTP/1.0 201 Created\r\nA: b\r\n\r\n{\"id\":1}").unwrap();
        assert_eq!(answer.status, 201);
        assert_eq!(answer.json().unwrap()["id"], 1);
        assert_eq!(Answer::parse("garbage"), None);
    }
}
