//! Records to one place, and to another what belongs to some of them: labels beside transactions. Each place knows what it holds.

use super::{Destination, Standing};
use crate::generator::Generator;

/// A destination with another one beside it, which is filled along with it.
pub struct Accompanied<D> {
    main: D,
    beside: Option<Beside<D>>,
    /// The index of the next record, and of the next one beside it.
    next: u64,
    next_beside: u64,
}

/// What is brought beside the records: a generator over the same indexes, which has a record at some of them.
pub struct Beside<D> {
    /// Where to.
    pub to: D,
    /// What.
    pub generator: Box<dyn Generator>,
}

impl<D: Destination> Beside<D> {
    fn bring(&mut self, index: u64) -> Result<(), D::Error> {
        if !self.generator.has(index) {
            return Ok(());
        }
        let (mut key, mut value) = (Vec::new(), Vec::new());
        self.generator.key(index, &mut key);
        let standing = self.to.standing(&key);
        if standing == Standing::There {
            return Ok(());
        }
        self.generator.value(index, &mut value);
        if standing == Standing::Missing { self.to.add(&key, &value) } else { self.to.check(index, &key, &value) }
    }
}

impl<D: Destination> Accompanied<D> {
    /// Fills both, or only the first where nothing belongs to the records.
    pub fn new(main: D, beside: Option<Beside<D>>) -> Self {
        Accompanied { main, beside, next: 0, next_beside: 0 }
    }

    /// The first place.
    pub fn main(&self) -> &D {
        &self.main
    }
}

/// Counts on being asked for the standing of each index in order: [`Feed`](super::Feed) does for generators that have all records.
impl<D: Destination> Destination for Accompanied<D> {
    type Error = D::Error;

    fn standing(&mut self, key: &[u8]) -> Standing {
        self.next += 1;
        self.main.standing(key)
    }

    fn check(&mut self, index: u64, key: &[u8], value: &[u8]) -> Result<(), D::Error> {
        self.main.check(index, key, value)
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), D::Error> {
        self.main.add(key, value)
    }

    fn send(&mut self) -> Result<(), D::Error> {
        self.main.send()?;
        self.catch_up()?;
        self.beside.as_mut().map_or(Ok(()), |beside| beside.to.send())
    }

    fn finish(&mut self) -> Result<(), D::Error> {
        self.send()?;
        self.main.finish()?;
        self.beside.as_mut().map_or(Ok(()), |beside| beside.to.finish())
    }
}

impl<D: Destination> Accompanied<D> {
    /// Brings what belongs to the records so far.
    fn catch_up(&mut self) -> Result<(), D::Error> {
        let Some(beside) = &mut self.beside else { return Ok(()) };
        let mut indexes = std::mem::replace(&mut self.next_beside, self.next)..self.next;
        indexes.try_for_each(|index| beside.bring(index))
    }
}
