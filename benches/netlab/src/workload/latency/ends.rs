//! The two processes of a run: the client sends messages when they are due, the server notes when
//! they arrive.

use std::collections::BTreeMap;
use std::time::Duration;

use netlab::clock::monotonic;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::flow::{Delivery, NUMBER_BYTES, Plan};
use crate::Failure;
use crate::child::{Report, Stop, say};
use crate::peers::messages::{Framed, MessageSink, MessageSource};
use crate::peers::{self, Dialer, Listener, Setup};
use crate::ticker::Ticker;

/// How long connecting may take.
pub(super) const CONNECT: Duration = Duration::from_secs(30);
/// At least so long between the handshake and the first message: discovery of the path's MTU is
/// over by then.
const PAUSE: u64 = 1_200_000_000;
/// So long before the first message the lab hears of it.
const NOTICE: u64 = 100_000_000;

/// What the client saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// What the transport counted.
    pub(crate) counts: BTreeMap<String, u64>,
    /// Why not everything was sent.
    pub(crate) ended: Option<String>,
}

/// What the server saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Received {
    /// Number and time of each message, in the order of arrival.
    pub(crate) arrivals: Vec<(u32, u64)>,
    /// What the transport counted.
    pub(crate) counts: BTreeMap<String, u64>,
    /// Why not everything was received.
    pub(crate) ended: Option<String>,
}

/// The client: connects, says when the first message is due, and sends until told to stop.
pub(crate) async fn send(setup: &Setup, plan: Plan, stop: &mut Stop) -> Result<Report, Failure> {
    let mut dialer = peers::dialer(setup).await?;
    let mut sink = timeout(CONNECT, connect(dialer.as_mut(), plan.delivery)).await??;
    let mut ticker = Ticker::new()?;
    let first = plan.first(monotonic(), PAUSE);
    ticker.sleep_until(first - NOTICE).await?;
    say(&Report::Begins { first })?;
    let sent = tokio::select! {
        sent = send_all(sink.as_mut(), plan, first, &mut ticker) => sent,
        () = stop.told() => Err("it could not send everything in time".into()),
    };
    let ended = sent.err().map(|failure| failure.to_string());
    stop.told().await;
    let counts = sink.counts();
    Ok(Report::Sent(Sent { counts, ended }))
}

async fn connect(
    dialer: &mut dyn Dialer,
    delivery: Delivery,
) -> Result<Box<dyn MessageSink>, Failure> {
    Ok(match delivery {
        Delivery::Unordered => dialer.connect_messages().await?,
        Delivery::Ordered => Box::new(Framed::new(dialer.connect().await?)),
    })
}

async fn send_all(
    sink: &mut dyn MessageSink,
    plan: Plan,
    first: u64,
    ticker: &mut Ticker,
) -> Result<(), Failure> {
    for number in 0..plan.messages {
        ticker.sleep_until(first + plan.offset(number)).await?;
        sink.send(message(number, plan.flow.bytes)).await?;
    }
    Ok(())
}

fn message(number: u32, bytes: u32) -> Vec<u8> {
    let mut message = vec![0x5a; bytes as usize];
    message[..NUMBER_BYTES].copy_from_slice(&number.to_le_bytes());
    message
}

/// The server: listens, notes what arrives, says when that is everything, and goes on until told to
/// stop.
pub(crate) async fn receive(setup: &Setup, plan: Plan, stop: &mut Stop) -> Result<Report, Failure> {
    let mut listener = peers::listen(setup).await?;
    say(&Report::Ready)?;
    let mut received = Received::default();
    let mut source = tokio::select! {
        source = accept(listener.as_mut(), plan.delivery) => source?,
        () = stop.told() => return Ok(Report::Received(received)),
    };
    let ended = tokio::select! {
        ended = receive_all(source.as_mut(), plan, &mut received.arrivals) => ended,
        () = stop.told() => Ok(()),
    };
    received.ended = ended.err().map(|failure| failure.to_string());
    stop.told().await;
    received.counts = source.counts();
    Ok(Report::Received(received))
}

/// Ends only by a failure: what arrives twice is noted as well.
async fn receive_all(
    source: &mut dyn MessageSource,
    plan: Plan,
    arrivals: &mut Vec<(u32, u64)>,
) -> Result<(), Failure> {
    let mut missing = vec![true; plan.messages as usize];
    let mut left = plan.messages;
    loop {
        let message = source.receive().await?;
        let number = number(&message, plan)?;
        arrivals.push((number, monotonic()));
        if arrivals.len() > 2 * missing.len() {
            return Err("messages arrive again and again".into());
        }
        if std::mem::take(&mut missing[number as usize]) {
            left -= 1;
            if left == 0 {
                say(&Report::Complete)?;
            }
        }
    }
}

async fn accept(
    listener: &mut dyn Listener,
    delivery: Delivery,
) -> Result<Box<dyn MessageSource>, Failure> {
    Ok(match delivery {
        Delivery::Unordered => listener.accept_messages().await?,
        Delivery::Ordered => Box::new(Framed::new(listener.accept().await?.await?)),
    })
}

/// Which message it is; everything of it has to be as it was sent.
fn number(received: &[u8], plan: Plan) -> Result<u32, Failure> {
    let number = received.first_chunk().copied().map(u32::from_le_bytes);
    let number = number.filter(|number| *number < plan.messages);
    let number = number.ok_or("a message without a number")?;
    if received != message(number, plan.flow.bytes) {
        return Err(format!("message {number} is not what was sent").into());
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_number_and_has_to_be_whole() {
        let plan = Plan {
            flow: "200x100".parse().unwrap(),
            delivery: Delivery::Unordered,
            messages: 8,
            origin: 0,
        };
        assert_eq!(number(&message(7, 200), plan).unwrap(), 7);
        assert!(number(&message(8, 200), plan).is_err());
        assert!(number(&message(7, 199), plan).is_err());
        assert!(number(&[], plan).is_err());
        let mut damaged = message(7, 200);
        damaged[100] ^= 1;
        assert!(number(&damaged, plan).is_err());
    }
}
