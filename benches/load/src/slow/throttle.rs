//! Somebody who reads one byte a second from their socket, for as long as they are told to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aetherflow_api::statesync::v1 as wire;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tonic::Streaming;
use tonic::transport::Endpoint;
use wire::document_event::Event;

use super::PATIENCE;
use super::crowd::{client, subscribe};
use crate::Failure;

/// Between two bytes.
const BREAK: Duration = Duration::from_secs(1);

/// A subscriber whose socket is read slowly while `tap` is set.
pub(crate) struct Slow {
    events: Streaming<wire::DocumentEvent>,
    port: u16,
}

impl Slow {
    /// Comes in, and is told who is there.
    pub(crate) async fn enter(
        port: u16,
        document: &str,
        tap: &Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
        let own_port = Arc::<AtomicU16>::default();
        let (tap, known) = (Arc::clone(tap), Arc::clone(&own_port));
        let connector = tower::service_fn(move |_| {
            let (tap, known) = (Arc::clone(&tap), Arc::clone(&known));
            async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await?;
                known.store(stream.local_addr()?.port(), Ordering::Relaxed);
                let throttled = Throttled {
                    stream,
                    tap,
                    pause: None,
                };
                Ok::<_, io::Error>(TokioIo::new(throttled))
            }
        });
        let channel = endpoint.connect_with_connector(connector).await?;
        let events = subscribe(&mut client(channel), document, "slow").await?;
        Ok(Self {
            events,
            port: own_port.load(Ordering::Relaxed),
        })
    }

    /// The port of their end.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Reads until they have this version; how often they were told the content in place of what they
    /// missed.
    pub(crate) async fn reach(&mut self, version: u64) -> Result<f64, Failure> {
        let reading = async {
            let (mut has, mut resyncs) = (0, 0);
            while has < version {
                let event = self.events.message().await?.ok_or("the stream ended")?;
                resyncs += u32::from(matches!(event.event, Some(Event::Resync(_))));
                // How things are when one comes in is not what one has.
                if !matches!(event.event, Some(Event::Present(_))) {
                    has = event.version;
                }
            }
            Ok(f64::from(resyncs))
        };
        tokio::time::timeout(PATIENCE, reading).await?
    }
}

struct Throttled {
    stream: TcpStream,
    tap: Arc<AtomicBool>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Throttled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.tap.load(Ordering::Relaxed) && this.pause.is_none() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let pause = this
            .pause
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(BREAK)));
        ready!(pause.as_mut().poll(context));
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut one))?;
        this.pause = None;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Throttled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
