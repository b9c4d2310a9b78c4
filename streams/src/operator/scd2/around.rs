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

    /// Capitals and small letters are equal here, and look different.
    #[derive(Clone, Debug)]
    struct Letter(char);

    impl PartialEq for Letter {
        fn eq(&self, other: &Self) -> bool {
            self.0.eq_ignore_ascii_case(&other.0)
        }
    }

    type End = Option<Timestamp>;

    /// The version from 1 on, the change at 5 so far, the change at 9 with the end of its version: before a change at 5.
    type Known = (Option<(char, End)>, Option<Option<char>>, Option<(Option<char>, End)>);

    fn check(case: &str, known: Known, columns: Option<char>, upserts: &[(Timestamp, End, char)], removals: &[Timestamp]) {
        let (left, same, right) = known;
        let around = Around {
            left: left.map(|(columns, end_date)| Scd2Version { effective_date: 1, end_date, columns: Letter(columns) }),
            same: same.map(|columns| columns.map(Letter)),
            right: right.map(|(columns, end_date)| Right { at: 9, columns: columns.map(Letter), end_date }),
        };
        let rows = around.rewrite(5, columns.map(Letter).as_ref(), |one, other| one.0 == other.0);
        let found: Vec<_> = rows.upserts.iter().map(|version| (version.effective_date, version.end_date, version.columns.0)).collect();
        assert_eq!((&found[..], &rows.removals[..]), (upserts, removals), "{case}");
    }

    #[test]
    fn a_change_that_comes_last_closes_and_opens() {
        let (a, open) = (Some('a'), Some(('a', None)));
        check("the first change", (None, None, None), a, &[(5, None, 'a')], &[]);
        check("a delete of nothing", (None, None, None), None, &[], &[]);
        check("the same again", (open, None, None), a, &[], &[]);
        check("another one", (open, None, None), Some('b'), &[(1, Some(5), 'a'), (5, None, 'b')], &[]);
        check("a delete", (open, None, None), None, &[(1, Some(5), 'a')], &[]);
    }

    #[test]
    fn a_late_change_splits_or_moves_what_it_falls_into() {
        let (a, b) = (Some('a'), Some('b'));
        let splits = [(1, Some(5), 'a'), (5, Some(9), 'b'), (9, None, 'a')];
        check("the silent change behind it opens", (Some(('a', None)), None, Some((a, None))), b, &splits, &[]);
        let (ends, silent) = (Some(('a', Some(12))), Some((a, Some(12))));
        check("after a delete, too, and keeps its end", (ends, None, silent), None, &[(1, Some(5), 'a'), (9, Some(12), 'a')], &[]);
        check("before the first of all", (None, None, Some((b, Some(12)))), a, &[(5, Some(9), 'a')], &[]);
        check("equal to what follows, which opens earlier", (None, None, silent), a, &[(5, Some(12), 'a')], &[9]);
        check("equal to what was open", (Some(('a', Some(9))), None, Some((b, None))), a, &[], &[]);
        check("in a gap before a delete", (None, None, Some((None, None))), a, &[(5, Some(9), 'a')], &[]);
    }

    #[test]
    fn an_override_merges_removes_and_replaces() {
        let (a, b, left) = (Some('a'), Some('b'), Some(('a', Some(5))));
        check("three become one", (left, Some(b), Some((a, Some(12)))), a, &[(1, Some(12), 'a')], &[5, 9]);
        check("by a delete", (left, Some(b), Some((a, None))), None, &[], &[5]);
        check("a gap is filled", (left, Some(None), Some((a, None))), a, &[(1, None, 'a')], &[9]);
        check("other columns alone", (left, Some(b), Some((None, None))), Some('c'), &[(5, Some(9), 'c')], &[]);
        check("equal and written differently: it shows", (None, Some(b), None), Some('B'), &[(5, None, 'B')], &[]);
        check("the same", (None, Some(b), None), b, &[], &[]);
    }
}
