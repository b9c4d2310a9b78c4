//! Where a case is interrupted, and what must be the same then.

use super::case::{Case, Op, Processor, StorePlace, Stored};

/// Whether and how the tasks of a case are ended and opened again between two of its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// They are not.
    #[default]
    Never,
    /// They are opened again from their disk.
    Kept {
        /// Decides where.
        seed: u64,
    },
    /// They are opened again from the changelogs.
    Wiped {
        /// Decides where.
        seed: u64,
    },
}

/// How much of what is seen must be as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Everything.
    Whole,
    /// Outputs, queries and stores.
    Results,
    /// Only whether and how it fails: a cache flushes at other times, a punctuation is scheduled anew, a store without changelog is lost.
    Failure,
}

impl Restart {
    /// Steps before which a case is interrupted; at least one where there are two.
    pub fn places(&self, case: &Case) -> Vec<usize> {
        let (Restart::Kept { seed } | Restart::Wiped { seed }) = self else { return Vec::new() };
        let gaps = case.input.len().saturating_sub(1) as u64;
        if gaps == 0 {
            return Vec::new();
        }
        let mut state =
            case.name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let always = 1 + draw(gaps);
        (1..=gaps).filter(|gap| *gap == always || draw(4) == 0).map(|gap| gap as usize).collect()
    }

    /// What must be as expected.
    pub(super) fn strictness(&self, case: &Case) -> Strictness {
        match self {
            Restart::Never => Strictness::Whole,
            _ if case.config.caches() || punctuates(case) => Strictness::Failure,
            Restart::Wiped { .. } if loses_stores(case) => Strictness::Failure,
            Restart::Kept { .. } if case.config.stores == StorePlace::InMemory && loses_stores(case) => Strictness::Failure,
            Restart::Kept { .. } | Restart::Wiped { .. } => Strictness::Results,
        }
    }
}

fn punctuates(case: &Case) -> bool {
    let is_punctuation = |op: &Op| match op {
        Op::Process { processor, .. } | Op::ProcessValues { processor, .. } => matches!(processor, Processor::Punctuate { .. }),
        _ => false,
    };
    case.topology.iter().any(|node| is_punctuation(&node.op))
}

/// Whether a store has no changelog.
fn loses_stores(case: &Case) -> bool {
    let is_lost = |store: &Option<Stored>| store.as_ref().is_some_and(|store| store.logging == Some(false));
    case.topology.iter().any(|node| match &node.op {
        Op::Table { store, .. }
        | Op::GlobalTable { store, .. }
        | Op::Filter { store, .. }
        | Op::FilterNot { store, .. }
        | Op::MapValues { store, .. }
        | Op::TransformValues { store, .. }
        | Op::ToTable { store, .. }
        | Op::Count { store, .. }
        | Op::Reduce { store, .. }
        | Op::FkJoin { store, .. } => is_lost(store),
        Op::Aggregate(aggregate) => is_lost(&aggregate.store),
        Op::Join(join) => is_lost(&join.store),
        _ => false,
    })
}
