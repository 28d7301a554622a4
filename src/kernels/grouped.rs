//! Rows grouped by a code: a counting sort, then a sort within each (small) group.

use super::Code;

/// Rows in groups: those of code `c` are `rows[offsets[c]..offsets[c + 1]]`, ascending.
///
/// `row_at` gives the row at a position, or none where it does not count; codes from `groups` on
/// do not count either.
pub(super) fn group_rows<T: Ord>(
    codes: &[Code],
    groups: usize,
    row_at: impl Fn(usize) -> Option<T>,
) -> (Vec<usize>, Vec<T>) {
    let counts =
        |position: &usize| (codes[*position] as usize) < groups && row_at(*position).is_some();
    let mut offsets = vec![0; groups + 1];
    for position in (0..codes.len()).filter(counts) {
        offsets[codes[position] as usize + 1] += 1;
    }
    for group in 0..groups {
        offsets[group + 1] += offsets[group];
    }
    let mut next = offsets.clone();
    let mut positions = vec![0; offsets[groups]];
    for position in (0..codes.len()).filter(counts) {
        let place = &mut next[codes[position] as usize];
        positions[*place] = position;
        *place += 1;
    }
    let mut rows: Vec<T> = positions.into_iter().filter_map(row_at).collect();
    for group in 0..groups {
        rows[offsets[group]..offsets[group + 1]].sort_unstable();
    }
    (offsets, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::NONE;

    #[test]
    fn rows_are_sorted_within_their_group() {
        let values = [5, 9, 1, 2, 7, 3];
        let (offsets, rows) = group_rows(&[2, 0, 2, NONE, 5, 2], 3, |position| {
            (position != 5).then(|| values[position])
        });
        assert_eq!(offsets, [0, 1, 1, 3]);
        assert_eq!(rows, [9, 1, 5]);
    }
}
