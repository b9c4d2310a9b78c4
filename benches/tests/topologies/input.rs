//! Input in the format of the comparison, made by a generator of its own.

/// A record as a producer sends it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) key: String,
    pub(crate) timestamp: i64,
    pub(crate) value: String,
}

/// The time of the first transaction (milliseconds). It is the start of a window.
pub(crate) const START: i64 = 1_700_000_040_000;

const CATEGORIES: [&str; 6] = ["Electronics", "Fashion", "Beauty", "Home", "Sports", "Grocery"];
const PAYMENTS: [&str; 5] = ["credit_card", "debit_card", "paypal", "apple_pay", "bank_transfer"];

/// So many transactions of so many users, one every `step_ms`.
pub(crate) fn transactions(count: u64, users: u64, step_ms: i64) -> Vec<Line> {
    (0..count).map(|i| transaction(i, users, START + i as i64 * step_ms)).collect()
}

fn transaction(i: u64, users: u64, timestamp: i64) -> Line {
    let [a, b, c] = [1, 2, 3].map(|salt| mix(i * 3 + salt));
    let (key, category, cents) = (user_id(a % users), CATEGORIES[(b % 6) as usize], 1_000 + c % 99_000);
    let (item, payment) = (b / 6 % 100, PAYMENTS[(c / 99_000 % 5) as usize]);
    let value = format!(
        r#"{{"transaction_id":"{:08x}-0000-4000-8000-{i:012x}","user_id":"{key}","product_category":"{category}","product_name":"{category} Item {item:02}","amount":{}.{:02},"timestamp":{timestamp},"payment_method":"{payment}"}}"#,
        a as u32,
        cents / 100,
        cents % 100,
    );
    Line { key, timestamp, value }
}

/// What is known of every second user.
pub(crate) fn users(count: u64) -> Vec<Line> {
    let user = |i: u64| {
        let (key, country, tier) = (user_id(i), ["US", "DE", "FR"][(mix(i) % 3) as usize], ["gold", "silver"][(mix(i) / 3 % 2) as usize]);
        let value = format!(r#"{{"user_id":"{key}","name":"Name {i:08x}","country":"{country}","tier":"{tier}"}}"#);
        Line { key, timestamp: START - 1_000, value }
    };
    (0..count).step_by(2).map(user).collect()
}

fn user_id(i: u64) -> String {
    format!("user_{i:06}")
}

/// splitmix64.
fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
