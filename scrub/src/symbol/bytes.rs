//! A set of bytes, and which bytes of a block are in it: a few instructions for sixteen of them, where there are vectors.

/// How many bytes are looked at together: as many as a mark has bits.
pub const BLOCK: usize = 32;

/// Bytes by their halves: a byte is in the set if what stands for its lower half and for its upper half have a bit in common.
/// Exact as long as the bytes have no more than eight upper halves.
#[derive(Clone, Debug, Default)]
pub struct Bytes {
    lower: [u8; 16],
    upper: [u8; 16],
}

impl Bytes {
    /// The set of the bytes that the table says.
    pub const fn new(is_in: &[bool; 256]) -> Self {
        let (mut set, mut groups, mut byte) = (Self { lower: [0; 16], upper: [0; 16] }, 0, 0);
        while byte < 256 {
            let (lower, upper) = (byte & 0xF, byte >> 4);
            if is_in[byte] {
                if set.upper[upper] == 0 {
                    set.upper[upper] = 1 << (groups % 8);
                    groups += 1;
                }
                set.lower[lower] |= set.upper[upper];
            }
            byte += 1;
        }
        set
    }

    /// Which bytes of a block are in the set: a bit for each, the lowest for the first.
    #[cfg(not(target_feature = "simd128"))]
    pub fn marks(&self, block: &[u8; BLOCK]) -> u32 {
        let of = |table: &[u8; 16], half: u8| table.get(usize::from(half)).copied().unwrap_or_default();
        let has = |byte: u8| of(&self.lower, byte & 0xF) & of(&self.upper, byte >> 4) != 0;
        block.iter().rev().fold(0, |marks, byte| marks << 1 | u32::from(has(*byte)))
    }

    /// The same in vector instructions: the compiler finds them by itself in some builds only.
    #[cfg(target_feature = "simd128")]
    pub fn marks(&self, block: &[u8; BLOCK]) -> u32 {
        use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_shr, u8x16_splat, u8x16_swizzle, u64x2, v128_and};
        let vector = |low: [u8; 8], high: [u8; 8]| u64x2(u64::from_le_bytes(low), u64::from_le_bytes(high));
        let marks = |low, high| {
            let bytes = vector(low, high);
            let lower = u8x16_swizzle(halved(&self.lower, vector), v128_and(bytes, u8x16_splat(0xF)));
            let upper = u8x16_swizzle(halved(&self.upper, vector), u8x16_shr(bytes, 4));
            !u8x16_bitmask(u8x16_eq(v128_and(lower, upper), u8x16_splat(0)))
        };
        let (eights, _) = block.as_chunks();
        let [a, b, c, d] = eights else { return u32::MAX };
        u32::from(marks(*a, *b)) | u32::from(marks(*c, *d)) << 16
    }
}

/// What a vector of both halves of a table is.
#[cfg(target_feature = "simd128")]
fn halved<T>(table: &[u8; 16], vector: impl Fn([u8; 8], [u8; 8]) -> T) -> T {
    let (low, high) = table.split_at(8);
    vector(low.try_into().unwrap_or_default(), high.try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_of_the_set_is_marked_and_few_others(set in prop::collection::vec(any::<u8>(), 0..6), block in any::<[u8; BLOCK]>()) {
            let marks = Bytes::new(&core::array::from_fn(|byte| set.iter().any(|of| usize::from(*of) == byte))).marks(&block);
            for (at, byte) in block.iter().enumerate() {
                prop_assert_eq!(marks >> at & 1 == 1, set.contains(byte));
            }
        }
    }
}
