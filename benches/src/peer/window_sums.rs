//! Count and total of a window: how it is stored, and the two ways it is shown.

use super::Category;
use headwater_streams::format::{Format, FormatError};
use headwater_streams::prelude::{Data, Json, Windowed};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// Transactions of one window added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WindowSum {
    pub(super) count: i64,
    pub(super) total_cents: i64,
}

impl WindowSum {
    /// One transaction more.
    pub(super) fn add(&mut self, cents: i64) {
        self.count += 1;
        self.total_cents += cents;
    }
}

/// Both numbers, 8 bytes each, big-endian.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WindowSumFormat;

impl Format<WindowSum> for WindowSumFormat {
    fn encode(&self, sum: &WindowSum, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(&sum.count.to_be_bytes());
        out.extend_from_slice(&sum.total_cents.to_be_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<WindowSum, FormatError> {
        let [count, total_cents] = big_endian(bytes)?;
        Ok(WindowSum { count, total_cents })
    }
}

impl Data for WindowSum {
    type Format = WindowSumFormat;
}

/// So many numbers of 8 bytes each, and nothing behind them.
pub(super) fn big_endian<const N: usize>(bytes: &[u8]) -> Result<[i64; N], FormatError> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    match <&[[u8; 8]; N]>::try_from(numbers) {
        Ok(numbers) if rest.is_empty() => Ok(numbers.map(i64::from_be_bytes)),
        _ => Err(FormatError::WrongLength { expected: 8 * N, found: bytes.len() }),
    }
}

/// A row of `category-sales`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategorySales {
    /// The key.
    pub category: Category,
    /// First millisecond.
    pub window_start: i64,
    /// First millisecond that is no longer part of it.
    pub window_end: i64,
    /// How many transactions.
    pub count: i64,
    /// Their sum.
    pub total_cents: i64,
}

impl Data for CategorySales {
    type Format = Json;
}

/// A row of `hopping`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSales {
    /// The key.
    pub product: String,
    /// First millisecond.
    pub window_start: i64,
    /// First millisecond that is no longer part of it.
    pub window_end: i64,
    /// How many transactions.
    pub count: i64,
    /// Their sum.
    pub total_cents: i64,
}

impl Data for ProductSales {
    type Format = Json;
}

/// `Home@1700000040000`: the key of a window's row.
pub(super) fn row_key(window: &Windowed<impl Display>) -> String {
    format!("{}@{}", window.key, window.start)
}
