//! Names one certificate.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;
use thiserror::Error;

/// SHA-256 of a certificate in DER: names exactly one certificate, whoever signed it. As text, 64
/// hexadecimal digits; colons between them are skipped when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of `certificate`.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is no fingerprint: the caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a fingerprint has 64 hexadecimal digits")]
pub struct NotAFingerprint;

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = text.chars().filter(|digit| *digit != ':');
        let mut fingerprint = [0; 32];
        for byte in &mut fingerprint {
            let mut digit = || digits.next().and_then(|digit| digit.to_digit(16));
            let (high, low) = (digit(), digit());
            let value = high.zip(low).map(|(high, low)| high << 4 | low);
            *byte = value
                .and_then(|value| u8::try_from(value).ok())
                .ok_or(NotAFingerprint)?;
        }
        digits
            .next()
            .is_none()
            .then_some(Self(fingerprint))
            .ok_or(NotAFingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back() {
        let fingerprint = Fingerprint::of(&CertificateDer::from(vec![1, 2, 3]));
        let text = fingerprint.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse(), Ok(fingerprint));
        let with_colons = text
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair))
            .collect::<Vec<_>>();
        assert_eq!(
            with_colons.join(":").to_uppercase().parse(),
            Ok(fingerprint)
        );
        for wrong in [
            "",
            &text[1..],
            &format!("{text}0"),
            &text
                .replace('0', "g")
                .replacen(|digit: char| digit.is_ascii_hexdigit(), "x", 1),
        ] {
            assert_eq!(
                wrong.parse::<Fingerprint>(),
                Err(NotAFingerprint),
                "{wrong}"
            );
        }
    }
}
