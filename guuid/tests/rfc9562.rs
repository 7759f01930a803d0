//! The example of RFC 9562, and the fields of an id where the RFC puts them.

use core::time::Duration;

use guuid::{Generator, Guuid, ManualClock, SeededEntropy, Tick};
use uuid::{Uuid, Variant};

/// Appendix A.6: minted on Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00.
const EXAMPLE: &str = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F";
const EXAMPLE_UNIX_TS_MS: u64 = 0x017f_22e2_79b0;
const EXAMPLE_RAND_A: u64 = 0xcc3;
const EXAMPLE_RAND_B: u64 = 0x18c4_dc0c_0c07_398f;

#[test]
fn the_example_of_the_rfc_is_read_field_by_field() {
    let id = Guuid::parse(EXAMPLE).unwrap();
    assert_eq!(id.unix_ms(), EXAMPLE_UNIX_TS_MS);
    assert_eq!(id.unix_ms(), 1_645_557_742_000);
    assert_eq!(id.to_string(), EXAMPLE.to_ascii_lowercase());
    // The fraction is rand_a and the first four of the 62 bits of rand_b.
    let fraction = (EXAMPLE_RAND_A << 4) | (EXAMPLE_RAND_B >> 58);
    assert_eq!(
        id.tick(),
        Tick::from_bits((EXAMPLE_UNIX_TS_MS << 16) | fraction)
    );
}

#[test]
fn the_example_of_the_rfc_is_built_from_its_fields() {
    let fraction = (EXAMPLE_RAND_A << 4) | (EXAMPLE_RAND_B >> 58);
    let tick = Tick::from_bits((EXAMPLE_UNIX_TS_MS << 16) | fraction);
    assert_eq!(
        Guuid::from_tick(tick, EXAMPLE_RAND_B),
        Guuid::parse(EXAMPLE).unwrap()
    );
}

#[test]
fn the_uuid_crate_sees_the_same_time_and_version() {
    let id = Guuid::parse(EXAMPLE).unwrap();
    let uuid = Uuid::from(id);
    assert_eq!(
        (uuid.get_version_num(), uuid.get_variant()),
        (7, Variant::RFC4122)
    );
    assert_eq!(uuid.get_timestamp().unwrap().to_unix(), (1_645_557_742, 0));
    assert_eq!(uuid, Uuid::parse_str(EXAMPLE).unwrap());
    assert_eq!(Guuid::try_from(uuid), Ok(id));
}

#[test]
fn every_field_is_where_section_5_7_puts_it() {
    // All bits of the tick, none of the random ones; and the reverse.
    let time = Guuid::from_tick(Tick::MAX, 0).to_uuid().as_u128();
    assert_eq!(time, 0xffff_ffff_ffff_7fff_bc00_0000_0000_0000);
    let random = Guuid::from_tick(Tick::ZERO, u64::MAX).to_uuid().as_u128();
    assert_eq!(random, 0x0000_0000_0000_7000_83ff_ffff_ffff_ffff);
}

#[test]
fn the_fraction_is_that_of_section_6_2_method_3() {
    // The RFC's formula for twelve bits: the fraction of a millisecond times 4096.
    for nanos in [0_u32, 1, 244, 245, 500_000, 987_654, 999_999] {
        let clock = ManualClock::new(Duration::from_secs(1) + Duration::from_nanos(nanos.into()));
        let id = Generator::new(clock, SeededEntropy::new(1)).mint();
        let rand_a = (id.to_uuid().as_u64_pair().0) & 0xfff;
        assert_eq!(rand_a, u64::from(nanos) * 4096 / 1_000_000, "{nanos} ns");
        assert_eq!(id.unix_ms(), 1_000);
    }
}

#[test]
fn ids_of_the_uuid_crate_are_accepted_and_sort_among_ours() {
    let before = Guuid::first_at(Uuid::now_v7().get_timestamp().unwrap().to_unix().0 * 1_000);
    let theirs = Guuid::try_from(Uuid::now_v7()).unwrap();
    assert!(before < theirs);
    assert!(Guuid::first_at(theirs.unix_ms()) <= theirs);
    assert!(Guuid::last_at(theirs.unix_ms()) >= theirs);
}

#[cfg(feature = "std")]
#[test]
fn an_id_minted_now_is_a_version_7_uuid() {
    let uuid = Uuid::from(Guuid::now());
    assert_eq!(
        (uuid.get_version_num(), uuid.get_variant()),
        (7, Variant::RFC4122)
    );
}
