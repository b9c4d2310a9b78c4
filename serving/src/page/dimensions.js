// The page of the dimensions: how many versions each table has, and the latest of them with the time in which they are valid.

import { byId, fillTable, follow, grouped, moment, plural, put, set, showPages } from "/live.js";

const TABLES = {
  products: { counts: "product_counts", figure: "product", columns: ["product_id", "name", "category", "unit_price", "shelf_life_days"] },
  customers: { counts: "customer_counts", figure: "customer", columns: ["customer_id", "name", "city", "loyalty_tier"] },
  stores: { counts: "store_counts", figure: "store", columns: ["store_id", "name", "city", "region", "floor_area_sqm"] },
};

function show({ tables, absent }) {
  const isEmpty = !Object.keys(TABLES).some((name) => tables[name]?.rows.length > 0);
  byId("empty").hidden = !isEmpty;
  byId("filled").hidden = isEmpty;
  if (isEmpty) return put(byId("empty-reason"), absent ?? "the tables are empty");
  for (const [name, { counts, figure, columns }] of Object.entries(TABLES)) {
    const listing = tables[name] ?? { rows: [], row_count: 0 };
    const current = tables[counts]?.rows[0]?.current ?? 0;
    set(`${figure}-count`, current, grouped(current));
    put(byId(`${figure}-aside`), `current, of ${plural(listing.row_count, "version", "versions")}`);
    showVersions(name, columns, listing);
  }
}

function showVersions(name, columns, { rows, row_count: all }) {
  put(byId(`${name}-range`), rows.length === all ? plural(all, "version", "versions") : `latest ${grouped(rows.length)} of ${grouped(all)}`);
  const cells = (row) => [
    ...columns.map((column) => [row[column], row[column] === null ? "–" : shown(column, row[column])]),
    [row.effective_date, moment(row.effective_date)],
    [row.end_date, row.is_current ? "current" : moment(row.end_date)],
  ];
  fillTable(byId(name), rows, (row) => `${row[columns[0]]} ${row.effective_date}`, cells, { open: (row) => row.is_current });
}

const AMOUNTS = new Set(["unit_price", "floor_area_sqm"]);
const shown = (column, value) => (AMOUNTS.has(column) ? grouped(value) : String(value));

follow("dimensions", show);
showPages("dimensions");
