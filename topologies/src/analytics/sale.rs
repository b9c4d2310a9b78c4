//! What of a transaction the figures need, and a product's sales.

use super::Sums;
use crate::money::Cents;
use crate::sales_stream::{Country, Transaction};
use headwater_streams::record::{NO_TIMESTAMP, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

/// One order. The identity comes along so that a dead letter says which it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// Whose sale.
    pub transaction_id: Uuid,
    /// What was sold.
    pub product_id: Arc<str>,
    /// Its name at that time.
    pub product_name: Arc<str>,
    /// Where it was sold.
    pub country: Country,
    /// What was paid for all of it.
    pub amount: Cents,
    /// When.
    pub event_time: Timestamp,
}

impl From<&Transaction<'_>> for Sale {
    fn from(transaction: &Transaction<'_>) -> Self {
        Sale {
            transaction_id: transaction.transaction_id,
            product_id: (*transaction.product_id).into(),
            product_name: (*transaction.product_name).into(),
            country: transaction.place.country,
            amount: transaction.total_amount,
            event_time: transaction.event_time,
        }
    }
}

/// A product's sales in one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductSales {
    /// What it brought in.
    pub sums: Sums,
    /// Its name in the latest of these sales; of several at that time the greatest text, so that the order of arrival does not matter.
    pub name: Arc<str>,
    /// The time of that sale.
    pub named_at: Timestamp,
}

impl Default for ProductSales {
    fn default() -> Self {
        ProductSales { sums: Sums::default(), name: "".into(), named_at: NO_TIMESTAMP }
    }
}

impl ProductSales {
    /// One sale more.
    pub fn add(&mut self, sale: &Sale) {
        self.sums.add(sale.amount);
        if (self.named_at, &*self.name) < (sale.event_time, &*sale.product_name) {
            self.named_at = sale.event_time;
            self.name = sale.product_name.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_called_as_in_its_latest_sale_in_whatever_order_they_come() {
        let sale = |name: &str, event_time| Sale {
            transaction_id: Uuid::nil(),
            product_id: "p".into(),
            product_name: name.into(),
            country: Country::from_code("DE").unwrap(),
            amount: Cents(100),
            event_time,
        };
        let sales = [sale("Lamp", 5), sale("Old lamp", 0), sale("Desk lamp", 5)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
            let mut product = ProductSales::default();
            order.iter().for_each(|at| product.add(&sales[*at]));
            assert_eq!(product, ProductSales { sums: Sums { revenue: Cents(300), orders: 3 }, name: "Lamp".into(), named_at: 5 });
        }
    }
}
