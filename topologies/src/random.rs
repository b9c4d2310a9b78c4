//! Numbers that look random and are a pure function of a seed: the same on every machine, in every version.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014). Not for secrets.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sequence of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to item `index` of everything that `seed` makes: it can be had without those before it.
    pub fn of(seed: u64, index: u64) -> Self {
        // Mixed twice, so that the sequences of neighbours do not overlap.
        Random(mix(mix(seed.wrapping_add(GAMMA)) ^ index.wrapping_mul(GAMMA)))
    }

    /// The next 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number from 0 to `bound`, `bound` not included. The bias is below `bound` in 2^64.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        debug_assert!(bound > 0, "there is no number below zero");
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// One of these.
    #[inline]
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A number from 0 to 1, 1 not included.
    #[inline]
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[inline]
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the reference implementation for state 0, so that no change of ours can alter what seeds mean.
    #[test]
    fn is_splitmix64() {
        let mut random = Random(0);
        assert_eq!([random.bits(), random.bits()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn neighbours_differ_and_numbers_stay_below_their_bound() {
        let mut seen = std::collections::HashSet::new();
        for index in 0..1000 {
            let mut random = Random::of(7, index);
            assert!(seen.insert(random.bits()));
            assert!(random.below(6) < 6 && (0.0..1.0).contains(&random.share()));
        }
    }
}
