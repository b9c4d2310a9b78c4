// A line over time in plain SVG: one element per point, a scale from zero, a dashed last piece while its window still fills.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { top: 10, right: 10, bottom: 24 };
/** Between two labels of the time axis, in pixels, at least. */
const LABEL_GAP = 76;
const MINUTE = 60_000;
/** Distances between labels of the time axis that people read easily, in minutes. */
const TIME_STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14_400, 43_200];

export class Trend {
  #svg;
  #tip;
  #points = [];
  #places = [];
  /** The start of the window under the pointer, so that the mark stays with it while time moves on. */
  #marked = null;

  constructor(svg, tip) {
    this.#svg = svg;
    this.#tip = tip;
    new ResizeObserver(() => this.#draw()).observe(svg);
    svg.addEventListener("pointermove", (event) => this.#markAt(event.clientX));
    svg.addEventListener("pointerdown", (event) => this.#markAt(event.clientX));
    svg.addEventListener("pointerleave", () => this.#mark(null));
    svg.addEventListener("blur", () => this.#mark(null));
    svg.addEventListener("keydown", (event) => this.#step(event));
  }

  /** Points in the order of time: `{start, end, value, data, title, detail}`. */
  show(points) {
    this.#points = points;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#svg;
    const points = this.#points;
    this.#svg.dataset.points = points.length;
    if (points.length === 0) return this.#svg.replaceChildren();
    const scale = valueScale(points, height);
    const left = 10 + Math.max(...scale.ticks.map((tick) => tick.label.length)) * 7;
    // A single point stands in the middle of its own hour.
    const [first, last] = points.length > 1 ? [points[0].start, points.at(-1).start] : [points[0].start - 30 * MINUTE, points[0].start + 30 * MINUTE];
    const span = last - first || 1;
    const inner = Math.max(1, width - left - MARGIN.right);
    const x = (time) => left + ((time - first) / span) * inner;
    const bottom = height - MARGIN.bottom;
    const y = (value) => MARGIN.top + (1 - (value - scale.low) / (scale.high - scale.low)) * (bottom - MARGIN.top);
    this.#places = points.map((point) => ({ point, x: x(point.start), y: y(point.value) }));
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.replaceChildren(
      ...valueAxis(scale.ticks, y, left, width - MARGIN.right),
      ...timeAxis(first, last, inner, x, height - 5),
      ...lines(this.#places, y(Math.max(scale.low, 0))),
      ...this.#places.map((place, index) => dot(place, index, this.#places)),
    );
    this.#showMark();
  }

  #markAt(clientX) {
    const at = clientX - this.#svg.getBoundingClientRect().left;
    const nearest = this.#places.reduce((best, place) => (Math.abs(place.x - at) < Math.abs(best.x - at) ? place : best), this.#places[0]);
    this.#mark(nearest?.point.start ?? null);
  }

  #step(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") this.#mark(null);
    if (step === undefined || this.#places.length === 0) return;
    event.preventDefault();
    const last = this.#places.length - 1;
    const current = this.#places.findIndex((place) => place.point.start === this.#marked);
    const next = (current < 0 ? last + (step < 0 ? 1 : 0) : current) + step;
    this.#mark(this.#places[Math.max(0, Math.min(last, next))].point.start);
  }

  #mark(start) {
    this.#marked = start;
    this.#showMark();
  }

  #showMark() {
    this.#svg.querySelector(".rule")?.remove();
    this.#svg.querySelector(".marked")?.classList.remove("marked");
    const index = this.#places.findIndex((place) => place.point.start === this.#marked);
    this.#tip.hidden = index < 0;
    if (index < 0) return;
    const { point, x, y } = this.#places[index];
    const dots = this.#svg.querySelectorAll(".point");
    dots[index].classList.add("marked");
    dots[0].before(element("line", { class: "rule", x1: x, x2: x, y1: MARGIN.top, y2: this.#svg.clientHeight - MARGIN.bottom }));
    const title = document.createElement("strong");
    title.textContent = point.title;
    const detail = document.createElement("span");
    detail.textContent = point.detail;
    this.#tip.replaceChildren(title, detail);
    const room = this.#svg.clientWidth - this.#tip.offsetWidth;
    const beside = x + 14 <= room ? x + 14 : x - this.#tip.offsetWidth - 14;
    const top = Math.max(0, Math.min(y - this.#tip.offsetHeight / 2, this.#svg.clientHeight - this.#tip.offsetHeight));
    this.#tip.style.transform = `translate(${Math.max(0, Math.min(room, beside))}px, ${top}px)`;
  }
}

/** Round values from zero to above the largest, few enough to read. */
function valueScale(points, height) {
  const values = points.map((point) => point.value);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const wanted = Math.max(2, Math.floor(height / 64));
  const rough = (high - low || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const [from, to] = [Math.floor(low / step), Math.max(Math.ceil(high / step), 1)];
  const ticks = [];
  for (let tick = from; tick <= to; tick += 1) ticks.push({ value: tick * step, label: short(tick * step) });
  return { low: from * step, high: to * step, ticks };
}

/** 12,500 as 12.5k. */
function short(value) {
  if (Math.abs(value) >= 1e15) return value.toExponential();
  const units = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
  const [size, unit] = units.find(([size]) => Math.abs(value) >= size) ?? [1, ""];
  return `${Number((value / size).toPrecision(4))}${unit}`;
}

function valueAxis(ticks, y, left, right) {
  return ticks.flatMap(({ value, label }) => {
    const height = Math.round(y(value)) + 0.5;
    const line = element("line", { class: value === 0 ? "zero" : "grid", x1: left, x2: right, y1: height, y2: height });
    return [line, text(label, { x: left - 8, y: height + 4, "text-anchor": "end" })];
  });
}

function timeAxis(first, last, width, x, baseline) {
  const most = Math.max(2, Math.floor(width / LABEL_GAP));
  const step = MINUTE * (TIME_STEPS.find((minutes) => (last - first) / (minutes * MINUTE) <= most) ?? TIME_STEPS.at(-1));
  const labels = [];
  for (let time = Math.ceil(first / step) * step; time <= last; time += step) {
    const iso = new Date(time).toISOString();
    // A label that would stick out is pulled in.
    const place = x(time);
    const anchor = place > x(last) - 16 ? "end" : place < x(first) + 16 ? "start" : "middle";
    const isMidnight = time % (1440 * MINUTE) === 0;
    labels.push(text(isMidnight || step >= 1440 * MINUTE ? iso.slice(5, 10) : iso.slice(11, 16), { x: place, y: baseline, "text-anchor": anchor }));
  }
  return labels;
}

/** Windows that follow each other are one line; where windows are missing the line is broken, as nothing is known to lie there. */
function lines(places, ground) {
  const runs = places.reduce((runs, place, index) => {
    const follows = index > 0 && places[index - 1].point.end >= place.point.start;
    if (follows) runs.at(-1).push(place);
    else runs.push([place]);
    return runs;
  }, []);
  const path = (run) => run.map(({ x, y }, index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const drawn = [];
  for (const run of runs.filter((run) => run.length > 1)) {
    const done = run.at(-1) === places.at(-1) ? run.slice(0, -1) : run;
    const area = `${path(run)}L${run.at(-1).x.toFixed(1)} ${ground}L${run[0].x.toFixed(1)} ${ground}Z`;
    drawn.push(element("path", { class: "area", d: area }), element("path", { class: "line", d: path(done) }));
    if (done !== run) drawn.push(element("path", { class: "line filling", d: path(run.slice(-2)) }));
  }
  return drawn;
}

function dot({ point, x, y }, index, places) {
  const isLast = index === places.length - 1;
  const touches = (a, b) => a !== undefined && b !== undefined && a.point.end >= b.point.start;
  const isAlone = !touches(places[index - 1], places[index]) && !touches(places[index], places[index + 1]);
  const kind = isLast ? "point open" : isAlone ? "point alone" : "point";
  const circle = element("circle", { class: kind, cx: x.toFixed(1), cy: y.toFixed(1), r: isAlone && !isLast ? 2 : 3.5 });
  Object.assign(circle.dataset, point.data);
  return circle;
}

function text(content, attributes) {
  const label = element("text", attributes);
  label.textContent = content;
  return label;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
