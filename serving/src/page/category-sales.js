// The page of the category sales.

import { Trend } from "/chart.js";
import { byId, clock, date, fillTable, follow, grouped, minute, plural, put, reconcile, second, set, showPages } from "/live.js";

const trend = new Trend(byId("trend"), byId("tip"));

function show(snapshot) {
  const isEmpty = snapshot.latest_window === null;
  byId("empty").hidden = !isEmpty;
  byId("filled").hidden = isEmpty;
  if (isEmpty) put(byId("empty-reason"), snapshot.absent ?? "the table is empty");
  else {
    showFigures(snapshot);
    showBars(snapshot);
    showTrend(snapshot);
    showRows(snapshot);
  }
  byId("snapshot").dataset.historyAsOf = new Date(snapshot.history_as_of_ms).toISOString();
}

function showFigures(snapshot) {
  const { latest_window: latest, trend: windows } = snapshot;
  const last = windows.at(-1);
  set("total-sales", snapshot.total_sales, grouped(snapshot.total_sales));
  set("transaction-count", snapshot.transaction_count, grouped(snapshot.transaction_count));
  set("latest-window", latest.window_start, `${clock(latest.window_start)}–${clock(latest.window_end)}`);
  const isOld = snapshot.as_of_ms - snapshot.history_as_of_ms > 2000;
  put(byId("total-aside"), isOld ? `windows before the last 100 as of ${second(snapshot.history_as_of_ms)}` : "all windows");
  put(byId("transaction-aside"), `${grouped(last.transaction_count)} in the latest`);
  put(byId("window-aside"), date(latest.window_start));
  document.title = `${grouped(snapshot.total_sales)} · Category sales`;
}

function showBars({ latest_window: latest, categories, largest }) {
  const list = byId("bars");
  const end = Number(largest) || 1;
  // Bars grow while their window fills; into another window they jump, or they would show the old one for a while.
  const isSameWindow = list.dataset.window === latest.window_start;
  list.dataset.window = latest.window_start;
  put(byId("bars-window"), `${clock(latest.window_start)}–${clock(latest.window_end)}, still counting`);
  put(byId("bars-scale"), `Full width: ${grouped(largest)}, the most in any window of the trend`);
  const rows = new Map(latest.categories.map((row) => [row.category, row]));
  reconcile(list, categories, (category) => category, newBar, (item, category) => {
    const row = rows.get(category);
    const [name, total, count, track] = item.children;
    put(name, category);
    put(total, row ? grouped(row.total_sales) : "–");
    put(count, row ? `${grouped(row.transaction_count)} tx` : "");
    showData(item, row && { category, total: row.total_sales, count: row.transaction_count });
    const bar = track.firstElementChild;
    bar.style.transition = isSameWindow ? "" : "none";
    bar.style.width = `${row ? Math.max(0, Math.min(100, (100 * Number(row.total_sales)) / end)) : 0}%`;
  });
}

/** Only what the store holds has data: a category without a sale in this window has a place, but no numbers. */
function showData(item, data) {
  for (const name of ["category", "total", "count"]) {
    if (data) item.dataset[name] = data[name];
    else delete item.dataset[name];
  }
}

function newBar() {
  const item = document.createElement("li");
  for (const name of ["name", "total", "count", "track"]) {
    const part = item.appendChild(document.createElement("span"));
    part.className = name;
  }
  item.lastElementChild.setAttribute("aria-hidden", "true");
  item.lastElementChild.appendChild(document.createElement("span")).className = "bar";
  return item;
}

function showTrend({ trend: windows }) {
  const [first, last] = [windows[0], windows.at(-1)];
  put(byId("trend-range"), windows.length === 1 ? "one window" : `last ${windows.length} windows`);
  const points = windows.map((point) => ({
    start: Date.parse(point.window_start),
    end: Date.parse(point.window_end),
    value: Number(point.total_sales),
    data: { window: point.window_start, total: point.total_sales, count: point.transaction_count },
    title: grouped(point.total_sales),
    detail: `${clock(point.window_start)}–${clock(point.window_end)} · ${plural(point.transaction_count, "transaction", "transactions")}`,
  }));
  trend.show(points);
  put(byId("trend-text"), `From ${minute(first.window_start)} to ${minute(last.window_start)} UTC. Latest: ${grouped(last.total_sales)}.`);
}

function showRows({ rows, row_count: all, latest_window: latest }) {
  put(byId("sales-range"), rows.length === all ? plural(all, "row", "rows") : `latest ${grouped(rows.length)} of ${grouped(all)}`);
  const windowAt = (place) => rows[place]?.window_start;
  const cells = (row) => [
    [row.window_start, minute(row.window_start)],
    [row.window_end, minute(row.window_end)],
    [row.category, row.category],
    [row.total_sales, grouped(row.total_sales)],
    [row.transaction_count, grouped(row.transaction_count)],
  ];
  fillTable(byId("sales"), rows, (row) => `${row.window_start} ${row.category}`, cells, {
    first: (row, place) => row.window_start !== windowAt(place - 1),
    last: (row, place) => row.window_start !== windowAt(place + 1),
    open: (row) => row.window_start === latest.window_start,
  });
}

follow("category-sales", show);
showPages("category-sales");
