//! What the shops sell. Prices are what they are: nothing in an amount tells who pays it.

use crate::random::Random;

/// A product.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) category: &'static str,
    pub(super) name: &'static str,
    pub(super) cents: u64,
}

/// A sale holds at most about so many pieces of a product, where there is a dearer one.
const PIECES: u64 = 6;
/// Looks at so many products for what fits an amount best.
const LOOKS: u32 = 3;

/// A product, its number and how many of it come to about this amount.
pub(super) fn basket(cents: u64, random: &mut Random) -> (usize, &'static Product, u64) {
    let affordable = PRODUCTS.partition_point(|product| product.cents <= cents).max(1);
    let worthwhile = PRODUCTS.partition_point(|product| product.cents * PIECES < cents).min(affordable - 1);
    let candidates = (0..LOOKS).map(|_| {
        let number = worthwhile + random.below((affordable - worthwhile) as u64) as usize;
        let pieces = ((cents + PRODUCTS[number].cents / 2) / PRODUCTS[number].cents).max(1);
        (number, pieces)
    });
    let apart = |(number, pieces): &(usize, u64)| (PRODUCTS[*number].cents * pieces).abs_diff(cents);
    let (number, pieces) = candidates.min_by_key(apart).expect("it looks at some");
    (number, &PRODUCTS[number], pieces)
}

const fn product(category: &'static str, name: &'static str, cents: u64) -> Product {
    Product { category, name, cents }
}

/// All of them, cheapest first.
static PRODUCTS: [Product; 44] = [
    product("Grocery", "Espresso Shot", 199),
    product("Beauty", "Lip Balm", 349),
    product("Grocery", "Sourdough Loaf", 449),
    product("Home", "Candle", 699),
    product("Grocery", "Oat Milk 6 l", 899),
    product("Books", "Paperback", 999),
    product("Beauty", "Hand Cream", 1_199),
    product("Grocery", "Olive Oil 1 l", 1_399),
    product("Fashion", "Wool Socks", 1_599),
    product("Toys", "Puzzle 1000", 1_999),
    product("Grocery", "Coffee Beans 1 kg", 2_249),
    product("Books", "Cookbook", 2_450),
    product("Fashion", "T-Shirt", 2_500),
    product("Sports", "Yoga Mat", 2_795),
    product("Sports", "Football", 3_290),
    product("Home", "Desk Lamp", 3_950),
    product("Toys", "Building Bricks", 4_999),
    product("Home", "Cast-Iron Pan", 5_600),
    product("Beauty", "Perfume 50 ml", 6_400),
    product("Sports", "Dumbbell Pair", 6_990),
    product("Fashion", "Jeans", 7_995),
    product("Electronics", "Headphones", 8_999),
    product("Home", "Duvet Set", 10_900),
    product("Fashion", "Running Shoes", 12_995),
    product("Electronics", "Keyboard", 14_900),
    product("Toys", "Train Set", 15_999),
    product("Beauty", "Hair Dryer", 17_900),
    product("Sports", "Tennis Racket", 18_950),
    product("Fashion", "Winter Coat", 24_900),
    product("Electronics", "Smart Watch", 29_900),
    product("Home", "Coffee Machine", 32_900),
    product("Electronics", "Tablet", 44_900),
    product("Home", "Robot Vacuum", 52_900),
    product("Fashion", "Handbag", 65_000),
    product("Electronics", "Smartphone", 79_900),
    product("Sports", "Road Bike", 119_900),
    product("Electronics", "Camera", 134_900),
    product("Home", "Sofa", 149_000),
    product("Electronics", "Laptop Pro 14", 189_900),
    product("Fashion", "Watch", 245_000),
    product("Electronics", "Cinema Projector", 279_900),
    product("Home", "Kitchen Set", 329_000),
    product("Sports", "E-Bike", 389_900),
    product("Electronics", "Workstation", 499_900),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basket_comes_to_about_the_amount() {
        assert!(PRODUCTS.is_sorted_by_key(|product| product.cents));
        let mut random = Random::of(1, 1);
        for cents in [199, 1_000, 5_555, 30_000, 123_456, 900_000, 2_500_000] {
            let (_, product, pieces) = basket(cents, &mut random);
            let total = product.cents * pieces;
            assert!((cents * 2 / 3..=cents * 4 / 3).contains(&total), "{cents}: {total}");
        }
    }
}
