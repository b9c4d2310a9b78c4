//! Cells of many rows as parameters: one array per column.

use crate::change::Cell;
use crate::table::{Column, ColumnType};
use std::fmt::Debug;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_postgres::types::ToSql;

/// The values of one column.
pub(crate) type Array<'a> = Box<dyn ToSql + Sync + 'a>;

/// One array for each of the columns, in the order of the rows.
pub(crate) fn arrays<'a>(columns: impl Iterator<Item = &'a Column>, rows: &'a [Vec<&'a Cell>]) -> Vec<Array<'a>> {
    columns.enumerate().map(|(place, column)| array(column.kind, rows.iter().map(move |row| row[place]))).collect()
}

/// The arrays as a statement wants them.
pub(crate) fn parameters<'a>(arrays: &'a [Array<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    arrays.iter().map(|array| &**array as &(dyn ToSql + Sync)).collect()
}

fn array<'a>(kind: ColumnType, cells: impl Iterator<Item = &'a Cell>) -> Array<'a> {
    match kind {
        ColumnType::Text | ColumnType::Decimal { .. } | ColumnType::Double | ColumnType::Json => values(cells, |cell| match cell {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        }),
        ColumnType::Integer => values(cells, |cell| match cell {
            Cell::Integer(number) => Some(*number),
            _ => None,
        }),
        ColumnType::Boolean => values(cells, |cell| match cell {
            Cell::Boolean(value) => Some(*value),
            _ => None,
        }),
        ColumnType::Timestamp => values(cells, |cell| match cell {
            Cell::Timestamp(micros) => Some(time(*micros)),
            _ => None,
        }),
    }
}

fn values<'a, T: ToSql + Sync + Debug + 'a>(cells: impl Iterator<Item = &'a Cell>, value: impl Fn(&'a Cell) -> Option<T>) -> Array<'a> {
    let values = cells.map(|cell| {
        let value = value(cell);
        assert!(value.is_some() || *cell == Cell::Null, "a change has the types of its table");
        value
    });
    Box::new(values.collect::<Vec<Option<T>>>())
}

fn time(micros: i64) -> SystemTime {
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}
