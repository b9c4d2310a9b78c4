//! Cuts what is to be sent into portions, since a server takes only so much in one message.

/// Far below any server's limit, and large enough that nobody notices the cut.
const PORTION_BYTES: usize = 16 << 20;

/// The items in order, in slices of at most [`PORTION_BYTES`]; an item that is larger stands alone.
pub(crate) fn portions<T>(items: &[T], bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut room = PORTION_BYTES;
    let cut_before = items.iter().enumerate().filter_map(|(place, item)| {
        let size = bytes(item);
        let is_full = place > 0 && size > room;
        room = if is_full { PORTION_BYTES } else { room }.saturating_sub(size);
        is_full.then_some(place)
    });
    let mut ends: Vec<usize> = cut_before.collect();
    ends.extend((!items.is_empty()).then_some(items.len()));
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| &items[start..*end]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_no_portion_is_too_large() {
        let all = PORTION_BYTES;
        let cases: [(&[usize], &[usize]); 6] = [
            (&[], &[]),
            (&[1, 2, 3], &[3]),
            (&[all, 1], &[1, 1]),
            (&[1, all + 1, 1, 1], &[1, 1, 2]),
            (&[all / 2, all / 2, 1], &[2, 1]),
            (&[0, all, 0, all], &[3, 1]),
        ];
        for (sizes, lengths) in cases {
            let cut: Vec<usize> = portions(sizes, |size| *size).iter().map(|portion| portion.len()).collect();
            assert_eq!(cut, lengths, "{sizes:?}");
        }
    }
}
