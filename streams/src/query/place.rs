//! Whom a view asks, and which view a store has.

use super::{Found, KeyValueView, QueryError, Question, SessionView, VersionedView, WindowView};
use crate::dsl::{SessionStore, Store, VersionedStore, WindowStore};
use crate::format::{Nullable, Row};
use crate::graph::{StoreKind, StoreUse, Topology};
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

    /// Only the library can make what this asks for.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, topology: &Topology, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError>;
}

impl<K: Row, V: Nullable> Queryable for Store<K, V> {
    type Key = K;
    type View<'a> = KeyValueView<'a, K, V::Present>;

    fn name(self) -> &'static str {
        Store::name(&self)
    }

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, topology: &Topology, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        known::<(K, V::Present)>(topology, Queryable::name(self))?;
        Ok(KeyValueView::new(place, Queryable::name(self)))
    }
}

impl<K: Row, V: Nullable> Queryable for VersionedStore<K, V> {
    type Key = K;
    type View<'a> = VersionedView<'a, K, V::Present>;

    fn name(self) -> &'static str {
        VersionedStore::name(&self)
    }

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, topology: &Topology, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        known::<([K; 1], V::Present)>(topology, Queryable::name(self))?;
        Ok(VersionedView::new(place, Queryable::name(self)))
    }
}

impl<K: Row, V: Nullable> Queryable for WindowStore<K, V> {
    type Key = K;
    type View<'a> = WindowView<'a, K, V::Present>;

    fn name(self) -> &'static str {
        WindowStore::name(&self)
    }

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, topology: &Topology, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        let used = known::<([K; 0], V::Present)>(topology, Queryable::name(self))?;
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

    #[allow(private_interfaces, reason = "nobody outside can call it")]
    fn view<'a>(self, topology: &Topology, place: Rc<dyn Place + 'a>) -> Result<Self::View<'a>, QueryError> {
        known::<(&'static [K], V::Present)>(topology, Queryable::name(self))?;
        Ok(SessionView::new(place, Queryable::name(self)))
    }
}

/// The store of that name, if its types are these: as `declare` notes them.
fn known<'t, Types: 'static>(topology: &'t Topology, store: &'static str) -> Result<&'t StoreUse, QueryError> {
    let used = topology.store(store).ok_or(QueryError::NoSuchStore { store })?;
    if used.types == TypeId::of::<Types>() {
        Ok(used)
    } else {
        Err(QueryError::WrongType { store, is: used.type_name, asked: type_name::<Types>() })
    }
}
