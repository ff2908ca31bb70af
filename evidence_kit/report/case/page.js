// What scripts add to the page: searching, sorting and scrolling long tables, and zooming into the time line.
// Evidence only ever becomes text (`textContent`); nothing is loaded from anywhere. Without scripts the page says it all.
"use strict";

const ROW = 32; // pixels, as `.scroller tbody td` has it
const SPARE = 8; // rows drawn above and below what can be seen
const TAIL = 32; // letters of a name in a cell
const PIECES = 120; // bars of the time line
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

function make(name, settings = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(settings)) {
    if (key in element && !key.startsWith("aria")) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...inside);
  return element;
}

// Long names differ at their end; the whole stands in the details and beside the pointer.
function tail(text) {
  return text.length <= TAIL ? text : `…${text.slice(1 - TAIL)}`;
}

function data(id) {
  const block = byId(id);
  return block ? JSON.parse(block.textContent) : null;
}

// A table of which only the rows that can be seen are in the document.
class Grid {
  // columns: [{title, width, value(row), show(row), number}]; row details: [[label, text]]
  constructor(place, { name, columns, rows, detail }) {
    Object.assign(this, { place, name, columns, all: rows, rows, detail, order: null, words: "", only: () => true });
    this.haystack = new Map();
    this.build();
    this.apply();
  }

  build() {
    const label = this.place.dataset.label;
    this.search = make("input", { type: "search", id: `${this.name}-search`, autocomplete: "off", "aria-label": `Search ${label}` });
    this.tools = make("div", { className: "tools" }, make("label", { htmlFor: this.search.id }, "Search", this.search));
    this.status = make("p", { role: "status", className: "small faint" });
    const cells = this.columns.map((column, at) => this.head(column, at));
    const widths = make("colgroup", {}, make("col", { width: "64" }), ...this.columns.map((one) => make("col", { width: String(one.width) })));
    [this.above, this.below, this.lines] = [this.gap(), this.gap(), new Map()];
    this.body = make("tbody", {}, this.above, this.below);
    this.table = make("table", { "aria-label": label }, widths, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Row"), ...cells)), this.body);
    this.scroller = make("div", { className: "scroller", tabIndex: 0, role: "region", "aria-label": `${label}, scrolls` }, this.table);
    this.shown = make("div", { className: "detail", hidden: true, tabIndex: -1 });
    this.place.append(this.tools, this.status, this.scroller, this.shown);
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    window.addEventListener("resize", () => this.draw());
    let waiting = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { this.words = this.search.value.toLowerCase(); this.apply(); }, 120);
    });
  }

  head(column, at) {
    const button = make("button", { type: "button" }, column.title);
    const cell = make("th", { scope: "col", "aria-sort": "none", className: column.number ? "number" : "" }, button);
    button.addEventListener("click", () => this.sort(at));
    return cell;
  }

  sort(at) {
    const down = this.order && this.order.at === at && !this.order.down;
    this.order = { at, down };
    this.table.querySelectorAll("thead th[aria-sort]").forEach((cell, index) => {
      cell.setAttribute("aria-sort", index === at ? (down ? "descending" : "ascending") : "none");
    });
    this.apply();
  }

  text(row) {
    let found = this.haystack.get(row);
    if (found === undefined) {
      found = this.columns.map((column) => column.value(row)).join("\n").toLowerCase();
      this.haystack.set(row, found);
    }
    return found;
  }

  apply() {
    const words = this.words.split(/\s+/).filter(Boolean);
    this.rows = this.all.filter((row) => this.only(row) && words.every((word) => this.text(row).includes(word)));
    if (this.order) {
      const { value } = this.columns[this.order.at];
      const sign = this.order.down ? -1 : 1;
      this.rows.sort((a, b) => { const [x, y] = [value(a), value(b)]; return x < y ? -sign : x > y ? sign : 0; });
    }
    const all = this.all.length.toLocaleString("en");
    this.status.textContent = this.rows.length === this.all.length ? `${all} rows` : `${this.rows.length.toLocaleString("en")} of ${all} rows`;
    this.table.setAttribute("aria-rowcount", String(this.rows.length + 1));
    this.scroller.scrollTop = 0;
    this.lines.forEach((line) => line.remove());
    this.lines.clear();
    this.draw();
    if (this.changed) this.changed();
  }

  // Rows that stay are left where they are: whoever has the focus in one keeps it.
  draw() {
    const seen = Math.ceil((this.scroller.clientHeight || 512) / ROW);
    const first = Math.max(0, Math.min(Math.floor(this.scroller.scrollTop / ROW), this.rows.length - seen) - SPARE);
    const last = Math.min(this.rows.length, first + seen + 2 * SPARE);
    for (const [at, line] of this.lines) {
      if (at >= first && at < last) continue;
      line.remove();
      this.lines.delete(at);
    }
    let next = this.below;
    for (let at = last - 1; at >= first; at -= 1) {
      let line = this.lines.get(at);
      if (!line) {
        line = this.line(this.rows[at], at);
        this.lines.set(at, line);
        this.body.insertBefore(line, next);
      }
      next = line;
    }
    this.fill(this.above, first);
    this.fill(this.below, this.rows.length - last);
  }

  // A row as high as those that are not in the document.
  gap() {
    return make("tr", { className: "gap", "aria-hidden": "true" }, make("td", { colSpan: this.columns.length + 1 }));
  }

  fill(gap, count) {
    gap.hidden = !count;
    gap.firstChild.style.height = `${count * ROW}px`;
  }

  line(row, at) {
    const button = make("button", { type: "button", "aria-label": `Show all of row ${at + 1}` }, String(at + 1));
    button.addEventListener("click", () => this.show(row, at));
    // Not where a pointer gives the focus: the row would move away beneath it.
    button.addEventListener("focus", () => { if (button.matches(":focus-visible")) this.follow(at); });
    const cells = this.columns.map((column) => make("td", { className: column.number ? "number" : "", title: String(column.value(row)) }, String((column.show || column.value)(row))));
    return make("tr", { "aria-rowindex": String(at + 2) }, make("td", {}, button), ...cells);
  }

  // Whoever holds Tab down is faster than the browser tells that it has scrolled, and would leave by the last row drawn.
  follow(at) {
    const top = this.scroller.scrollTop;
    const seen = this.scroller.clientHeight || 512;
    if (at * ROW < top) this.scroller.scrollTop = at * ROW;
    else if ((at + 2) * ROW > top + seen) this.scroller.scrollTop = (at + 2) * ROW - seen;
    this.draw();
  }

  show(row, at) {
    const list = make("dl", { className: "about" });
    for (const [label, text] of this.detail(row)) list.append(make("dt", {}, label), make("dd", {}, String(text) || "–"));
    this.shown.replaceChildren(make("h3", {}, `Row ${at + 1}`), list);
    this.shown.hidden = false;
    this.shown.focus();
  }
}

function artifacts() {
  const rows = [];
  let folder = null;
  for (const one of data("artifacts-data") || []) {
    if (one.length === 3) folder = [...one, one[0].split("/").slice(-2).join("/")]; // what tells files apart stands last
    else rows.push([folder, ...one]);
  }
  const place = byId("artifacts-live");
  if (!place || !rows.length) return;
  new Grid(place, {
    name: "artifacts",
    rows,
    columns: [
      { title: "File", width: 430, value: (row) => `${row[0][0]}/${row[1]}`, show: (row) => `…/${row[0][3]}/${row[1]}` },
      { title: "Source", width: 170, value: (row) => row[0][1] },
      { title: "Target", width: 130, value: (row) => row[0][2] },
      { title: "Bytes", width: 90, value: (row) => row[2], number: true },
      { title: "Received", width: 160, value: (row) => row[5], show: (row) => row[5].slice(0, 19).replace("T", " ") },
      { title: "SHA-256", width: 140, value: (row) => row[3] },
    ],
    detail: (row) => [
      ["file", `${row[0][0]}/${row[1]}`], ["source", row[0][1]], ["target", row[0][2]], ["bytes", row[2]], ["SHA-256", row[3]],
      ["records", row[4] ?? "not counted"], ["received", row[5]], ["original name", row[6]], ["provider's request id", row[7]], ["ledger line", row[8]],
    ],
  });
}

// The time line: bars over time, and the records of the stretch that is looked at.
class Incident {
  constructor(found, place) {
    this.found = found;
    this.whole = [found.from, found.to];
    this.range = [...this.whole];
    this.grid = new Grid(place, {
      name: "incident",
      rows: found.rows,
      columns: [
        { title: "Time", width: 210, value: (row) => row[1] },
        { title: "Source", width: 170, value: (row) => found.sources[row[7]] },
        { title: "Action", width: 200, value: (row) => row[2] },
        { title: "Actor", width: 230, value: (row) => row[3], show: (row) => tail(row[3]) },
        { title: "Address", width: 130, value: (row) => row[4] },
        { title: "Resource", width: 220, value: (row) => row[5], show: (row) => tail(row[5]) },
        { title: "Outcome", width: 110, value: (row) => row[6] },
      ],
      detail: (row) => [
        ["time", row[1]], ["action", row[2]], ["actor", row[3]], ["address", row[4]], ["resource", row[5]], ["outcome", row[6]],
        ["source", found.sources[row[7]]], ["target", found.targets[row[8]]], ["stands in", `${found.files[row[9]]}, record ${row[10] ?? "?"}`],
      ],
    });
    this.isWhole = found.rows.length === found.total;
    this.grid.only = (row) => row[0] >= this.range[0] && row[0] < this.range[1] && (this.source === "" || found.sources[row[7]] === this.source);
    this.source = "";
    this.grid.changed = () => this.draw();
    this.build();
    this.grid.apply();
  }

  build() {
    this.chart = byId("incident-chart");
    const choose = make("select", { id: "incident-source", "aria-label": "Source" }, make("option", { value: "" }, "all sources"), ...this.found.sources.map((one) => make("option", { value: one }, one)));
    choose.addEventListener("change", () => { this.source = choose.value; this.grid.apply(); });
    const buttons = [["Zoom in", () => this.zoom(0.5)], ["Zoom out", () => this.zoom(2)], ["Earlier", () => this.move(-0.5)], ["Later", () => this.move(0.5)], ["Whole time", () => this.look(...this.whole)]];
    this.grid.tools.append(
      make("label", { htmlFor: choose.id }, "Source", choose),
      ...buttons.map(([title, act]) => { const one = make("button", { type: "button" }, title); one.addEventListener("click", act); return one; }),
    );
    this.drag();
  }

  zoom(factor) {
    const middle = (this.range[0] + this.range[1]) / 2;
    const half = Math.max(500, ((this.range[1] - this.range[0]) * factor) / 2);
    this.look(middle - half, middle + half);
  }

  move(part) {
    const step = (this.range[1] - this.range[0]) * part;
    this.look(this.range[0] + step, this.range[1] + step);
  }

  look(from, to) {
    const [low, high] = this.whole;
    const lasts = Math.min(to - from, high - low);
    const start = Math.min(Math.max(from, low), high - lasts);
    this.range = [Math.floor(start), Math.ceil(start + lasts)];
    this.grid.apply();
  }

  // [starts, lasts, count]: counted from the rows that fit where every record is here, else as counted over all records.
  bars() {
    const [from, to] = this.range;
    const counts = new Map();
    const add = (at, count) => counts.set(at, (counts.get(at) || 0) + count);
    const lasts = this.isWhole ? (to - from) / PIECES : this.found.lasts;
    if (this.isWhole) for (const row of this.grid.rows) add(from + Math.floor((row[0] - from) / lasts) * lasts, 1);
    else for (const [at, source, count] of this.found.bars) if (this.source === "" || this.found.sources[source] === this.source) add(at, count);
    return [...counts].filter(([at]) => at + lasts > from && at < to).map(([at, count]) => [at, lasts, count]);
  }

  draw() {
    if (!this.chart) return;
    const [from, to] = this.range;
    const part = (time) => ((time - from) / (to - from)) * 100;
    const bars = this.bars();
    const most = Math.max(1, ...bars.map((bar) => bar[2]));
    const height = (count) => (count / most) * 94;
    this.chart.replaceChildren(...bars.map(([at, lasts, count]) => this.rect("count", part(at), part(at + lasts) - part(at), 100 - height(count), height(count))));
    this.chart.setAttribute("aria-label", `Records over time, at most ${most} in one bar`);
    const strip = byId("incident-strip");
    if (strip) strip.replaceChildren(...this.found.gaps.map((gap) => this.band(...gap)).filter(Boolean));
    byId("incident-from").textContent = new Date(from).toISOString();
    byId("incident-to").textContent = new Date(to).toISOString();
  }

  band(from, to) {
    const [low, high] = this.range;
    const [start, end] = [Math.max(from, low), Math.min(to, high)];
    if (start >= end) return null;
    const rect = this.rect("", ((start - low) / (high - low)) * 100, ((end - start) / (high - low)) * 100, 0, 100);
    rect.setAttribute("fill", "url(#p-gap)");
    return rect;
  }

  rect(name, x, width, y, height) {
    const rect = document.createElementNS(SVG, "rect");
    for (const [key, value] of Object.entries({ x, width, y, height })) rect.setAttribute(key, `${value}%`);
    rect.setAttribute("class", name);
    return rect;
  }

  // Drawing a finger or the mouse over the bars chooses that stretch; the buttons do the same for the keyboard.
  drag() {
    let from = null;
    const at = (event) => { const box = this.chart.getBoundingClientRect(); return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)); };
    const chosen = this.rect("chosen", 0, 0, 0, 100);
    this.chart.addEventListener("pointerdown", (event) => { from = at(event); this.chart.setPointerCapture(event.pointerId); this.chart.append(chosen); });
    this.chart.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = at(event);
      chosen.setAttribute("x", `${Math.min(from, to) * 100}%`);
      chosen.setAttribute("width", `${Math.abs(to - from) * 100}%`);
    });
    this.chart.addEventListener("pointerup", (event) => {
      const [low, high] = this.range;
      const ends = [from, at(event)].sort((a, b) => a - b);
      from = null;
      chosen.remove();
      if (ends[1] - ends[0] > 0.01) this.look(low + ends[0] * (high - low), low + ends[1] * (high - low));
    });
    this.chart.addEventListener("pointercancel", () => { from = null; chosen.remove(); });
  }
}

document.documentElement.classList.add("js");
artifacts();
const found = data("incident-data");
if (found && byId("incident-live")) new Incident(found, byId("incident-live"));
