//! The applications, one folder each, and the headwater binary.
