//! Made-up sales: people with homes, habits and journeys; at most 1 % of the traffic is fraud, beside as much that only looks like it.
//!
//! A record's key is its user: under several partitions the purchases of one user stay in order. Nothing in a record tells what it
//! is but what it says: ids, fields, prices and products are drawn for all in the same way.

mod catalog;
mod cities;
mod flaw;
mod people;
mod plan;
mod purchase;
#[cfg(test)]
mod tests;

pub use plan::FraudKind;

use super::{Field, write_transaction};
use crate::generator::{Generator, Settings};
use crate::random::Random;
use flaw::Flaw;
use std::io::Write;

const YEAR_MS: i64 = 31_556_952_000;
/// How long it takes until everybody has bought again, where there are users enough.
const ROUND_US: u64 = 300_000_000;
const USER_BITS_MIN: u32 = 11;
const USER_BITS_MAX: u32 = 20;

/// What chance is asked about, each topic with numbers of its own.
#[derive(Debug, Clone, Copy)]
enum Topic {
    Person,
    Journey,
    Groups,
    Guest,
    Kinds,
    Fraud,
    LookAlike,
    Episode,
    Visit,
    Device,
}

/// What all records of some settings have in common.
#[derive(Debug, Clone, Copy)]
struct World {
    seed: u64,
    step_us: u64,
    /// There are two to the power of this many users.
    user_bits: u32,
}

impl World {
    fn of(settings: &Settings) -> Self {
        let step_us = u64::try_from(settings.step.as_micros()).unwrap_or(u64::MAX).max(1);
        let users = ROUND_US.div_ceil(step_us).next_power_of_two();
        World { seed: settings.seed, step_us, user_bits: users.ilog2().clamp(USER_BITS_MIN, USER_BITS_MAX) }
    }

    fn random(&self, topic: Topic, of: u64) -> Random {
        Random::of(self.seed ^ (topic as u64 + 1) << 56, of)
    }

    fn round_ms(&self) -> u128 {
        ((u128::from(self.step_us) << self.user_bits) / 1_000).max(1)
    }
}

/// The transactions.
#[derive(Debug, Clone, Copy)]
pub struct SalesStream {
    settings: Settings,
    world: World,
}

impl SalesStream {
    /// The transactions of these settings.
    pub fn new(settings: Settings) -> Self {
        SalesStream { settings, world: World::of(&settings) }
    }
}

impl Generator for SalesStream {
    fn key(&self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(purchase::user_id(self.world.visit(index).person.user).as_bytes());
    }

    fn value(&self, index: u64, out: &mut Vec<u8>) {
        let Settings { seed, late, bad, .. } = self.settings;
        let visit = self.world.visit(index);
        let mut random = Random::of(seed, index);
        // Drawn apart, so that the rest of a record is the same whatever the shares are. What is labelled can be read.
        let share = Random::of(seed, !index).share();
        let is_bad = share < bad && !matches!(visit.motive, plan::Motive::Fraud(_));
        let is_late = share >= bad && share < bad + late;
        let transaction_time = self.settings.event_time(index, is_late, &mut Random::of(!seed, index));
        let transaction = visit.transaction(&self.world, transaction_time, &mut random);
        if is_bad {
            random.pick(&Flaw::ALL).write(transaction, &mut random, out);
        } else {
            write_transaction(&transaction, out);
        }
    }
}

/// Which of the transactions of the same settings are fraud. A label has the index of its transaction.
#[derive(Debug, Clone, Copy)]
pub struct FraudLabels {
    settings: Settings,
    world: World,
}

impl FraudLabels {
    /// The labels of these settings.
    pub fn new(settings: Settings) -> Self {
        FraudLabels { settings, world: World::of(&settings) }
    }
}

impl Generator for FraudLabels {
    fn has(&self, index: u64) -> bool {
        self.world.fraud_at(index).is_some()
    }

    fn key(&self, index: u64, out: &mut Vec<u8>) {
        SalesStream { settings: self.settings, world: self.world }.key(index, out);
    }

    fn value(&self, index: u64, out: &mut Vec<u8>) {
        let visit = self.world.visit(index);
        let kind = self.world.fraud_at(index).expect("whoever asks for a label has asked whether there is one");
        let id = purchase::transaction_id(&mut Random::of(self.settings.seed, index));
        let user = purchase::user_id(visit.person.user);
        write!(out, r#"{{"transaction_id":"{id}","user_id":"{user}","kind":"{kind}"}}"#).expect("memory takes every byte");
    }
}
