//! Sortable ids: UUIDv7 as RFC 9562 defines it, strictly monotonic within a process.
//!
//! A [`Guuid`] is sixteen bytes that are always a valid version 7 UUID. Ids sort by the time they
//! were minted, as values, as bytes and in each of their text forms, and converting to and from
//! [`uuid::Uuid`] costs nothing.
//!
//! ```
//! use guuid::Guuid;
//! # #[cfg(feature = "std")] {
//! // Two ids in a row are in order, whichever thread mints them and whatever the clock does.
//! let (first, second) = (Guuid::now(), Guuid::now());
//! assert!(first < second);
//! # }
//!
//! // Three text forms: they sort as the ids do, and each of them is understood on the way in.
//! let id: Guuid = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse()?;
//! assert_eq!(id.to_string(), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
//! assert_eq!(id.simple().as_str(), "017f22e279b07cc398c4dc0c0c07398f");
//! assert_eq!(id.sortable().as_str(), "01fwhe4ydgfk1shh6w1g60eecf");
//! assert_eq!(Guuid::parse("01FWHE4YDGFK1SHH6W1G60EECF")?, id);
//!
//! // The time is in the id, and a `Uuid` is one step away.
//! assert_eq!(id.unix_ms(), 1_645_557_742_000);
//! let uuid: uuid::Uuid = id.into();
//! assert_eq!(Guuid::try_from(uuid)?, id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! RFC 9562 section 5.7, with section 6.2 method 3 ("Replace Leftmost Random Bits with Increased
//! Clock Precision"): the sixteen bits after the milliseconds are a binary fraction of the
//! millisecond, so that a time is one 64-bit number of units of 1/65536 ms, a [`Tick`].
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |             milliseconds since 1970, high 32 bits             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   milliseconds, low 16 bits   |0 1 1 1|   fraction, high 12   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |1 0| low 4 |               random, high 26 bits                |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                      random, low 32 bits                      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! Nobody is obliged to mint ids this way: a [`Guuid`] from elsewhere may hold anything in the
//! last 74 bits. Only [`Guuid::unix_ms`] is a fact about every id (RFC 9562 section 6.12).
//!
//! # What is promised
//!
//! - **Order.** One [`Generator`] never repeats a tick. When the minting of one id ends before
//!   that of another begins, on any threads, the first is less than the second. A clock that
//!   stands still or steps back changes nothing about that: see [`Generator`] for how far ids may
//!   then run ahead of it.
//! - **Uniqueness.** Within a process, by the tick. Between processes, by the tick (about 15 ns)
//!   and 58 random bits (RFC 9562 section 6.7).
//! - **Not a secret.** An id tells when it was made, and ids of one generator are close together.
//!   Never use one as a token, a key or a nonce (RFC 9562 section 8).
//!
//! # Without std
//!
//! With `default-features = false` the crate needs neither `std` nor an allocator. Time and random
//! bits then come from your own [`Clock`] and [`Entropy`], as they do in tests and simulations:
//!
//! ```
//! use core::time::Duration;
//! use guuid::{Generator, ManualClock, SeededEntropy};
//!
//! let generator = Generator::new(ManualClock::new(Duration::ZERO), SeededEntropy::new(7));
//! generator.clock().advance(Duration::from_millis(5));
//! assert_eq!(generator.mint().unix_ms(), 5);
//! ```
//!
//! [`Generator`], [`ManualClock`] and [`SeededEntropy`] need 64-bit atomics of the target; a target
//! without them has [`mint()`], which is a pure function.
//!
//! # Features
//!
//! - `std` (default): [`SystemClock`], [`SystemEntropy`], [`Guuid::now`], [`Guuid::system_time`].
//! - `alloc` (part of `std`): [`Clock`] and [`Entropy`] for `Box` and `Arc`.
//! - `serde`: text in formats for people, sixteen bytes in binary ones.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(feature = "std"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "without std, half of what the overview names is not there"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod clock;
mod entropy;
mod error;
#[cfg(target_has_atomic = "64")]
mod generator;
mod id;
mod mint;
#[cfg(feature = "serde")]
mod serialize;
#[cfg(feature = "std")]
mod system;
mod text;
mod tick;

pub use clock::Clock;
#[cfg(target_has_atomic = "64")]
pub use clock::ManualClock;
pub use entropy::Entropy;
#[cfg(target_has_atomic = "64")]
pub use entropy::SeededEntropy;
pub use error::{NotVersion7, ParseError};
#[cfg(target_has_atomic = "64")]
pub use generator::Generator;
pub use id::Guuid;
pub use mint::mint;
#[cfg(feature = "std")]
pub use system::{SystemClock, SystemEntropy};
pub use text::Text;
pub use tick::Tick;
