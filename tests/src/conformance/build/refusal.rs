//! Which of the cases' kinds a mistake is.

use headwater_streams::graph::TopologyError;

/// The kind of a mistake that `build()` has found.
pub(super) fn kind_of(mistake: &TopologyError) -> &'static str {
    match mistake {
        TopologyError::WindowSize { .. }
        | TopologyError::WindowAdvance { .. }
        | TopologyError::SlidingDifference { .. }
        | TopologyError::SessionGap { .. }
        | TopologyError::UnlimitedStart { .. }
        | TopologyError::NeverCloses { .. }
        | TopologyError::NegativeGrace { .. }
        | TopologyError::JoinWindow { .. }
        | TopologyError::History { .. }
        | TopologyError::GraceOfTable { .. }
        | TopologyError::RetentionTooShort { .. }
        | TopologyError::PartitionCount { .. } => "invalid_argument",
        // Everything else is about how parts fit together.
        _ => "invalid_topology",
    }
}
