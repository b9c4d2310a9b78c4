//! All that is remembered of a user, and what it says of the next purchase.

use super::{Alert, AmountDetector, Amounts, Detector, Hit, Purchase, Recently, TravelDetector, VelocityDetector, Whereabouts};

/// The memories of the detectors, bounded each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Amounts so far.
    pub amounts: Amounts,
    /// The last ten minutes.
    pub recently: Recently,
    /// The last places.
    pub whereabouts: Whereabouts,
}

impl History {
    /// Judges a purchase by what is known, and knows it from then on. Only the order in which a user's purchases arrive decides.
    pub fn examine(&mut self, user_id: &str, purchase: Purchase) -> Option<Alert> {
        let hits = [
            examine(&AmountDetector, &mut self.amounts, &purchase),
            examine(&VelocityDetector, &mut self.recently, &purchase),
            examine(&TravelDetector, &mut self.whereabouts, &purchase),
        ];
        Alert::worth(user_id, purchase, hits.into_iter().flatten().collect())
    }
}

fn examine<D: Detector>(detector: &D, memory: &mut D::Memory, purchase: &Purchase) -> Option<Hit> {
    let hit = detector.judge(memory, purchase);
    detector.learn(memory, purchase, hit.as_ref());
    hit
}
