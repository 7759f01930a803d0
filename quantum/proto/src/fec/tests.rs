//! What repairs promise: whatever is lost, as many repairs as lost packets bring it back, and nothing
//! else ever comes of them.

mod blocks;
mod hostile;
mod stream;
