//! Block codes: what others call Reed-Solomon, by one interface, so that they can be compared.

use super::equations::{EQUATIONS_MAX, Equation, Equations};
use super::{code, field};

/// A code that adds `parity` shards to `data` shards, of which any `data` suffice.
pub trait FecCodec {
    /// Computes the parity shards.
    ///
    /// # Errors
    ///
    /// If there are more or fewer shards than the code has, or their sizes differ.
    fn encode(&self, data: &[&[u8]], parity: &mut [&mut [u8]]) -> Result<(), CodecError>;

    /// Puts back data shards that are missing (`None`). Data shards come first.
    ///
    /// # Errors
    ///
    /// If too many are missing, there are more or fewer shards than the code has, or their sizes
    /// differ.
    fn reconstruct(&self, shards: &mut [Option<Vec<u8>>]) -> Result<(), CodecError>;
}

/// The caller's fault, or the network's: shards cannot be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Not as many shards as the code has, or not of one size.
    #[error("shards of another number or size than the code has")]
    Shape,
    /// More are missing than there is parity.
    #[error("too many shards are missing")]
    TooFew,
}

/// The code that REPAIR frames are made of, used on blocks.
#[derive(Clone, Copy, Debug)]
pub struct Cauchy {
    data: usize,
    parity: usize,
}

impl Cauchy {
    /// A code with so many shards. `None`: there would be none, more than 128 of data, or more than 16
    /// of parity.
    #[must_use]
    pub fn new(data: usize, parity: usize) -> Option<Self> {
        let possible =
            (1..=code::ORDER as usize).contains(&data) && (1..=EQUATIONS_MAX).contains(&parity);
        possible.then_some(Self { data, parity })
    }
}

impl FecCodec for Cauchy {
    fn encode(&self, data: &[&[u8]], parity: &mut [&mut [u8]]) -> Result<(), CodecError> {
        let sizes = data.iter().map(|shard| shard.len());
        let mut sizes = sizes.chain(parity.iter().map(|shard| shard.len()));
        let size = sizes.next().unwrap_or(0);
        let shaped = data.len() == self.data && parity.len() == self.parity;
        if !shaped || sizes.any(|other| other != size) {
            return Err(CodecError::Shape);
        }
        for (row, repair) in (0..).zip(parity) {
            repair.fill(0);
            for (column, shard) in (0..).zip(data) {
                field::add_multiple(repair, shard, code::coefficient(row, column));
            }
        }
        Ok(())
    }

    fn reconstruct(&self, shards: &mut [Option<Vec<u8>>]) -> Result<(), CodecError> {
        let mut sizes = shards.iter().flatten().map(Vec::len);
        let size = sizes.next().unwrap_or(0);
        if shards.len() != self.data + self.parity || sizes.any(|other| other != size) {
            return Err(CodecError::Shape);
        }
        let (data, parity) = shards.split_at_mut(self.data);
        let missing = data.iter().filter(|shard| shard.is_none()).count();
        let mut equations = Equations::default();
        let present = (0..)
            .zip(parity)
            .filter_map(|(row, shard)| Some((row, shard.as_ref()?)));
        for (row, repair) in present.take(missing) {
            let mut equation = Equation::new(repair.clone());
            for (column, shard) in (0..).zip(data.iter()) {
                let factor = code::coefficient(row, column);
                match shard {
                    Some(shard) => field::add_multiple(equation.value_mut(), shard, factor),
                    None => equation.push(column, factor),
                }
            }
            equations.insert(equation);
        }
        while let Some((column, shard)) = equations.take_solved() {
            let place = usize::try_from(column).ok().and_then(|at| data.get_mut(at));
            place.map(|place| place.replace(shard));
        }
        if data.iter().any(Option::is_none) {
            return Err(CodecError::TooFew);
        }
        Ok(())
    }
}
