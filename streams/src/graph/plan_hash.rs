//! A fingerprint of what a topology leaves behind on disk and in internal topics.

use super::settle::Settled;

/// FNV-1a, 64 bits: simple, and the same everywhere and for ever.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// Names, layouts and formats; neither node numbers nor anything that can be changed without touching the data.
pub(super) fn plan_hash(settled: &Settled) -> u64 {
    let mut lines: Vec<String> = settled.repartition_names.values().map(|name| format!("repartition {name}")).collect();
    lines.extend(
        settled.stores.iter().map(|store| format!("store {} {} {} {}", store.name, store.kind, store.formats[0], store.formats[1])),
    );
    lines.sort();
    let bytes = lines.iter().flat_map(|line| line.bytes().chain([b'\n']));
    bytes.fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}
