//! Messages over the link.

use std::time::Duration;

use super::super::super::script::Script;
use super::Link;
use crate::message::MessageOptions;
use crate::stats::Statistics;
use crate::stream::Side;
use crate::time::Instant;
use crate::urgency::Urgency;

impl Link {
    /// Sends a message that begins with its kind, its sender and its number.
    pub(in super::super) fn send_message(&mut self, side: Side, bytes: u16, reliable: bool) {
        let (kind, options) = if reliable {
            (RELIABLE, MessageOptions::reliable())
        } else {
            (UNRELIABLE, MessageOptions::unreliable())
        };
        self.send(side, bytes, kind, &options);
    }

    /// The same with an urgency and a deadline.
    pub(in super::super) fn send_urgent_message(&mut self, side: Side, script: &mut Script<'_>) {
        let (bytes, urgency, deadline) = (script.short() % 2_100, script.byte(), script.byte());
        let options = MessageOptions::reliable()
            .with_urgency(Urgency::new(urgency))
            .with_deadline(Duration::from_millis(deadline.into()));
        self.send(side, bytes, URGENT, &options);
    }

    fn send(&mut self, side: Side, bytes: u16, kind: u8, options: &MessageOptions) {
        let end = self.end(side);
        let number = end.next_message;
        let mut data = vec![kind, side as u8];
        data.extend_from_slice(&number.to_be_bytes());
        data.extend((0..bytes).map(|index| (index ^ number) as u8));
        if end.messages.send(end.now, data.into(), options).is_err() {
            return;
        }
        end.next_message += 1;
        if let Some(after) = options.deadline {
            end.deadlines.insert(number, end.now + after);
        } else if options.reliable {
            end.sent_messages.insert(number);
        }
    }

    pub(in super::super) fn receive_messages(&mut self, side: Side) {
        let now = self.end(side).now;
        while let Some(data) = self.end(side).messages.receive(now) {
            let Some(([kind, sender, high, low], rest)) = data.split_first_chunk() else {
                assert!(data.len() >= 4, "a message was cut");
                continue;
            };
            assert_eq!(*sender, side.peer() as u8);
            let number = u16::from_be_bytes([*high, *low]);
            let expected = (0..).map(|index: u16| (index ^ number) as u8);
            assert!(rest.iter().copied().eq(expected.take(rest.len())));
            match *kind {
                RELIABLE => {
                    let fresh = self.end(side).received_messages.insert(number);
                    assert!(fresh, "a message came twice");
                }
                URGENT => self.receive_in_time(side, now, number),
                _ => {}
            }
        }
    }

    /// The floor of delays rises by half a thousandth of the time that has passed.
    fn receive_in_time(&mut self, side: Side, now: Instant, number: u16) {
        let deadline = self.end(side.peer()).deadlines.get(&number).copied();
        let drift = now.since(Instant::ORIGIN) / 2_000;
        let is_in_time = deadline.is_some_and(|deadline| now <= deadline + drift);
        assert!(is_in_time, "message {number} is late");
        let fresh = self.end(side).in_time.insert(number);
        assert!(fresh, "a message came twice");
    }

    /// Every reliable message arrived; and both ends know how many did not in time.
    pub(in super::super) fn check_messages(&self) {
        for (sender, receiver) in [(0, 1), (1, 0)].map(|(a, b)| (&self.ends[a], &self.ends[b])) {
            assert_eq!(sender.sent_messages, receiver.received_messages);
            let missing = (sender.deadlines.len() - receiver.in_time.len()) as u64;
            let [mut sent, mut received] = [Statistics::default(); 2];
            sender.messages.fill(&mut sent);
            receiver.messages.fill(&mut received);
            assert_eq!(
                received.messages_missed + received.messages_withheld,
                missing
            );
            // What arrived although it was believed lost may have expired all the same.
            assert!(sent.messages_expired + sent.messages_late >= missing);
        }
    }
}

/// Kinds of messages: their first byte.
const UNRELIABLE: u8 = 0;
const RELIABLE: u8 = 1;
/// Reliable, with a deadline.
const URGENT: u8 = 2;
