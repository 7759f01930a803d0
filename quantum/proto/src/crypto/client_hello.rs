//! A glance at a ClientHello (RFC 8446 section 4.1.2): which ticket it resumes, and how old the
//! client says that is. rustls does the reading that counts; this is for the one rule that it
//! leaves to us, and refuses everything unusual.

/// The first ticket that a client offers to resume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resumption<'a> {
    pub(super) ticket: &'a [u8],
    /// Milliseconds since the client got the ticket, plus the ticket's secret offset, modulo 2^32.
    pub(super) obfuscated_age: u32,
}

const CLIENT_HELLO: u8 = 1;
/// RFC 8446 section 4.2.
const PRE_SHARED_KEY: u16 = 41;

/// Reads `message`; `None` if it is not one whole ClientHello that resumes a session.
pub(super) fn resumption(message: &[u8]) -> Option<Resumption<'_>> {
    let mut reader = Reader(message);
    let kind = reader.number(1)?;
    let mut body = Reader(reader.vector(3)?);
    if kind != usize::from(CLIENT_HELLO) {
        return None;
    }
    body.bytes(2 + 32)?; // legacy_version, random
    body.vector(1)?; // legacy_session_id
    body.vector(2)?; // cipher_suites
    body.vector(1)?; // legacy_compression_methods
    from_extensions(Reader(body.vector(2)?))
}

fn from_extensions(mut extensions: Reader<'_>) -> Option<Resumption<'_>> {
    while !extensions.0.is_empty() {
        let kind = u16::try_from(extensions.number(2)?).ok()?;
        let body = extensions.vector(2)?;
        if kind == PRE_SHARED_KEY {
            return first_identity(body);
        }
    }
    None
}

fn first_identity(body: &[u8]) -> Option<Resumption<'_>> {
    let mut identities = Reader(Reader(body).vector(2)?);
    Some(Resumption {
        ticket: identities.vector(2)?,
        obfuscated_age: u32::try_from(identities.number(4)?).ok()?,
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// A big-endian number of `size` bytes, at most four.
    fn number(&mut self, size: usize) -> Option<usize> {
        let bytes = self.bytes(size)?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
        )
    }

    /// Bytes after their own length, which takes `size` bytes.
    fn vector(&mut self, size: usize) -> Option<&'a [u8]> {
        let length = self.number(size)?;
        self.bytes(length)
    }
}
