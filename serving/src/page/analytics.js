// The page of the analytics: the last full minute in figures, the minutes before it as lines, and the latest windows as rows.

import { Trend } from "/chart.js";
import { byId, clockSecond, date, fillTable, follow, grouped, minute, moment, plural, put, reconcile, set, showPages } from "/live.js";

const revenue = new Trend(byId("revenue-trend"), byId("revenue-trend-tip"));
const orders = new Trend(byId("orders-trend"), byId("orders-trend-tip"));

function show({ tables, absent }) {
  const full = tables.minute?.rows[0];
  byId("empty").hidden = full !== undefined;
  byId("filled").hidden = full === undefined;
  if (full === undefined) return put(byId("empty-reason"), absent ?? "the table analytics_results is empty");
  showMinute(full);
  // A window that has just begun would look like a fall.
  const minutes = tables.windows.rows.filter((row) => row.window_start <= full.window_start).reverse();
  showTrend(revenue, "revenue-trend", minutes, "revenue", (row) => `${span(row)} · ${plural(row.orders, "order", "orders")}`);
  showTrend(orders, "orders-trend", minutes, "orders", (row) => `${span(row)} · ${grouped(row.revenue)}`);
  showProducts(full);
  showCountries(full);
  showWindows(tables.windows, full);
}

const span = (row) => `${clockSecond(row.window_start)}–${clockSecond(row.window_end)}`;

function showMinute(full) {
  set("revenue", full.revenue, grouped(full.revenue));
  set("orders", full.orders, grouped(full.orders));
  set("average", full.average_order_value, grouped(full.average_order_value));
  put(byId("revenue-aside"), `${span(full)}, the last full minute`);
  put(byId("orders-aside"), date(full.window_start));
  put(byId("average-aside"), "revenue per order");
  byId("snapshot").dataset.window = full.window_start;
  document.title = `${grouped(full.revenue)} a minute · Analytics`;
}

function showTrend(trend, id, rows, column, detail) {
  const [first, last] = [rows[0], rows.at(-1)];
  put(byId(`${id}-range`), rows.length === 1 ? "one window" : `${rows.length} windows, every 10 s`);
  trend.show(
    rows.map((row) => ({
      start: Date.parse(row.window_start),
      end: Date.parse(row.window_end),
      value: Number(row[column]),
      data: { window: row.window_start, value: row[column] },
      title: grouped(row[column]),
      detail: detail(row),
    })),
  );
  put(byId(`${id}-text`), `From ${minute(first.window_start)} to ${minute(last.window_start)} UTC. Latest: ${grouped(last[column])}.`);
}

function showProducts(full) {
  put(byId("top-window"), span(full));
  fillTable(byId("top-products"), full.top_products, (product) => product.product_id, (product, place) => [
    [place + 1, String(place + 1)],
    [product.name, product.name],
    [product.product_id, product.product_id],
    [product.revenue, grouped(product.revenue)],
    [product.orders, grouped(product.orders)],
  ]);
}

function showCountries(full) {
  const countries = Object.entries(full.countries).map(([country, sums]) => ({ country, ...sums }));
  countries.sort((a, b) => Number(b.revenue) - Number(a.revenue) || (a.country < b.country ? -1 : 1));
  const most = Number(countries[0]?.revenue) || 1;
  put(byId("countries-range"), span(full));
  reconcile(byId("bars"), countries, (row) => row.country, newBar, (item, row) => {
    const [name, total, count, track] = item.children;
    put(name, row.country);
    put(total, grouped(row.revenue));
    put(count, plural(row.orders, "order", "orders"));
    Object.assign(item.dataset, { country: row.country, revenue: row.revenue, orders: row.orders });
    track.firstElementChild.style.width = `${Math.min(100, (100 * Number(row.revenue)) / most)}%`;
  });
}

function newBar() {
  const item = document.createElement("li");
  for (const name of ["name", "total", "count", "track"]) item.appendChild(document.createElement("span")).className = name;
  item.lastElementChild.setAttribute("aria-hidden", "true");
  item.lastElementChild.appendChild(document.createElement("span")).className = "bar";
  return item;
}

/** How many rows the table shows; the lines show more. */
const ROWS = 30;

function showWindows({ rows, row_count: all }, full) {
  const shown = rows.slice(0, ROWS);
  put(byId("windows-range"), shown.length === all ? plural(all, "row", "rows") : `latest ${grouped(shown.length)} of ${grouped(all)}`);
  const cells = (row) => [
    [row.window_start, moment(row.window_start)],
    [row.window_end, moment(row.window_end)],
    [row.revenue, grouped(row.revenue)],
    [row.orders, grouped(row.orders)],
    [row.average_order_value, grouped(row.average_order_value)],
  ];
  fillTable(byId("windows"), shown, (row) => row.window_start, cells, { open: (row) => row.window_start > full.window_start });
}

follow("analytics", show);
showPages("analytics");
