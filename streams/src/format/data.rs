//! What a type says about its bytes. [`Data`]: how it is written. [`Nullable`]: whether it can be Kafka's null.

use super::{Format, FormatError, WindowedFormat};
use crate::record::Windowed;

/// A type and its wire format; such a type is never null. `Option<T>` is the one that may be.
///
/// ```
/// use headwater_streams::prelude::*;
/// # use serde::{Serialize, Deserialize};
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Order { customer: u64, cents: u64 }
/// impl Data for Order {
///     type Format = Json;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no wire format",
    label = "`{Self}` meets a topic or a store here, so it must say how it is written",
    note = "write `impl Data for {Self} {{ type Format = Json; }}` (or another format)",
    note = "a stream that never touches a topic, a grouping, a join or a store needs no format"
)]
pub trait Data: Clone + 'static {
    /// How values of this type are written.
    type Format: Format<Self> + Default;
}

/// What every operator that touches the wire asks for. Users write [`Data`]; only a dynamic type with a null of its own writes this instead.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no wire format",
    label = "`{Self}` meets a topic or a store here, so it must say how it is written",
    note = "write `impl Data for T {{ type Format = Json; }}` for the plain type `T`; `Option<T>` and `Windowed<T>` follow from it"
)]
pub trait Nullable: Clone + 'static {
    /// This type without its null: `T` of `Option<T>`, otherwise itself.
    type Present: Nullable<Present = Self::Present>;
    /// This type with a null: `Option<T>` of `T`, itself where it has one.
    type OrNull: Nullable<Present = Self::Present>;
    /// How it is written when it is not null.
    type Format: Format<Self::Present> + Default;

    /// The value, unless it is null.
    fn present(&self) -> Option<&Self::Present>;
    /// The value, unless it is null.
    fn into_present(self) -> Option<Self::Present>;
    /// A value that is not null.
    fn from_present(value: Self::Present) -> Self;
    /// The null of this type, if it has one.
    fn null() -> Option<Self>;
    /// A value or null.
    fn or_null(value: Option<Self::Present>) -> Self::OrNull;

    /// Reads what a record holds, null included. Only types that ignore their bytes do otherwise.
    fn read<F: Format<Self::Present> + ?Sized>(bytes: Option<&[u8]>, format: &F) -> Result<Self, FormatError> {
        match bytes {
            Some(bytes) => format.decode(bytes).map(Self::from_present),
            None => Self::null().ok_or(FormatError::Null { part: "value", type_name: std::any::type_name::<Self>() }),
        }
    }
}

/// A key or a value that is never absent: what tables and stores hold.
pub trait Row: Nullable<Present = Self> {}

impl<T: Nullable<Present = T>> Row for T {}

impl<T: Data> Nullable for T {
    type Present = T;
    type OrNull = Option<T>;
    type Format = T::Format;

    #[inline]
    fn present(&self) -> Option<&T> {
        Some(self)
    }
    #[inline]
    fn into_present(self) -> Option<T> {
        Some(self)
    }
    #[inline]
    fn from_present(value: T) -> T {
        value
    }
    fn null() -> Option<T> {
        None
    }
    #[inline]
    fn or_null(value: Option<T>) -> Option<T> {
        value
    }
}

impl<T: Nullable<Present = T, OrNull = Option<T>>> Nullable for Option<T> {
    type Present = T;
    type OrNull = Option<T>;
    type Format = T::Format;

    #[inline]
    fn present(&self) -> Option<&T> {
        self.as_ref()
    }
    #[inline]
    fn into_present(self) -> Option<T> {
        self
    }
    #[inline]
    fn from_present(value: T) -> Option<T> {
        Some(value)
    }
    fn null() -> Option<Option<T>> {
        Some(None)
    }
    #[inline]
    fn or_null(value: Option<T>) -> Option<T> {
        value
    }
}

// Not through `Data`, so that a window's key may be of a type that is only `Nullable`.
impl<K: Row> Nullable for Windowed<K> {
    type Present = Windowed<K>;
    type OrNull = Option<Windowed<K>>;
    type Format = WindowedFormat<K::Format>;

    #[inline]
    fn present(&self) -> Option<&Windowed<K>> {
        Some(self)
    }
    #[inline]
    fn into_present(self) -> Option<Windowed<K>> {
        Some(self)
    }
    #[inline]
    fn from_present(value: Windowed<K>) -> Windowed<K> {
        value
    }
    fn null() -> Option<Windowed<K>> {
        None
    }
    #[inline]
    fn or_null(value: Option<Windowed<K>>) -> Option<Windowed<K>> {
        value
    }
}
