//! Processors.

use super::{Builder, Made, unsupported};
use crate::conformance::case::{Node, Processor};

impl Builder<'_> {
    pub(super) fn process(&mut self, _: &Node, _: &str, _: &Processor) -> Made {
        Err(unsupported("unsupported op process"))
    }

    pub(super) fn process_values(&mut self, _: &Node, _: &str, _: &Processor) -> Made {
        Err(unsupported("unsupported op process_values"))
    }
}
