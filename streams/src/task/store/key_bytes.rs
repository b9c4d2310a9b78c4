//! The bytes of a row's key, mostly in the row itself: a look-up then touches one place in memory less.

/// What is kept without a place of its own. With it a key takes as much room as with any smaller number.
const INLINE: usize = 30;

/// A key's bytes.
#[derive(Clone, Debug)]
pub(super) struct KeyBytes(Place);

#[derive(Clone, Debug)]
enum Place {
    Inline(u8, [u8; INLINE]),
    Apart(Box<[u8]>),
}

impl KeyBytes {
    pub(super) fn of(bytes: &[u8]) -> Self {
        KeyBytes(match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= INLINE => {
                let mut inline = [0; INLINE];
                inline[..bytes.len()].copy_from_slice(bytes);
                Place::Inline(length, inline)
            }
            _ => Place::Apart(bytes.into()),
        })
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Place::Inline(length, inline) => &inline[..usize::from(*length)],
            Place::Apart(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_length_come_back() {
        let all: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for length in (0..=INLINE + 2).chain([255, 256, 257, 1_000]) {
            assert_eq!(KeyBytes::of(&all[..length]).as_slice(), &all[..length], "{length}");
        }
        assert_eq!(size_of::<KeyBytes>(), 32);
    }
}
