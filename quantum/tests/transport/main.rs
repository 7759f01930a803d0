//! The transport over real sockets, as an application uses it.

mod cancellation;
mod closing;
mod endpoints;
mod fixture;
mod messages;
mod streams;
