//! Random numbers that are the same in every run. The fuzz targets' replay and the core's own tests use them too.
#![allow(dead_code, reason = "everyone uses their own part of this")]

/// A generator (xorshift) whose numbers follow from where it starts.
pub struct Dice(u64);

impl Dice {
    /// For a seed of any kind, small numbers included.
    pub const fn new(seed: u64) -> Self {
        Self::from_state(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Starts at a state of many bits, none of them zero by chance.
    pub const fn from_state(state: u64) -> Self {
        Self(state)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`; 0 below 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() >> 33).expect("31 bits") % limit.max(1)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("below 256")
    }

    /// One of these.
    pub fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}
