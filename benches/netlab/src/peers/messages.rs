//! Messages from a client to its server: on one stream, on a stream each, or as the transport has
//! them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::Stream;
use crate::Failure;

/// No message of a workload is longer.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Bytes of the length before each message on a stream.
const LENGTH_BYTES: usize = 4;
/// Bytes read from a stream in one call.
const READ_BYTES: usize = 16 << 10;

/// The client's end.
#[async_trait]
pub(crate) trait MessageSink: Send {
    /// Returns when the transport has taken the message.
    async fn send(&mut self, message: Vec<u8>) -> Result<(), Failure>;

    /// What the transport counts of this connection, for the raw results.
    fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// The server's end.
#[async_trait]
pub(crate) trait MessageSource: Send {
    /// The next message that is complete.
    async fn receive(&mut self) -> Result<Vec<u8>, Failure>;

    /// What the transport counts of this connection, for the raw results.
    fn counts(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// Messages in order on one byte stream, each behind its length.
pub(crate) struct Framed {
    stream: Stream,
    received: Vec<u8>,
}

impl Framed {
    pub(crate) fn new(stream: Stream) -> Self {
        let received = Vec::new();
        Self { stream, received }
    }

    /// Takes the first message if it is complete.
    fn take(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let Some((length, rest)) = self.received.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(format!("a message of {length} bytes").into());
        }
        let Some(message) = rest.get(..length) else {
            return Ok(None);
        };
        let message = message.to_vec();
        self.received.drain(..LENGTH_BYTES + length);
        Ok(Some(message))
    }
}

#[async_trait]
impl MessageSink for Framed {
    async fn send(&mut self, message: Vec<u8>) -> Result<(), Failure> {
        let mut framed = u32::try_from(message.len())?.to_le_bytes().to_vec();
        framed.extend(message);
        self.stream.write_all(&framed).await?;
        Ok(self.stream.flush().await?)
    }
}

#[async_trait]
impl MessageSource for Framed {
    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            let mut chunk = [0; READ_BYTES];
            let length = self.stream.read(&mut chunk).await?;
            if length == 0 {
                return Err("the stream ended".into());
            }
            self.received.extend_from_slice(&chunk[..length]);
        }
    }
}

/// A stream of which nothing has been read.
pub(crate) type Unread = Box<dyn AsyncRead + Unpin + Send>;

/// Streams that a client opens to send one message on each.
#[async_trait]
pub(crate) trait StreamSource: Send {
    /// The next stream. Dropped before it is ready, no stream was taken.
    async fn next(&mut self) -> Result<Unread, Failure>;
}

/// Reads all streams of a connection at once: a gap in one holds up no other.
pub(crate) struct StreamPerMessage<S> {
    streams: S,
    reading: JoinSet<Result<Vec<u8>, Failure>>,
}

impl<S> StreamPerMessage<S> {
    pub(crate) fn new(streams: S) -> Self {
        let reading = JoinSet::new();
        Self { streams, reading }
    }
}

#[async_trait]
impl<S: StreamSource> MessageSource for StreamPerMessage<S> {
    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            tokio::select! {
                stream = self.streams.next() => {
                    self.reading.spawn(read_whole(stream?));
                }
                Some(read) = self.reading.join_next() => return read?,
            }
        }
    }
}

async fn read_whole(stream: Unread) -> Result<Vec<u8>, Failure> {
    let mut message = Vec::new();
    let mut bounded = stream.take(MESSAGE_BYTES_MAX as u64 + 1);
    bounded.read_to_end(&mut message).await?;
    if message.len() > MESSAGE_BYTES_MAX {
        return Err("a message that is too long".into());
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn framed_messages_arrive_whole_and_in_order() {
        // Room for less than one message: it arrives in pieces.
        let (client, server) = duplex(7);
        let mut sink = Framed::new(Box::new(client));
        let mut source = Framed::new(Box::new(server));
        let sending = tokio::spawn(async move {
            for number in 0..20_u8 {
                sink.send(vec![number; 50]).await.unwrap();
            }
        });
        for number in 0..20_u8 {
            assert_eq!(source.receive().await.unwrap(), vec![number; 50]);
        }
        sending.await.unwrap();
        assert!(source.receive().await.is_err(), "the stream has ended");
    }

    #[tokio::test]
    async fn a_length_out_of_bounds_is_refused() {
        let (mut client, server) = duplex(64);
        client.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
        let mut source = Framed::new(Box::new(server));
        assert!(source.receive().await.is_err());
    }

    /// Gives the streams it has, and then none for ever.
    struct Given(Vec<Unread>);

    #[async_trait]
    impl StreamSource for Given {
        async fn next(&mut self) -> Result<Unread, Failure> {
            match self.0.pop() {
                Some(stream) => Ok(stream),
                None => std::future::pending().await,
            }
        }
    }

    #[tokio::test]
    async fn a_stream_that_waits_holds_up_no_other() {
        let (mut slow, first) = duplex(64);
        let (mut fast, second) = duplex(64);
        let mut source =
            StreamPerMessage::new(Given(vec![Box::new(second) as Unread, Box::new(first)]));
        slow.write_all(b"sl").await.unwrap();
        fast.write_all(b"fast").await.unwrap();
        drop(fast);
        assert_eq!(source.receive().await.unwrap(), b"fast");
        slow.write_all(b"ow").await.unwrap();
        drop(slow);
        assert_eq!(source.receive().await.unwrap(), b"slow");
    }
}
