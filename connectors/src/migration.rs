//! Migrations: ordered SQL, each applied once, in a transaction of its own, whoever starts first. Each target applies them its own way.

/// One step of a schema. Once released it must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// What it does, in a few words.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}
