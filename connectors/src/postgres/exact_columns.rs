//! A table that was there before may hold decimal numbers less exactly than the sink writes them; the server would round without a word.

use super::fault::Fault;
use super::session::Session;
use crate::table::{ColumnType, Table};

/// [`Fault::Refused`] where a decimal number would lose a digit.
pub(crate) async fn check(session: &Session, table: &Table) -> Result<(), Fault> {
    let sql = "SELECT data_type::text, numeric_scale::integer FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = $1 AND column_name = $2";
    for column in table.columns {
        let ColumnType::Decimal { scale, .. } = column.kind else { continue };
        let found = session.query(sql, &[&table.name, &column.name]).await?;
        // A column that is missing is told by the statement that needs it.
        let Some(row) = found.first() else { continue };
        let (kind, places): (String, Option<i32>) = (row.try_get(0)?, row.try_get(1)?);
        if kind != "numeric" || places.is_some_and(|places| places < i32::from(scale)) {
            let places = places.filter(|_| kind == "numeric").map_or_else(String::new, |places| format!(" with {places} places"));
            return Err(Fault::Refused(format!(
                "column {} of table {} is {kind}{places}: make it numeric with at least {scale} places, so that nothing is rounded",
                column.name, table.name
            )));
        }
    }
    Ok(())
}
