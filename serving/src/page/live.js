// What all pages share: text, elements that stay, the connection to the server, and the way from page to page.
//
// Amounts are decimal text from the store to the screen: no sum and no rounding happens here, and numbers are made of them only to place pixels.

export const byId = (id) => document.getElementById(id);

/** Without a word from the server for so long, what is shown may be old. The server speaks each second. */
const SILENCE_MS = 3500;
const RECONNECT_MS = 1000;

let lastHeard = 0;
let lastAsOf = null;

// ---------------------------------------------------------------- text

/** "1234567.50" as "1,234,567.50". */
export const grouped = (number) => String(number).replace(/\B(?=(\d{3})+(?=\.|$))/g, ",");

export const plural = (count, one, many) => `${grouped(count)} ${count === 1 ? one : many}`;
const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" });

/** The store's text where it is no time. */
const cut = (iso, from, to) => (Number.isNaN(Date.parse(iso)) ? iso : new Date(iso).toISOString().slice(from, to).replace("T", " "));
export const clock = (iso) => cut(iso, 11, 16);
export const clockSecond = (iso) => cut(iso, 11, 19);
export const minute = (iso) => cut(iso, 0, 16);
export const moment = (iso) => cut(iso, 0, 19);
export const date = (iso) => (Number.isNaN(Date.parse(iso)) ? "" : day.format(new Date(iso)));
export const second = (ms) => new Date(ms).toISOString().slice(11, 19);

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A figure so long that it needs smaller digits. */
const LONG = 17;

export function set(id, value, text) {
  byId(id).dataset.value = value;
  byId(id).dataset.size = text.length > LONG ? "long" : "normal";
  put(byId(id), text);
}

// ---------------------------------------------------------------- elements

/** Makes the children of `parent` those of `items`, in order, and keeps the elements of items that were there: hover and selection stay. */
export function reconcile(parent, items, keyOf, make, fill) {
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

/** Rows of a table: each cell is its value, for whoever looks for it, and its text. Rows are marked with `classes` where those hold. */
export function fillTable(table, rows, keyOf, cellsOf, classes = {}) {
  const make = () => {
    const tr = document.createElement("tr");
    for (let column = table.tHead.rows[0].cells.length; column > 0; column -= 1) tr.insertCell();
    return tr;
  };
  reconcile(table.tBodies[0], rows, keyOf, make, (tr, row, place) => {
    cellsOf(row, place).forEach(([value, text], column) => {
      tr.cells[column].dataset.value = value ?? "";
      put(tr.cells[column], text);
    });
    for (const [name, holds] of Object.entries(classes)) tr.classList.toggle(name, holds(row, place));
  });
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

/** Shows each snapshot of a page that the server pushes, and whether what is shown is current. */
export function follow(page, show) {
  const events = new EventSource(`/events/${page}`);
  events.addEventListener("snapshot", (event) => {
    const snapshot = heard(event);
    show(snapshot);
    byId("snapshot").dataset.sequence = snapshot.sequence;
    put(byId("sequence"), grouped(snapshot.sequence));
    showAsOf(snapshot.as_of_ms);
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
    if (events.readyState === EventSource.CLOSED) setTimeout(() => follow(page, show), RECONNECT_MS);
  });
}

setInterval(() => {
  if (document.body.dataset.state === "live" && Date.now() - lastHeard > SILENCE_MS) showState("silent", `No answer${since()}`);
}, 500);

// ---------------------------------------------------------------- the other pages

/** Links to all pages that the server has, where there is more than one. */
export async function showPages(current) {
  const pages = await (await fetch("/api/pages")).json();
  byId("pages").replaceChildren(
    ...pages.map(({ name, title }) => {
      const link = document.createElement("a");
      link.href = `/${name}`;
      link.textContent = title;
      if (name === current) link.setAttribute("aria-current", "page");
      return link;
    }),
  );
  byId("pages").hidden = pages.length < 2;
}
