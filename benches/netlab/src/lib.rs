//! A link in user space between two network namespaces.
//!
//! [`lab::Lab`] makes two namespaces, each with one TUN device, and an [`emulator`] thread that carries
//! every IP packet from one to the other over a modelled [`link`]. The kernel removes all of it when
//! the process ends, however it ends: nothing of a lab has a name outside the process.

pub mod clock;
pub mod counters;
pub mod emulator;
pub mod failure;
pub mod lab;
pub mod link;
pub mod loss;
pub mod namespace;
