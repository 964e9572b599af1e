"use strict";
// Everything that others wrote reaches the page as text, never as markup: `textContent` alone is set.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MARKS = { good: "✓", care: "△", bad: "✕" };
  const CHUNK = 100;
  const SHOWN_FILES = 24;
  const NAME = 0, TITLE = 1, PATTERN = 2, SERVER = 3, DATABASE = 4, LABELS = 5, MS = 6, AT = 7, CELLS = 8, PROOF = 9;

  // ---- building blocks

  const fill = (node, attributes, children) => {
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined && child !== "") node.append(child);
    return node;
  };
  const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const draw = (tag, attributes, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  const time = (ms) =>
    ms < 1000 ? `${ms} ms` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : ms < 3600000 ? `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s` : `${Math.floor(ms / 3600000)} h ${Math.round((ms % 3600000) / 60000)} min`;
  const say = (text) => { document.getElementById("said").textContent = text; };
  const main = document.getElementById("main");

  const section = (id, title, ...aside) => {
    const node = make("section", { id, "aria-labelledby": `${id}-title` }, make("div", { class: "head" }, make("h2", { id: `${id}-title`, tabindex: "-1" }, title), ...aside));
    main.append(node);
    return node;
  };
  const mark = (tone, word) => [make("span", { class: "mark", "aria-hidden": "true" }, MARKS[tone]), " ", make("span", { class: "word" }, word)];
  const copyable = (text) => {
    const button = make("button", { type: "button", "aria-label": `Copy ${text}`, onclick: () => {
      navigator.clipboard?.writeText(text).then(() => { button.textContent = "Copied"; say("Copied"); setTimeout(() => { button.textContent = "Copy"; }, 1500); }, () => {});
    } }, "Copy");
    return make("div", { class: "card command" }, make("code", { tabindex: "0", role: "region", "aria-label": "Command" }, text), navigator.clipboard ? button : null);
  };
  const link = (index) => make("a", { href: `#tenant=${encodeURIComponent(data.tenants[index][NAME])}` }, make("bdi", {}, data.tenants[index][NAME]));
  const listTenants = (indexes) => {
    const shown = indexes.slice(0, 12).flatMap((index, at) => [at ? ", " : "", link(index)]);
    return [indexes.length === 1 ? "tenant " : "tenants ", ...shown, indexes.length > 12 ? ` and ${(indexes.length - 12).toLocaleString("en")} more` : ""];
  };
  // Lines of a diff keep their sign, so that colour is not all that tells them apart.
  const source = (text, label) => {
    const lines = text.replace(/\n$/, "").split("\n");
    const diff = lines.some((line) => line.startsWith("@@"));
    const tone = (line) => (!diff ? "" : line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : "");
    return make("pre", { tabindex: "0", role: "region", "aria-label": label }, lines.flatMap((line, at) => [at ? "\n" : "", tone(line) ? make("span", { class: tone(line) }, line) : line]));
  };

  // ---- the totals, each a filter of the tenants

  const filter = { state: -1, words: "", sort: "order", down: false, grouped: false, from: 0, upto: CHUNK, open: null };
  const buttons = [];
  const drawTotals = () => {
    const sum = data.tenants.length;
    if (!sum) return;
    const bar = make("div", { class: "bar", "aria-hidden": "true" });
    const list = make("ul", { class: "states" });
    data.states.forEach(([word, tone, number], index) => {
      const part = make("i", { class: tone });
      part.style.flexGrow = number;
      bar.append(part);
      const button = make("button", { type: "button", class: tone, "aria-pressed": "false", title: "Show these tenants only", onclick: () => {
        choose({ state: filter.state === index ? -1 : index });
      } }, make("b", {}, number.toLocaleString("en")), mark(tone, word));
      buttons.push(button);
      list.append(make("li", {}, button));
    });
    document.getElementById("totals").append(bar, list);
  };

  // ---- what went wrong, and the command to type

  const drawCauses = () => {
    if (!data.causes.length) return;
    const node = section("problems", count(data.causes.length, "problem"));
    const first = 25;
    const show = (causes) => causes.forEach((cause) => node.append(drawCause(cause)));
    show(data.causes.slice(0, first));
    if (data.causes.length > first) {
      const button = make("button", { type: "button", onclick: () => { button.remove(); show(data.causes.slice(first)); } }, `Show ${count(data.causes.length - first, "more problem")}`);
      node.append(button);
    }
  };
  const drawNext = () => {
    if (!data.next.length) return;
    const node = section("next", "Next");
    for (const [when, command] of data.next) node.append(make("p", { class: "when" }, when[0].toUpperCase() + when.slice(1)), copyable(command));
  };
  const drawCause = (cause) => make("article", { class: `card cause ${cause.tone}` },
    make("h3", {}, mark(cause.tone, cause.word), ": ", cause.title),
    cause.tenants.length ? make("p", { class: "who" }, listTenants(cause.tenants), cause.rest ? `: ${cause.rest}` : "") : cause.rest ? make("p", { class: "who" }, cause.rest) : null,
    cause.excerpt ? source(cause.excerpt, "Excerpt") : null,
    (cause.lines || []).map(([word, text]) => make("p", {}, `${word}: ${text}`)),
    cause.detail ? source(cause.detail, "Detail") : null,
    cause.hint ? make("p", { class: "hint" }, cause.hint) : null);

  // ---- the matrix of tenants and versions

  const fileName = (pattern, file) => (typeof file === "number" ? data.sets[pattern.set][file] : file);
  // One drawing for all tenants with the same pattern.
  const strips = new Map();
  const strip = (index) => {
    if (!strips.has(index)) strips.set(index, drawStrip(data.patterns[index]));
    return strips.get(index).cloneNode(true);
  };
  const describeFiles = (pattern) => {
    const files = data.sets[pattern.set] || [];
    const open = pattern.open.filter(([file]) => typeof file === "number");
    const states = {};
    for (const [, state] of pattern.open) states[state] = (states[state] || 0) + 1;
    const rest = Object.entries(states).map(([state, number]) => `${number} ${state}`);
    return [`${files.length - open.length} of ${count(files.length, "file")} applied`, ...rest].join(", ");
  };
  const SIZE = 11, STEP = 15;
  const drawStrip = (pattern) => {
    const files = data.sets[pattern.set] || [];
    const start = Math.max(0, files.length - SHOWN_FILES);
    const open = new Map(pattern.open.filter(([file]) => typeof file === "number"));
    const fresh = new Set(pattern.applied);
    const cells = files.slice(start).map((_, at) => open.get(start + at) || (fresh.has(start + at) ? "new" : "on"));
    if (start) cells.unshift([...open.keys()].some((file) => file < start) ? "pending" : "on");
    const width = Math.max(1, cells.length) * STEP;
    return draw("svg", { class: "strip", width, height: STEP, viewBox: `0 0 ${width} ${STEP}`, role: "img", "aria-label": describeFiles(pattern) },
      cells.map((state, at) => drawCell(state, at * STEP + 2, 2)));
  };
  const drawCell = (state, x, y) => {
    const middle = SIZE / 2;
    if (state === "on" || state === "new") return draw("rect", { class: state, x, y, width: SIZE, height: SIZE, rx: 2 });
    if (state === "failed") return draw("path", { class: "broken", d: `M${x + 1.5} ${y + 1.5}l8 8m0 -8l-8 8` });
    if (state === "pending") return draw("rect", { class: "off", x: x + 0.5, y: y + 0.5, width: SIZE - 1, height: SIZE - 1, rx: 2 });
    return draw("path", { class: "odd", d: `M${x + middle} ${y}l${middle} ${middle}l-${middle} ${middle}l-${middle} -${middle}z` });
  };
  // The numbers of the versions, upright above their cells.
  const drawScale = () => {
    const files = data.sets.tenant || Object.values(data.sets)[0] || [];
    const start = Math.max(0, files.length - SHOWN_FILES);
    const names = files.slice(start).map((name) => name.split("_", 1)[0]);
    if (start) names.unshift(`${start} older`);
    const height = Math.min(100, Math.max(...names.map((name) => name.length), 0) * 6.5 + 6);
    const width = Math.max(1, names.length) * STEP;
    return draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      names.map((name, at) => draw("text", { transform: `translate(${at * STEP + 11.5} ${height - 2}) rotate(-90)` }, name)));
  };
  const drawLegend = () => {
    const used = new Set(data.patterns.flatMap((pattern) => pattern.open.map(([, state]) => state)));
    const kinds = [["on", "applied"], ["pending", "pending"], ["failed", "failed"]].filter(([state]) => state === "on" || used.has(state));
    if (data.patterns.some((pattern) => pattern.applied.length)) kinds.splice(1, 0, ["new", "applied in this run"]);
    const odd = [...used].filter((state) => state !== "pending" && state !== "failed");
    if (odd.length) kinds.push(["odd", odd.join(", ")]);
    return make("div", { class: "legend" }, kinds.map(([state, word]) =>
      make("span", {}, draw("svg", { class: "strip", width: STEP, height: STEP, "aria-hidden": "true" }, drawCell(state, 2, 2)), word)));
  };

  // ---- the tenants

  const texts = data.tenants.map((one) => {
    const pattern = data.patterns[one[PATTERN]];
    const labels = Object.entries(data.labels[one[LABELS]] || {}).map(([key, value]) => `${key}=${value}`);
    return [one[NAME], one[TITLE], data.servers[one[SERVER]], one[DATABASE], pattern.version, ...labels].join("\n").toLowerCase();
  });
  const places = new Map(data.tenants.map((one, index) => [one[NAME], index]));
  const collator = new Intl.Collator("en", { numeric: true });
  const SORTS = {
    order: (a, b) => a - b,
    tenant: (a, b) => collator.compare(data.tenants[a][NAME], data.tenants[b][NAME]),
    state: (a, b) => data.patterns[data.tenants[b][PATTERN]].state - data.patterns[data.tenants[a][PATTERN]].state,
    behind: (a, b) => (data.patterns[data.tenants[a][PATTERN]].behind ?? -1) - (data.patterns[data.tenants[b][PATTERN]].behind ?? -1),
    version: (a, b) => collator.compare(data.patterns[data.tenants[a][PATTERN]].version, data.patterns[data.tenants[b][PATTERN]].version),
    time: (a, b) => data.tenants[a][MS] - data.tenants[b][MS],
    server: (a, b) => collator.compare(data.servers[data.tenants[a][SERVER]], data.servers[data.tenants[b][SERVER]]),
  };
  const hasFiles = Object.values(data.sets).some((files) => files.length);
  const hasServers = data.servers.some((name) => name) && data.servers.length > 1;
  const view = {};

  const select = () => {
    const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = data.tenants.map((_, index) => index).filter((index) =>
      (filter.state < 0 || data.patterns[data.tenants[index][PATTERN]].state === filter.state) && words.every((word) => texts[index].includes(word)));
    // Equal ones stay in the order of the run.
    return chosen.sort((a, b) => SORTS[filter.sort](a, b) * (filter.down ? -1 : 1) || a - b);
  };
  const choose = (changes) => {
    Object.assign(filter, { from: 0, upto: CHUNK, open: null }, changes);
    drawRows();
  };
  const heading = (key, title, kind) => {
    const cell = make("th", { scope: "col", class: kind, "data-sort": key });
    cell.append(make("button", { type: "button", onclick: () => {
      choose({ sort: key, down: filter.sort === key ? !filter.down : key === "behind" || key === "time" });
    } }, title));
    return cell;
  };
  const drawTenants = () => {
    if (!data.tenants.length) return;
    const node = section("tenants", "Tenants");
    filter.grouped = data.tenants.length > 40 && data.patterns.length * 2 < data.tenants.length;
    view.search = make("input", { type: "search", placeholder: "Search tenants, labels, servers", "aria-label": "Search tenants", autocomplete: "off", spellcheck: "false", oninput: (event) => choose({ words: event.target.value }) });
    view.alone = make("button", { type: "button", onclick: () => choose({ grouped: false }) }, "Each tenant");
    view.alike = make("button", { type: "button", onclick: () => choose({ grouped: true }) }, "Groups of equals");
    view.found = make("p", { class: "note", "aria-live": "polite" });
    view.body = make("tbody");
    view.head = make("thead");
    view.above = make("div", { class: "more above", hidden: true });
    view.below = make("div", { class: "more", hidden: true });
    view.table = make("table", { "aria-labelledby": "tenants-title" }, view.head, view.body);
    node.append(make("div", { class: "tools" }, view.search, make("div", { class: "choice", role: "group", "aria-label": "Rows" }, view.alike, view.alone), make("span", { class: "space" }), view.found),
      make("div", { class: "card" }, view.above, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of tenants" }, view.table), view.below), hasFiles ? drawLegend() : "");
    drawRows();
    // Rows come as they are scrolled to; the button is for those who do not scroll.
    if ("IntersectionObserver" in window) new IntersectionObserver((seen) => { if (seen[0].isIntersecting && filter.upto > CHUNK) extend(); }, { rootMargin: "200px" }).observe(view.below);
  };
  const drawHead = () => {
    const plain = (title, kind) => make("th", { scope: "col", class: kind }, title);
    const files = hasFiles ? [make("th", { scope: "col" }, make("span", { class: "hidden" }, "Files"), drawScale())] : [];
    const columns = filter.grouped
      ? [plain("Tenants"), plain("State"), plain("Version"), ...files, plain("Behind", "number")]
      : [heading("tenant", "Tenant"), heading("state", "State"), heading("version", "Version"), ...files, heading("behind", "Behind", "number"), ...(hasServers ? [heading("server", "Server")] : []), heading("time", "Time", "number")];
    view.head.replaceChildren(make("tr", {}, columns));
    view.width = columns.length;
    for (const cell of view.head.querySelectorAll("[data-sort]")) {
      if (cell.dataset.sort === filter.sort) cell.setAttribute("aria-sort", filter.down ? "descending" : "ascending");
    }
  };
  const stateCell = (pattern) => make("td", { class: `state ${data.states[pattern.state][1]}` }, mark(data.states[pattern.state][1], data.states[pattern.state][0]));
  const fileCells = (index, pattern) => [
    make("td", {}, make("span", { class: "file" }, pattern.version)),
    ...(hasFiles ? [make("td", {}, pattern.known ? strip(index) : make("span", { class: "note" }, "not read"))] : []),
    make("td", { class: "number" }, pattern.behind === null ? "" : String(pattern.behind)),
  ];
  const drawRow = (index) => {
    const one = data.tenants[index], pattern = data.patterns[one[PATTERN]], open = filter.open === index;
    const button = make("button", { type: "button", class: "name", "aria-expanded": String(open), onclick: () => toggle(index) }, make("bdi", {}, one[NAME]));
    const row = make("tr", { class: open ? "row open" : "row", "data-index": index },
      make("td", {}, button, one[TITLE] ? make("span", { class: "title" }, make("bdi", {}, one[TITLE])) : ""), stateCell(pattern), ...fileCells(one[PATTERN], pattern),
      ...(hasServers ? [make("td", {}, data.servers[one[SERVER]])] : []), make("td", { class: "number" }, time(one[MS])));
    return open ? [row, make("tr", { class: "detail" }, make("td", { colspan: view.width }, drawDetail(index)))] : [row];
  };
  const drawGroup = (pattern, indexes) => {
    const kind = data.patterns[pattern];
    const button = make("button", { type: "button", class: "name", onclick: () => {
      const words = filter.words;
      choose({ grouped: false, state: kind.state, words, sort: "version" });
      view.search.focus();
    } }, count(indexes.length, "tenant"));
    const shown = indexes.slice(0, 5).flatMap((index, at) => [at ? ", " : "", link(index)]);
    return make("tr", { class: "row" }, make("td", {}, button, make("span", { class: "title" }, shown, indexes.length > 5 ? ", …" : "")), stateCell(kind), ...fileCells(pattern, kind));
  };
  const drawRows = () => {
    const found = select();
    view.chosen = found;
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(filter.state === index)));
    view.alone.setAttribute("aria-pressed", String(!filter.grouped));
    view.alike.setAttribute("aria-pressed", String(filter.grouped));
    if (view.search.value !== filter.words) view.search.value = filter.words;
    drawHead();
    view.found.textContent = found.length === data.tenants.length ? count(found.length, "tenant") : `${found.length.toLocaleString("en")} of ${count(data.tenants.length, "tenant")}`;
    let rows;
    let total = found.length;
    if (filter.grouped) {
      const groups = new Map();
      for (const index of found) {
        const key = data.tenants[index][PATTERN];
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push(index);
      }
      const sorted = [...groups].sort((a, b) => data.patterns[b[0]].state - data.patterns[a[0]].state || b[1].length - a[1].length);
      total = sorted.length;
      rows = sorted.slice(0, filter.upto).map(([pattern, indexes]) => drawGroup(pattern, indexes));
    } else rows = found.slice(filter.from, filter.upto).flatMap(drawRow);
    if (!rows.length) rows = [make("tr", {}, make("td", { class: "empty", colspan: view.width }, "No tenant matches. ", make("button", { type: "button", onclick: () => choose({ words: "", state: -1 }) }, "Show all")))];
    view.body.replaceChildren(...rows);
    drawMore(total);
  };
  const drawMore = (total) => {
    const below = Math.max(0, total - filter.upto);
    view.below.hidden = !below;
    view.below.replaceChildren(make("button", { type: "button", onclick: extend }, `Show ${Math.min(CHUNK, below)} more`), `${below.toLocaleString("en")} not shown`);
    view.above.hidden = !filter.from;
    view.above.replaceChildren(make("button", { type: "button", onclick: () => { filter.from = Math.max(0, filter.from - CHUNK); drawRows(); } }, `Show ${Math.min(CHUNK, filter.from)} before`), `${filter.from.toLocaleString("en")} not shown`);
  };
  const extend = () => {
    if (filter.grouped) { filter.upto += CHUNK; drawRows(); return; }
    const added = view.chosen.slice(filter.upto, filter.upto + CHUNK);
    filter.upto += CHUNK;
    view.body.append(...added.flatMap(drawRow));
    drawMore(view.chosen.length);
  };
  const toggle = (index) => {
    const now = filter.open === index ? null : index;
    if (now === null) { filter.open = null; history.replaceState(null, "", location.pathname + location.search); drawRows(); refocus(index); return; }
    location.hash = `tenant=${encodeURIComponent(data.tenants[index][NAME])}`;
  };
  const refocus = (index) => view.body.querySelector(`tr[data-index="${index}"] button.name`)?.focus({ preventScroll: true });

  const drawDetail = (index) => {
    const one = data.tenants[index], pattern = data.patterns[one[PATTERN]];
    const facts = [["State", data.states[pattern.state][0]], ["Database", one[DATABASE]], ["Server", data.servers[one[SERVER]]]];
    for (const [key, value] of Object.entries(data.labels[one[LABELS]] || {})) facts.push([`Label ${key}`, value]);
    if (pattern.applied.length) facts.push(["Applied in this run", pattern.applied.map((file) => fileName(pattern, file)).join("\n")]);
    for (const state of new Set(pattern.open.map(([, state]) => state))) facts.push([state[0].toUpperCase() + state.slice(1), pattern.open.filter((one) => one[1] === state).map(([file]) => fileName(pattern, file)).join("\n")]);
    (one[CELLS] || []).forEach((cell, at) => facts.push([data.columns[at], cell]));
    facts.push(["Time", time(one[MS])]);
    if (one[AT]) facts.push(["Ended", `${time(one[AT])} after the start of the run`]);
    if (one[PROOF]) {
      const [shared, token, at] = one[PROOF], [version, fingerprint, expected] = data.proofs[shared];
      facts.push(["Proven at", `${at}, as ${version}`], ["Fingerprint", fingerprint || "not read again: the catalog has not changed since an earlier proof"], ["Files", expected], ["Token", token]);
    }
    const causes = data.causes.filter((cause) => cause.tenants.includes(index));
    return [...causes.map((cause) => make("p", {}, make("span", { class: cause.tone }, mark(cause.tone, cause.word)), `: ${cause.title}`)),
      make("dl", {}, facts.filter(([, value]) => value !== "" && value !== null && value !== undefined).flatMap(([word, value]) => [make("dt", {}, word), make("dd", {}, make("bdi", {}, String(value)))]))];
  };
  const follow = () => {
    if (!location.hash.startsWith("#tenant=")) return;
    let name;
    try { name = decodeURIComponent(location.hash.slice(8)); } catch { return; }
    const index = places.get(name);
    if (index === undefined) { say(`There is no tenant ${name}`); return; }
    let at = view.chosen.indexOf(index);
    if (at < 0 || filter.grouped) {
      if (at < 0) Object.assign(filter, { state: -1, words: "" });
      filter.grouped = false;
      at = select().indexOf(index);
    }
    // It is drawn with those around it; all before them would take long.
    if (at < filter.from || at >= filter.upto) Object.assign(filter, { from: Math.max(0, at - 3), upto: Math.max(0, at - 3) + CHUNK });
    filter.open = index;
    drawRows();
    refocus(index);
    view.body.querySelector(`tr[data-index="${index}"]`).scrollIntoView({ block: "center" });
  };

  // ---- versions, time, effects, warnings

  const drawVersions = () => {
    const numbers = new Map();
    for (const one of data.tenants) {
      const pattern = data.patterns[one[PATTERN]];
      if (pattern.set === "tenant" && pattern.known) numbers.set(pattern.version, (numbers.get(pattern.version) || 0) + 1);
    }
    const sum = [...numbers.values()].reduce((all, number) => all + number, 0);
    if (sum < 2) return;
    const node = section("versions", "Versions of the fleet");
    const most = Math.max(...numbers.values());
    const rows = [...numbers].sort((a, b) => collator.compare(b[0], a[0])).slice(0, 30).map(([version, number]) => {
      const share = make("div", { class: "share" });
      share.style.width = `${(100 * number) / most}%`;
      return make("tr", {}, make("td", {}, make("span", { class: "file" }, version || "no version")), make("td", { class: "number" }, number.toLocaleString("en")), make("td", {}, make("div", {}, share, `${((100 * number) / sum).toFixed(1)} %`)));
    });
    node.append(make("div", { class: "card scroll", tabindex: "0", role: "region", "aria-label": "Table of versions" }, make("table", { class: "versions" },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Version"), make("th", { scope: "col", class: "number" }, "Tenants"), make("th", { scope: "col" }, "Share"))), make("tbody", {}, rows))));
  };
  const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  const drawTime = () => {
    const done = data.tenants.filter((one) => one[AT] > 0);
    if (done.length < 3) return;
    const node = section("time", "Time");
    const plots = make("div", { class: "plots" }, drawRollout(done), drawDurations(done));
    node.append(plots);
    if (!data.files.length) return;
    const rows = data.files.map(([name, number, median, longest, index]) => make("tr", {}, make("td", {}, make("span", { class: "file" }, name)), make("td", { class: "number" }, number.toLocaleString("en")), make("td", { class: "number" }, time(median)), make("td", { class: "number" }, time(longest)), make("td", {}, link(index))));
    const titles = ["File", "Tenants", "Median", "Longest", "in tenant"];
    node.append(make("div", { class: "card scroll", tabindex: "0", role: "region", "aria-label": "Table of files" }, make("table", {}, make("thead", {}, make("tr", {}, titles.map((title, at) => make("th", { scope: "col", class: at && at < 4 ? "number" : null }, title)))), make("tbody", {}, rows))));
  };
  const WIDTH = 480, HEIGHT = 150, LEFT = 40, BASE = 126;
  const drawAxes = (label, most, low, high, marks) => draw("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    draw("path", { class: "axis", d: `M${LEFT} 8V${BASE}H${WIDTH}` }), draw("text", { x: LEFT - 6, y: 14, "text-anchor": "end" }, most.toLocaleString("en")), draw("text", { x: LEFT - 6, y: BASE, "text-anchor": "end" }, "0"),
    draw("text", { x: LEFT, y: HEIGHT - 6 }, low), draw("text", { x: WIDTH, y: HEIGHT - 6, "text-anchor": "end" }, high), marks);
  const drawRollout = (done) => {
    const sorted = [...done].sort((a, b) => a[AT] - b[AT]);
    const end = Math.max(data.elapsed, sorted[sorted.length - 1][AT], 1);
    const x = (ms) => LEFT + ((WIDTH - LEFT) * ms) / end, y = (number) => BASE - ((BASE - 8) * number) / sorted.length;
    let path = "", last = -1;
    sorted.forEach((one, at) => {
      const place = Math.round(x(one[AT]));
      if (place !== last || at === sorted.length - 1) { path += `H${place}V${y(at + 1).toFixed(1)}`; last = place; }
    });
    const bad = new Set(sorted.filter((one) => data.states[data.patterns[one[PATTERN]].state][1] === "bad").map((one) => Math.round(x(one[AT]))));
    // Names stand below each other, since stages may follow quickly.
    const stages = data.stages.slice(0, 6).map(([name, at], row) => [draw("path", { class: "stage", d: `M${x(at)} 8V${BASE}` }), draw("text", { x: x(at) + 4, y: 18 + 13 * row }, name)]);
    const half = time(sorted[Math.floor((sorted.length - 1) / 2)][AT]);
    const told = `${count(sorted.length, "tenant")} in ${time(end)}, half of them after ${half}${bad.size ? "; failures are marked below" : ""}`;
    return make("figure", { class: "card" }, make("figcaption", {}, make("b", {}, "Tenants that have ended, over time"), told),
      drawAxes(`Tenants that have ended, over time: ${told}`, sorted.length, "0 s", time(end), [draw("path", { class: "area", d: `M${LEFT} ${BASE}${path}H${WIDTH}V${BASE}z` }), draw("path", { class: "curve", d: `M${LEFT} ${BASE}${path}H${WIDTH}` }), ...stages.flat(), ...[...bad].map((place) => draw("path", { class: "rug", d: `M${place} ${BASE + 1}v7` }))]));
  };
  const drawDurations = (done) => {
    const sorted = done.map((one) => one[MS]).sort((a, b) => a - b);
    const longest = Math.max(1, sorted[sorted.length - 1]), bins = new Array(32).fill(0);
    for (const ms of sorted) bins[Math.min(31, Math.floor((32 * ms) / longest))] += 1;
    const most = Math.max(...bins), step = (WIDTH - LEFT) / 32;
    const slowest = data.tenants.indexOf(done.reduce((a, b) => (b[MS] > a[MS] ? b : a)));
    const told = `median ${time(quantile(sorted, 0.5))}, 95 % within ${time(quantile(sorted, 0.95))}, longest ${time(longest)} in `;
    return make("figure", { class: "card" }, make("figcaption", {}, make("b", {}, "Time of a tenant"), told, link(slowest)),
      drawAxes(`Number of tenants by their time: ${told}${data.tenants[slowest][NAME]}`, most, "0 s", time(longest),
        bins.map((number, at) => (number ? draw("rect", { class: "block", x: LEFT + at * step + 1, width: step - 2, y: BASE - Math.max(1.5, ((BASE - 8) * number) / most), height: Math.max(1.5, ((BASE - 8) * number) / most) }) : null))));
  };
  const drawEffects = () => {
    if (!data.effects.length) return;
    const node = section("effects", "Measured effects");
    const rows = data.effects.flatMap(([file, statements]) => statements.map(([line, text, words]) => make("tr", {}, make("td", {}, make("span", { class: "file" }, `${file}:${line}`)), make("td", {}, make("span", { class: "file" }, text)), make("td", {}, words || "no lock that others wait for"))));
    node.append(make("div", { class: "card scroll", tabindex: "0", role: "region", "aria-label": "Table of effects" }, make("table", {}, make("thead", {}, make("tr", {}, ["Statement", "Text", "Effect"].map((title) => make("th", { scope: "col" }, title)))), make("tbody", {}, rows))));
  };
  const drawWarnings = () => {
    if (!data.warnings.length) return;
    const node = section("warnings", count(data.warnings.length, "warning"));
    node.append(make("ul", { class: "plain" }, data.warnings.slice(0, 200).map(([tenant, message, hint]) => make("li", {}, tenant ? `${tenant}: ` : "", message, hint ? make("span", { class: "note" }, ` → ${hint}`) : ""))));
  };

  drawTotals();
  drawCauses();
  drawNext();
  drawTenants();
  drawVersions();
  drawTime();
  drawEffects();
  drawWarnings();
  follow();
  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && view.search && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) { event.preventDefault(); view.search.focus(); }
    if (event.key === "Escape" && document.activeElement === view.search) choose({ words: "" });
  });
  // On paper nothing can be scrolled to.
  addEventListener("beforeprint", () => { if (view.chosen && view.chosen.length <= 2000) { filter.upto = 2000; drawRows(); } });
})();
