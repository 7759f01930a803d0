//! Arithmetic in GF(2^8), with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d), that of
//! RFC 5510 section 8.1 and of most Reed-Solomon codecs.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vector;

/// What x^8 is.
const REDUCTION: u8 = 0x1d;

/// Powers of x, twice over, so that a sum of two logarithms needs no modulus.
const POWERS: [u8; 510] = powers();

/// To which power x has to be raised to give a number; that of 0 is not used.
const LOGARITHMS: [u8; 256] = logarithms();

const fn powers() -> [u8; 510] {
    let mut powers = [0; 510];
    let (mut power, mut at) = (1_u8, 0);
    while at < 255 {
        powers[at] = power;
        powers[at + 255] = power;
        power = double(power);
        at += 1;
    }
    powers
}

const fn logarithms() -> [u8; 256] {
    let mut logarithms = [0; 256];
    let mut at = 0;
    while at < 255 {
        logarithms[POWERS[at] as usize] = at as u8;
        at += 1;
    }
    logarithms
}

const fn double(a: u8) -> u8 {
    (a << 1) ^ (REDUCTION * (a >> 7))
}

/// The product.
pub(super) const fn multiply(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    POWERS[LOGARITHMS[a as usize] as usize + LOGARITHMS[b as usize] as usize]
}

/// The number whose product with `a` is 1; 0 for 0.
pub(super) fn inverse(a: u8) -> u8 {
    match a {
        0 => 0,
        a => POWERS[255 - usize::from(LOGARITHMS[usize::from(a)])],
    }
}

/// Adds `factor` times `from` to the front of `into`, which is at least as long.
pub(super) fn add_multiple(into: &mut [u8], from: &[u8], factor: u8) {
    #[cfg(test)]
    super::tests::count_sum();
    add(into.get_mut(..from.len()).unwrap_or_default(), from, factor);
}

/// The same with slices that are equally long.
fn add(into: &mut [u8], from: &[u8], factor: u8) {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    let done = vector::add_multiple(into, from, factor);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let done = 0;
    let rest = into.get_mut(done..).unwrap_or_default();
    add_by_words(rest, from.get(done..).unwrap_or_default(), factor);
}

/// The same on any processor: eight bytes at a time in one register, a bit of the factor after the
/// other.
fn add_by_words(into: &mut [u8], from: &[u8], factor: u8) {
    let (words, rest) = from.as_chunks::<8>();
    let (targets, target_rest) = into.as_chunks_mut::<8>();
    for (target, word) in targets.iter_mut().zip(words) {
        let product = multiply_word(u64::from_ne_bytes(*word), factor);
        *target = (u64::from_ne_bytes(*target) ^ product).to_ne_bytes();
    }
    for (target, byte) in target_rest.iter_mut().zip(rest) {
        *target ^= multiply(*byte, factor);
    }
}

#[inline]
fn multiply_word(word: u64, factor: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const ONE: u64 = 0x0101_0101_0101_0101;
    let (mut product, mut word) = (0, word);
    for bit in 0..8 {
        let chosen = 0_u64.wrapping_sub(u64::from(factor >> bit & 1));
        product ^= word & chosen;
        // Each byte doubled: the bit that falls off its top comes back as 0x1d.
        let top = (word >> 7) & ONE;
        word = ((word & LOW) << 1) ^ top ^ (top << 2) ^ (top << 3) ^ (top << 4);
    }
    product
}

/// Multiplies every byte by `factor`: adds to each so many times itself that this is what it comes to.
pub(super) fn scale(bytes: &mut [u8], factor: u8) {
    let mut copy = [0; 256];
    for block in bytes.chunks_mut(copy.len()) {
        let copy = &mut copy[..block.len()];
        copy.copy_from_slice(block);
        add(block, copy, factor ^ 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Multiplication from first principles.
    fn product(mut a: u8, mut b: u8) -> u8 {
        let mut product = 0;
        while b > 0 {
            product ^= a * (b & 1);
            a = double(a);
            b >>= 1;
        }
        product
    }

    #[test]
    fn multiplication_is_that_of_the_field() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(multiply(a, b), product(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn every_number_but_zero_has_an_inverse() {
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1, "{a}");
        }
    }

    /// Of all lengths up to some registers, at all alignments, with bytes before and behind that are to
    /// stay.
    #[test]
    fn whole_registers_do_what_single_bytes_do() {
        let source: Vec<u8> = (0..400_u32).map(|at| (at * at * 7 + at) as u8).collect();
        for factor in 0..=255 {
            for length in 0..300 {
                let (start, target_start) = (length % 33, length * 7 % 35);
                let from = &source[start..start + length];
                let mut into: Vec<u8> = (0..340_u32).map(|at| (at * 13) as u8).collect();
                let mut expected = into.clone();
                add_multiple(&mut into[target_start..], from, factor);
                for (target, byte) in expected[target_start..].iter_mut().zip(from) {
                    *target ^= multiply(*byte, factor);
                }
                assert_eq!(into, expected, "{length} bytes times {factor}");
            }
        }
    }

    /// What other processors do.
    #[test]
    fn words_do_what_single_bytes_do() {
        let source: Vec<u8> = (0..300_u32).map(|at| (at * at * 7 + at) as u8).collect();
        for factor in 0..=255 {
            for length in 0..40 {
                let from = &source[length..length + length];
                let mut into = vec![factor; length];
                add_by_words(&mut into, from, factor);
                let expected = from.iter().map(|byte| multiply(*byte, factor) ^ factor);
                assert!(
                    into.iter().copied().eq(expected),
                    "{length} bytes times {factor}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn long_runs_are_multiplied_byte_by_byte(
            from in prop::collection::vec(any::<u8>(), 0..50),
            extra in 0usize..9,
            factor: u8,
        ) {
            let before: Vec<u8> = (0..from.len() + extra).map(|at| at as u8).collect();
            let mut into = before.clone();
            add_multiple(&mut into, &from, factor);
            for (at, byte) in into.iter().enumerate() {
                let added = from.get(at).map_or(0, |from| product(*from, factor));
                prop_assert_eq!(*byte, before[at] ^ added);
            }
            let mut scaled = from.clone();
            scale(&mut scaled, factor);
            let expected: Vec<u8> = from.iter().map(|byte| product(*byte, factor)).collect();
            prop_assert_eq!(scaled, expected);
        }
    }
}
