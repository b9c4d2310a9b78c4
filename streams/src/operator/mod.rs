//! The room `operator`.
