//! The document service: gRPC over `statesync-core`.
//!
//! ```text
//! door.rs      nobody comes in unknown              auth.rs   who calls
//! call.rs      a place, a deadline, a span          ending.rs what ends a stream
//! route.rs     events are encoded once
//! service.rs   one method for each call  ->  desk.rs, documents.rs, apply.rs, history.rs, locks.rs,
//!                                            conflicts.rs, subscribe.rs
//! convert.rs   wire <-> core                        status.rs every refusal as a gRPC status
//! server.rs    listens, drains                      stores.rs, options.rs: what was chosen
//! ```

mod apply;
mod auth;
mod call;
mod conflicts;
mod convert;
mod desk;
mod documents;
mod door;
mod ending;
mod history;
mod locks;
pub mod options;
mod route;
pub mod run;
pub mod server;
mod service;
mod status;
pub mod stores;
mod subscribe;

pub use auth::{Admitted, Authenticate, Caller, ServiceSecret, TrustedGateway, WeakSecret};
pub use call::CallLimits;
pub use service::StateSync;
