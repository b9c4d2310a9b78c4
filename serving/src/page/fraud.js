// The page of the alerts: how many there are, how severe, and the latest of them with their reasons.

import { byId, fillTable, follow, grouped, moment, plural, put, reconcile, set, showPages } from "/live.js";

/** The most severe first; what has another name comes last. */
const SEVERITIES = ["critical", "high", "medium", "low"];
const rank = (severity) => (SEVERITIES.includes(severity) ? SEVERITIES.indexOf(severity) : SEVERITIES.length);

function show({ tables, absent }) {
  const { alerts, severities } = tables;
  const isEmpty = !alerts || alerts.rows.length === 0;
  byId("empty").hidden = !isEmpty;
  byId("filled").hidden = isEmpty;
  if (isEmpty) return put(byId("empty-reason"), absent ?? "the table fraud_alerts is empty");
  const counts = [...severities.rows].sort((a, b) => rank(a.severity) - rank(b.severity));
  showFigures(alerts, counts);
  showCounts(counts);
  showAlerts(alerts);
}

function showFigures({ rows, row_count: all }, [worst]) {
  set("alert-count", all, grouped(all));
  put(byId("alert-aside"), "all alerts");
  set("worst", worst.alerts, grouped(worst.alerts));
  put(byId("worst-aside"), worst.severity);
  set("latest", rows[0].transaction_id, moment(rows[0].event_time).slice(11));
  put(byId("latest-aside"), rows[0].user_id);
  document.title = `${plural(all, "alert", "alerts")} · Fraud`;
}

function showCounts(counts) {
  const most = Math.max(...counts.map((row) => row.alerts));
  reconcile(byId("bars"), counts, (row) => row.severity, newBar, (item, row) => {
    const [name, total, , track] = item.children;
    put(name, row.severity);
    put(total, grouped(row.alerts));
    Object.assign(item.dataset, { severity: row.severity, alerts: row.alerts });
    track.firstElementChild.style.width = `${(100 * row.alerts) / most}%`;
  });
}

function newBar() {
  const item = document.createElement("li");
  for (const name of ["name", "total", "count", "track"]) item.appendChild(document.createElement("span")).className = name;
  item.lastElementChild.setAttribute("aria-hidden", "true");
  item.lastElementChild.appendChild(document.createElement("span")).className = "bar";
  return item;
}

function showAlerts({ rows, row_count: all }) {
  put(byId("alerts-range"), rows.length === all ? plural(all, "row", "rows") : `latest ${grouped(rows.length)} of ${grouped(all)}`);
  const reasons = (alert) => alert.hits.map((hit) => hit.reason).join("; ");
  const cells = (alert) => [
    [alert.event_time, moment(alert.event_time)],
    [alert.severity, alert.severity],
    [alert.score, alert.score],
    [alert.user_id, alert.user_id],
    [alert.total_amount, grouped(alert.total_amount)],
    [alert.country, `${alert.city}, ${alert.country}`],
    [reasons(alert), reasons(alert)],
    [alert.transaction_id, alert.transaction_id.slice(0, 8)],
  ];
  fillTable(byId("alerts"), rows, (alert) => alert.transaction_id, cells, {
    severe: (alert) => rank(alert.severity) < 2,
  });
}

follow("fraud", show);
showPages("fraud");
