//! Stores that a processor only reads: windows, sessions and versions are filled by the operations that know their rules.

use super::process::Open;
use super::{SessionStore, VersionedStore, WindowStore};
use crate::format::{Nullable, Row};
use crate::graph::{Graph, NodeId, StoreRead, Wiring};
use crate::query::{Queryable, SessionView, VersionedView, WindowView};
use crate::task::store::{Call, OwnRows, ReadHandle};
use std::rc::Rc;

macro_rules! read { ($($store:ident $view:ident $wire:ident;)*) => { $(
    impl<K: Row, V: Nullable> Open for $store<K, V> {
        type Handles = ReadHandle<$view<'static, K, V::Present>>;

        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn declare(&self, graph: &mut Graph, node: NodeId) {
            let (types, type_name) = <Self as Queryable>::types();
            graph.read_store(node, StoreRead { store: self.name(), types, type_name });
        }

        #[allow(private_interfaces, reason = "nobody outside can name this trait")]
        fn open(&self, wiring: &mut Wiring<'_>, _call: &Rc<Call>) -> Self::Handles {
            let rows = OwnRows::new(self.name(), wiring.$wire::<K, V::Present>(self.name()));
            let view = Queryable::view(*self, wiring.stores(), Rc::new(rows.clone()));
            ReadHandle::new(view.unwrap_or_else(|error| unreachable!("build() has checked the stores that are read: {error}")), rows)
        }
    }
)* } }

read! {
    WindowStore WindowView window;
    SessionStore SessionView session;
    VersionedStore VersionedView key_value;
}
