//! Slowly changing dimensions of type 2: which versions of a row were valid when. Source: Kimball, "The Data Warehouse Toolkit".
//!
//! The pure part: what a change is, how it is written, and what it does to the versions around it. It knows no stores: what it must
//! see of a history is handed in ([`Around`]), and that is never more than its neighbours.

mod around;
mod change;
mod layout;

pub(crate) use around::{Around, Right};
pub use change::{Scd2Change, Scd2Kept, Scd2Order, Scd2Rows, Scd2Span, Scd2Version};
pub use layout::{Scd2ChangeLayout, Scd2KeptLayout, Scd2SpanLayout};
