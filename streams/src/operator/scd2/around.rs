//! What a change does to the versions around it.

use super::{Scd2Rows, Scd2Version};
use crate::record::Timestamp;

/// What stands around the moment of a change. Nothing further away can be touched by it.
pub(crate) struct Around<V> {
    /// The version that is valid just before.
    pub(crate) left: Option<Scd2Version<V>>,
    /// The change that counted at this moment so far.
    pub(crate) same: Option<Option<V>>,
    /// The next change, whether it opens a version or not.
    pub(crate) right: Option<Right<V>>,
}

/// The change after the one at hand.
pub(crate) struct Right<V> {
    pub(crate) at: Timestamp,
    pub(crate) columns: Option<V>,
    /// When the version ends that is valid at `at`.
    pub(crate) end_date: Option<Timestamp>,
}

/// A version in the making.
struct Run<'a, V> {
    effective_date: Timestamp,
    end_date: Option<Timestamp>,
    columns: &'a V,
}

impl<V: Clone + PartialEq> Around<V> {
    /// What becomes different if these columns are valid from `at`. Two values may be equal and yet be written differently; then
    /// `looks_alike` is false, and the version shows the one that counts.
    pub(crate) fn rewrite(&self, at: Timestamp, columns: Option<&V>, looks_alike: impl Fn(&V, &V) -> bool) -> Scd2Rows<V> {
        let before = self.runs(self.same.as_ref().map(|columns| (at, columns.as_ref())));
        let after = self.runs(Some((at, columns)));
        let stays = |new: &&Run<'_, V>| {
            before.iter().any(|old| {
                let is_same_span = (old.effective_date, old.end_date) == (new.effective_date, new.end_date);
                is_same_span && (std::ptr::eq(old.columns, new.columns) || looks_alike(old.columns, new.columns))
            })
        };
        let is_gone = |old: &&Run<'_, V>| !after.iter().any(|new| new.effective_date == old.effective_date);
        Scd2Rows {
            upserts: after.iter().filter(|new| !stays(new)).map(Run::version).collect(),
            removals: before.iter().filter(is_gone).map(|run| run.effective_date).collect(),
        }
    }

    /// The versions from the left one to that of the right change. Equal neighbours are one version, which shows the columns of the first.
    fn runs<'a>(&'a self, middle: Option<(Timestamp, Option<&'a V>)>) -> Vec<Run<'a, V>> {
        let left = self.left.as_ref().map(|version| (version.effective_date, Some(&version.columns)));
        let right = self.right.as_ref().map(|right| (right.at, right.columns.as_ref()));
        let (mut runs, mut open): (Vec<Run<'_, V>>, Option<&V>) = (Vec::with_capacity(3), None);
        for (at, columns) in [left, middle, right].into_iter().flatten() {
            if columns == open {
                continue;
            }
            if let (Some(run), Some(_)) = (runs.last_mut(), open) {
                run.end_date = Some(at);
            }
            runs.extend(columns.map(|columns| Run { effective_date: at, end_date: None, columns }));
            open = columns;
        }
        if let (Some(run), Some(_), Some(right)) = (runs.last_mut(), open, &self.right) {
            run.end_date = right.end_date;
        }
        runs
    }
}

impl<V: Clone> Run<'_, V> {
    fn version(&self) -> Scd2Version<V> {
        Scd2Version { effective_date: self.effective_date, end_date: self.end_date, columns: self.columns.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = (Vec<(Timestamp, Option<Timestamp>, char)>, Vec<Timestamp>);

    fn left(columns: char, end_date: Option<Timestamp>) -> Option<Scd2Version<char>> {
        Some(Scd2Version { effective_date: 1, end_date, columns })
    }

    fn right(columns: Option<char>, end_date: Option<Timestamp>) -> Option<Right<char>> {
        Some(Right { at: 9, columns, end_date })
    }

    /// A change at 5. Capitals and small letters are equal here, and look different.
    #[test]
    fn each_neighbourhood_has_its_answer() {
        #[derive(Clone, Debug)]
        struct Letter(char);
        impl PartialEq for Letter {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }
        let cases: [(&str, Around<char>, Option<char>, Rows); 17] = [
            ("the first change", Around { left: None, same: None, right: None }, Some('a'), (vec![(5, None, 'a')], vec![])),
            ("a delete of nothing", Around { left: None, same: None, right: None }, None, (vec![], vec![])),
            ("the same again", Around { left: left('a', None), same: None, right: None }, Some('a'), (vec![], vec![])),
            (
                "a change closes and opens",
                Around { left: left('a', None), same: None, right: None },
                Some('b'),
                (vec![(1, Some(5), 'a'), (5, None, 'b')], vec![]),
            ),
            ("a delete closes", Around { left: left('a', None), same: None, right: None }, None, (vec![(1, Some(5), 'a')], vec![])),
            (
                "late, splits: the silent change behind it opens",
                Around { left: left('a', None), same: None, right: right(Some('a'), None) },
                Some('b'),
                (vec![(1, Some(5), 'a'), (5, Some(9), 'b'), (9, None, 'a')], vec![]),
            ),
            (
                "a late delete lets it open, too, and keeps its end",
                Around { left: left('a', Some(12)), same: None, right: right(Some('a'), Some(12)) },
                None,
                (vec![(1, Some(5), 'a'), (9, Some(12), 'a')], vec![]),
            ),
            (
                "late, before the first of all",
                Around { left: None, same: None, right: right(Some('b'), Some(12)) },
                Some('a'),
                (vec![(5, Some(9), 'a')], vec![]),
            ),
            (
                "late and equal to what follows: that opens earlier",
                Around { left: None, same: None, right: right(Some('a'), Some(12)) },
                Some('a'),
                (vec![(5, Some(12), 'a')], vec![9]),
            ),
            (
                "late, equal to what was open",
                Around { left: left('a', Some(9)), same: None, right: right(Some('b'), None) },
                Some('a'),
                (vec![], vec![]),
            ),
            (
                "late, in a gap before a delete",
                Around { left: None, same: None, right: right(None, None) },
                Some('a'),
                (vec![(5, Some(9), 'a')], vec![]),
            ),
            (
                "an override merges three",
                Around { left: left('a', Some(5)), same: Some(Some('b')), right: right(Some('a'), Some(12)) },
                Some('a'),
                (vec![(1, Some(12), 'a')], vec![5, 9]),
            ),
            (
                "an override by a delete",
                Around { left: left('a', Some(5)), same: Some(Some('b')), right: right(Some('a'), None) },
                None,
                (vec![], vec![5]),
            ),
            (
                "an override of a delete fills the gap",
                Around { left: left('a', Some(5)), same: Some(None), right: right(Some('a'), None) },
                Some('a'),
                (vec![(1, None, 'a')], vec![9]),
            ),
            (
                "an override changes the columns alone",
                Around { left: left('a', Some(5)), same: Some(Some('b')), right: right(None, None) },
                Some('c'),
                (vec![(5, Some(9), 'c')], vec![]),
            ),
            (
                "an override that is equal and written differently shows",
                Around { left: None, same: Some(Some('b')), right: None },
                Some('B'),
                (vec![(5, None, 'B')], vec![]),
            ),
            ("an override that is the same", Around { left: None, same: Some(Some('b')), right: None }, Some('b'), (vec![], vec![])),
        ];
        for (case, around, columns, expected) in cases {
            let around = Around {
                left: around.left.map(|left| Scd2Version {
                    effective_date: left.effective_date,
                    end_date: left.end_date,
                    columns: Letter(left.columns),
                }),
                same: around.same.map(|columns| columns.map(Letter)),
                right: around.right.map(|right| Right { at: right.at, columns: right.columns.map(Letter), end_date: right.end_date }),
            };
            let rows = around.rewrite(5, columns.map(Letter).as_ref(), |one, other| one.0 == other.0);
            let upserts = rows.upserts.iter().map(|version| (version.effective_date, version.end_date, version.columns.0)).collect();
            assert_eq!((upserts, rows.removals), expected, "{case}");
        }
    }
}
