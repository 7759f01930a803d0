//! A small HTTP client, and people who use it.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::patience::in_time;
use crate::server::Server;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The JSON of an answer that must be a success.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The code of an answer that must be a problem (RFC 9457) of this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "no {member}: {problem}");
        }
        problem["code"]
            .as_str()
            .expect("a problem has a code")
            .to_owned()
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn send(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let exchange = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    };
    let answer = in_time("an answer over HTTP", exchange).await;
    connection.abort();
    answer
}

/// The head of a request to `address`, to be completed.
pub(crate) fn request(address: SocketAddr, method: &str, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string())
}

/// Asks for something without any body.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    let request = request(address, method, path)
        .body(Full::default())
        .unwrap();
    send(address, request).await.unwrap()
}

/// Somebody who is logged in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) gateway: SocketAddr,
    pub(crate) id: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

impl Person {
    pub(crate) async fn try_log_in(gateway: SocketAddr, name: &str) -> Answer {
        let request = request(gateway, "POST", "/api/v1/auth/login")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(json!({ "name": name }).to_string()))
            .unwrap();
        send(gateway, request).await.unwrap()
    }

    pub(crate) async fn log_in(server: &Server, name: &str) -> Self {
        let gateway = server.gateway;
        let tokens = Self::try_log_in(gateway, name).await.expect(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            gateway,
            id: text(&tokens["user"]["id"]),
            access_token: text(&tokens["access_token"]),
            refresh_token: text(&tokens["refresh_token"]),
        }
    }

    /// Sends a request in this person's name. Fails when the server goes away.
    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Answer, Box<dyn std::error::Error>> {
        let request = request(self.gateway, method, &format!("/api/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {}", self.access_token));
        let request = match body {
            Value::Null => request.body(Full::default()),
            body => request
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from(body.to_string())),
        };
        send(self.gateway, request.unwrap()).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.try_call(method, path, &body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    /// Makes a plain-text document that nobody else may see.
    pub(crate) async fn create(&self, name: &str) -> String {
        self.create_public(name, "none").await
    }

    /// Makes a plain-text document that everybody may `"view"` or `"edit"`.
    pub(crate) async fn create_public(&self, name: &str, public: &str) -> String {
        let new = json!({ "name": name, "type": "text", "public": public });
        let document = self.call("POST", "/documents", new).await.expect(201);
        document["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn document(&self, id: &str) -> Value {
        self.get(&format!("/documents/{id}")).await.expect(200)
    }

    pub(crate) async fn change(&self, id: &str, change: Value) -> Value {
        self.call("PATCH", &format!("/documents/{id}"), change)
            .await
            .expect(200)
    }

    /// The text of a document as readers without Yjs get it.
    pub(crate) async fn text(&self, id: &str) -> String {
        let content = self
            .get(&format!("/documents/{id}/content"))
            .await
            .expect(200);
        content["text"].as_str().unwrap().to_owned()
    }
}
