//! Reads an update (Yjs encoding version 1) without building anything, before yrs builds it.
//!
//! The bytes come from a stranger. The decoder of yrs reserves memory for whatever a count says,
//! calls itself for each level of a nested value, and wraps numbers that do not fit; a process
//! that runs out of memory or stack is gone with every document in it, and no handler helps. So
//! everything is counted here first: when [`read_update`] says yes, the decoder meets no count
//! larger than its bytes, no deep nesting, and no clock that overflows.
//!
//! The format is that of Yjs 13 (`UpdateDecoderV1`, `readItemContent`, `readDeleteSet` in its
//! sources) without what editors do not write and yrs reads differently: the `ContentJSON` that
//! `ContentAny` replaced, XML hooks, weak links.

mod reader;

use bytes::Bytes;

use super::ContentError;
use reader::{Reader, clock_of, later, malformed};

/// Deepest nesting of arrays and maps inside one value. The same as that of `serde_json`, which
/// reads the values that travel as JSON.
const VALUE_DEPTH_MAX: usize = 128;

/// Names one element of a Yjs document: one character, one value, one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ElementId {
    pub(super) client: u64,
    pub(super) clock: u32,
}

/// Where an item belongs, as far as it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// A type at the top of the document.
    Root,
    /// The type with this id.
    Type(ElementId),
    /// The same as its neighbours.
    OfNeighbours,
}

/// Elements of one client that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: ElementId,
    pub(super) length: u32,
}

impl Stretch {
    /// The clock after the last element.
    pub(super) fn end(&self) -> u32 {
        self.first.clock + self.length
    }

    /// The part before the clock `end`, and the rest.
    pub(super) fn split_at(&self, end: u32) -> (Option<Self>, Option<Self>) {
        let before = end.saturating_sub(self.first.clock).min(self.length);
        let part = |clock, length| {
            let client = self.first.client;
            let first = ElementId { client, clock };
            (length > 0).then_some(Self { first, length })
        };
        let rest = part(self.first.clock + before, self.length - before);
        (part(self.first.clock, before), rest)
    }

    /// The id after that of the last element.
    pub(super) fn end_id(&self) -> ElementId {
        ElementId {
            client: self.first.client,
            clock: self.end(),
        }
    }
}

/// One run of elements in an update, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) stretch: Stretch,
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// Where in the update it is encoded.
    start: usize,
    end: usize,
}

/// What an update says.
#[derive(Debug, Default)]
pub(super) struct Outlined {
    pub(super) runs: Vec<Run>,
    pub(super) deletions: Vec<Stretch>,
}

/// What elements can be to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They are types, and can hold others.
    Types,
    /// They are something else.
    Leaves,
    /// They were deleted, and nobody knows any more what they were.
    Deleted,
}

/// How a run hangs together with the rest of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It was deleted together with its parent, and nobody knows any more where it was.
    Collected,
    /// After `left` and before `right` when it was written, inside of `parent`.
    Item {
        left: Option<ElementId>,
        right: Option<ElementId>,
        parent: Parent,
    },
}

/// Reads a whole update, of at most so many clients, into `outlined`.
pub(super) fn read_update(
    bytes: &[u8],
    clients_max: usize,
    outlined: &mut Outlined,
) -> Result<(), ContentError> {
    outlined.runs.clear();
    outlined.deletions.clear();
    let mut reader = Reader::new(bytes);
    let clients = reader.count(MIN_CLIENT_BYTES)?;
    if clients > clients_max {
        return Err(malformed(format!(
            "at most {clients_max} clients, got {clients}"
        )));
    }
    let mut seen = Vec::new();
    for _ in 0..clients {
        let client = reader.client_runs(&mut outlined.runs)?;
        if clients > 1 {
            seen.push(client);
        }
    }
    seen.sort_unstable();
    if seen.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(malformed("one client comes twice"));
    }
    reader.deletions(&mut outlined.deletions)?;
    reader.end()
}

/// An update of nothing but one run of `update`.
pub(super) fn update_of_run(run: &Run, update: &[u8]) -> Bytes {
    let encoded = &update[run.start..run.end];
    let mut bytes = Vec::with_capacity(encoded.len() + 16);
    bytes.extend([1, 1]);
    write_number(run.stretch.first.client, &mut bytes);
    write_number(run.stretch.first.clock.into(), &mut bytes);
    bytes.extend_from_slice(encoded);
    bytes.push(0);
    bytes.into()
}

/// An update that deletes `stretch`.
pub(super) fn update_of_deletion(stretch: &Stretch) -> Bytes {
    let mut bytes = vec![0, 1];
    write_number(stretch.first.client, &mut bytes);
    bytes.push(1);
    write_number(stretch.first.clock.into(), &mut bytes);
    write_number(stretch.length.into(), &mut bytes);
    bytes.into()
}

/// Writes an unsigned integer of lib0.
pub(super) fn write_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads an unsigned integer of lib0. Returns what comes after it, too.
pub(super) fn read_number(bytes: &[u8]) -> Result<(u64, &[u8]), ContentError> {
    let mut reader = Reader::new(bytes);
    let number = reader.number()?;
    Ok((number, reader.rest()))
}

/// Checks an encoded state vector: how much of each client somebody has.
pub(super) fn check_state_vector(bytes: &[u8]) -> Result<(), ContentError> {
    let mut reader = Reader::new(bytes);
    for _ in 0..reader.count(2)? {
        reader.client()?;
        reader.clock()?;
    }
    reader.end()
}

/// Least bytes that the runs of a client occupy: their count, the client, the first clock.
const MIN_CLIENT_BYTES: usize = 3;

/// Least bytes of a run: its kind and its length.
const MIN_RUN_BYTES: usize = 2;

/// The kinds of content, as Yjs numbers them.
mod content {
    pub(super) const DELETED: u8 = 1;
    pub(super) const BYTES: u8 = 3;
    pub(super) const TEXT: u8 = 4;
    /// JSON in between text.
    pub(super) const EMBED: u8 = 5;
    /// Where a format of text begins or ends.
    pub(super) const FORMAT: u8 = 6;
    pub(super) const TYPE: u8 = 7;
    pub(super) const VALUES: u8 = 8;
    /// Another document, embedded.
    pub(super) const DOCUMENT: u8 = 9;
}

impl Reader<'_> {
    /// Reads the runs of one client, and says which client.
    fn client_runs(&mut self, runs: &mut Vec<Run>) -> Result<u64, ContentError> {
        let count = self.count(MIN_RUN_BYTES)?;
        let client = self.client()?;
        let mut clock = self.clock()?;
        for _ in 0..count {
            let first = ElementId { client, clock };
            let start = self.position();
            let (length, found) = self.run()?;
            clock = later(clock, length)?;
            // Empty runs, which an old version of Yjs wrote, and gaps say nothing.
            if let Some((place, kind)) = found.filter(|_| length > 0) {
                runs.push(Run {
                    stretch: Stretch { first, length },
                    place,
                    kind,
                    start,
                    end: self.position(),
                });
            }
        }
        Ok(client)
    }

    /// Reads one run: how many elements, where and what; nothing if it is a gap.
    fn run(&mut self) -> Result<(u32, Option<(Place, Kind)>), ContentError> {
        const COLLECTED: u8 = 0;
        const GAP: u8 = 10;
        match self.byte()? {
            COLLECTED => Ok((self.length()?, Some((Place::Collected, Kind::Deleted)))),
            GAP => Ok((self.length()?, None)),
            info => {
                let place = self.place(info)?;
                let kind = match info & 0x1f {
                    content::DELETED => Kind::Deleted,
                    content::TYPE => Kind::Types,
                    _ => Kind::Leaves,
                };
                Ok((self.content(info & 0x1f)?, Some((place, kind))))
            }
        }
    }

    fn place(&mut self, info: u8) -> Result<Place, ContentError> {
        let has = |flag: u8| info & flag != 0;
        let left = has(0x80).then(|| self.element()).transpose()?;
        let right = has(0x40).then(|| self.element()).transpose()?;
        let mut parent = Parent::OfNeighbours;
        if left.is_none() && right.is_none() {
            parent = match self.number()? {
                0 => Parent::Type(self.element()?),
                1 => {
                    self.text()?;
                    Parent::Root
                }
                _ => return Err(malformed("a parent is neither named nor an element")),
            };
            if has(0x20) {
                self.text()?;
            }
        }
        Ok(Place::Item {
            left,
            right,
            parent,
        })
    }

    /// Reads what a run contains, and says how many elements that are.
    fn content(&mut self, kind: u8) -> Result<u32, ContentError> {
        match kind {
            content::DELETED => return self.length(),
            content::BYTES => drop(self.block()?),
            // Yjs counts in units of UTF-16.
            content::TEXT => {
                let text = self.text()?;
                return clock_of(text.encode_utf16().count() as u64);
            }
            content::EMBED => drop(self.text()?),
            // Its name, its value as JSON.
            content::FORMAT => {
                self.text()?;
                self.text()?;
            }
            content::TYPE => match self.byte()? {
                // Array, map, text, XML fragment, XML text.
                0 | 1 | 2 | 4 | 6 => {}
                // XML element: its name.
                3 => drop(self.text()?),
                _ => return Err(malformed("an unknown type")),
            },
            content::VALUES => {
                let count = self.count(1)?;
                for _ in 0..count {
                    self.value(VALUE_DEPTH_MAX)?;
                }
                return clock_of(count as u64);
            }
            // Its name, its options.
            content::DOCUMENT => {
                self.text()?;
                self.value(VALUE_DEPTH_MAX)?;
            }
            _ => return Err(malformed("an unknown kind of content")),
        }
        Ok(1)
    }

    /// Reads one value in lib0's encoding of JSON-like data.
    fn value(&mut self, depth_left: usize) -> Result<(), ContentError> {
        let Some(below) = depth_left.checked_sub(1) else {
            return Err(malformed("values are nested too deep"));
        };
        match self.byte()? {
            // Undefined, null, false, true.
            127 | 126 | 121 | 120 => {}
            125 => self.signed()?,
            124 => drop(self.bytes(4)?),
            123 | 122 => drop(self.bytes(8)?),
            119 => drop(self.text()?),
            118 => {
                for _ in 0..self.count(2)? {
                    self.text()?;
                    self.value(below)?;
                }
            }
            117 => {
                for _ in 0..self.count(1)? {
                    self.value(below)?;
                }
            }
            116 => drop(self.block()?),
            _ => return Err(malformed("an unknown kind of value")),
        }
        Ok(())
    }

    /// Reads the set of deleted elements.
    fn deletions(&mut self, deletions: &mut Vec<Stretch>) -> Result<(), ContentError> {
        for _ in 0..self.count(2)? {
            let client = self.client()?;
            for _ in 0..self.count(2)? {
                let clock = self.clock()?;
                let length = self.length()?;
                later(clock, length)?;
                let first = ElementId { client, clock };
                deletions.push(Stretch { first, length });
            }
        }
        Ok(())
    }
}
