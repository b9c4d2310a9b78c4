//! Options of an explicit repartition.

/// A repartition as the user wants it. Kafka: `Repartitioned`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repartitioned {
    pub(super) name: String,
    pub(super) partitions: Option<i32>,
}

impl Repartitioned {
    /// The topic is `<application id>-<name>-repartition`.
    pub fn named(name: impl Into<String>) -> Self {
        Repartitioned { name: name.into(), partitions: None }
    }

    /// States the number of partitions; without it there are as many as upstream has.
    pub fn partitions(self, partitions: i32) -> Self {
        Repartitioned { partitions: Some(partitions), ..self }
    }
}
