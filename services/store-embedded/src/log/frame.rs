//! One commit in the log.
//!
//! ```text
//!  0  magic           4   AF 4C 4F 47
//!  4  payload length  4   u32
//!  8  commit          8   u64, one more than in the frame before
//! 16  payload check   8   XXH3-64 of the payload; context: salt, commit
//! 24  header check    8   XXH3-64 of bytes 0 to 23; context: salt
//! 32  payload             rows, see `rows`
//! ```
//!
//! The header has a checksum of its own, so that a length can be believed before the payload was
//! read, and so that the next frame can be found after a damaged one. The salt is the store's own
//! random number: bytes that a user wrote into a document are never taken for a frame.

use crate::encoding::{Fields, Malformed};
use crate::integrity;

/// Bytes before the payload.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;

/// Largest payload: a bound on the memory that a length read from disk can ask for, four times the
/// largest group that the committer makes of small requests.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Not zero anywhere, so that space never written to is no frame.
pub(super) const MAGIC: [u8; 4] = [0xAF, b'L', b'O', b'G'];

/// The random number of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Salt(pub(crate) [u8; 16]);

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) commit: u64,
    pub(super) payload_bytes: usize,
    payload_check: u64,
}

impl FrameHeader {
    /// Reads a header whose checksum is right.
    pub(super) fn decode(bytes: &[u8; FRAME_HEADER_BYTES], salt: Salt) -> Result<Self, Malformed> {
        let mut fields = Fields::of(bytes, "frame header");
        let magic: [u8; 4] = fields.array()?;
        let payload_bytes = fields.u32()? as usize;
        let header = Self {
            commit: fields.u64()?,
            payload_bytes,
            payload_check: fields.u64()?,
        };
        let check_is_right = fields.u64()? == integrity::check(&[&salt.0], &bytes[..24]);
        if magic == MAGIC && check_is_right && payload_bytes <= PAYLOAD_BYTES_MAX {
            Ok(header)
        } else {
            Err(fields.malformed())
        }
    }

    /// Whether this is its payload.
    pub(super) fn fits(&self, payload: &[u8], salt: Salt) -> bool {
        payload.len() == self.payload_bytes
            && payload_check(self.commit, payload, salt) == self.payload_check
    }
}

fn payload_check(commit: u64, payload: &[u8], salt: Salt) -> u64 {
    integrity::check(&[&salt.0, &commit.to_le_bytes()], payload)
}

/// Fills in the header of a frame whose payload is already behind the place for the header.
pub(super) fn seal(frame: &mut [u8], commit: u64, salt: Salt) {
    let Some((header, payload)) = frame.split_first_chunk_mut::<FRAME_HEADER_BYTES>() else {
        return;
    };
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[8..16].copy_from_slice(&commit.to_le_bytes());
    header[16..24].copy_from_slice(&payload_check(commit, payload, salt).to_le_bytes());
    let header_check = integrity::check(&[&salt.0], &header[..24]);
    header[24..].copy_from_slice(&header_check.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = Salt([7; 16]);

    fn sealed(payload: &[u8], commit: u64) -> Vec<u8> {
        let mut frame = vec![0; FRAME_HEADER_BYTES];
        frame.extend(payload);
        seal(&mut frame, commit, SALT);
        frame
    }

    #[test]
    fn any_flipped_bit_of_a_frame_is_noticed() {
        let frame = sealed(b"payload", 7);
        for place in 0..frame.len() * 8 {
            let mut altered = frame.clone();
            altered[place / 8] ^= 1 << (place % 8);
            let (header, payload) = altered.split_first_chunk().unwrap();
            let header = FrameHeader::decode(header, SALT);
            let fits = header.is_ok_and(|header| header.fits(payload, SALT));
            assert!(!fits, "bit {place}");
        }
    }

    #[test]
    fn a_payload_under_another_commit_does_not_fit() {
        let (seven, eight) = (sealed(b"payload", 7), sealed(b"payload", 8));
        let header = FrameHeader::decode(eight.first_chunk().unwrap(), SALT).unwrap();
        assert_eq!(header.commit, 8);
        assert_ne!(seven[16..24], eight[16..24]);
    }

    #[test]
    fn a_frame_of_another_store_is_no_frame() {
        let frame = sealed(b"payload", 7);
        assert!(FrameHeader::decode(frame.first_chunk().unwrap(), Salt([8; 16])).is_err());
    }
}
