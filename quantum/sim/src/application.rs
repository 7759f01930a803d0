//! The application of a run: writes and reads what the plan says, and compares every byte.
//!
//! It waits for notices and polls nothing: a notice that a transport forgets leaves it hanging,
//! which the liveness rule finds.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use quantum_proto::stream::{Direction, Side, StreamId};
use quantum_proto::time::Instant;

use crate::options::plan::{Closing, Plan};
use crate::transport::{Ending, Notice, Transport};
use crate::violation::Rule;

mod content;
mod messages;
mod reader;
mod shared;
mod writer;

use messages::{Incoming, Outgoing};
use reader::Reader;
pub use shared::{Doubt, Shared};
use writer::Writer;

/// A rule that did not hold, and how.
pub type Fault = (Rule, String);

/// One side's application.
pub struct Application {
    side: Side,
    plan: Rc<Plan>,
    shared: Rc<Shared>,
    started_at: Option<Instant>,
    is_connected: bool,
    early: Early,
    confirmed_at: Option<Instant>,
    openings: [Openings; 2],
    writers: BTreeMap<StreamId, Writer>,
    readers: BTreeMap<StreamId, Reader>,
    outgoing: Outgoing,
    incoming: Incoming,
    /// What happened before this application was there.
    before: Vec<Notice>,
    /// Streams that were stopped before they were accepted.
    stopped: BTreeMap<StreamId, u64>,
    closing: bool,
    /// When the closer looks again whether the other side is done: nobody tells it.
    look_at: Option<Instant>,
    ending: Option<Ending>,
    fault: Option<Fault>,
    scratch: Vec<u8>,
}

/// What became of data that were sent before the handshake was complete.
#[derive(Default)]
struct Early {
    /// What the server has to do with them; `None`: there are none.
    expected: Option<bool>,
    accepted: Option<bool>,
    rejections: u32,
}

/// Streams of one direction that are to be opened.
#[derive(Default)]
struct Openings {
    opened: usize,
    accepted: usize,
    blocked: bool,
}

impl Application {
    /// The application of `side`.
    #[must_use]
    pub fn new(side: Side, plan: Rc<Plan>, shared: Rc<Shared>) -> Self {
        let peer = other(side);
        Self {
            side,
            outgoing: Outgoing::new(side),
            incoming: Incoming::new(peer, &plan.side(peer).messages),
            plan,
            shared,
            started_at: None,
            is_connected: false,
            early: Early::default(),
            confirmed_at: None,
            openings: Default::default(),
            writers: BTreeMap::new(),
            readers: BTreeMap::new(),
            before: Vec::new(),
            stopped: BTreeMap::new(),
            closing: false,
            look_at: None,
            ending: None,
            fault: None,
            scratch: Vec::new(),
        }
    }

    /// Data can be exchanged; `early` happened before.
    pub fn start(&mut self, now: Instant, early: Vec<Notice>) {
        self.started_at.get_or_insert(now);
        self.before.extend(early);
    }

    /// A client that was here before begins with the first flight. `taken`: the server has to take
    /// what it sends, or else to refuse it.
    #[must_use]
    pub fn returning(mut self, now: Instant, taken: bool) -> Self {
        self.started_at = Some(now);
        self.early.expected = Some(taken);
        self
    }

    /// Whose application it is.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Does everything that can be done now.
    pub fn run(&mut self, now: Instant, transport: &mut impl Transport) {
        for notice in std::mem::take(&mut self.before) {
            self.hear(now, notice, transport);
        }
        while let Some(notice) = transport.poll_notice() {
            self.hear(now, notice, transport);
        }
        let Some(since) = self.started_at.filter(|_| self.fault.is_none()) else {
            return;
        };
        if self.ending.is_none() {
            self.open(now, since, transport);
        }
        let worked = self.work(now, since, transport);
        self.fault = worked.err();
        self.shared.set_done(self.side, self.is_done());
        self.close(now, transport);
    }

    fn work(
        &mut self,
        now: Instant,
        since: Instant,
        transport: &mut impl Transport,
    ) -> Result<(), Fault> {
        for writer in self.writers.values_mut() {
            writer.run(transport, &mut self.scratch)?;
        }
        for reader in self.readers.values_mut() {
            reader.run(now, transport, &mut self.scratch)?;
        }
        self.outgoing
            .run(now, since, &self.plan, &self.shared, transport)?;
        self.incoming.run(now, &self.plan, &self.shared, transport)
    }

    fn hear(&mut self, now: Instant, notice: Notice, transport: &mut impl Transport) {
        match notice {
            Notice::Connected => {
                self.start(now, Vec::new());
                self.is_connected = true;
                self.early.accepted = transport.early_data_accepted();
            }
            Notice::EarlyDataRejected => self.early.rejections += 1,
            Notice::Confirmed => self.confirmed_at = Some(now),
            Notice::StreamOpened(direction) => self.accept(direction, transport),
            Notice::Readable(id) => self.with_reader(id, Reader::on_readable),
            Notice::Writable(id) => self.with_writer(id, Writer::on_writable),
            Notice::Finished(id) => self.with_writer(id, Writer::on_finished),
            Notice::Stopped(id, code) => {
                self.stopped.insert(id, code);
                self.with_writer(id, |writer| writer.on_stopped(code));
                transport.reset(id, code);
            }
            Notice::StreamsAvailable(direction) => {
                self.openings[direction as usize].blocked = false;
            }
            Notice::MessageReceived => self.incoming.available = true,
            Notice::MessagesWritable => self.outgoing.blocked = false,
            Notice::MessageExpired => self.outgoing.expired_news = true,
            Notice::MessagesMissed(count) => self.incoming.missed += count,
            Notice::Closed(ending) => {
                self.ending.get_or_insert(ending);
            }
        }
    }

    fn with_reader(&mut self, id: StreamId, act: impl FnOnce(&mut Reader)) {
        if let Some(reader) = self.readers.get_mut(&id) {
            act(reader);
        }
    }

    fn with_writer(&mut self, id: StreamId, act: impl FnOnce(&mut Writer)) {
        if let Some(writer) = self.writers.get_mut(&id) {
            act(writer);
        }
    }

    fn open(&mut self, now: Instant, since: Instant, transport: &mut impl Transport) {
        let plan = Rc::clone(&self.plan);
        for direction in [Direction::Bidirectional, Direction::Unidirectional] {
            while let Some(stream) = self.next_to_open(direction) {
                let openings = &mut self.openings[direction as usize];
                if openings.blocked || since + stream > now {
                    break;
                }
                let Some(id) = transport.open(direction) else {
                    openings.blocked = true;
                    break;
                };
                openings.opened += 1;
                self.begin(id, &plan);
            }
        }
    }

    /// When the next stream is to be opened, after the handshake.
    fn next_to_open(&self, direction: Direction) -> Option<std::time::Duration> {
        let streams = self.plan.side(self.side).streams(direction);
        let stream = streams.get(self.openings[direction as usize].opened)?;
        Some(stream.opens_at)
    }

    fn accept(&mut self, direction: Direction, transport: &mut impl Transport) {
        let plan = Rc::clone(&self.plan);
        while let Some(id) = transport.accept(direction) {
            let accepted = &mut self.openings[direction as usize].accepted;
            *accepted += 1;
            if plan.stream(id).is_none() {
                self.fault = Some((Rule::DataEquality, format!("{id:?} was never opened")));
                return;
            }
            self.begin(id, &plan);
        }
    }

    fn begin(&mut self, id: StreamId, plan: &Plan) {
        let Some(stream) = plan.stream(id) else {
            return;
        };
        let mine = id.initiator() == self.side;
        let legs = (Some(&stream.forward), stream.backward.as_ref());
        let (writes, reads) = if mine { legs } else { (legs.1, legs.0) };
        if let Some(leg) = writes {
            let mut writer = Writer::new(id, plan.stream_key(id, self.side), leg.clone());
            if let Some(code) = self.stopped.get(&id) {
                writer.on_stopped(*code);
            }
            self.writers.insert(id, writer);
        }
        if let Some(leg) = reads {
            let key = plan.stream_key(id, other(self.side));
            self.readers.insert(id, Reader::new(id, key, leg.clone()));
        }
    }

    fn close(&mut self, now: Instant, transport: &mut impl Transport) {
        if self.closing || self.ending.is_some() || self.plan.closer != self.side {
            return;
        }
        let ready = self.is_connected
            && match self.plan.closing {
                Closing::WhenAllIsDone => self.shared.all_done(),
                Closing::WhenAllIsWritten => self.has_written() && self.has_read(),
            };
        self.look_at = (!ready && self.is_done()).then(|| now + LOOK_AGAIN);
        if ready {
            self.closing = true;
            self.shared.set_closed_at(now);
            transport.shut_down(now, Plan::CLOSE_CODE);
        }
    }

    fn opened_all(&self) -> bool {
        let plan = self.plan.side(self.side);
        [Direction::Bidirectional, Direction::Unidirectional]
            .iter()
            .all(|direction| {
                self.openings[*direction as usize].opened == plan.streams(*direction).len()
            })
    }

    fn accepted_all(&self) -> bool {
        let plan = self.plan.side(other(self.side));
        [Direction::Bidirectional, Direction::Unidirectional]
            .iter()
            .all(|direction| {
                self.openings[*direction as usize].accepted == plan.streams(*direction).len()
            })
    }

    fn has_written(&self) -> bool {
        let plan = self.plan.side(self.side);
        let sent = self.outgoing.is_done(&plan.messages);
        sent && self.opened_all() && self.writers.values().all(Writer::has_written)
    }

    fn has_read(&self) -> bool {
        let read = self.readers.values().all(Reader::is_done);
        read && self.accepted_all() && self.incoming.is_done()
    }

    /// Everything planned has been done, but for the closing.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.has_written() && self.has_read() && self.writers.values().all(Writer::is_done)
    }

    /// When it wants to run again by itself.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let since = self.started_at?;
        if self.ending.is_some() {
            return self.readers.values().filter_map(Reader::poll_timeout).min();
        }
        let openings = [Direction::Bidirectional, Direction::Unidirectional]
            .into_iter()
            .filter(|direction| !self.openings[*direction as usize].blocked)
            .filter_map(|direction| self.next_to_open(direction))
            .map(|after| since + after);
        let readers = self.readers.values().filter_map(Reader::poll_timeout);
        let messages = self
            .outgoing
            .poll_timeout(since, &self.plan.side(self.side).messages);
        openings
            .chain(readers)
            .chain(messages)
            .chain(self.look_at)
            .min()
    }

    /// How the connection ended, if it has.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// A rule that did not hold.
    ///
    /// # Errors
    ///
    /// That one.
    pub fn check(&self) -> Result<(), Fault> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// What should have happened by the end. `excused`: the last words of the closer may have been
    /// lost.
    ///
    /// # Errors
    ///
    /// What has not.
    pub fn check_end(&self, excused: bool) -> Result<(), Fault> {
        self.check()?;
        let closer = self.plan.closer == self.side;
        match &self.ending {
            Some(Ending::Here) if closer => {}
            Some(Ending::Peer(code)) if !closer && *code == Plan::CLOSE_CODE => {}
            Some(Ending::Silence) if !closer && excused => {}
            ending => return Err((Rule::Ending, format!("{:?}: {ending:?}", self.side))),
        }
        self.check_early()?;
        // The closer does not wait for the reader; and what is delivered counts as written.
        if self.has_read() && (closer || self.has_written()) {
            return Ok(());
        }
        Err((Rule::Liveness, format!("{:?}", self.side)))
    }

    fn check_early(&self) -> Result<(), Fault> {
        let Some(taken) = self.early.expected else {
            return Ok(());
        };
        let (accepted, rejections) = (self.early.accepted, self.early.rejections);
        if accepted == Some(taken) && rejections == u32::from(!taken) {
            return Ok(());
        }
        let detail = format!("accepted {accepted:?}, rejected {rejections} times");
        Err((Rule::EarlyData, detail))
    }

    /// When both sides knew that the handshake is complete.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<Instant> {
        self.confirmed_at
    }

    /// When this side closed the connection.
    #[must_use]
    pub fn closed_at(&self) -> Option<Instant> {
        self.shared.closed_at()
    }

    /// What is not finished, in words.
    #[must_use]
    pub fn unfinished(&self) -> String {
        let mut words = format!("{:?}", self.side);
        if !self.is_connected {
            words += ": not connected";
        }
        let writers = self.writers.values().filter(|writer| !writer.is_done());
        let readers = self.readers.values().filter(|reader| !reader.is_done());
        for open in writers
            .map(Writer::describe)
            .chain(readers.map(Reader::describe))
        {
            words = words + "; " + &open;
        }
        let opened = self.opened_all() && self.accepted_all();
        let sent = self.outgoing.is_done(&self.plan.side(self.side).messages);
        let received = self.incoming.is_done();
        words + &format!("; streams there {opened}, messages sent {sent}, received {received}")
    }
}

/// Often enough not to prolong a run, and seldom enough not to be one.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The other side.
pub(crate) fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}
