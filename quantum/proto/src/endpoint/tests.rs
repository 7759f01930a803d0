//! Datagrams that begin a connection, or try to.

mod fixture;
mod flood;
mod routing;
mod validation;
