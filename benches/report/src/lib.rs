//! What the pages of all benches have: where and when it was measured, medians and percentiles, tables.

mod machine;
mod page;
mod statistics;
mod table;

pub use machine::Facts;
pub use page::{Place, fill};
pub use statistics::{median, percentile, spread};
pub use table::Table;
