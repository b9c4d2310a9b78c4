//! Where the state of a case stands, and how many cases there are: with `HEADWATER_MODELS=long` ten times as many.

use headwater_streams::prelude::Topology;
use headwater_streams::runtime::Config;
use headwater_streams::state::{Disk, MemoryBudget, StateDirectory};
use headwater_streams::testing::TestDriver;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::OnceCell;

/// What the stores of a driver stand on.
#[derive(Clone, Copy)]
pub(crate) enum Engine {
    Memory,
    Rocks,
}

/// Makes a driver of a topology.
pub(crate) type Open<'a> = dyn Fn(Topology, &Config) -> TestDriver + 'a;

impl Engine {
    /// A database costs a hundred times what memory does.
    fn cases(self) -> u32 {
        let times = if std::env::var("HEADWATER_MODELS").is_ok_and(|length| length == "long") { 10 } else { 1 };
        match self {
            Engine::Memory => 1_000 * times,
            Engine::Rocks => 30 * times,
        }
    }

    /// Checks all cases; a folder of state belongs to one case.
    pub(crate) fn for_all<S: Strategy>(self, strategy: S, check: impl Fn(S::Value, &Open<'_>) -> Result<(), TestCaseError>) {
        let mut runner = TestRunner::new(ProptestConfig { cases: self.cases(), ..ProptestConfig::default() });
        let run = runner.run(&strategy, |value| {
            let folder = OnceCell::new();
            check(value, &|topology, config| {
                let driver = TestDriver::with_config(topology, config);
                match self {
                    Engine::Memory => driver,
                    Engine::Rocks => {
                        let folder = folder.get_or_init(|| tempfile::tempdir().unwrap());
                        let state = StateDirectory::open(folder.path(), "models", MemoryBudget::of_bytes(64 << 20)).unwrap();
                        driver.with_state_on(Disk::Directory(state)).unwrap()
                    }
                }
            })
        });
        run.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The same model on both engines.
macro_rules! on_both_engines { ($($model:ident)*) => { $(
    mod $model {
        use crate::engine::Engine;

        #[test]
        fn in_memory() {
            super::$model(Engine::Memory);
        }

        #[test]
        fn on_rocksdb() {
            super::$model(Engine::Rocks);
        }
    }
)* } }
pub(crate) use on_both_engines;
