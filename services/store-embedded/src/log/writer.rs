//! Writing the log: one frame for each commit, one sync, nothing in between.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{self, Salt};
use super::segment::{SEGMENT_HEADER_BYTES, Segment};
use crate::directory::sync_directory;

/// A segment's size is set when it is made, so that a sync does not have to write a new file size
/// with every commit.
const SEGMENT_BYTES: u64 = 32 * 1024 * 1024;

/// So many bytes behind the frames are written as zeros, whenever the frames have reached the end of
/// those before. Where something was written once, a sync has only the bytes to write, and not also
/// which blocks of the disk are the file's: that halves its time on ext4, and keeps it from waiting
/// for everything else that is being written to the same file system.
const ZEROS_AHEAD_BYTES: u64 = 1024 * 1024;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// What a segment is written through: a file, or in tests one that fails.
pub(crate) trait LogFile: Send {
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Waits until everything written is on the disk.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file.
    fn set_length(&self, length: u64) -> io::Result<()>;
}

impl LogFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Makes a file that must not exist yet.
pub(crate) type OpenLogFile = Arc<dyn Fn(&Path) -> io::Result<Box<dyn LogFile>> + Send + Sync>;

/// The one for use.
pub(crate) fn log_files() -> OpenLogFile {
    Arc::new(|path| {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    })
}

/// The end of the log.
pub(crate) struct LogWriter {
    directory: PathBuf,
    open: OpenLogFile,
    salt: Salt,
    file: Box<dyn LogFile>,
    position: u64,
    /// Up to here something was written, if only zeros.
    written_to: u64,
}

impl LogWriter {
    /// Begins a segment in `directory` whose first commit will be `first_commit`.
    pub(crate) fn begin(
        directory: &Path,
        first_commit: u64,
        salt: Salt,
        open: OpenLogFile,
    ) -> io::Result<Self> {
        let file = begin_segment(directory, first_commit, &open)?;
        let position = SEGMENT_HEADER_BYTES as u64;
        Ok(Self {
            directory: directory.to_owned(),
            open,
            salt,
            file,
            position,
            written_to: position,
        })
    }

    /// Writes one frame; it is not on the disk before [`sync`](Self::sync). `frame` begins with
    /// [`FRAME_HEADER_BYTES`](super::FRAME_HEADER_BYTES) that will be overwritten.
    ///
    /// After an error nothing was written, or not all of it. What was synced before is untouched,
    /// and the next frame takes the same place.
    pub(crate) fn write(&mut self, frame: &mut [u8], commit: u64) -> io::Result<()> {
        frame::seal(frame, commit, self.salt);
        self.file.write_at(frame, self.position)?;
        let end = self.position + frame.len() as u64;
        if end > self.written_to {
            self.write_zeros_from(end);
        }
        Ok(())
    }

    /// Only for speed: when the disk has no room for them, the frame is written all the same.
    fn write_zeros_from(&mut self, end: u64) {
        let until = (end + ZEROS_AHEAD_BYTES).min(SEGMENT_BYTES);
        self.written_to = end;
        while self.written_to < until {
            let count = (until - self.written_to).min(ZEROS.len() as u64);
            let zeros = &ZEROS[..count as usize];
            if self.file.write_at(zeros, self.written_to).is_err() {
                return;
            }
            self.written_to += count;
        }
    }

    /// Waits until the frame of `frame_bytes` that was written last is on the disk.
    ///
    /// After an error nobody knows what is there, and asking again would lie, because the kernel
    /// forgets the failure: nothing may be written any more.
    pub(crate) fn sync(&mut self, frame_bytes: usize) -> io::Result<()> {
        self.file.sync()?;
        self.position += frame_bytes as u64;
        Ok(())
    }

    /// Ends the segment and begins the next one with `first_commit`.
    ///
    /// An error leaves the present segment in use.
    pub(crate) fn roll(&mut self, first_commit: u64) -> io::Result<()> {
        let next = begin_segment(&self.directory, first_commit, &self.open)?;
        let ended = std::mem::replace(&mut self.file, next);
        let length = std::mem::replace(&mut self.position, SEGMENT_HEADER_BYTES as u64);
        self.written_to = self.position;
        // Only tidiness: zeros at the end of a segment mean nothing.
        ended.set_length(length)
    }
}

/// The file and its name are on the disk before any frame is.
fn begin_segment(
    directory: &Path,
    first_commit: u64,
    open: &OpenLogFile,
) -> io::Result<Box<dyn LogFile>> {
    let segment = Segment::new(directory, first_commit);
    // One of the same name has no frames: its first commit was never written.
    match std::fs::remove_file(&segment.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = open(&segment.path)?;
    file.set_length(SEGMENT_BYTES)?;
    file.write_at(&segment.header(), 0)?;
    file.sync()?;
    sync_directory(directory)?;
    Ok(file)
}
