//! The transaction of a visit: what is bought, for how much, with what.

use super::catalog::basket;
use super::plan::{FraudKind, Motive, Visit};
use super::{Topic, World};
use crate::money::Cents;
use crate::random::Random;
use crate::sales_stream::{Currency, PaymentMethod, Transaction};
use headwater_streams::record::Timestamp;
use std::borrow::Cow;
use uuid::Builder;

/// The least that is spent: nothing is cheaper.
const LEAST_CENTS: u64 = 199;
/// Nobody takes a risk for less than this.
const BOOTY_CENTS: u64 = 25_000;
/// Of so many rounds, one is bought in with something new or borrowed.
const ROUNDS_PER_NEW_DEVICE: u64 = 40;

/// The id of the transaction at an index: the first thing that its chance decides.
pub(super) fn transaction_id(random: &mut Random) -> uuid::Uuid {
    let [high, low] = [random.bits(), random.bits()];
    Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid()
}

/// Its user, as records name them.
pub(super) fn user_id(user: u64) -> String {
    format!("user_{user:07}")
}

impl Visit {
    /// The purchase made at this time.
    pub(super) fn transaction(&self, world: &World, event_time: Timestamp, random: &mut Random) -> Transaction<'static> {
        let transaction_id = transaction_id(random);
        let (number, product, quantity) = basket(self.cents(random).max(LEAST_CENTS), random);
        let usual_payment = random.below(5) > 0;
        let any_payment = random.pick(PaymentMethod::ALL);
        let [session, device, host, spot] = self.traces(world);
        Transaction {
            transaction_id,
            user_id: Cow::Owned(user_id(self.person.user)),
            session_id: Cow::Owned(format!("s-{session:016x}")),
            event_time,
            product_id: Cow::Owned(format!("P-{:03}", number + 1)),
            product_name: product.name.into(),
            product_category: product.category.into(),
            quantity: quantity as u32,
            unit_price: Cents(i128::from(product.cents)),
            total_amount: Cents(i128::from(product.cents * quantity)),
            currency: Currency::Usd,
            payment_method: if usual_payment { self.person.payment } else { any_payment },
            device_id: Cow::Owned(format!("d-{device:016x}")),
            ip_address: self.city.address(host),
            place: self.city.place(spot),
        }
    }

    fn cents(&self, random: &mut Random) -> u64 {
        let person = &self.person;
        let times = |random: &mut Random, least: u64, most: u64| person.times_average_cents(least + random.below(most - least));
        match self.motive {
            Motive::Ordinary | Motive::Guest | Motive::Family | Motive::Fraud(FraudKind::Travel) => person.usual_cents(random),
            Motive::BigSpender => times(random, 2_000, 3_200),
            Motive::Splurge => times(random, 3_500, 5_000),
            Motive::Fraud(FraudKind::Amount) => times(random, 8_000, 25_000).max(BOOTY_CENTS),
            Motive::Fraud(FraudKind::Velocity) => person.usual_cents(random) / 4,
            Motive::Fraud(FraudKind::Combined) => times(random, 3_500, 7_000),
        }
    }

    /// What stays the same during a visit, and between visits of the same person: session, device, host and spot.
    fn traces(&self, world: &World) -> [u64; 4] {
        let user = self.person.user;
        let mut visit = world.random(Topic::Visit, user << 32 ^ self.number << 3 ^ self.motive.tag());
        let session = visit.bits();
        if let Motive::Fraud(_) = self.motive {
            return [session, visit.bits(), visit.bits(), visit.bits()];
        }
        let one_of_theirs = visit.below(self.person.devices);
        let device = if visit.below(ROUNDS_PER_NEW_DEVICE) == 0 {
            visit.bits()
        } else {
            world.random(Topic::Device, user << 2 | one_of_theirs).bits()
        };
        let mut usual = world.random(Topic::Device, user << 2 | 3);
        [session, device, usual.bits(), usual.bits()]
    }
}

impl Motive {
    /// Episodes and turns of one number are different visits.
    fn tag(self) -> u64 {
        match self {
            Motive::Ordinary | Motive::Guest => 0,
            Motive::BigSpender | Motive::Splurge | Motive::Family => 1,
            Motive::Fraud(_) => 2,
        }
    }
}
