//! The crate `reed-solomon-erasure` by the same interface: what [`Cauchy`](super::Cauchy) is tested
//! and measured against.

use reed_solomon_erasure::{Error, galois_8};

use super::{CodecError, FecCodec};

/// The code of the crate `reed-solomon-erasure`, over the same field, with another matrix: its parity
/// is not that of REPAIR frames.
#[derive(Debug)]
pub struct ReedSolomon(galois_8::ReedSolomon);

impl ReedSolomon {
    /// A code with so many shards. `None`: there would be none of data or of parity, or more than
    /// 256 together.
    #[must_use]
    pub fn new(data: usize, parity: usize) -> Option<Self> {
        galois_8::ReedSolomon::new(data, parity).ok().map(Self)
    }
}

impl FecCodec for ReedSolomon {
    fn encode(&self, data: &[&[u8]], parity: &mut [&mut [u8]]) -> Result<(), CodecError> {
        Ok(self.0.encode_sep(data, parity)?)
    }

    fn reconstruct(&self, shards: &mut [Option<Vec<u8>>]) -> Result<(), CodecError> {
        Ok(self.0.reconstruct_data(shards)?)
    }
}

impl From<Error> for CodecError {
    fn from(error: Error) -> Self {
        match error {
            Error::TooFewShardsPresent => Self::TooFew,
            _ => Self::Shape,
        }
    }
}
