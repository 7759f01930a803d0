//! An editor as it runs in somebody's browser tab: a Yjs document of its own, and a socket while
//! there is one. What is typed without a socket is uploaded by the next handshake.

use std::collections::BTreeMap;

use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, TextRef, Transact, Update,
};

use crate::patience::in_time;
use crate::socket::{Knock, Socket};
use crate::wire::{self, ServerMessage};

/// One editor of a plain-text document.
pub(crate) struct Editor {
    document: Doc,
    text: TextRef,
    link: Option<Link>,
    /// What is known about the clients of others.
    pub(crate) present: BTreeMap<u64, Value>,
}

/// An open socket. A task of its own reads it, so that writing never waits for reading.
struct Link {
    sender: SplitSink<Socket, Message>,
    incoming: UnboundedReceiver<Result<Bytes, Ended>>,
    reader: JoinHandle<()>,
    /// Sync messages with edits that were sent.
    sent: u64,
    /// How many of them are durable, as the server says.
    saved: u64,
    /// Whether the server's step 1 was answered.
    uploaded: bool,
    /// Answers to our step 1.
    answers: u64,
}

/// The socket has ended: with a close code, or without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended(pub(crate) Option<u16>);

impl Link {
    /// Begins to read what comes.
    fn over(socket: Socket) -> Self {
        let (sender, mut receiver) = socket.split();
        let (arrived, incoming) = unbounded_channel();
        let reader = tokio::spawn(async move {
            let mut code = None;
            // Also after a close frame, which is answered on the way.
            while let Some(Ok(message)) = receiver.next().await {
                match message {
                    Message::Binary(frame) => drop(arrived.send(Ok(frame))),
                    Message::Close(frame) => code = frame.map(|frame| frame.code.into()),
                    _ => {}
                }
            }
            drop(arrived.send(Err(Ended(code))));
        });
        Self {
            sender,
            incoming,
            reader,
            sent: 0,
            saved: 0,
            uploaded: false,
            answers: 0,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Default for Editor {
    fn default() -> Self {
        Self::with_client(ClientID::random().get())
    }
}

impl Editor {
    /// A new editor with this Yjs client id.
    pub(crate) fn with_client(client: u64) -> Self {
        let options = Options {
            offset_kind: OffsetKind::Utf16,
            ..Options::with_client_id(ClientID::new(client))
        };
        let document = Doc::with_options(options);
        let text = document.get_or_insert_text("content");
        Self {
            document,
            text,
            link: None,
            present: BTreeMap::new(),
        }
    }

    /// A new editor, with all that the document has.
    pub(crate) async fn open(door: &Knock) -> Self {
        let mut editor = Self::default();
        editor.connect(door).await;
        editor.synced().await;
        editor
    }

    /// A new editor over a socket that was opened before. Nothing is asked for yet.
    pub(crate) fn over(socket: Socket) -> Self {
        Self {
            link: Some(Link::over(socket)),
            ..Self::default()
        }
    }

    /// Opens the socket and asks for what is missing here.
    pub(crate) async fn connect(&mut self, door: &Knock) {
        self.link = Some(Link::over(door.open().await));
        self.send(wire::step_1(&self.state_vector().encode_v1()))
            .await;
    }

    /// Loses the socket, as a laptop does that is shut.
    pub(crate) fn disconnect(&mut self) {
        self.link = None;
    }

    pub(crate) fn text(&self) -> String {
        self.text.get_string(&self.document.transact())
    }

    pub(crate) fn state_vector(&self) -> StateVector {
        self.document.transact().state_vector()
    }

    pub(crate) fn client(&self) -> u64 {
        self.document.client_id().get()
    }

    /// Sync messages with edits that were sent over this socket.
    pub(crate) fn sent(&self) -> u64 {
        self.link.as_ref().map_or(0, |link| link.sent)
    }

    /// How many of them are durable.
    pub(crate) fn saved(&self) -> u64 {
        self.link.as_ref().map_or(0, |link| link.saved)
    }

    /// Replaces `deleted` characters at `position` by `inserted`, here alone. Returns the update.
    pub(crate) fn replace(&mut self, position: u32, deleted: u32, inserted: &str) -> Vec<u8> {
        let mut transaction = self.document.transact_mut();
        if deleted > 0 {
            self.text.remove_range(&mut transaction, position, deleted);
        }
        if !inserted.is_empty() {
            self.text.insert(&mut transaction, position, inserted);
        }
        transaction.encode_update_v1()
    }

    /// Replaces text here, and tells the server at once if there is a socket. Does not wait for
    /// an answer.
    pub(crate) async fn type_over(&mut self, position: u32, deleted: u32, inserted: &str) {
        let update = self.replace(position, deleted, inserted);
        self.send_update(&update).await;
    }

    /// Tells the server an update.
    pub(crate) async fn send_update(&mut self, update: &[u8]) {
        if let Some(link) = &mut self.link {
            link.sent += 1;
            self.send(wire::update(update)).await;
        }
    }

    /// Tells the others about this client.
    pub(crate) async fn announce(&mut self, clock: u32, state: &Value) {
        self.send(wire::presence(self.client(), clock, &state.to_string()))
            .await;
    }

    /// Sends a frame. When the socket is gone, the next [`Editor::receive`] says so.
    pub(crate) async fn send(&mut self, frame: Vec<u8>) {
        if let Some(link) = &mut self.link {
            let sent = link.sender.send(Message::Binary(frame.into()));
            let _gone = in_time("the server takes a frame", sent).await;
        }
    }

    /// The next message, not yet taken in.
    pub(crate) async fn next_message(&mut self) -> Result<ServerMessage, Ended> {
        let link = self.link.as_mut().ok_or(Ended(None))?;
        let next = in_time("a message from the server", link.incoming.recv()).await;
        next.unwrap_or(Err(Ended(None)))
            .map(|frame| wire::read(&frame))
    }

    /// Takes in the next message.
    pub(crate) async fn receive(&mut self) -> Result<(), Ended> {
        let message = self.next_message().await?;
        self.take_in(message).await;
        Ok(())
    }

    pub(crate) async fn take_in(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Step1(theirs) => self.upload(&theirs).await,
            ServerMessage::Step2(update) => {
                self.apply(&update);
                self.link.as_mut().unwrap().answers += 1;
            }
            ServerMessage::Update(update) => self.apply(&update),
            ServerMessage::Awareness(entries) => self.note(entries),
            ServerMessage::Saved(count) => {
                let link = self.link.as_mut().unwrap();
                assert!((link.saved..=link.sent).contains(&count), "saved {count}");
                link.saved = count;
            }
        }
    }

    fn note(&mut self, entries: Vec<wire::Presence>) {
        for entry in entries {
            match entry.state {
                Some(state) => self.present.insert(entry.client, state),
                None => self.present.remove(&entry.client),
            };
        }
    }

    /// Answers the server's step 1 with all that it lacks.
    async fn upload(&mut self, theirs: &[u8]) {
        let theirs = StateVector::decode_v1(theirs).expect("a state vector");
        let lacking = self.document.transact().encode_state_as_update_v1(&theirs);
        let link = self.link.as_mut().unwrap();
        link.sent += 1;
        link.uploaded = true;
        self.send(wire::step_2(&lacking)).await;
    }

    pub(crate) fn apply(&mut self, update: &[u8]) {
        let update = Update::decode_v1(update).expect("an update");
        self.document
            .transact_mut()
            .apply_update(update)
            .expect("an update that fits");
    }

    /// Takes in what comes until `condition` holds.
    pub(crate) async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let arrived = async {
            while !condition(self) {
                if let Err(ended) = self.receive().await {
                    panic!("{ended:?} while waiting: {what}");
                }
            }
        };
        in_time(what, arrived).await;
    }

    /// Waits until the handshake is through: uploaded what was missing there, and have what was
    /// missing here.
    pub(crate) async fn synced(&mut self) {
        let through = |link: &Link| link.uploaded && link.answers > 0;
        self.until("the handshake", |editor| {
            editor.link.as_ref().is_some_and(through)
        })
        .await;
    }

    /// Waits until everything sent over this socket is durable, as an unmodified client can: by
    /// one more round of the handshake. Afterwards everything that was durable when the server
    /// was asked is here.
    pub(crate) async fn caught_up(&mut self) {
        let asked = self.link.as_ref().expect("a socket").answers;
        self.send(wire::step_1(&self.state_vector().encode_v1()))
            .await;
        let answered = |link: &Link| link.answers > asked;
        self.until("the handshake once more", |editor| {
            editor.link.as_ref().is_some_and(answered)
        })
        .await;
        let holes = self.document.transact().has_missing_updates();
        assert!(!holes, "something is missing in between");
    }

    /// Waits until the server closes the socket, and says with which code.
    pub(crate) async fn ended(&mut self) -> Option<u16> {
        let ended = async {
            loop {
                if let Err(Ended(code)) = self.receive().await {
                    return code;
                }
            }
        };
        in_time("the server closes the socket", ended).await
    }
}
