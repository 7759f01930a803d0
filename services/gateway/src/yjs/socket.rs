//! One connected editor: a task with one `match` for what comes in and one order for what goes
//! out.
//!
//! In: frames become messages ([`super::message`]); an edit goes to the document's owner, and
//! only a bounded number of them is under way before the next frame is read, so a fast writer
//! meets TCP's own back-pressure. Out: answers in the order of the questions, then news of the
//! document, which waits in its hub and not here. Nothing is queued for a slow reader.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, SplitSink, SplitStream};
use futures::{FutureExt, SinkExt, StreamExt};
use statesync_core::{
    Accepted, Author, Batch, Change, Document, DocumentState, Edit, EditError, PolicyName,
    PresenceError, Receipt, Role, Status, Subscription,
};
use tokio::time::{Instant, Sleep, sleep_until};

use super::close::Close;
use super::ending::{End, end, in_time, read_failed};
use super::message::{self, ClientMessage, EMPTY_UPDATE, read_message};
use super::news::updates_for;
use crate::app::App;
use crate::auth::Principal;
use crate::limits::FrameBudget;
use crate::sockets::Registration;

/// Longest silence towards a client. The provider of y-websocket takes a connection for dead
/// after 30 s without a message (`messageReconnectTimeout`); control frames do not count.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Longest silence of a client, which answers our pings, before it is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(70);

/// Messages of one client that may wait for their answers before its next frame is read.
const UNANSWERED_MAX: usize = 64;

/// Bytes of edits of one client that may wait for their answers, likewise.
const UNANSWERED_BYTES_MAX: usize = 1024 * 1024;

/// A client's place in a document, as its socket task needs it.
pub(crate) struct Seat {
    pub(crate) app: Arc<App>,
    pub(crate) principal: Principal,
    pub(crate) subscription: Subscription,
    pub(crate) registration: Registration,
    /// What the client may do at first.
    pub(crate) role: Role,
    /// Whether the client asked to be told what is durable.
    pub(crate) wants_saved: bool,
}

/// An answer that a client waits for.
enum Answer {
    /// One of its sync messages, of so many bytes, was decided about.
    Edit(usize, Result<Accepted, EditError>),
    /// What it lacks.
    Difference(Result<Bytes, EditError>),
    /// All there is, after it fell too far behind.
    Resync(Result<Bytes, EditError>),
}

struct Connection {
    seat: Seat,
    author: Author,
    sender: SplitSink<WebSocket, Message>,
    receiver: SplitStream<WebSocket>,
    budget: FrameBudget,
    /// Messages of the last frame that were not handled yet.
    messages: VecDeque<ClientMessage>,
    /// An edit that waits for a place in the owner's queue.
    submitting: Option<(usize, BoxFuture<'static, Result<Receipt, EditError>>)>,
    answers: FuturesOrdered<BoxFuture<'static, Answer>>,
    unanswered_bytes: usize,
    /// Whether it waits for what it lacks, which may be all there is: one at a time.
    differing: bool,
    /// What the client may do now.
    role: Role,
    /// Sync messages of this socket that are durable.
    saved: u64,
    heard_at: Instant,
    touched_at: Instant,
    keepalive: Pin<Box<Sleep>>,
    /// Until then nothing is read: the client used up its rate.
    paused: Option<Pin<Box<Sleep>>>,
}

/// Serves a client until either side ends it.
pub(crate) async fn serve(socket: WebSocket, mut seat: Seat) {
    let cancelled = seat.registration.cancelled();
    let mut connection = Connection::new(socket, seat);
    let ending = tokio::select! {
        // Also while the client does not read what is sent.
        close = cancelled => close.into(),
        ending = connection.run() => ending,
    };
    let (mut sender, mut receiver) = connection.leave();
    if let End::Close(close) = ending {
        end(&mut sender, &mut receiver, close).await;
    }
}

/// What a document's state, policy and permissions leave of a role: whoever sends raw updates can only
/// read where they are not merged.
pub(crate) fn effective_role(document: &Document, principal: &Principal) -> Option<Role> {
    let role = document.metadata.permissions.role_of(&principal.user_id)?;
    match document.state {
        DocumentState::Active if document.policy != PolicyName::Merge => Some(Role::Viewer),
        DocumentState::Active => Some(role),
        DocumentState::Archived => Some(Role::Viewer),
        _ => None,
    }
}

impl Connection {
    fn new(socket: WebSocket, seat: Seat) -> Self {
        let (sender, receiver) = socket.split();
        let now = Instant::now();
        let author = Author {
            user_id: seat.principal.user_id.clone(),
            session_id: seat.principal.session_id.to_string().into(),
        };
        Self {
            author,
            sender,
            receiver,
            budget: FrameBudget::new(&seat.app.limits),
            messages: VecDeque::new(),
            submitting: None,
            answers: FuturesOrdered::new(),
            unanswered_bytes: 0,
            differing: false,
            role: seat.role,
            saved: 0,
            heard_at: now,
            touched_at: now,
            keepalive: Box::pin(sleep_until(now + KEEPALIVE)),
            paused: None,
            seat,
        }
    }

    /// Our own step 1, which makes the client upload what it did offline. A viewer has nothing
    /// to upload.
    async fn welcome(&mut self) -> Result<(), End> {
        if self.role < Role::Editor {
            return Ok(());
        }
        let state_vector = self.seat.subscription.document().state_vector().await;
        self.send(message::sync_step_1(&state_vector.map_err(Close::from)?))
            .await
    }

    /// Leaves the document, at once, and keeps the socket for saying so.
    fn leave(self) -> (SplitSink<WebSocket, Message>, SplitStream<WebSocket>) {
        (self.sender, self.receiver)
    }

    async fn run(&mut self) -> End {
        if let Err(end) = self.welcome().await {
            return end;
        }
        loop {
            let reads = self.may_read();
            let step = tokio::select! {
                answer = self.answers.next(), if !self.answers.is_empty() => {
                    self.on_answers(answer).await
                }
                receipt = submitted(&mut self.submitting), if self.submitting.is_some() => {
                    self.on_submitted(receipt)
                }
                batch = self.seat.subscription.next() => self.on_news(batch).await,
                frame = self.receiver.next(), if reads => self.on_frame(frame),
                () = resumed(&mut self.paused), if self.paused.is_some() => {
                    self.paused = None;
                    Ok(())
                }
                () = &mut self.keepalive => self.on_keepalive().await,
            };
            if let Err(end) = step.and_then(|()| self.handle_messages()) {
                return end;
            }
        }
    }

    /// Whether the next frame may be read: nothing of the last one is left, and few enough
    /// edits are under way.
    fn may_read(&self) -> bool {
        self.paused.is_none()
            && self.submitting.is_none()
            && self.messages.is_empty()
            && self.answers.len() < UNANSWERED_MAX
            && self.unanswered_bytes < UNANSWERED_BYTES_MAX
    }

    fn on_frame(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let frame = frame.ok_or(End::Gone)?;
        let frame = frame.map_err(|error| read_failed(&error))?;
        metrics::counter!("gateway_frames_received_total").increment(1);
        self.heard_at = Instant::now();
        self.touch_session(self.heard_at);
        let bytes = match &frame {
            Message::Binary(frame) | Message::Ping(frame) | Message::Pong(frame) => frame.len(),
            Message::Text(_) => {
                return Err(Close::new(Close::MALFORMED, "frames are binary").into());
            }
            Message::Close(_) => return Err(End::Gone),
        };
        let pause = self.budget.spend(bytes);
        self.paused = pause.map(|until| Box::pin(sleep_until(until)));
        match frame {
            Message::Binary(frame) => self.read_messages(frame),
            _ => Ok(()),
        }
    }

    fn read_messages(&mut self, mut frame: Bytes) -> Result<(), End> {
        loop {
            if self.messages.len() > self.seat.app.limits.frame_messages_max {
                return Err(Close::new(Close::MALFORMED, "too many messages in a frame").into());
            }
            match read_message(&mut frame) {
                Ok(Some(message)) => self.messages.push_back(message),
                Ok(None) => return Ok(()),
                Err(error) => return Err(Close::new(Close::MALFORMED, error.to_string()).into()),
            }
        }
    }

    /// Handles messages until one has to wait: the one inbound match.
    fn handle_messages(&mut self) -> Result<(), End> {
        while self.submitting.is_none() && !self.differing {
            let Some(message) = self.messages.pop_front() else {
                return Ok(());
            };
            match message {
                ClientMessage::SyncStep1(state_vector) => {
                    self.differing = true;
                    let document = Arc::clone(self.seat.subscription.document());
                    let answer =
                        async move { Answer::Difference(document.difference(state_vector).await) };
                    self.answers.push_back(answer.boxed());
                }
                ClientMessage::SyncStep2(update) | ClientMessage::Update(update) => {
                    self.submit(update)?;
                }
                ClientMessage::Awareness(entries) => {
                    for entry in entries {
                        // Providers also send back what they were told about others, so an entry
                        // for somebody else's client is no offence; it just has no effect.
                        let announced = self.seat.subscription.announce(vec![entry]);
                        if let Err(error @ PresenceError::TooLarge(_)) = announced {
                            return Err(Close::new(Close::TOO_LARGE, error.to_string()).into());
                        }
                    }
                }
                ClientMessage::QueryAwareness => self.seat.subscription.forget_presence(),
            }
        }
        Ok(())
    }

    /// Hands an update to the document's owner.
    fn submit(&mut self, update: Bytes) -> Result<(), End> {
        let size = update.len();
        if *update == *EMPTY_UPDATE {
            // The usual answer to our step 1. It says nothing, so it is durable already.
            let version = self.seat.subscription.document().document().version;
            let accepted = Accepted {
                version,
                operation_id: None,
                status: Status::Applied,
                conflict: None,
            };
            self.answers
                .push_back(async move { Answer::Edit(0, Ok(accepted)) }.boxed());
            return Ok(());
        }
        if self.role < Role::Editor {
            return Err(Close::new(Close::FORBIDDEN, "you can read this document only").into());
        }
        let document = Arc::clone(self.seat.subscription.document());
        let origin = Some(self.seat.subscription.connection());
        let edit = Edit::new(self.author.clone(), Change::Yjs(update));
        let submitting = async move { document.submit(edit, origin).await };
        self.unanswered_bytes += size;
        self.submitting = Some((size, submitting.boxed()));
        self.poll_submitting()
    }

    /// Takes the usual case without waiting: there is a place in the owner's queue.
    fn poll_submitting(&mut self) -> Result<(), End> {
        let Some((size, mut submitting)) = self.submitting.take() else {
            return Ok(());
        };
        match (&mut submitting).now_or_never() {
            Some(receipt) => self.on_submitted((size, receipt)),
            None => {
                self.submitting = Some((size, submitting));
                Ok(())
            }
        }
    }

    fn on_submitted(
        &mut self,
        (size, receipt): (usize, Result<Receipt, EditError>),
    ) -> Result<(), End> {
        self.submitting = None;
        let receipt = receipt.map_err(Close::from)?;
        let started = Instant::now();
        let answer = async move {
            let answer = receipt.answer().await;
            metrics::histogram!("gateway_operation_duration_seconds").record(started.elapsed());
            Answer::Edit(size, answer)
        };
        self.answers.push_back(answer.boxed());
        Ok(())
    }

    /// Passes on one answer, and all that are ready behind it, in one write.
    async fn on_answers(&mut self, first: Option<Answer>) -> Result<(), End> {
        let saved_before = self.saved;
        let mut next = first;
        while let Some(answer) = next {
            match answer {
                Answer::Edit(size, outcome) => {
                    self.unanswered_bytes -= size;
                    self.on_edit_answered(outcome)?;
                }
                Answer::Difference(update) => {
                    self.differing = false;
                    let update = update.map_err(Close::from)?;
                    self.feed(message::sync_step_2(&update)).await?;
                }
                Answer::Resync(update) => {
                    self.feed(message::update(&update.map_err(Close::from)?))
                        .await?;
                }
            }
            next = self.answers.next().now_or_never().flatten();
        }
        if self.seat.wants_saved && self.saved != saved_before {
            self.feed(message::saved(self.saved)).await?;
        }
        self.flush().await
    }

    fn on_edit_answered(&mut self, outcome: Result<Accepted, EditError>) -> Result<(), End> {
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("gateway_operations_total", "result" => result).increment(1);
        let accepted = outcome.map_err(Close::from)?;
        if accepted.operation_id.is_some() {
            metrics::counter!("statesync_operations_total").increment(1);
        }
        self.saved += 1;
        Ok(())
    }

    /// Passes on what is new in the document: the one outbound order.
    async fn on_news(&mut self, batch: Batch) -> Result<(), End> {
        if let Some(document) = &batch.document {
            self.role =
                effective_role(document, &self.seat.principal).ok_or_else(Close::not_found)?;
        }
        if batch.resync {
            // All there is includes the records of this batch.
            let document = Arc::clone(self.seat.subscription.document());
            let everything = Bytes::from_static(NOTHING_KNOWN);
            let answer = async move { Answer::Resync(document.difference(everything).await) };
            self.answers.push_back(answer.boxed());
        } else {
            let me = self.seat.subscription.connection();
            for update in updates_for(me, &batch.records) {
                self.feed(message::update(&update)).await?;
            }
        }
        if !batch.presence.is_empty() {
            self.feed(message::awareness(&batch.presence)).await?;
        }
        self.flush().await?;
        batch
            .closed
            .map_or(Ok(()), |reason| Err(Close::from(reason).into()))
    }

    /// Shows the client that we live, and looks whether it does.
    async fn on_keepalive(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if now - self.heard_at > SILENCE_MAX {
            return Err(End::Gone);
        }
        self.feed_message(Message::Ping(Bytes::new())).await?;
        self.send(message::awareness(&[])).await
    }

    /// Tells the session service, now and then, that the session is in use.
    fn touch_session(&mut self, now: Instant) {
        const EVERY: Duration = Duration::from_secs(60);
        if now - self.touched_at < EVERY {
            return;
        }
        self.touched_at = now;
        let app = Arc::clone(&self.seat.app);
        let session_id = self.seat.principal.session_id;
        tokio::spawn(async move { app.touch_session(session_id).await });
    }

    async fn send(&mut self, frame: Bytes) -> Result<(), End> {
        self.feed(frame).await?;
        self.flush().await
    }

    async fn feed(&mut self, frame: Bytes) -> Result<(), End> {
        metrics::counter!("gateway_frames_sent_total").increment(1);
        self.feed_message(Message::Binary(frame)).await
    }

    async fn feed_message(&mut self, message: Message) -> Result<(), End> {
        in_time(self.sender.feed(message)).await
    }

    async fn flush(&mut self) -> Result<(), End> {
        let until = Instant::now() + KEEPALIVE;
        self.keepalive.as_mut().reset(until);
        in_time(self.sender.flush()).await
    }
}

/// The state vector of a document that has nothing.
const NOTHING_KNOWN: &[u8] = &[0];

async fn submitted(
    submitting: &mut Option<(usize, BoxFuture<'static, Result<Receipt, EditError>>)>,
) -> (usize, Result<Receipt, EditError>) {
    match submitting {
        Some((size, submitting)) => (*size, submitting.await),
        None => std::future::pending().await,
    }
}

async fn resumed(paused: &mut Option<Pin<Box<Sleep>>>) {
    match paused {
        Some(paused) => paused.await,
        None => std::future::pending().await,
    }
}
