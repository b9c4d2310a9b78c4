//! Records as lines of text: the values, one a line. A value that holds a line break would be two; no generator makes one.

use super::{Destination, Standing};
use std::io::{self, Write};

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 18;

/// Writes the values to a writer.
#[derive(Debug)]
pub struct Lines<W: Write> {
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> Lines<W> {
    /// To this writer.
    pub fn new(out: W) -> Self {
        Lines { out, buffer: Vec::with_capacity(BUFFER + 1_024) }
    }
}

impl<W: Write> Destination for Lines<W> {
    type Error = io::Error;

    fn standing(&mut self, _: &[u8]) -> Standing {
        Standing::Missing
    }

    fn check(&mut self, _: u64, _: &[u8], _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn add(&mut self, _: &[u8], value: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(value);
        self.buffer.push(b'\n');
        if self.buffer.len() < BUFFER { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.send()?;
        self.out.flush()
    }
}
