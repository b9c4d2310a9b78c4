//! The products that bring in the most, without keeping the others.

use super::Sums;
use std::cmp::Reverse;
use std::sync::Arc;

/// How many of them.
pub const TOP_PRODUCTS: usize = 10;

/// A product with what it brought in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopProduct {
    /// Which.
    pub product_id: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What it brought in.
    pub sums: Sums,
}

impl TopProduct {
    /// More revenue first, then by id.
    fn rank(&self) -> (Reverse<i128>, &str) {
        (Reverse(self.sums.revenue.0), &self.product_id)
    }
}

/// The best products, the best first. Exact although no other product is kept: revenue only grows, so a product that is not among them
/// can enter by an update of its own only, which brings all of its sums along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopProducts(Vec<TopProduct>);

impl TopProducts {
    /// The products as they were ranked before.
    pub(super) fn ranked(products: Vec<TopProduct>) -> Self {
        debug_assert!(products.len() <= TOP_PRODUCTS && products.is_sorted_by(|a, b| a.rank() < b.rank()));
        TopProducts(products)
    }

    /// The best first.
    pub fn as_slice(&self) -> &[TopProduct] {
        &self.0
    }

    /// A product has sold more.
    pub fn update(&mut self, product: TopProduct) {
        if let Some(at) = self.0.iter().position(|held| held.product_id == product.product_id) {
            if self.0[at].sums.orders >= product.sums.orders {
                return;
            }
            self.0.remove(at);
        }
        let at = self.0.partition_point(|held| held.rank() < product.rank());
        if at < TOP_PRODUCTS {
            self.0.truncate(TOP_PRODUCTS - 1);
            self.0.insert(at, product);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Cents;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn product(id: &str, cents: i128, orders: u64) -> TopProduct {
        TopProduct { product_id: id.into(), name: id.into(), sums: Sums { revenue: Cents(cents), orders } }
    }

    fn top(products: &[(&str, i128, u64)]) -> Vec<String> {
        let mut top = TopProducts::default();
        products.iter().for_each(|(id, cents, orders)| top.update(product(id, *cents, *orders)));
        top.as_slice().iter().map(|product| format!("{} {}", product.product_id, product.sums.revenue.0)).collect()
    }

    #[test]
    fn more_revenue_goes_first_and_equal_revenue_by_id() {
        assert_eq!(top(&[("b", 5, 1), ("a", 5, 1), ("c", 6, 1)]), ["c 6", "a 5", "b 5"]);
        assert_eq!(top(&[("a", 5, 1), ("b", 6, 1), ("a", 7, 2)]), ["a 7", "b 6"]);
        assert_eq!(top(&[("a", 5, 2), ("a", 3, 1)]), ["a 5"], "what is older changes nothing");
    }

    #[test]
    fn the_eleventh_enters_and_another_one_leaves() {
        let mut products: Vec<(&str, i128, u64)> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map(|id| (id, 10, 1)).to_vec();
        products.push(("k", 10, 1));
        assert_eq!(top(&products).last().unwrap(), "j 10", "a tie at the end goes to the smaller id");
        products.push(("k", 11, 2));
        let found = top(&products);
        assert_eq!((found.len(), found[0].as_str(), found[9].as_str()), (10, "k 11", "i 10"));
        products.push(("j", 12, 2));
        assert_eq!(top(&products)[..2], ["j 12", "k 11"]);
    }

    proptest! {
        #[test]
        fn is_what_sorting_all_products_gives(sales in prop::collection::vec((0..25_u8, 1..6_i128), 0..200)) {
            let mut all: BTreeMap<String, Sums> = BTreeMap::new();
            let mut top = TopProducts::default();
            for (id, cents) in sales {
                let id = format!("P-{id}");
                let sums = all.entry(id.clone()).or_default();
                sums.add(Cents(cents));
                top.update(product(&id, sums.revenue.0, sums.orders));
            }
            let mut sorted: Vec<_> = all.iter().map(|(id, sums)| product(id, sums.revenue.0, sums.orders)).collect();
            sorted.sort_by_key(|product| Reverse(product.sums.revenue.0));
            sorted.truncate(TOP_PRODUCTS);
            prop_assert_eq!(top.as_slice(), sorted);
        }
    }
}
