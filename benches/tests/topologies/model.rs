//! What must come out: loose JSON, maps and nothing of the engine.

use super::input::Line;
use headwater_benches::peer::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A record of the output: timestamp and value.
pub(crate) type Row = (i64, Value);

/// All output records by key: of a table only the last of each, of a log all in the order of the keys' input.
pub(crate) type Output = BTreeMap<String, Vec<Row>>;

/// Whether only the last value of each key counts.
pub(crate) fn is_table(kind: Kind) -> bool {
    matches!(kind, Kind::CategorySales | Kind::Hopping | Kind::UserTotals)
}

pub(crate) fn output(kind: Kind, transactions: &[Line], users: &[Line]) -> Output {
    let mut model = Model { out: Output::new(), sums: BTreeMap::new(), recent: BTreeMap::new(), users: BTreeMap::new() };
    model.users = users.iter().map(|line| (line.key.clone(), serde_json::from_str(&line.value).unwrap())).collect();
    transactions.iter().for_each(|line| model.take(kind, line));
    model.out
}

struct Model {
    out: Output,
    /// Count and cents by output key.
    sums: BTreeMap<String, (i64, i64)>,
    recent: BTreeMap<String, Vec<(i64, i64)>>,
    users: BTreeMap<String, Value>,
}

impl Model {
    fn take(&mut self, kind: Kind, line: &Line) {
        let tx: Value = serde_json::from_str(&line.value).unwrap();
        let cents = cents(&line.value);
        let base = json!({"transaction_id": tx["transaction_id"], "user_id": tx["user_id"], "amount_cents": cents});
        let minute = line.timestamp - line.timestamp % 60_000;
        match kind {
            Kind::Passthrough => self.event(line, tx),
            Kind::Stateless if cents > 50_000 => self.event(line, base),
            Kind::Stateless => {}
            Kind::CategorySales => self.window("category", &tx["product_category"], minute, line, cents),
            Kind::Hopping => {
                let last = line.timestamp - line.timestamp % 10_000;
                (0..6).for_each(|i| self.window("product", &tx["product_name"], last - i * 10_000, line, cents));
            }
            Kind::UserTotals => {
                let (count, sum) = self.add(line.key.clone(), cents);
                let row = json!({"user_id": line.key, "count": count, "sum_cents": sum, "last_ts": line.timestamp});
                self.out.insert(line.key.clone(), vec![(line.timestamp, row)]);
            }
            Kind::Fraud => self.fraud(line, base, cents),
            Kind::Enrich => {
                let Some(user) = self.users.get(&line.key) else { return };
                let known = json!({"country": user["country"], "tier": user["tier"]});
                self.event(line, with(base, known));
            }
        }
    }

    fn fraud(&mut self, line: &Line, base: Value, cents: i64) {
        let recent = self.recent.entry(line.key.clone()).or_default();
        recent.retain(|(time, _)| *time > line.timestamp - 60_000);
        recent.push((line.timestamp, cents));
        let (count, sum) = (recent.len(), recent.iter().map(|(_, cents)| cents).sum::<i64>());
        if count >= 5 || cents > 90_000 {
            self.event(line, with(base, json!({"count_60s": count, "sum_60s_cents": sum, "ts": line.timestamp})));
        }
    }

    fn window(&mut self, name: &str, of: &Value, start: i64, line: &Line, cents: i64) {
        let key = format!("{}@{start}", of.as_str().unwrap());
        let (count, total) = self.add(key.clone(), cents);
        let row = json!({name: of, "window_start": start, "window_end": start + 60_000, "count": count, "total_cents": total});
        self.out.insert(key, vec![(line.timestamp, row)]);
    }

    fn add(&mut self, key: String, cents: i64) -> (i64, i64) {
        let sum = self.sums.entry(key).or_default();
        *sum = (sum.0 + 1, sum.1 + cents);
        *sum
    }

    fn event(&mut self, line: &Line, value: Value) {
        self.out.entry(line.key.clone()).or_default().push((line.timestamp, value));
    }
}

fn with(mut base: Value, more: Value) -> Value {
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

/// From the text itself, so that no float has a say.
fn cents(line: &str) -> i64 {
    let (_, rest) = line.split_once(r#""amount":"#).unwrap();
    let (amount, _) = rest.split_once(',').unwrap();
    amount.replace('.', "").parse().unwrap()
}
