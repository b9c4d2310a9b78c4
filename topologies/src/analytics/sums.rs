//! Sales added up, in whole cents.

use crate::money::Cents;

/// Revenue and orders. Both only ever grow, so of two sums of the same sales the one with more orders is the newer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// What was paid, exactly.
    pub revenue: Cents,
    /// How many transactions paid it.
    pub orders: u64,
}

impl Sums {
    /// One order more. 128 bits of cents outlast every shop.
    pub fn add(&mut self, amount: Cents) {
        self.revenue.0 += amount.0;
        self.orders += 1;
    }

    /// Revenue per order, rounded to the cent, halves up: SQL's `round(revenue / orders, 2)`. Nothing sold is nothing per order.
    pub fn average(self) -> Cents {
        let orders = i128::from(self.orders);
        Cents((2 * self.revenue.0 + orders).checked_div(2 * orders).unwrap_or(0))
    }

    /// Takes the other's place here if that is newer.
    pub(super) fn update(&mut self, newer: Sums) {
        if newer.orders > self.orders {
            *self = newer;
        }
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.revenue.0 += other.revenue.0;
        self.orders += other.orders;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_rounded_half_up() {
        for (cents, orders, average) in [(0, 0, 0), (1, 1, 1), (1, 2, 1), (1, 3, 0), (2, 3, 1), (5, 2, 3), (1_000, 3, 333), (2_000, 3, 667)]
        {
            assert_eq!(Sums { revenue: Cents(cents), orders }.average(), Cents(average), "{cents} / {orders}");
        }
    }

    #[test]
    fn what_is_older_changes_nothing() {
        let mut sums = Sums::default();
        let grown = Sums { revenue: Cents(500), orders: 2 };
        for newer in [grown, Sums { revenue: Cents(300), orders: 1 }, grown] {
            sums.update(newer);
            assert_eq!(sums, grown);
        }
    }
}
