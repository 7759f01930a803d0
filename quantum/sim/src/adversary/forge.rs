//! Datagrams that look like those of the protocol.

use crate::random::Random;

/// What a datagram pretends to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgery {
    /// Any bytes.
    Noise,
    /// An Initial packet, as large as it has to be.
    Initial,
    /// The same of a version that nobody speaks: a server may answer.
    UnknownVersion,
    /// A request for proof of the address.
    Retry,
    /// The versions that a server speaks, ours not among them.
    VersionNegotiation,
    /// A data packet, or a stateless reset with a token of chance: nobody can tell.
    Short,
}

/// The version of the protocol.
const VERSION: [u8; 4] = *b"QTM\x01";
const LONG_HEADER: u8 = 0xc0;
const RETRY: u8 = 0xf0;
const SHORT_HEADER: u8 = 0x40;
/// RFC 9000 section 14.1.
const INITIAL_BYTES: usize = 1200;

impl Forgery {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(6) {
            0 => Self::Noise,
            1 => Self::Initial,
            2 => Self::UnknownVersion,
            3 => Self::Retry,
            4 => Self::VersionNegotiation,
            _ => Self::Short,
        }
    }

    /// Its bytes; `model` has ids that are in use.
    pub(super) fn write(self, random: &mut Random, model: Option<&[u8]>) -> Vec<u8> {
        match self {
            Self::Noise => noise(random, 1500),
            Self::Initial => long(random, LONG_HEADER, VERSION, INITIAL_BYTES),
            Self::UnknownVersion => {
                let size = INITIAL_BYTES - random.index(3);
                long(random, LONG_HEADER, [0x1a, 0x2a, 0x3a, 0x4a], size)
            }
            Self::Retry => {
                let size = 60 + random.index(100);
                long(random, RETRY, VERSION, size)
            }
            Self::VersionNegotiation => long(random, LONG_HEADER, [0; 4], 7 + 16 + 8),
            Self::Short => short(random, model),
        }
    }
}

fn noise(random: &mut Random, bytes_max: usize) -> Vec<u8> {
    let mut bytes = vec![0; random.index(bytes_max)];
    random.fill(&mut bytes);
    bytes
}

/// A long header with ids of chance, and `size` bytes in all.
fn long(random: &mut Random, first: u8, version: [u8; 4], size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    random.fill(&mut bytes);
    let mut header = vec![first | random.index(16) as u8];
    header.extend(version);
    // Two ids of 8 bytes; no token; a length that fits.
    header.push(8);
    header.extend(random.bits().to_be_bytes());
    header.push(8);
    header.extend(random.bits().to_be_bytes());
    if first == LONG_HEADER && version == VERSION {
        let rest = size.saturating_sub(header.len() + 3);
        header.push(0);
        header.extend((0x4000 | rest as u16).to_be_bytes());
    }
    for (byte, known) in bytes.iter_mut().zip(header) {
        *byte = known;
    }
    bytes
}

/// A short header with an id that is in use, if one is known.
fn short(random: &mut Random, model: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = noise(random, 100);
    if let Some(model) = model.filter(|model| model.first().is_some_and(|first| first & 0x80 == 0))
    {
        for (byte, known) in bytes.iter_mut().zip(model).take(9) {
            *byte = *known;
        }
    }
    if let Some(first) = bytes.first_mut() {
        *first = SHORT_HEADER | *first & 0x3f;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initial_packet_has_its_version_its_ids_and_its_size() {
        let bytes = Forgery::Initial.write(&mut Random::new(1), None);
        assert_eq!(bytes.len(), INITIAL_BYTES);
        assert_eq!(bytes[1..5], VERSION);
        assert_eq!([bytes[5], bytes[14], bytes[23]], [8, 8, 0]);
        let length = usize::from(u16::from_be_bytes([bytes[24], bytes[25]]) & 0x3fff);
        assert_eq!(26 + length, INITIAL_BYTES);
    }

    #[test]
    fn a_short_header_names_an_id_that_was_seen() {
        let model = [0x55; 40];
        let mut random = Random::new(1);
        let long_enough = |bytes: &Vec<u8>| bytes.len() > 9;
        let forged = std::iter::repeat_with(|| Forgery::Short.write(&mut random, Some(&model)));
        let forged: Vec<_> = forged.take(20).filter(long_enough).collect();
        assert!(!forged.is_empty());
        assert!(forged.iter().all(|bytes| bytes[1..9] == model[1..9]));
    }
}
