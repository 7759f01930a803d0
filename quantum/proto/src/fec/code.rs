//! The code: which multiple of a symbol goes into a repair.
//!
//! An entry of a Cauchy matrix is 1 / (x + y), with a number x for each row and a number y for each
//! column, all different. Every square part of such a matrix can be inverted (Bloemer et al., "An
//! XOR-Based Erasure-Resilient Coding Scheme", 1995, section 3): as many repairs over the same symbols
//! as symbols are missing give all of them back.

use super::field;

/// Rows, and columns: packet numbers count modulo this. A repair covers fewer packets than that,
/// and no older ones, so no two that are combined share a row or a column.
pub(super) const ORDER: u64 = 128;

/// What the symbol of packet `column` is multiplied by in the repair of packet `row`: never 0.
pub(super) fn coefficient(row: u64, column: u64) -> u8 {
    let x = (row % ORDER) as u8 | ORDER as u8;
    let y = (column % ORDER) as u8;
    field::inverse(x ^ y)
}
