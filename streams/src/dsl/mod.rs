//! The room `dsl`.
