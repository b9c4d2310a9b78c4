//! The room `topic`.
