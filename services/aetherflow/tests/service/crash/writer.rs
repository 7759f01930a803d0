//! Somebody who writes until the line goes dead.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::ledger::{Census, Ledger, Step, Token, tokens_of};
use crate::editor::Editor;
use crate::patience::in_time;
use crate::rest::Person;
use crate::socket::{Knock, SAVED};

/// Acknowledgements that all writers have seen in a round.
#[derive(Default)]
pub(super) struct Tally {
    count: AtomicU64,
    changed: Notify,
}

impl Tally {
    fn add(&self, acknowledgements: u64) {
        self.count.fetch_add(acknowledgements, Ordering::SeqCst);
        self.changed.notify_one();
    }

    pub(super) async fn reaches(&self, target: u64) {
        let reached = async {
            while self.count.load(Ordering::SeqCst) < target {
                self.changed.notified().await;
            }
        };
        in_time("enough acknowledgements", reached).await;
    }
}

/// One of the people who write.
pub(super) struct Writer {
    pub(super) number: usize,
    pub(super) document: String,
    pub(super) editor: Editor,
    door: Knock,
    ledger: Ledger,
    /// Messages that were sent over this socket and are not acknowledged, with their steps.
    in_flight: VecDeque<(u64, Vec<Step>)>,
    in_flight_max: usize,
    random: StdRng,
}

impl Writer {
    /// A writer who is connected, and does not let more than so many messages wait for their
    /// acknowledgement.
    pub(super) async fn new(
        number: usize,
        person: &Person,
        document: &str,
        in_flight_max: usize,
        random: StdRng,
    ) -> Self {
        let mut writer = Self {
            number,
            document: document.to_owned(),
            editor: Editor::default(),
            door: Knock::by(person, document).offer(SAVED),
            ledger: Ledger::new(number),
            in_flight: VecDeque::new(),
            in_flight_max,
            random,
        };
        writer.connect().await;
        writer
    }

    /// Connects and uploads whatever was not acknowledged, in one message.
    pub(super) async fn connect(&mut self) {
        self.editor.connect(&self.door).await;
        self.editor.synced().await;
        self.in_flight = [(self.editor.sent(), self.ledger.open_steps())].into();
        self.note_acknowledgements();
    }

    /// Begins to write, in a task of its own.
    pub(super) fn start(mut self, tally: &Arc<Tally>) -> JoinHandle<Self> {
        let tally = Arc::clone(tally);
        tokio::spawn(async move {
            loop {
                while self.in_flight.len() < self.in_flight_max {
                    self.write().await;
                }
                if self.editor.receive().await.is_err() {
                    self.editor.disconnect();
                    return self;
                }
                tally.add(self.note_acknowledgements());
            }
        })
    }

    /// Inserts a token somewhere between two others or, now and then, deletes one of its own.
    async fn write(&mut self) {
        const DELETIONS: f64 = 0.15;
        let text = self.editor.text();
        let tokens: Vec<_> = tokens_of(&text).collect();
        let own: Vec<_> = tokens
            .iter()
            .filter(|(_, token)| token.writer == self.number)
            .collect();
        let chosen = own
            .choose(&mut self.random)
            .filter(|_| self.random.random_bool(DELETIONS));
        let step = match chosen {
            Some(&&(position, token)) => {
                let length = token.to_string().len() as u32;
                self.editor.type_over(position as u32, length, "").await;
                Step::Delete(token.number)
            }
            None => {
                let boundaries = tokens
                    .iter()
                    .map(|&(position, _)| position)
                    .chain([text.len()]);
                let boundaries: Vec<_> = boundaries.collect();
                let position = *boundaries
                    .choose(&mut self.random)
                    .expect("at least the end");
                let token: Token = self.ledger.next();
                self.editor
                    .type_over(position as u32, 0, &token.to_string())
                    .await;
                Step::Insert(token.number)
            }
        };
        self.ledger.made(step);
        self.in_flight.push_back((self.editor.sent(), vec![step]));
    }

    /// Takes what is acknowledged out of flight. Returns how many messages those were.
    fn note_acknowledgements(&mut self) -> u64 {
        let saved = self.editor.saved();
        let mut acknowledged = 0;
        while self
            .in_flight
            .front()
            .is_some_and(|(message, _)| *message <= saved)
        {
            let steps = self.in_flight.pop_front().into_iter();
            steps
                .flat_map(|(_, steps)| steps)
                .for_each(|step| self.ledger.acknowledged(step));
            acknowledged += 1;
        }
        acknowledged
    }

    /// Waits until everything is acknowledged.
    pub(super) async fn all_saved(&mut self) {
        self.editor
            .until("everything saved", |editor| editor.saved() == editor.sent())
            .await;
        self.note_acknowledgements();
        assert!(self.ledger.open_steps().is_empty());
    }

    /// After a crash, before this writer has come back: see [`Ledger::check_kept`].
    pub(super) fn check_kept(&self, census: &Census) {
        self.ledger.check_kept(census);
    }

    /// See [`Ledger::check_all`].
    pub(super) fn check_all(&self, census: &Census) -> usize {
        self.ledger.check_all(census)
    }
}
