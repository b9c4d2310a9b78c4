// Shows each snapshot that the server pushes. Amounts are decimal text from the store to the screen: no sum and no
// rounding happens here, and numbers are made of them only to place pixels.

import { Trend } from "/chart.js";

const byId = (id) => document.getElementById(id);
const trend = new Trend(byId("trend"), byId("tip"));

/** Without a word from the server for so long, what is shown may be old. The server speaks each second. */
const SILENCE_MS = 3500;
const RECONNECT_MS = 1000;

let lastHeard = 0;
let lastAsOf = null;

// ---------------------------------------------------------------- text

/** "1234567.50" as "1,234,567.50". */
export const grouped = (number) => String(number).replace(/\B(?=(\d{3})+(?=\.|$))/g, ",");

const plural = (count, one, many) => `${grouped(count)} ${count === 1 ? one : many}`;
const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" });

/** The store's text where it is no time. */
const clock = (iso) => (Number.isNaN(Date.parse(iso)) ? iso : new Date(iso).toISOString().slice(11, 16));
const date = (iso) => (Number.isNaN(Date.parse(iso)) ? "" : day.format(new Date(iso)));
const minute = (iso) => (Number.isNaN(Date.parse(iso)) ? iso : new Date(iso).toISOString().slice(0, 16).replace("T", " "));
const second = (ms) => new Date(ms).toISOString().slice(11, 19);

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A figure so long that it needs smaller digits. */
const LONG = 17;

function set(id, value, text) {
  byId(id).dataset.value = value;
  byId(id).dataset.size = text.length > LONG ? "long" : "normal";
  put(byId(id), text);
}

// ---------------------------------------------------------------- a snapshot

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
  const main = byId("snapshot");
  main.dataset.sequence = snapshot.sequence;
  main.dataset.historyAsOf = new Date(snapshot.history_as_of_ms).toISOString();
  put(byId("sequence"), grouped(snapshot.sequence));
  showAsOf(snapshot.as_of_ms);
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
  reconcile(byId("sales").tBodies[0], rows, (row) => `${row.window_start} ${row.category}`, newRow, (tr, row, place) => {
    const cells = [
      [row.window_start, minute(row.window_start)],
      [row.window_end, minute(row.window_end)],
      [row.category, row.category],
      [row.total_sales, grouped(row.total_sales)],
      [row.transaction_count, grouped(row.transaction_count)],
    ];
    cells.forEach(([value, text], column) => {
      tr.cells[column].dataset.value = value;
      put(tr.cells[column], text);
    });
    tr.classList.toggle("first", row.window_start !== windowAt(place - 1));
    tr.classList.toggle("last", row.window_start !== windowAt(place + 1));
    tr.classList.toggle("open", row.window_start === latest.window_start);
  });
}

function newRow() {
  const tr = document.createElement("tr");
  for (let column = 0; column < 5; column += 1) tr.insertCell();
  return tr;
}

/** Makes the children of `parent` those of `items`, in order, and keeps the elements of items that were there: hover and selection stay. */
function reconcile(parent, items, keyOf, make, fill) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const key = keyOf(item);
    const child = known.get(key) ?? make();
    known.delete(key);
    child.dataset.key = key;
    fill(child, item, place);
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
  known.forEach((child) => child.remove());
}

// ---------------------------------------------------------------- the connection

function showAsOf(ms) {
  lastAsOf = ms;
  const iso = new Date(ms).toISOString();
  byId("snapshot").dataset.asOf = iso;
  byId("as-of").dateTime = iso;
  put(byId("as-of"), second(ms));
}

function showState(state, text) {
  document.body.dataset.state = state;
  put(byId("connection-text"), text);
}

function showProblem(reason) {
  byId("problem").hidden = !reason;
  put(byId("problem"), reason ?? "");
}

const since = () => (lastAsOf === null ? "" : ` · last known ${second(lastAsOf)}`);

function heard(event) {
  lastHeard = Date.now();
  return JSON.parse(event.data);
}

function connect() {
  const events = new EventSource("/events");
  events.addEventListener("snapshot", (event) => {
    show(heard(event));
    showProblem(null);
    showState("live", "Live");
  });
  events.addEventListener("beat", (event) => {
    const { sequence, as_of_ms: asOf } = heard(event);
    if (String(sequence) === byId("snapshot").dataset.sequence) showAsOf(asOf);
    showProblem(null);
    showState("live", "Live");
  });
  events.addEventListener("problem", (event) => {
    showProblem(`${heard(event).reason}. What is shown below is the last that could be read.`);
    showState("problem", `Not current${since()}`);
  });
  events.addEventListener("error", () => {
    showState("reconnecting", `Reconnecting${since()}`);
    // The browser comes back by itself, unless the server answered with an error.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS);
  });
}

setInterval(() => {
  if (document.body.dataset.state === "live" && Date.now() - lastHeard > SILENCE_MS) showState("silent", `No answer${since()}`);
}, 500);

connect();
