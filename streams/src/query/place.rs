//! Whom a view asks, and which view a store has.

use super::{Found, KeyValueView, QueryError, Question, SessionView, VersionedView, WindowView};
use crate::dsl::{SessionStore, Store, VersionedStore, WindowStore};
use crate::format::{Nullable, Row};
use crate::graph::{StoreKind, StoreUse, Stores};
use std::any::{TypeId, type_name};
use std::rc::Rc;

/// Who answers questions: tasks of a test, or an application that runs.
pub(crate) trait Place {
    fn ask(&self, question: &Question) -> Result<Vec<Found>, QueryError>;
}

/// A store as a typed constant that can be read: [`Store`], [`WindowStore`], [`SessionStore`], [`VersionedStore`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store that can be queried",
    note = "give a `Store<K, V>`, a `WindowStore<K, V>`, a `SessionStore<K, V>` or a `VersionedStore<K, V>`"
)]
pub trait Queryable: Copy {
    /// The keys, without their windows.
    type Key: Row;
    /// What reads it.
    type View<'a>;

    /// The store's name.
    fn name(self) -> &'static str;

    /// How keys are written.
    fn format() -> <Self::Key as Nullable>::Format {
        Default::default()
    }

    /// What the graph knows its types by.
    #[doc(hidden)]
    fn types() -> (TypeId, &'static str);

    /// Only the library can make what this asks for.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, stores: &Stores, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError>;
}

impl<K: Row, V: Nullable> Queryable for Store<K, V> {
    type Key = K;
    type View<'a> = KeyValueView<'a, K, V::Present>;

    fn name(self) -> &'static str {
        Store::name(&self)
    }

    fn types() -> (TypeId, &'static str) {
        types_of::<(K, V::Present)>()
    }

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, stores: &Stores, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        known(stores, self)?;
        Ok(KeyValueView::new(place, Queryable::name(self)))
    }
}

impl<K: Row, V: Nullable> Queryable for VersionedStore<K, V> {
    type Key = K;
    type View<'a> = VersionedView<'a, K, V::Present>;

    fn name(self) -> &'static str {
        VersionedStore::name(&self)
    }

    fn types() -> (TypeId, &'static str) {
        types_of::<([K; 1], V::Present)>()
    }

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, stores: &Stores, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        known(stores, self)?;
        Ok(VersionedView::new(place, Queryable::name(self)))
    }
}

impl<K: Row, V: Nullable> Queryable for WindowStore<K, V> {
    type Key = K;
    type View<'a> = WindowView<'a, K, V::Present>;

    fn name(self) -> &'static str {
        WindowStore::name(&self)
    }

    fn types() -> (TypeId, &'static str) {
        types_of::<([K; 0], V::Present)>()
    }

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, stores: &Stores, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        let used = known(stores, self)?;
        let StoreKind::Window { size_ms, .. } = used.kind else { unreachable!("types tell stores of windows from others") };
        Ok(WindowView::new(place, Queryable::name(self), size_ms))
    }
}

impl<K: Row, V: Nullable> Queryable for SessionStore<K, V> {
    type Key = K;
    type View<'a> = SessionView<'a, K, V::Present>;

    fn name(self) -> &'static str {
        SessionStore::name(&self)
    }

    fn types() -> (TypeId, &'static str) {
        types_of::<(&'static [K], V::Present)>()
    }

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, stores: &Stores, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        known(stores, self)?;
        Ok(SessionView::new(place, Queryable::name(self)))
    }
}

/// As `declare` notes them.
fn types_of<Types: 'static>() -> (TypeId, &'static str) {
    (TypeId::of::<Types>(), type_name::<Types>())
}

/// The store of that name, if its types are these.
fn known<S: Queryable>(stores: &Stores, store: S) -> Result<&StoreUse, QueryError> {
    let (name, (types, asked)) = (store.name(), S::types());
    let used = stores.get(name).ok_or(QueryError::NoSuchStore { store: name })?;
    if used.types == types { Ok(used) } else { Err(QueryError::WrongType { store: name, is: used.type_name, asked }) }
}
