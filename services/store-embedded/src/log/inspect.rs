//! Reading the log: first to see whether it is whole, then to take what the tables lack.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;

use super::frame::{FRAME_HEADER_BYTES, FrameHeader, MAGIC, Salt};
use super::segment::{SEGMENT_HEADER_BYTES, Segment};

/// What is in the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// The newest commit that can be read; `None` when there is none.
    pub(crate) newest: Option<u64>,
    /// Commits that must have been there and cannot be read, although newer ones can.
    pub(crate) gaps: Vec<Gap>,
    /// Where bytes were found that are no frame, in words for the operator.
    pub(crate) damage: Vec<String>,
}

/// Commits that are missing.
pub(crate) type Gap = RangeInclusive<u64>;

/// Reads all segments, which are in order. `held` is the newest commit that the tables have: what
/// is missing up to there is not missed.
pub(crate) fn inspect(segments: &[Segment], salt: Salt, held: u64) -> io::Result<Inspection> {
    let mut inspection = Inspection::default();
    for segment in segments {
        let mut walk = Walk::begin(segment, salt)?;
        while let Some(step) = walk.next_step()? {
            match step {
                Step::Frame { commit } => inspection.see(commit, held),
                Step::Damage { offset, what } => {
                    let path = segment.path.display();
                    inspection
                        .damage
                        .push(format!("{path}, byte {offset}: {what}"));
                }
            }
        }
    }
    Ok(inspection)
}

impl Inspection {
    fn see(&mut self, commit: u64, held: u64) {
        let known = self.newest.unwrap_or(0).max(held);
        if commit > known + 1 {
            self.gaps.push(known + 1..=commit - 1);
        }
        self.newest = Some(commit.max(self.newest.unwrap_or(0)));
    }
}

/// Hands each readable commit newer than `held` to `apply`, in order.
pub(crate) fn replay<Failure: From<io::Error>>(
    segments: &[Segment],
    salt: Salt,
    held: u64,
    mut apply: impl FnMut(u64, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut newest = held;
    for segment in segments {
        let mut walk = Walk::begin(segment, salt)?;
        while let Some(step) = walk.next_step()? {
            if let Step::Frame { commit } = step
                && commit > newest
            {
                apply(commit, &walk.payload)?;
                newest = commit;
            }
        }
    }
    Ok(())
}

enum Step {
    /// The payload is in the walk.
    Frame { commit: u64 },
    /// What follows can be read again, or nothing follows.
    Damage { offset: u64, what: &'static str },
}

/// Goes through one segment, frame by frame, and over what is no frame.
struct Walk {
    file: BufReader<File>,
    position: u64,
    length: u64,
    salt: Salt,
    header_is_due: Option<[u8; SEGMENT_HEADER_BYTES]>,
    payload: Vec<u8>,
}

impl Walk {
    fn begin(segment: &Segment, salt: Salt) -> io::Result<Self> {
        let file = File::open(&segment.path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            file: BufReader::with_capacity(1 << 20, file),
            position: 0,
            length,
            salt,
            header_is_due: Some(segment.header()),
            payload: Vec::new(),
        })
    }

    fn next_step(&mut self) -> io::Result<Option<Step>> {
        if let Some(expected) = self.header_is_due.take() {
            let found = self.array::<SEGMENT_HEADER_BYTES>()?;
            if found != Some(expected) {
                return self.over_damage(0, SEGMENT_HEADER_BYTES as u64, "no segment header");
            }
        }
        let offset = self.position;
        let Some(header) = self.array::<FRAME_HEADER_BYTES>()? else {
            return self.over_damage(offset, offset, "a torn frame");
        };
        let Ok(header) = FrameHeader::decode(&header, self.salt) else {
            return self.over_damage(offset, offset, "no frame header");
        };
        if header.payload_bytes as u64 > self.length - self.position {
            return self.over_damage(offset, offset + 1, "a torn frame");
        }
        self.payload.resize(header.payload_bytes, 0);
        self.file.read_exact(&mut self.payload)?;
        self.position += header.payload_bytes as u64;
        if header.fits(&self.payload, self.salt) {
            Ok(Some(Step::Frame {
                commit: header.commit,
            }))
        } else {
            // The header is right, so the next frame begins where it says.
            self.over_damage(offset, self.position, "a damaged frame")
        }
    }

    /// The next bytes, or `None` (and the position unchanged) when there are too few.
    fn array<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        if self.length - self.position < N as u64 {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(Some(bytes))
    }

    /// Finds the next frame at or after `from`. Zeros up to the end are no damage: nobody wrote
    /// there.
    fn over_damage(
        &mut self,
        offset: u64,
        from: u64,
        what: &'static str,
    ) -> io::Result<Option<Step>> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut rest = Vec::new();
        self.file.read_to_end(&mut rest)?;
        if rest.iter().all(|&byte| byte == 0) {
            self.position = self.length;
            return Ok(None);
        }
        let skip = usize::try_from(from - offset)
            .unwrap_or(usize::MAX)
            .min(rest.len());
        let next = next_frame(&rest[skip..], self.salt).map(|found| offset + (skip + found) as u64);
        self.position = next.unwrap_or(self.length);
        self.file.seek(SeekFrom::Start(self.position))?;
        Ok(Some(Step::Damage { offset, what }))
    }
}

/// Where the first whole frame begins.
fn next_frame(bytes: &[u8], salt: Salt) -> Option<usize> {
    let starts = bytes.windows(FRAME_HEADER_BYTES).enumerate();
    let mut candidates = starts.filter(|(_, window)| window.starts_with(&MAGIC));
    candidates.find_map(|(place, window)| {
        let header = FrameHeader::decode(window.first_chunk()?, salt).ok()?;
        let payload = bytes
            .get(place + FRAME_HEADER_BYTES..)?
            .get(..header.payload_bytes)?;
        header.fits(payload, salt).then_some(place)
    })
}
