//! The input of the comparison, byte for byte as `benches/peer/tools/kbench.c` makes it, for benches that need no broker.

use std::io::{self, Write};

const CATEGORIES: [&str; 6] = ["Electronics", "Fashion", "Beauty", "Home", "Sports", "Grocery"];
const PAYMENTS: [&str; 5] = ["credit_card", "debit_card", "paypal", "apple_pay", "bank_transfer"];
const COUNTRIES: [&str; 8] = ["US", "DE", "FR", "BR", "IN", "JP", "GB", "CA"];
const TIERS: [&str; 3] = ["gold", "silver", "bronze"];

/// Event time of the first transaction (milliseconds).
pub const START_MS: i64 = 1_700_000_040_000;

/// How many users there are.
pub const USERS: u64 = 100_000;

/// Writes key and value of transaction `i` into cleared buffers, and returns its time: five a millisecond.
///
/// # Errors
/// None: a `Vec` takes everything.
pub fn transaction(seed: u64, i: u64, key: &mut Vec<u8>, value: &mut Vec<u8>) -> io::Result<i64> {
    let timestamp = START_MS + (i / 5) as i64;
    transaction_at(seed, i, timestamp, key, value)?;
    Ok(timestamp)
}

fn transaction_at(seed: u64, i: u64, timestamp: i64, key: &mut Vec<u8>, value: &mut Vec<u8>) -> io::Result<()> {
    let a = mix(seed.wrapping_mul(0x100_0000_01b3).wrapping_add(i));
    let b = mix(a);
    let c = mix(b);
    let d = mix(c);
    let (user, cents, category) = (a % USERS, 1_000 + b % 99_000, CATEGORIES[(c % 6) as usize]);
    let (item, payment) = ((c >> 8) % 100, PAYMENTS[((c >> 32) % 5) as usize]);
    key.clear();
    write!(key, "user_{user:06}")?;
    value.clear();
    write!(
        value,
        r#"{{"transaction_id":"{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}","user_id":"user_{user:06}","product_category":"{category}","product_name":"{category} Item {item:02}","amount":{}.{:02},"timestamp":{timestamp},"payment_method":"{payment}"}}"#,
        d >> 32,
        (d >> 16) & 0xffff,
        d & 0xfff,
        0x8000 | ((a >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff,
        cents / 100,
        cents % 100,
    )
}

/// Writes key and value of user `i` into cleared buffers; all have the time one second before the first transaction.
///
/// # Errors
/// None: a `Vec` takes everything.
pub fn user(i: u64, key: &mut Vec<u8>, value: &mut Vec<u8>) -> io::Result<()> {
    let h = mix(i + 77);
    let (name, country, tier) = (h as u32, COUNTRIES[((h >> 32) & 7) as usize], TIERS[((h >> 40) % 3) as usize]);
    key.clear();
    write!(key, "user_{i:06}")?;
    value.clear();
    write!(value, r#"{{"user_id":"user_{i:06}","name":"Name {name:08x}","country":"{country}","tier":"{tier}"}}"#)
}

/// splitmix64.
fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
