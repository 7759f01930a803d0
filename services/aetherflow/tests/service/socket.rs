//! A WebSocket to a document, opened in every way that a client could think of.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures::{SinkExt, Stream, StreamExt};
use hyper::header::{HeaderName, HeaderValue};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::patience::in_time;
use crate::rest::Person;

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// The subprotocol of unmodified clients.
pub(crate) const PLAIN: &str = "aetherflow.yjs";

/// The subprotocol of clients that want to be told what is durable.
pub(crate) const SAVED: &str = "aetherflow.yjs.saved";

/// A request for a socket.
#[derive(Clone)]
pub(crate) struct Knock {
    gateway: SocketAddr,
    path: String,
    headers: Vec<(&'static str, String)>,
    source: IpAddr,
}

impl Knock {
    /// At a document's door, without any proof of who is asking.
    pub(crate) fn at(gateway: SocketAddr, document: &str) -> Self {
        Self {
            gateway,
            path: format!("/yjs/{document}"),
            headers: Vec::new(),
            source: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// As a native client does it: with a header.
    pub(crate) fn by(person: &Person, document: &str) -> Self {
        let token = &person.access_token;
        Self::at(person.gateway, document).header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Offers these subprotocols.
    pub(crate) fn offer(self, protocols: &str) -> Self {
        self.header("sec-websocket-protocol", protocols)
    }

    /// Comes from this address instead of 127.0.0.1.
    pub(crate) fn from(mut self, source: IpAddr) -> Self {
        self.source = source;
        self
    }

    pub(crate) async fn try_open(&self) -> Result<(Socket, Response), Error> {
        let mut request = format!("ws://{}{}", self.gateway, self.path).into_client_request()?;
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).unwrap();
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        let socket = TcpSocket::new_v4()?;
        if self.source != Ipv4Addr::LOCALHOST {
            socket.bind(SocketAddr::new(self.source, 0))?;
        }
        let stream = socket.connect(self.gateway).await?;
        stream.set_nodelay(true)?;
        let shaken = tokio_tungstenite::client_async(request, stream);
        in_time("an answer to a request for a socket", shaken).await
    }

    pub(crate) async fn open(&self) -> Socket {
        self.try_open()
            .await
            .expect("the server opens the socket")
            .0
    }

    /// The code with which the server closes a socket that it should not have opened.
    pub(crate) async fn refused(&self) -> u16 {
        close_code(&mut self.open().await).await
    }

    /// The HTTP status of a socket that is not even opened.
    pub(crate) async fn turned_away(&self) -> u16 {
        match self.try_open().await {
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("no HTTP answer: {other}"),
            Ok(_) => panic!("the socket was opened"),
        }
    }
}

/// Sends one binary frame. That it fails is no news here: the close code tells.
pub(crate) async fn send(socket: &mut Socket, frame: impl Into<Bytes>) {
    let _gone = socket.send(Message::Binary(frame.into())).await;
}

/// Reads on until the server closes the socket, and says with which code.
pub(crate) async fn close_code(
    socket: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
) -> u16 {
    closing(socket).await.code.into()
}

/// Reads on until the server closes the socket, and says why.
pub(crate) async fn closing(
    socket: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
) -> CloseFrame {
    let closed = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    // Reading on sends the answer to it.
                    let _end = socket.next().await;
                    return frame;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("lost without a close code: {error}"),
                None => panic!("closed without a close code"),
            }
        }
    };
    in_time("the server closes the socket", closed).await
}
