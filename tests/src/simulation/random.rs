//! Chance that repeats itself: the same seed gives the same run.

/// xorshift64*, which is enough to choose what happens next.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| {
            random.next();
        });
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    /// Whether something comes to pass that does so `n` times in 10,000.
    pub fn happens(&mut self, n: u64) -> bool {
        self.below(10_000) < n
    }
}

/// Says which seed it was when a test fails.
#[derive(Debug)]
pub struct Seed(pub u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with seed {}: HEADWATER_SEED={} runs it alone", self.0, self.0);
        }
    }
}

/// The seeds to run: so many, or the one that the environment names.
pub fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("HEADWATER_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => vec![seed],
        None => (0..count).collect(),
    }
}
