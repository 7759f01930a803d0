//! acknowledge.
