//! A hint as bytes.
//!
//! ```text
//!  0  process    8   whoever sent it, so that it is left alone there
//!  8  document  16   id
//! 24  version    8   u64, big-endian
//! ```

use guuid::Guuid;
use statesync_core::{DocumentId, Hint, Version};

/// Names a process among those on the bus.
pub(crate) type Process = [u8; 8];

pub(crate) const BYTES: usize = 32;

pub(crate) fn encode(process: Process, hint: Hint) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&process);
    bytes[8..24].copy_from_slice(hint.document_id.0.as_bytes());
    bytes[24..].copy_from_slice(&hint.version.0.to_be_bytes());
    bytes
}

/// What somebody else sent, if it is a hint at all.
pub(crate) fn decode(own: Process, bytes: &[u8]) -> Option<Hint> {
    let (process, rest) = bytes.split_first_chunk::<8>()?;
    let (document, rest) = rest.split_first_chunk::<16>()?;
    let (version, rest) = rest.split_first_chunk::<8>()?;
    if *process == own || !rest.is_empty() {
        return None;
    }
    Some(Hint {
        document_id: DocumentId(Guuid::from_bytes(*document).ok()?),
        version: Version(u64::from_be_bytes(*version)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_comes_back_from_others_and_garbage_does_not() {
        let hint = Hint {
            document_id: DocumentId(Guuid::now()),
            version: Version(7),
        };
        let bytes = encode([1; 8], hint);
        assert_eq!(decode([2; 8], &bytes), Some(hint));
        assert_eq!(decode([1; 8], &bytes), None);
        for length in 0..BYTES {
            assert_eq!(decode([2; 8], &bytes[..length]), None);
        }
        assert_eq!(decode([2; 8], &[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(decode([2; 8], &[0xff; BYTES]), None);
    }
}
