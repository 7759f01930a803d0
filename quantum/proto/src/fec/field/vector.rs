//! Sixteen or 32 bytes at a time, on processors that look up as many in a table at once.
//!
//! A product is the sum of those of the two halves of a byte: two tables of 16 for each factor, which
//! fit into registers (Plank, Greenan, Miller, "Screaming Fast Galois Field Arithmetic Using Intel
//! SIMD Instructions", FAST 2013).
//!
//! The one place in this crate with `unsafe`: instructions that not every processor has, and loads
//! and stores of whole registers.
#![expect(
    unsafe_code,
    reason = "fifteen times as fast as what the compiler makes of safe code"
)]

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::add_multiple;
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::add_multiple;

/// By factor: its products with the numbers below 16, and with 16 times these.
static PRODUCTS: [[[u8; 16]; 2]; 256] = products();

const fn products() -> [[[u8; 16]; 2]; 256] {
    let mut products = [[[0; 16]; 2]; 256];
    let mut at = 0;
    while at < 256 * 16 {
        let (factor, half) = (at / 16, at % 16);
        products[factor][0][half] = super::multiply(factor as u8, half as u8);
        products[factor][1][half] = super::multiply(factor as u8, (half << 4) as u8);
        at += 1;
    }
    products
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::*;

    use super::PRODUCTS;

    /// Adds `factor` times `from` to `into`, which is as long, up to where it says: the rest is less
    /// than a register, or the processor lacks the instructions.
    pub(in super::super) fn add_multiple(into: &mut [u8], from: &[u8], factor: u8) -> usize {
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, it was just asked.
            unsafe { with_avx2(into, from, factor) }
        } else if is_x86_feature_detected!("ssse3") {
            // SAFETY: the processor has SSSE3, it was just asked.
            unsafe { with_ssse3(into, from, factor) }
        } else {
            0
        }
    }

    #[target_feature(enable = "avx2")]
    fn with_avx2(into: &mut [u8], from: &[u8], factor: u8) -> usize {
        let [low, high] = PRODUCTS[usize::from(factor)].each_ref().map(|table| {
            let table = load(table);
            _mm256_broadcastsi128_si256(table)
        });
        let half = _mm256_set1_epi8(0x0f);
        let (words, rest) = from.as_chunks::<32>();
        let (targets, target_rest) = into.as_chunks_mut::<32>();
        for (target, word) in targets.iter_mut().zip(words) {
            let word = load_wide(word);
            let low = _mm256_shuffle_epi8(low, _mm256_and_si256(word, half));
            let above = _mm256_and_si256(_mm256_srli_epi64::<4>(word), half);
            let product = _mm256_xor_si256(low, _mm256_shuffle_epi8(high, above));
            store_wide(target, _mm256_xor_si256(load_wide(target), product));
        }
        words.len() * 32 + with_ssse3(target_rest, rest, factor)
    }

    #[target_feature(enable = "ssse3")]
    fn with_ssse3(into: &mut [u8], from: &[u8], factor: u8) -> usize {
        let [low, high] = PRODUCTS[usize::from(factor)].each_ref().map(load);
        let half = _mm_set1_epi8(0x0f);
        let words = from.as_chunks::<16>().0;
        for (target, word) in into.as_chunks_mut::<16>().0.iter_mut().zip(words) {
            let word = load(word);
            let low = _mm_shuffle_epi8(low, _mm_and_si128(word, half));
            let above = _mm_and_si128(_mm_srli_epi64::<4>(word), half);
            let product = _mm_xor_si128(low, _mm_shuffle_epi8(high, above));
            store(target, _mm_xor_si128(load(target), product));
        }
        words.len() * 16
    }

    fn load(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: 16 bytes that are borrowed, and may have any alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    fn store(bytes: &mut [u8; 16], value: __m128i) {
        // SAFETY: 16 bytes that are borrowed mutably, and may have any alignment.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
    }

    #[target_feature(enable = "avx2")]
    fn load_wide(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes that are borrowed, and may have any alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    fn store_wide(bytes: &mut [u8; 32], value: __m256i) {
        // SAFETY: 32 bytes that are borrowed mutably, and may have any alignment.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), value) }
    }

    /// Where AVX2 is, it would be left untested.
    #[test]
    fn ssse3_does_what_single_bytes_do() {
        assert!(is_x86_feature_detected!("ssse3"));
        let from: [u8; 70] = std::array::from_fn(|at| (at * at * 7) as u8);
        for factor in 0..=255 {
            let mut into = [factor; 70];
            // SAFETY: the processor has SSSE3, it was just asked.
            let done = unsafe { with_ssse3(&mut into, &from, factor) };
            assert_eq!(done, 64);
            for (at, byte) in into.into_iter().enumerate() {
                let product = super::super::multiply(from[at], factor);
                let added = if at < done { product } else { 0 };
                assert_eq!(byte, factor ^ added, "byte {at} times {factor}");
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::arch::aarch64::*;
    use std::arch::is_aarch64_feature_detected;

    use super::PRODUCTS;

    /// Adds `factor` times `from` to `into`, which is as long, up to where it says: the rest is less
    /// than a register, or the processor lacks the instructions.
    pub(in super::super) fn add_multiple(into: &mut [u8], from: &[u8], factor: u8) -> usize {
        if is_aarch64_feature_detected!("neon") {
            // SAFETY: the processor has NEON, it was just asked.
            unsafe { with_neon(into, from, factor) }
        } else {
            0
        }
    }

    #[target_feature(enable = "neon")]
    fn with_neon(into: &mut [u8], from: &[u8], factor: u8) -> usize {
        let [low, high] = PRODUCTS[usize::from(factor)]
            .each_ref()
            .map(|table| load(table));
        let words = from.as_chunks::<16>().0;
        for (target, word) in into.as_chunks_mut::<16>().0.iter_mut().zip(words) {
            let word = load(word);
            let low = vqtbl1q_u8(low, vandq_u8(word, vdupq_n_u8(0x0f)));
            let product = veorq_u8(low, vqtbl1q_u8(high, vshrq_n_u8::<4>(word)));
            let sum = veorq_u8(load(target), product);
            // SAFETY: 16 bytes that are borrowed mutably.
            unsafe { vst1q_u8(target.as_mut_ptr(), sum) }
        }
        words.len() * 16
    }

    #[target_feature(enable = "neon")]
    fn load(bytes: &[u8; 16]) -> uint8x16_t {
        // SAFETY: 16 bytes that are borrowed.
        unsafe { vld1q_u8(bytes.as_ptr()) }
    }
}
