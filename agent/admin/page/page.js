// The status page: state, the API, views as functions from data to elements.
// What a server told reaches the page as text alone, never as markup.

/* ---- elements ---- */

const SVG = "http://www.w3.org/2000/svg";
const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit",
	"onpointermove", "onpointerleave"];

function fill(el, attrs, children) {
	for (const [k, v] of Object.entries(attrs)) {
		if (v === null || v === undefined || v === false)
			continue;
		if (k.startsWith("on"))
			el[k] = v;
		else
			el.setAttribute(k, v === true ? "" : v);
	}
	for (const c of children.flat(Infinity))
		if (c !== null && c !== undefined && c !== false && c !== "")
			el.append(c);
	return el;
}

// h("p.lead", {id: "x"}, "text", element, [more]); the attributes may be left out.
function h(tag, attrs, ...children) {
	const [name, ...classes] = tag.split(".");
	const el = document.createElement(name);
	if (classes.length)
		el.className = classes.join(" ");
	if (attrs?.constructor === Object)
		return fill(el, attrs, children);
	return fill(el, {}, [attrs, ...children]);
}

function svg(name, attrs, ...children) {
	return fill(document.createElementNS(SVG, name), attrs, children);
}

const $ = (id) => document.getElementById(id);

// Makes `from` like `to` and keeps what is alike: focus, scrolling, selection
// and what is being typed outlast a refresh.
function morph(from, to) {
	if (from.nodeType === Node.TEXT_NODE) {
		if (from.data !== to.data)
			from.data = to.data;
		return;
	}
	for (const a of [...from.attributes])
		if (!to.hasAttribute(a.name) &&
		    !(a.name === "open" && from.localName === "details"))
			from.removeAttribute(a.name);
	for (const a of to.attributes)
		if (from.getAttribute(a.name) !== a.value)
			from.setAttribute(a.name, a.value);
	for (const k of HANDLERS)
		from[k] = to[k];
	morphChildren(from, to);
	if ("value" in from && from !== document.activeElement &&
	    from.value !== to.value)
		from.value = to.value;
}

const keyOf = (n) => n.nodeType === 1 ? n.getAttribute("data-key") : null;

function morphChildren(from, to) {
	const keyed = new Map();
	let at = from.firstChild;
	for (const n of from.children)
		if (keyOf(n))
			keyed.set(keyOf(n), n);
	for (const want of [...to.childNodes]) {
		const key = keyOf(want);
		let have = key ? keyed.get(key) : at;
		while (!key && have && keyOf(have))
			have = have.nextSibling;
		if (!have || have.nodeName !== want.nodeName) {
			from.insertBefore(want, at);
			continue;
		}
		if (have === at)
			at = at.nextSibling;
		else
			from.insertBefore(have, at);
		keyed.delete(key);
		morph(have, want);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}

/* ---- text ---- */

// What would change the look of its neighbours or can't be seen is named.
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const visible = (text) => String(text).replace(ODD, (c) =>
	`\u27e8U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);

const word = (text) => h("bdi", visible(text ?? ""));
const or = (text, none = "\u2013") => text === null || text === undefined ||
	text === "" ? h("span.dim", none) : word(text);
const code = (text) => h("code", visible(text));
const number = (n) => Number(n ?? 0).toLocaleString("en");
const count = (n, one, many = one + "s") =>
	`${number(n)} ${Number(n) === 1 ? one : many}`;
const bytes = (n) => n < 1 << 20 ? `${Math.round(n / 1024)} KiB` :
	n < 1 << 30 ? `${(n / (1 << 20)).toFixed(1)} MiB` :
	`${(n / (1 << 30)).toFixed(2)} GiB`;
const millis = (n) => n === null || n === undefined ? "\u2013" :
	n === 0 ? "0 ms" : n < 1 ? `${Number(n).toFixed(2)} ms` : n < 10 ? `${Number(n).toFixed(1)} ms` :
	n < 10000 ? `${Math.round(n)} ms` : `${(n / 1000).toFixed(1)} s`;
const sum = (list) => (list ?? []).reduce((a, b) => a + (b ?? 0), 0);

/* ---- time ---- */

const pad = (n) => String(n).padStart(2, "0");
const now = () => Date.now() + state.skew;

function span(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	const m = Math.floor(s / 60), hours = Math.floor(m / 60);
	if (s < 60)
		return `${s} s`;
	if (m < 60)
		return `${m} min`;
	if (hours < 24)
		return `${hours} h ${pad(m % 60)} min`;
	return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const clock = (d, seconds) => `${pad(d.getHours())}:${pad(d.getMinutes())}` +
	(seconds ? `:${pad(d.getSeconds())}` : "");
const day = (d) => `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;

function timeText(as, ms) {
	const d = new Date(ms), past = now() - ms;
	switch (as) {
	case "age":
		return span(past);
	case "left":
		return past >= 0 ? "now" : -past < 3600000 ?
			`${Math.floor(-past / 60000)}:${pad(Math.floor(-past / 1000) % 60)} left` :
			`${span(-past)} left`;
	case "at":
		return Math.abs(past) < 20 * 3600000 ? clock(d, true) :
			`${day(d)} ${clock(d)}`;
	}
	if (past < 0)
		return `in ${span(-past)}`;
	return past < 3000 ? "now" : `${span(past)} ago`;
}

// Relative (as: ago, age, left) or at the clock here; the rest in its title.
function when(iso, as = "ago") {
	const ms = Date.parse(iso ?? "");
	if (Number.isNaN(ms))
		return h("span.dim", "\u2013");
	const utc = new Date(ms).toISOString();
	const d = new Date(ms);
	return h("time", { datetime: utc, "data-as": as,
		title: `${utc.slice(0, 10)} ${utc.slice(11, 19)} UTC, ` +
			`${day(d)} ${clock(d, true)} here` }, timeText(as, ms));
}

let ticks = 0;
function tick() {
	const which = ticks++ % 10 ? 'time[data-as="left"]' : "time[data-as]";
	for (const el of document.querySelectorAll(which)) {
		const text = timeText(el.dataset.as, Date.parse(el.dateTime));
		if (el.textContent !== text)
			el.textContent = text;
	}
}

/* ---- state ---- */

const kept = (store, key) => { try { return store.getItem(key); } catch { return null; } };
const keep = (store, key, value) => {
	try {
		if (value)
			store.setItem(key, value);
		else
			store.removeItem(key);
	} catch { /* a browser that keeps nothing: until the page is left */ }
};

const state = {
	status: null,
	fresh: 0,		// when something was last told, by this clock
	skew: 0,		// tocsin's clock against this one
	live: "connecting",
	route: { view: "", arg: "", query: new URLSearchParams() },
	data: null,
	error: null,
	turn: 0,		// the newest load; answers to older ones are dropped
	loaded: 0,
	moment: null,
	places: new Map(),	// of a list that was left: how far down, on what
	teams: new Set(),
	token: kept(sessionStorage, "tocsin-token"),
	user: kept(sessionStorage, "tocsin-user") ?? "",
	quiet: kept(localStorage, "tocsin-keys") === "off",
};

/* ---- the API ---- */

class Refusal extends Error {
	constructor(status, text) {
		super(text);
		this.status = status;
	}
}

function headers() {
	const out = {};
	if (state.token)
		out.Authorization = `Bearer ${state.token.replace(/[^\x21-\x7e]/g, "?")}`;
	if (state.user)
		out["X-Tocsin-User"] = state.user.replace(/[^\x20-\x7e]/g, "?");
	return out;
}

async function api(path, body) {
	let answer, data = null;
	try {
		answer = await fetch(`api/v1/${path}`, {
			method: body === undefined ? "GET" : "POST",
			headers: body === undefined ? headers() :
				{ ...headers(), "Content-Type": "application/json" },
			body: body === undefined ? undefined : JSON.stringify(body),
			cache: "no-store",
		});
		const text = await answer.text();
		data = text ? JSON.parse(text) : null;
	} catch (e) {
		if (!answer)
			throw new Refusal(0, "tocsin doesn't answer. Is it running, and is this computer connected?");
		if (answer.ok)
			throw new Refusal(0, "tocsin's answer broke off. Try again.");
	}
	const date = Date.parse(answer.headers.get("Date") ?? "");
	if (Math.abs(date - Date.now()) > 2000)
		state.skew = date - Date.now();
	if (answer.ok)
		return data;
	if (answer.status === 401 && body === undefined)
		lock();
	throw new Refusal(answer.status, data?.error ??
		`tocsin answered ${answer.status} ${answer.statusText}`.trim());
}

// What a view can do without is null where it can't be had.
const maybe = (promise) => promise.catch((e) => {
	if (e.status === 401)
		throw e;
	return null;
});

function params(object) {
	const out = new URLSearchParams();
	for (const [k, v] of Object.entries(object))
		if (v !== null && v !== undefined && v !== "")
			out.set(k, v);
	return out.size ? `?${out}` : "";
}

/* ---- dialogs ---- */

function field(f) {
	const id = `field-${f.name}`;
	const attrs = { id, name: f.name, required: f.required, maxlength: f.max,
		autocomplete: "off", "aria-describedby": f.hint && `${id}-hint`,
		autofocus: f.focus };
	const input = f.rows ? h("textarea", { ...attrs, rows: f.rows }) :
		f.options ? h("select", attrs, f.options.map(([v, t]) =>
			h("option", { value: v }, t))) :
		h("input", { ...attrs, type: f.type ?? "text",
			spellcheck: "false", inputmode: f.mode });
	if (f.value)
		input.value = f.value;
	return h("div.field", { "data-field": f.name },
		h("label", { for: id }, f.label), input,
		f.hint && h("p.hint", { id: `${id}-hint` }, f.hint));
}

const tokenFields = () => [
	{ name: "token", label: "Admin token", type: "password", required: true, max: 4096,
	  hint: "admin.token of tocsin.yaml. Kept in this tab until it is closed or you forget it." },
	{ name: "user", label: "Your name", value: state.user, max: 100,
	  hint: "Optional: stands beside what you do in the audit, as claimed." },
];

// Asks for the fields, and for the token where none is kept; runs act() with
// the values and stays, with the server's words, until that has succeeded.
function ask({ title, text = [], fields = [], ok, danger, act, token = true }) {
	const dialog = $("dialog");
	const error = h("p.error", { role: "alert" });
	const body = h("div", fields.map(field));
	const go = h(danger ? "button.danger" : "button.primary", { type: "submit" }, ok);
	const stop = h("button", { type: "button", onclick: () => dialog.close() },
		act ? "Cancel" : "Close");
	const form = h("form", { method: "dialog", novalidate: true, onsubmit: submit },
		h("h2", { id: "dialog-title" }, title), text, body, error,
		h("div.buttons", act && go, stop));
	function addToken() {
		if (!form.querySelector("[data-field=token]"))
			body.append(...tokenFields().map(field));
	}
	async function submit(e) {
		const values = Object.fromEntries(new FormData(form));
		const empty = [...form.elements].find((x) => x.required && !x.value.trim());
		e.preventDefault();
		if (empty) {
			error.textContent = `${empty.labels[0].textContent}: this is needed.`;
			empty.focus();
			return;
		}
		if (values.token)
			signIn(values.token.trim(), values.user.trim());
		go.disabled = true;
		error.textContent = "";
		try {
			await act(values);
			dialog.close();
		} catch (x) {
			error.textContent = x.message;
			if (x.status === 401) {
				error.textContent = "This token isn't the one in tocsin.yaml.";
				signIn(null, state.user);
				addToken();
				form.elements.token.value = "";
				form.elements.token.focus();
			}
		}
		go.disabled = false;
	}
	if (token && act && !state.token)
		addToken();
	dialog.replaceChildren(form);
	if (!dialog.open)
		dialog.showModal();
	(form.querySelector("[autofocus]") ?? form.querySelector("input, textarea, select") ??
		(danger ? stop : form.querySelector("button"))).focus();
}

function signIn(token, user) {
	state.token = token;
	state.user = user ?? "";
	keep(sessionStorage, "tocsin-token", token);
	keep(sessionStorage, "tocsin-user", state.user);
	$("token").textContent = token ? "Sign out" : "Sign in";
}

function askToken() {
	ask({
		title: "Sign in", ok: "Sign in",
		text: h("p", "Looking on needs no token at a loopback address; acting always does."),
		act: async () => {
			await fetchStatus();
			say("Signed in for this tab.");
			streaming?.abort();
			reload();
		},
	});
}

// Beyond loopback nothing is told without the token.
let locked = false;
function lock() {
	if (state.token)
		signIn(null, state.user);
	if (locked || $("dialog").open)
		return;
	locked = true;
	askToken();
}

let toastTimer = 0;
function say(text, shown = true) {
	$("said").textContent = text;
	if (!shown)
		return;
	clearTimeout(toastTimer);
	$("toast").textContent = text;
	$("toast").hidden = false;
	toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

/* ---- actions ---- */

async function act(path, body, done) {
	await api(path, body);
	say(done);
	reload();
}

function addNote(i) {
	ask({
		title: `Note on ${i.incident ?? `incident ${i.id}`}`, ok: "Add note",
		text: h("p", "A work note in StackFlow, sent as every operation of tocsin: kept on disk first, never sent twice."),
		fields: [{ name: "text", label: "Note", rows: 5, required: true, max: 8000 }],
		act: (v) => act(`incidents/${i.id}/note`, { text: v.text },
			"Note taken: it goes to StackFlow."),
	});
}

function resolve(i) {
	ask({
		title: `Resolve ${i.incident ?? `incident ${i.id}`}`, ok: "Resolve",
		text: h("p", "For ", word(i.alarm), ". The next ALARM opens a new incident."),
		fields: [{ name: "text", label: "What was done", rows: 4, required: true, max: 8000 }],
		act: (v) => act(`incidents/${i.id}/resolve`, { text: v.text },
			"Resolve taken: it goes to StackFlow."),
	});
}

// A glob unless the name holds what a glob would read as more.
const exactly = (name) => /[*?\\[\]{}]/.test(name) ?
	{ re: `^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$` } : name;

const SPANS = [["30m", "30 minutes"], ["1h", "1 hour"], ["2h", "2 hours"],
	["4h", "4 hours"], ["8h", "8 hours"], ["1d", "1 day"], ["3d", "3 days"], ["7d", "7 days"]];

function silence(match) {
	ask({
		title: match ? "Silence this alarm" : "New silence", ok: "Silence",
		text: h("p", "Alarms that match are held, not dropped: what is still in ALARM at the end opens then. Guards of the platform, such as never holding P1, stand above."),
		fields: [
			{ name: "match", label: "Matching", rows: 3, required: true, max: 4000,
			  value: match ? JSON.stringify(match, null, 1) : "",
			  hint: 'As in a rule file, in JSON: {"alarm": "pay-*", "account": "111122223333"}.' },
			{ name: "for", label: "For how long", options: SPANS, value: "2h" },
			{ name: "owner", label: "Owner", required: true, value: state.user, max: 200 },
			{ name: "reason", label: "Reason", required: true, max: 500, focus: !!match },
		],
		act: (v) => {
			let m = v.match.trim();
			try {
				m = JSON.parse(m);
			} catch {
				throw new Refusal(0, 'Matching: this is no JSON. An example: {"alarm": "pay-*"}');
			}
			return act("silences", { match: m, for: v.for, owner: v.owner, reason: v.reason },
				"The silence is in force.");
		},
	});
}

function expire(x) {
	ask({
		title: "End this silence now?", ok: "End it",
		text: h("p", "What it holds, ", count(x.holding, "alarm"), " now, is looked at again at once: what is still in ALARM opens."),
		act: () => act(`silences/${x.id}/expire`, {}, "The silence has ended."),
	});
}

function retryDead(d) {
	ask({
		title: `Send this ${d.kind} again?`, ok: "Retry",
		text: h("p", "It was refused: ", word(d.problem), ". Retry once the reason is gone."),
		act: () => act(`dead/${d.id}/retry`, {}, "Retry: it is on its way."),
	});
}

function dropDead(d) {
	ask({
		title: `Drop this ${d.kind} for good?`, ok: "Drop it", danger: true,
		text: [h("p", "It will never reach StackFlow. Its event stays in tocsin."),
			h("p", "Refused: ", word(d.problem))],
		act: () => act(`dead/${d.id}/drop`, {}, "Dropped."),
	});
}

/* ---- parts ---- */

const LEVELS = { ok: "fine", watch: "watch", bad: "act" };
const mark = (level, text = LEVELS[level]) => h(`span.mark.${level}`, text);
const badge = (p) => h(`span.prio.${/^P[1-4]$/.test(p) ? p.toLowerCase() : "p4"}`, visible(p ?? "\u2013"));
const tag = (text, kind = "") => h(`span.tag${kind && "." + kind}`, visible(text));
const STATES = { open: "hot", failed: "hot", ALARM: "hot", dead: "hot", "in doubt": "warm",
	resolved: "calm", OK: "calm", done: "calm", active: "warm" };
const stateTag = (s) => tag(s === "INSUFFICIENT_DATA" ? "NO DATA" : s ?? "\u2013", STATES[s] ?? "");

function head(title, ...rest) {
	return h("div.head", h("h1", { tabindex: "-1" }, title), ...rest);
}

function crumbs(view, title) {
	return h("p.crumbs", h("a", { href: `#/${view}` }, `\u2190 ${title}`));
}

const empty = (text) => h("p.empty", text);

// facts(["Name", value], ...): what is null isn't there.
const facts = (...rows) => h("dl.facts", rows.filter((r) => r && r[1] !== null && r[1] !== undefined)
	.map(([k, v]) => h("div", h("dt", k), h("dd", v))));

// Columns: {name, cell(row), kind}. Its roles outlast the phone's cards.
function table(caption, columns, rows, { key, open } = {}) {
	return h("div.scroll", h("table", { role: "table" },
		h("caption.unseen", caption),
		h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((c) =>
			h("th", { scope: "col", role: "columnheader", class: c.kind },
				c.bare ? h("span.unseen", c.name) : c.name)))),
		h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", {
			role: "row", "data-key": key && String(key(row)),
			class: open && "opens",
			onclick: open && ((e) => {
				if (!e.target.closest("a, button") && !getSelection().toString())
					location.hash = open(row);
			}) },
		columns.map((c) => h("td", { role: "cell", "data-label": c.bare ? null : c.name, class: c.kind },
			c.cell(row))))))));
}

// A share of the largest; the number stands beside it.
function bar(n, most) {
	const w = most ? Math.max(n ? 2 : 0, Math.round(100 * n / most)) : 0;
	return svg("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
		svg("rect", { class: "bar-all", width: 100, height: 8, rx: 2 }),
		svg("rect", { class: "bar-part", width: w, height: 8, rx: 2 }));
}

function spark(values, title) {
	const most = Math.max(0.001, ...(values ?? []).map((v) => v ?? 0)), n = values?.length || 1;
	return h("p.spark", svg("svg", { viewBox: `0 0 ${n} 24`, preserveAspectRatio: "none", "aria-hidden": "true" },
		(values ?? []).map((v, i) => v ? svg("rect", { x: i, width: 0.8,
			y: 24 - Math.max(1.5, 23 * v / most), height: Math.max(1.5, 23 * v / most) }) : null)), title);
}

function search(label, value, onfind) {
	let timer = 0;
	return h("div.search", h("label.unseen", { for: "search" }, label),
		h("input", { id: "search", type: "search", placeholder: label, value,
			maxlength: "200", autocomplete: "off", spellcheck: "false",
			oninput: (e) => {
				clearTimeout(timer);
				timer = setTimeout(() => e.target.isConnected && onfind(e.target.value.trim()), 250);
			} }));
}

function choose(label, value, options, onpick) {
	return h("label.choose", h("span", label),
		h("select", { onchange: (e) => onpick(e.target.value) },
			options.map(([v, t]) => h("option", { value: v, selected: v === value }, t))));
}

// The same view with other filters; typing doesn't fill the history.
function refine(changes) {
	const q = new URLSearchParams(state.route.query);
	for (const [k, v] of Object.entries({ before: "", ...changes })) {
		if (v)
			q.set(k, v);
		else
			q.delete(k);
	}
	const hash = `#/${state.route.view}${q.size ? `?${q}` : ""}`;
	if (hash !== location.hash) {
		history.replaceState(null, "", hash);
		visit();
	}
}

function pager(next, query, what) {
	const older = new URLSearchParams(query), newest = new URLSearchParams(query);
	older.set("before", next);
	newest.delete("before");
	if (!next && !query.has("before"))
		return null;
	return h("nav.pager", { "aria-label": `Pages of ${what}` },
		query.has("before") && h("a.button", { href: `#/${state.route.view}?${newest}` }, "Newest"),
		next && h("a.button", { href: `#/${state.route.view}?${older}` }, "Older"));
}

/* ---- health ---- */

// What is wrong, the worst first: what it is, what to do, where to look.
function troubles(s) {
	const out = (s.warnings ?? []).map((w) => ({ ...w, to: PLACES[w.code] }));
	if (s.health === "not ready" && !out.some((w) => w.level === "bad"))
		out.unshift({ level: "bad", code: "not-ready", text: `tocsin takes no alarms: ${s.not_ready_because ?? "it isn't ready"}`,
			advice: "Senders keep them and try again; journalctl -u tocsin says why." });
	return out;
}

const PLACES = { "dead-letters": "#/dead", "rules-stale": "#/rules" };

const staleFiles = (s) => s.rules_stale ?? [];
const lastOf = (list) => list?.findLast((v) => v !== null);
const daysLeft = (s) => Math.min(...(s.listeners ?? []).map((l) => l.certificate_days ?? Infinity));

// The one sentence: what an operator reads at 3 a.m.
function sentence(s) {
	if (state.live === "stale")
		return ["bad", `No answer from tocsin since ${clock(new Date(state.fresh), true)}: what stands below is old.`];
	const list = troubles(s);
	if (list.length)
		return [list[0].level, `${list[0].text[0].toUpperCase()}${list[0].text.slice(1).replace(/\.$/, "")}` +
			`${list.length > 1 ? `, and ${count(list.length - 1, "more warning")}` : ""}.`];
	return ["ok", "tocsin is healthy: takes alarms, StackFlow answers, " +
		(s.backlog ? `${count(s.backlog, "step")} on their way.` : "nothing waits.")];
}

function card(title, level, big, ...rest) {
	return h("section.card", h("div.card-head", h("h2", title), mark(level)), h("p.big", big), rest);
}

function intakeCard(s, series, last) {
	const hour = series && sum(series.alarms.slice(-Math.ceil(3600 / series.step_seconds)));
	const p99 = lastOf(series?.intake_p99_ms);
	return card("Intake", s.health === "not ready" || s.store_full ? "bad" : "ok",
		series ? `${count(hour, "alarm")} in the last hour` : "\u2013",
		series && spark(series.alarms, "alarms, the last day"),
		facts(["Last alarm", last ? h("span", when(last.received_at), " ", h("a", { href: eventHash(last) }, word(last.alarm))) : "none yet"],
		["Answer, p99", p99 === undefined ? "no request lately" : `${millis(p99)}, fsync included`],
		["Since start", `${count(s.since_start?.events_accepted, "alarm")}, ${count(s.since_start?.events_duplicate, "duplicate")}`]));
}

function workCard(s) {
	return card("Work", s.dead_letters ? "watch" : "ok",
		s.backlog ? `${count(s.backlog, "step")} on their way` : s.dead_letters ? "only dead letters wait" : "nothing waits",
		facts(["To decide", number(s.events_waiting)],
			["To send", number(s.operations_waiting)],
			["In doubt", h("span", number(s.in_doubt), s.in_doubt ? " being looked up" : "")],
			["Held", h("a", { href: "#/held" }, count((s.alarms_held_total ?? 0) + (s.alarms_waiting_total ?? 0), "alarm"))],
			["Dead letters", h("a", { href: "#/dead" }, number(s.dead_letters))]));
}

function flowCard(s, series) {
	const f = s.stackflow ?? {};
	const bad = f.reachable === false || f.breaker_open || f.authenticated === false;
	const p99 = lastOf(series?.stackflow_p99_ms), p50 = lastOf(series?.stackflow_p50_ms);
	return card("StackFlow", bad ? "bad" : f.paused_ms ? "watch" : "ok",
		f.authenticated === false ? "refuses the credentials" : bad ? "doesn't answer" : "answers",
		series && spark(series.stackflow_p99_ms, "p99, the last day"),
		facts(["Last success", when(f.last_success_at)],
			["Latency", p99 === undefined ? "no request lately" : `p50 ${millis(p50)}, p99 ${millis(p99)}`],
			["Breaker", f.breaker_open ? "open: tries once a second" : "closed"],
			["Rate left", f.rate_limit > 0 && f.rate_remaining >= 0 ? h("span", `${number(f.rate_remaining)} of ${number(f.rate_limit)} a second`,
				bar(f.rate_remaining, f.rate_limit)) : null],
			["Paused", f.paused_ms ? `${span(f.paused_ms)} more, as StackFlow asked` : null],
			["It said", f.problem ? word(f.problem) : null]));
}

function storeCard(s) {
	return card("Store", s.store_full ? "bad" : "ok", bytes(s.store_bytes),
		facts(["Events", number(s.events)], ["Open incidents", h("a", { href: "#/incidents" }, number(s.incidents_open))],
			["Space", s.store_full ? "full" : "below its limit"]));
}

function rulesCard(s) {
	const stale = staleFiles(s), r = s.rules ?? {};
	return card("Rules", stale.length ? "watch" : "ok",
		stale.length ? `${count(stale.length, "file")} stale` : "all files as written",
		facts(["Files", h("a", { href: "#/rules" }, count(r.files, "file"))],
			["Stale", stale.length ? stale.map((f) => h("div", word(f))) : null],
			["Never hit", h("a", { href: "#/rules?never=1" }, count(r.never_hit, "policy", "policies"))],
			["Hash", r.hash ? h("code", { title: r.hash }, visible(r.hash).slice(0, 12)) : null]));
}

function processCard(s) {
	const ends = (s.listeners ?? []).map((l) => ["Listens", `${visible(l.address)}, ${!l.tls ? "plain HTTP" :
		typeof l.certificate_days === "number" ? `certificate for ${count(l.certificate_days, "day")}` : "TLS"}`]);
	const days = daysLeft(s);
	return card("Process", days < 4 ? "bad" : days < 14 ? "watch" : "ok",
		h("span", "up ", when(s.started_at, "age")),
		facts(["Version", visible(s.version ?? "")], ["Started", when(s.started_at, "at")],
			...ends));
}

function queueTable(s) {
	if (!s.queues?.length)
		return null;
	return h("section.card.wide", h("h2", "Queues"),
		table("Queues of SQS", [
			{ name: "Queue", cell: (q) => word(q.name) },
			{ name: "State", cell: (q) => mark(q.state === "ok" ? "ok" : q.state === "starting" ? "watch" : "bad", visible(q.state)) },
			{ name: "Waiting", kind: "num", cell: (q) => q.waiting === undefined || q.waiting === null ? or(null) : number(q.waiting) },
			{ name: "Lag", kind: "num", cell: (q) => q.lag_seconds === undefined || q.lag_seconds === null ? or(null) : span(q.lag_seconds * 1000) },
			{ name: "Last answer", cell: (q) => when(q.last_success_at) },
			{ name: "Taken", kind: "num", cell: (q) => number(q.received) },
			{ name: "Problem", cell: (q) => or(q.problem) },
		], s.queues, { key: (q) => q.url ?? q.name }));
}

const health = {
	title: "Health", letter: "h", on: ["status", "events", "incidents"], every: 10000,
	load: async () => {
		const [series, events] = await Promise.all([
			maybe(api("series?since=24h&step=10m")), maybe(api("events?limit=1"))]);
		return { series, last: events?.events?.[0] };
	},
	draw({ series, last } = {}) {
		const s = state.status, [level, text] = sentence(s), list = troubles(s);
		return [head("Health"),
			h(`section.hero.${level}`, { "aria-label": "Is tocsin healthy?" },
				h("p.lead", mark(level), h("span", visible(text))),
				list.length > 0 && h("ul.troubles", list.map((t) => h("li", { "data-key": t.code + t.text },
					list.length > 1 && mark(t.level), h("div", list.length > 1 && h("strong", visible(t.text)),
						t.since && h("span.dim", " since ", when(t.since)), t.advice && h("p", visible(t.advice)),
						t.to && h("a", { href: t.to }, `Open ${views[parse(t.to).view].title.toLowerCase()}`)))))),
			h("h2.unseen", "How do I know"),
			h("div.cards", intakeCard(s, series, last), workCard(s), flowCard(s, series),
				storeCard(s), rulesCard(s), processCard(s)),
			queueTable(s)];
	},
};

/* ---- incidents ---- */

const PAGE = 100;
const incidentHash = (i) => `#/incidents/${encodeURIComponent(i.id)}`;
const repeats = (i) => i.repeats ?? Math.max(0, (i.events ?? 1) - 1);

function remoteLink(i) {
	if (!i.incident)
		return h("span.dim", "not yet in StackFlow");
	// A link is https or nothing: whoever writes the configuration isn't who reads it.
	return /^https?:\/\//i.test(i.link ?? "") ?
		h("a", { href: i.link, rel: "noreferrer noopener", target: "_blank" },
			visible(i.incident), h("span.unseen", " in StackFlow, a new tab")) : h("span", visible(i.incident));
}

// One page; with a priority the server's pages are read on until it is full.
async function incidentPage(q) {
	const priority = q.get("priority"), rows = [];
	let before = q.get("before"), pages = 0;
	do {
		const got = await api("incidents" + params({ state: q.get("state") === "all" ? "" : q.get("state") ?? "open",
			q: q.get("q"), team: q.get("team"), priority, limit: PAGE, before }));
		rows.push(...(got.incidents ?? []).filter((i) => !priority || i.priority === priority));
		before = got.next_before;
	} while (priority && before && rows.length < PAGE && ++pages < 10);
	return { rows, next: before };
}

const byUrgency = (a, b) => a.priority < b.priority ? -1 : a.priority > b.priority ? 1 : b.id - a.id;

const incidentColumns = [
	{ name: "Priority", kind: "first", cell: (i) => badge(i.priority) },
	{ name: "Alarm", kind: "main", cell: (i) => [h("a.name", { href: incidentHash(i) }, word(i.alarm || i.short_description)),
		h("div.sub", word(i.short_description))] },
	{ name: "Incident", cell: remoteLink },
	{ name: "CI", cell: (i) => or(i.ci_id) },
	{ name: "Team", cell: (i) => or(i.team) },
	{ name: "State", cell: (i) => stateTag(i.state) },
	{ name: "Age", kind: "num", cell: (i) => when(i.opened_at, "age") },
	{ name: "Repeats", kind: "num", cell: (i) => number(repeats(i)) },
];

const incidents = {
	title: "Incidents", letter: "i", on: ["incidents"], every: 1000,
	load: async ({ query }) => {
		const page = await incidentPage(query);
		if (!state.teams.size)
			for (const p of (await maybe(api("rules")))?.policies ?? [])
				state.teams.add(p.team);
		page.rows.forEach((i) => i.team && state.teams.add(i.team));
		return page;
	},
	draw({ rows, next }, { query }) {
		const only = query.get("state") ?? "open";
		const list = only === "open" ? [...rows].sort(byUrgency) : rows;
		const teams = [...state.teams].sort().map((t) => [t, visible(t)]);
		return [head("Incidents", h("p.dim", `${count(rows.length, "incident")}${next ? " on this page" : ""}`)),
			h("div.filters", { role: "search" },
				search("Search alarm, key, INC, CI, text", query.get("q") ?? "", (q) => refine({ q })),
				choose("State", only, [["open", "Open"], ["resolved", "Resolved"], ["closed", "Closed"],
					["failed", "Failed"], ["all", "All"]], (v) => refine({ state: v === "open" ? "" : v })),
				choose("Priority", query.get("priority") ?? "", [["", "All"], ["P1", "P1"], ["P2", "P2"], ["P3", "P3"], ["P4", "P4"]],
					(v) => refine({ priority: v })),
				choose("Team", query.get("team") ?? "", [["", "All"], ...teams], (v) => refine({ team: v }))),
			rows.length ? table(`Incidents, ${only}`, incidentColumns, list, { key: (i) => i.id, open: incidentHash }) :
				empty(only === "open" && !query.get("q") && !query.get("priority") && !query.get("team") ?
					"No incident is open." : "No incident is like that."),
			pager(next, query, "incidents")];
	},
};

function members(list) {
	return table("Alarms of this incident", [
		{ name: "Alarm", kind: "main", cell: (m) => h("a.name", { href: `#/events?q=${encodeURIComponent(m.subject.split(":alarm:").pop())}` }, word(m.subject)) },
		{ name: "State", cell: (m) => stateTag(m.state) },
		{ name: "Since", cell: (m) => when(m.changed_at) },
		{ name: "Waits", cell: (m) => m.waits_for ? [word(m.waits_for), " ", when(m.until, "left")] : or(null) },
	], list);
}

function operations(list) {
	return table("Operations of this incident", [
		{ name: "What", cell: (o) => [word(o.kind), o.text && h("div.sub", word(o.text))] },
		{ name: "State", cell: (o) => stateTag(o.state) },
		{ name: "Wanted", cell: (o) => when(o.created_at, "at") },
		{ name: "Sent", cell: (o) => when(o.sent_at, "at") },
		{ name: "Done", cell: (o) => when(o.done_at, "at") },
		{ name: "Attempts", kind: "num", cell: (o) => number(o.attempts) },
		{ name: "Answer", cell: (o) => o.problem ? [o.status > 0 && `${o.status} `, word(o.problem)] : or(o.status || null) },
	], list, { key: (o) => o.id });
}

const eventLinks = (ids) => (ids ?? []).filter((id) => /^e[a-z2-7]{13}$/.test(id)).slice(0, 5).map((id) =>
	h("a.event", { href: `#/events/${encodeURIComponent(id)}` }, visible(id)));

// Of its text StackFlow has the only copy, once it was sent.
function noteSent(n) {
	return h("li.card", h("p", when(n.at), h("span.dim", n.by_person ? " by a person; the audit says who" :
		` of ${count(n.events, "event")}: `), eventLinks(n.event_ids)));
}

const incident = {
	title: "Incident", on: ["incidents", "events"], every: 1000,
	load: ({ arg }) => api(`incidents/${encodeURIComponent(arg)}`),
	draw(i) {
		const notes = i.notes_sent ?? [];
		const open = i.state === "open";
		return [crumbs("incidents", "Incidents"),
			h("div.head", h("h1", { tabindex: "-1" }, badge(i.priority), " ", word(i.short_description || i.alarm)),
				h("div.buttons",
					h("button", { type: "button", disabled: !open, onclick: () => addNote(i) }, "Add note"),
					h("button", { type: "button", disabled: !open, onclick: () => resolve(i) }, "Resolve"),
					h("button", { type: "button", onclick: () => silence({ alarm: exactly(i.alarm),
						...(i.account && { account: i.account }), ...(i.region && { region: i.region }) }) }, "Silence this alarm"))),
			h("section.card.wide", facts(["State", stateTag(i.state)], ["StackFlow", remoteLink(i)], ["Alarm", word(i.alarm)],
				["CI", or(i.ci_id, "none found")], ["Team", or(i.team)], ["Group", or(i.assignment_group)],
				["Severity", or(i.severity)], ["Opened", when(i.opened_at)], ["Last change", when(i.changed_at)],
				["Resolved", i.resolved_at ? when(i.resolved_at) : null], ["Repeats", number(repeats(i))],
				["Decided by", h("span", or(i.policy), " ", i.where && code(i.where))],
				["Account", h("span", or(i.account), ", ", or(i.region))],
				["Key", code(i.dedup_key ?? "")], ["Before it", i.previous ? word(i.previous) : null])),
			h("section", h("h2", "Alarms"), i.members?.length ? members(i.members) : empty("None is kept any more.")),
			h("section", h("h2", "Notes"), notes.length ? h("ol.notes", notes.map(noteSent)) : empty("No note was sent.")),
			h("section", h("h2", "Operations"), i.operations?.length ? operations(i.operations) : empty("None is kept any more."))];
	},
};

/* ---- events ---- */

const eventHash = (e) => `#/events/${encodeURIComponent(e.id)}`;

const events = {
	title: "Events", letter: "e", on: ["events"], every: 1000,
	load: ({ query }) => api("events" + params({ q: query.get("q"), limit: PAGE / 2, before: query.get("before") })),
	draw({ events: rows, next_before: next }, { query }) {
		return [head("Events", h("p.dim", "What happened to this alarm?")),
			h("div.filters", { role: "search" },
				search("Search alarm, key, INC, CI, event", query.get("q") ?? "", (q) => refine({ q }))),
			rows.length ? table("Events, the newest first", [
				{ name: "State", kind: "first two", cell: (e) => stateTag(e.state) },
				{ name: "Alarm", kind: "main", cell: (e) => h("a.name", { href: eventHash(e) }, word(e.alarm || e.subject || e.id)) },
				{ name: "Received", cell: (e) => when(e.received_at) },
				{ name: "Decision", kind: "main", cell: (e) => [h("div", or(e.action, e.status)), h("div.sub", word(e.because))] },
				{ name: "Rule", cell: (e) => [h("div", or(e.team)), e.policy && h("div.sub", word(e.policy))] },
				{ name: "Came by", cell: (e) => [h("div", word(e.source)), h("div.sub", word(e.kind))] },
				{ name: "Incident", cell: (e) => e.incident_id ?
					h("a", { href: `#/incidents/${e.incident_id}` }, visible(e.incident ?? `#${e.incident_id}`)) : or(null) },
			], rows, { key: (e) => e.id, open: eventHash }) :
				empty(query.get("q") ? "No event is like that." : "No alarm has come yet. tocsin send NAME sends one."),
			pager(next, query, "events")];
	},
};

function timeline(steps) {
	return h("ol.timeline", steps.map((x) => h("li", { class: /doubt|dead|refused|fail/i.test(x.step) ? "warm" : null },
		h("div.moment", when(x.at, "at"), h("span.dim", x.ms_since_previous === null || x.ms_since_previous === undefined ?
			"" : ` +${millis(x.ms_since_previous)}`)),
		h("div", h("strong", visible(x.step)), h("p", visible(x.text ?? ""))))));
}

function trace(list, all) {
	return table("Rules that were asked, in order", [
		{ name: "Verdict", cell: (t) => t.matched ? mark("ok", "matched") : h("span.dim", "passed over") },
		{ name: "Where", cell: (t) => code(t.where ?? "") },
		{ name: "Rule", cell: (t) => word(t.rule) },
		{ name: "Because", kind: "main", cell: (t) => word(t.because) },
	], all ? list : list.filter((t) => t.matched));
}

function explanation(x, query) {
	const d = x.explain?.decision ?? {}, i = x.explain?.incident, list = x.explain?.trace ?? [];
	const all = query.get("rules") === "all", passed = list.filter((t) => !t.matched).length;
	const other = new URLSearchParams(query);
	if (!x.explain?.decision && x.text)
		return h("pre", visible(x.text));
	if (all)
		other.delete("rules");
	else
		other.set("rules", "all");
	return [h("div.card", facts(["Decision", h("strong", visible(`${d.action ?? "none"}${d.priority ? `, ${d.priority}` : ""}${d.severity ? ` (${d.severity})` : ""}`))],
		["Because", or(d.because)], ["Team", or(d.team)], ["Policy", h("span", or(d.policy), " ", d.where && code(d.where))],
		["Key", d.dedup_key ? code(d.dedup_key) : null], ["Held by", d.suppressed_by ? word(d.suppressed_by) : null],
		["Group", i?.assignment_group ? word(i.assignment_group) : null])),
	trace(list, all),
	passed > 0 && h("p", h("a", { href: `#/events/${encodeURIComponent(state.route.arg)}${other.size ? `?${other}` : ""}` },
		all ? "Show only the rules that matched" : `Show the ${count(passed, "rule")} passed over too, and why`))];
}

const event = {
	title: "Event", on: ["events", "incidents"], every: 1000,
	load: async ({ arg }) => {
		const id = encodeURIComponent(arg);
		const [whole, line, explain] = await Promise.all([api(`events/${id}`),
			maybe(api(`events/${id}/timeline`)), api(`events/${id}/explain`).catch((e) => ({ error: e.message }))]);
		return { whole, steps: line?.steps, explain };
	},
	draw({ whole: e, steps, explain }, { query }) {
		return [crumbs("events", "Events"),
			h("div.head", h("h1", { tabindex: "-1" }, word(e.alarm || e.subject || e.id)), h("p", stateTag(e.state)),
				h("div.buttons", e.alarm && h("button", { type: "button", onclick: () => silence({ alarm: exactly(e.alarm),
					...(e.account && { account: e.account }), ...(e.region && { region: e.region }) }) }, "Silence this alarm"))),
			h("section.card.wide", facts(["Received", when(e.received_at)], ["Its own time", when(e.time)],
				["Came by", h("span", word(e.source), ", ", word(e.kind))], ["Account", h("span", or(e.account), ", ", or(e.region))],
				["Incident", e.incident_id ? h("a", { href: `#/incidents/${e.incident_id}` }, visible(e.incident ?? `#${e.incident_id}`)) : null],
				["Topic", e.topic ? code(e.topic) : null], ["Message", e.message_id ? code(e.message_id) : null],
				["Event", code(e.id)], ["Rules of", e.ruleset ? h("code", { title: e.ruleset }, visible(e.ruleset).slice(0, 12)) : null])),
			h("section", h("h2", "From bytes to note"), steps?.length ? h("div.card", timeline(steps)) : empty("Its steps are not kept any more.")),
			h("section", h("h2", "Why it was decided so"), explain.error ? empty(explain.error) : explanation(explain, query)),
			h("section", h("h2", "As it came"), e.payload ? payload(e.payload) : empty("Its bytes have expired (store.retain)."))];
	},
};

function payload(text) {
	let pretty = null;
	try {
		pretty = JSON.stringify(JSON.parse(text), null, 2);
	} catch { /* not JSON: the bytes alone */ }
	return h("div", pretty && h("details", { open: true }, h("summary", "In lines"),
		h("pre", { tabindex: "0", "aria-label": "The payload in lines" }, visible(pretty))),
	h("details", { open: !pretty }, h("summary", `Bytes as received (${bytes(text.length)})`),
		h("pre.raw", { tabindex: "0", "aria-label": "The payload as received" }, visible(text))));
}

/* ---- held ---- */

function heldAlarms(s) {
	const list = s.alarms_held ?? [];
	return list.length ? table("Alarms that are held", [
		{ name: "Alarm", kind: "main", cell: (a) => a.event ?
			h("a.name", { href: `#/events/${encodeURIComponent(a.event)}` }, word(a.alarm)) : word(a.alarm) },
		{ name: "Held by", cell: (a) => [h("div", a.held_by ? word(a.held_by) : a.waits_for ? word(a.waits_for) : or(null)),
			a.held_about && h("div.sub", word(a.held_about))] },
		{ name: "Because", kind: "main", cell: (a) => or(a.because) },
		{ name: "Team", cell: (a) => or(a.team) },
		{ name: "Since", cell: (a) => when(a.since) },
		{ name: "Until", cell: (a) => [h("div.count-down", when(a.until, "left")), h("div.sub", when(a.until, "at"))] },
	], list, { key: (a) => `${a.event}/${a.alarm}` }) : empty("No alarm is held.");
}

function timers(s) {
	const list = (s.incident_timers ?? []).flatMap((t) => [
		t.held_until && { ...t, what: t.held_by ? `held by ${t.held_by}` : "held", at: t.held_until },
		t.resolves_at && { ...t, what: "resolves", at: t.resolves_at },
		t.escalates_at && { ...t, what: "escalates unless taken", at: t.escalates_at }].filter(Boolean));
	return list.length ? table("Timers of incidents", [
		{ name: "Incident", cell: (t) => h("a", { href: `#/incidents/${t.id}` }, visible(t.incident ?? `#${t.id}`)) },
		{ name: "What", cell: (t) => word(t.what) },
		{ name: "Key", kind: "main", cell: (t) => word(t.dedup_key) },
		{ name: "When", cell: (t) => [h("div.count-down", when(t.at, "left")), h("div.sub", when(t.at, "at"))] },
	], list, { key: (t) => `${t.id}/${t.what}` }) : empty("No incident has a timer.");
}

const matchText = (m) => typeof m === "string" ? m : JSON.stringify(m);

function silenceTable(list) {
	return table("Silences in force", [
		{ name: "Matching", kind: "main", cell: (x) => code(matchText(x.match)) },
		{ name: "Owner", cell: (x) => or(x.owner) },
		{ name: "Reason", kind: "main", cell: (x) => or(x.reason) },
		{ name: "Holds", kind: "num", cell: (x) => h("span", { title: (x.alarms ?? []).join(", ") }, number(x.holding)) },
		{ name: "Ends", cell: (x) => [h("div.count-down", when(x.ends_at, "left")), h("div.sub", when(x.ends_at, "at"))] },
		{ name: "Action", bare: true, kind: "act", cell: (x) => h("button.small", { type: "button", onclick: () => expire(x),
			"aria-label": `End now the silence of ${visible(x.owner)}` }, "End now") },
	], list, { key: (x) => x.id });
}

function windowTable(list) {
	return table("Windows, in force or to come", [
		{ name: "Window", kind: "main", cell: (w) => word(w.window) },
		{ name: "Team", cell: (w) => or(w.team) },
		{ name: "Owner", cell: (w) => or(w.owner) },
		{ name: "State", cell: (w) => w.inside ? tag("in force", "warm") : tag("to come") },
		{ name: "Begins", cell: (w) => when(w.begins_at) },
		{ name: "Ends", cell: (w) => when(w.ends_at, w.inside ? "left" : "at") },
		{ name: "Where", cell: (w) => code(`${w.file}:${w.line}`) },
	], list, { key: (w) => `${w.file}:${w.line}` });
}

const held = {
	title: "Held", letter: "l", on: ["status", "held", "silences"], every: 1000,
	load: async () => {
		const [now, rules] = await Promise.all([api("silences"), maybe(api("rules"))]);
		return { list: now.silences, windows: (rules?.windows ?? []).filter((w) => w.inside || w.begins_at) };
	},
	draw({ list, windows }) {
		const s = state.status;
		return [head("Held", h("div.buttons", h("button.primary", { type: "button", onclick: () => silence(null) }, "New silence"))),
			h("section", h("h2", "Alarms"), heldAlarms(s)),
			h("section", h("h2", "Silences"), list.length ? silenceTable(list) : empty("No silence is in force.")),
			windows.length > 0 && h("section", h("h2", "Windows of the rules"), windowTable(windows)),
			h("section", h("h2", "Timers of incidents"), timers(s))];
	},
};

/* ---- dead letters ---- */

// A create is told by what it would have said.
function letterTitle(d) {
	try {
		return `${d.kind}: ${JSON.parse(d.body).short_description ?? d.target ?? ""}`.replace(/: $/, "");
	} catch {
		return d.target ? `${d.kind}: ${d.target}` : d.kind;
	}
}

function deadLetter(d) {
	return h("article.card.wide.letter", { "data-key": String(d.id), "aria-label": `Dead letter ${d.id}` },
		h("div.card-head", h("h2", d.priority ? [badge(`P${d.priority}`), " "] : null, word(letterTitle(d))),
			h("div.buttons",
				h("button", { type: "button", onclick: () => retryDead(d), "aria-label": `Retry dead letter ${d.id}` }, "Retry"),
				h("button.danger", { type: "button", onclick: () => dropDead(d), "aria-label": `Drop dead letter ${d.id}` }, "Drop"))),
		h("p.reason", d.status ? h("span.tag.hot", `StackFlow said ${d.status}`) : null, " ",
			word(String(d.problem ?? "").replace(`${d.status}: `, ""))),
		facts(["Wanted", when(d.created_at)], ["Sent", when(d.sent_at)],
			["Attempts", number(d.attempts)],
			["Incident", d.incident_id ? h("a", { href: `#/incidents/${d.incident_id}` }, `#${d.incident_id}`) : null],
			["Events", d.events ? eventLinks(String(d.events).split(" ").filter(Boolean)) : null]),
		d.body && h("details", h("summary", "What was to be sent"), h("pre", { tabindex: "0", "aria-label": "What was to be sent" }, visible(d.body))));
}

const dead = {
	title: "Dead letters", letter: "d", on: ["dead"], every: 500,
	load: () => api("dead"),
	draw({ dead: list }) {
		return [head("Dead letters", h("p.dim", "Refused for good: nothing happens to them until you decide.")),
			list.length ? list.map(deadLetter) : empty("None. Everything that was to be said to StackFlow was taken.")];
	},
};

/* ---- rules ---- */

function teamsOf(data) {
	const by = new Map(), files = new Map(data.files.map((f) => [f.file, f]));
	for (const p of data.policies) {
		const t = by.get(p.team) ?? { team: p.team, files: new Set(), policies: [], hits: 0, never: 0 };
		t.policies.push(p);
		t.files.add(p.file);
		t.hits += p.hits;
		t.never += p.hits ? 0 : 1;
		by.set(p.team, t);
	}
	for (const t of by.values())
		t.state = [...t.files].map((f) => files.get(f)).find((f) => f?.stale || f?.missing);
	const seen = new Set(data.policies.map((p) => p.file));
	return { teams: [...by.values()].sort((a, b) => b.hits - a.hits || (a.team < b.team ? -1 : 1)),
		others: data.files.filter((f) => !seen.has(f.file)) };
}

const fileState = (f) => !f || (!f.stale && !f.missing) ? mark("ok", "as written") :
	mark("watch", f.missing ? "gone: last good copy decides" : "stale: last good copy decides");

const ruleHash = (t) => `#/rules/${encodeURIComponent(t.team)}`;

const rules = {
	title: "Rules", letter: "r", on: ["rules", "status"], every: 5000,
	load: () => api("rules"),
	draw(data, { query }) {
		const { teams, others } = teamsOf(data), never = query.get("never");
		const most = Math.max(1, ...teams.map((t) => t.hits));
		const rows = never ? teams.filter((t) => t.never) : teams;
		const bad = data.files.filter((f) => f.stale || f.missing);
		return [head("Rules", h("p.dim", `${count(data.files.length, "file")}, hits since these rules were loaded, rule set `,
				h("code", { title: data.hash }, visible(data.hash ?? "").slice(0, 12)))),
			bad.length > 0 && h("ul.card.troubles", bad.map((f) => h("li", mark("watch"), h("div", h("strong", visible(f.file)),
				h("p", f.missing ? "The file is gone; its last good copy decides." :
					"It can't be loaded; its last good copy decides. tocsin check names the line."))))),
			h("div.filters", choose("Show", never ?? "", [["", "All teams"], ["1", "With entries never hit"]], (v) => refine({ never: v }))),
			rows.length ? table("Rules by team", [
				{ name: "Team", kind: "main", cell: (t) => h("a.name", { href: ruleHash(t) }, word(t.team)) },
				{ name: "File", cell: (t) => [...t.files].map((f) => h("div", code(f))) },
				{ name: "State", cell: (t) => fileState(t.state) },
				{ name: "Policies", kind: "num", cell: (t) => number(t.policies.length) },
				{ name: "Never hit", kind: "num", cell: (t) => number(t.never) },
				{ name: "Hits", kind: "hits", cell: (t) => [h("span", number(t.hits)), bar(t.hits, most)] },
			], rows, { key: (t) => t.team, open: ruleHash }) : empty("No rule files: the built-in pattern decides."),
			others.length > 0 && h("section", h("h2", "Files without policies"), h("ul.plain", others.map((f) =>
				h("li", code(f.file), " ", fileState(f)))))];
	},
};

const team = {
	title: "Team", on: ["rules"], every: 5000,
	load: () => api("rules"),
	draw(data, { arg }) {
		const t = teamsOf(data).teams.find((x) => x.team === arg);
		if (!t)
			return [crumbs("rules", "Rules"), head(word(arg)), empty("No team of this name has rules now.")];
		const most = Math.max(1, ...t.policies.map((p) => p.hits));
		return [crumbs("rules", "Rules"), head(word(t.team), h("p", fileState(t.state))),
			h("section", h("h2", "Policies"), table(`Policies of ${t.team}, in order`, [
				{ name: "Policy", kind: "main", cell: (p) => word(p.policy) },
				{ name: "Where", cell: (p) => code(`${p.file}:${p.line}`) },
				{ name: "Hits", kind: "hits", cell: (p) => [p.hits ? h("span", number(p.hits)) : tag("never hit"), bar(p.hits, most)] },
			], t.policies, { key: (p) => `${p.file}:${p.line}` })),
			h("p", h("a", { href: `#/incidents?team=${encodeURIComponent(t.team)}` }, "Open incidents of this team"))];
	},
};

/* ---- charts ---- */

const CHARTS = [
	{ key: "alarms", title: "Alarms", what: "received in a step", lines: [["alarms", "alarms"]] },
	{ key: "incidents", title: "Incidents", what: "in a step", lines: [["incidents", "opened"], ["resolved", "resolved"]] },
	{ key: "notes", title: "Notes", what: "sent in a step", lines: [["notes", "notes"]] },
	{ key: "intake", title: "Intake latency", what: "until the 200", ms: true, lines: [["intake_p50_ms", "p50"], ["intake_p99_ms", "p99"]] },
	{ key: "stackflow", title: "StackFlow latency", what: "of a request", ms: true, lines: [["stackflow_p50_ms", "p50"], ["stackflow_p99_ms", "p99"]] },
];
const RANGES = { "3h": "1m", "24h": "10m", "7d": "1h" };
const LEFT = 46, TOP = 10, BOTTOM = 22;

function ceiling(v) {
	const unit = 10 ** Math.floor(Math.log10(v || 1));
	return [1, 2, 4, 5, 10].map((m) => m * unit).find((n) => n >= v);
}

const told = (chart, v) => v === null || v === undefined ? "\u2013" : chart.ms && v ? millis(v) : number(v);
const stepStart = (data, i) => new Date(Date.parse(data.from) + i * data.step_seconds * 1000);

function shape(values, i, kind, x, y, base) {
	if (kind === "bars")
		return values.map((v, n) => v ? svg("rect", { class: `series-${i}`, x: x(n) + (i ? x(0.4) - x(0) : 0),
			y: y(v), width: Math.max(1, (x(0.4) - x(0))), height: Math.max(0, base - y(v)) }) : null);
	const alone = [];
	let d = "", pen = false;
	for (let n = 0; n < values.length; n++) {
		const v = values[n];
		if (v === null || v === undefined) {
			pen = false;
			continue;
		}
		d += `${pen ? "L" : "M"}${x(n + 0.5).toFixed(1)} ${y(v).toFixed(1)}`;
		if (!pen && (values[n + 1] ?? null) === null)
			alone.push(svg("circle", { class: `series-${i}`, cx: x(n + 0.5), cy: y(v), r: 2.5 }));
		pen = true;
	}
	return [svg("path", { class: `line series-${i}`, d }), alone];
}

function axes(data, chart, most, width, height, x, y) {
	const n = data.alarms.length, out = [];
	const hours = Math.max(1, Math.round(n * data.step_seconds / 3600));
	const every = [1, 2, 3, 6, 12, 24, 48].find((e) => hours / e <= (width < 400 ? 5 : 8)) * (hours < 4 ? 0.5 : 1);
	for (const part of [0, 0.5, 1])
		out.push(svg("line", { class: "grid", x1: LEFT, x2: width, y1: y(most * part), y2: y(most * part) }),
			svg("text", { x: LEFT - 6, y: y(most * part) + 4, "text-anchor": "end" }, told(chart, most * part)));
	for (let i = 0; i < n; i++) {
		const d = stepStart(data, i);
		if (d.getMinutes() % (every * 60 >= 60 ? 60 : every * 60) || (every >= 1 && d.getHours() % every) ||
		    (data.step_seconds < 3600 && x(i) > width - 30) || x(i) < LEFT + 14)
			continue;
		out.push(svg("text", { x: x(i), y: height - 6, "text-anchor": "middle" },
			every >= 24 ? `${pad(d.getMonth() + 1)}-${pad(d.getDate())}` : clock(d)));
	}
	return out;
}

function describe(chart, data) {
	return chart.lines.map(([key, name]) => {
		const values = data[key] ?? [], seen = values.filter((v) => v !== null && v !== undefined);
		const most = Math.max(0, ...seen), at = values.indexOf(most);
		if (!seen.length || !most)
			return `${name}: none`;
		return `${name}: ${chart.ms ? "" : `${number(sum(values))} in all, `}most ${told(chart, most)} at ${clock(stepStart(data, at))}`;
	}).join("; ");
}

function drawing(chart, data, width) {
	const height = 190, base = height - BOTTOM, n = data.alarms.length;
	const all = chart.lines.flatMap(([key]) => data[key] ?? []).filter((v) => v !== null);
	const most = ceiling(Math.max(chart.ms ? 0.1 : 1, ...all)), room = width - LEFT;
	const x = (i) => LEFT + room * i / n, y = (v) => base - (base - TOP) * v / most;
	return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img",
		"aria-labelledby": `${chart.key}-t ${chart.key}-d`, "data-left": LEFT / width, "data-n": n,
		onpointermove: (e) => {
			const box = e.currentTarget.getBoundingClientRect();
			const i = Math.floor(((e.clientX - box.left) / box.width * width - LEFT) / room * n);
			if (i >= 0 && i < n)
				moment(i);
		} },
	svg("title", { id: `${chart.key}-t` }, `${chart.title}, ${chart.what}`),
	svg("desc", { id: `${chart.key}-d` }, describe(chart, data)),
	axes(data, chart, most, width, height, x, y),
	chart.lines.map(([key], i) => shape(data[key] ?? [], i, chart.ms ? "line" : "bars", x, y, base)),
	svg("line", { class: "guide", y1: TOP, y2: base, "data-x0": x(0.5), "data-dx": room / n,
		x1: -9, x2: -9 }));
}

function chartTable(chart, data) {
	const rows = data.alarms.map((_, i) => i).reverse();
	return table(`${chart.title}, ${chart.what} of ${span(data.step_seconds * 1000)}`, [
		{ name: "From", cell: (i) => when(stepStart(data, i).toISOString(), "at") },
		...chart.lines.map(([key, name]) => ({ name, kind: "num", cell: (i) => told(chart, data[key]?.[i]) })),
	], rows);
}

function figure(chart, data, width, query) {
	const open = (query.get("table") ?? "").split(",").filter(Boolean), shown = open.includes(chart.key);
	const id = `table-${chart.key}`;
	return h("figure.card", { "data-key": chart.key, "aria-labelledby": `${chart.key}-h` },
		h("div.card-head", h("h2", { id: `${chart.key}-h` }, chart.title, " ", h("span.dim", chart.what)),
			h("button.small", { type: "button", "aria-expanded": String(shown), "aria-controls": id,
				"aria-label": `${chart.title} as a table`, onclick: () => refine({ table:
					(shown ? open.filter((k) => k !== chart.key) : [...open, chart.key]).join(",") }) }, "Table")),
		h("p.legend", chart.lines.map(([key, name], i) => h("span", h(`span.swatch.series-${i}`), `${name} `,
			h("b", { "data-series": key, "data-chart": chart.key }, "")))),
		drawing(chart, data, width),
		h("div", { id, class: "chart-table", hidden: !shown, tabindex: "0", role: "region", "aria-label": `${chart.title}, table` },
			shown && chartTable(chart, data)));
}

// The moment all charts tell of; the whole time where none is pointed at.
function moment(i) {
	const data = state.data, input = $("moment");
	if (state.route.view !== "charts" || !data?.alarms)
		return;
	state.moment = i;
	const from = i === null ? null : stepStart(data, i);
	const text = i === null ? "the whole time" :
		`${clock(from)} \u2013 ${clock(stepStart(data, i + 1))}`;
	$("moment-text").textContent = text;
	input.setAttribute("aria-valuetext", text);
	if (i !== null && Number(input.value) !== i)
		input.value = i;
	for (const el of document.querySelectorAll("[data-series]")) {
		const chart = CHARTS.find((c) => c.key === el.dataset.chart), values = data[el.dataset.series] ?? [];
		el.textContent = i !== null ? told(chart, values[i]) : chart.ms ?
			`most ${told(chart, values.some((v) => v !== null) ? Math.max(...values) : null)}` : `${number(sum(values))} in all`;
	}
	for (const el of document.querySelectorAll(".guide")) {
		const at = i === null ? -9 : Number(el.dataset.x0) + i * Number(el.dataset.dx);
		el.setAttribute("x1", at);
		el.setAttribute("x2", at);
	}
}

const charts = {
	title: "Charts", letter: "c", on: ["events", "incidents"], every: 20000,
	load: ({ query }) => {
		const since = RANGES[query.get("since")] ? query.get("since") : "24h";
		return api(`series?since=${since}&step=${RANGES[since]}`);
	},
	draw(data, { query }) {
		const wide = Math.max(300, $("main").clientWidth - 60), n = data.alarms.length;
		const width = wide > 900 ? wide / 2 - 25 : wide;
		return [head("Charts"),
			h("div.filters.stick", choose("Over", query.get("since") ?? "24h",
				[["3h", "3 hours"], ["24h", "a day"], ["7d", "a week"]], (v) => { state.moment = null; refine({ since: v === "24h" ? "" : v }); }),
				h("label.choose.grow", h("span", "Moment: ", h("output", { id: "moment-text", for: "moment" }, "the whole time")),
					h("input", { id: "moment", type: "range", min: 0, max: n - 1, step: 1, value: n - 1,
						oninput: (e) => moment(Number(e.target.value)) })),
				h("button", { type: "button", onclick: () => moment(null) }, "Whole time")),
			h("div.charts", CHARTS.map((c, i) => figure(c, data, i ? width : wide, query)))];
	},
	drawn: () => moment(state.moment),
};

/* ---- audit ---- */

function details(d) {
	let v = d;
	if (typeof d === "string") {
		try {
			v = JSON.parse(d);
		} catch {
			return or(d);
		}
	}
	return v && typeof v === "object" ? h("ul.details", Object.entries(v).filter(([, x]) => x?.length !== 0).map(([k, x]) =>
		h("li", h("span.dim", `${visible(k)} `), k === "events" ? eventLinks([x].flat()) :
			word(typeof x === "object" ? JSON.stringify(x) : x)))) : or(v);
}

const RESOURCES = { incident: "incidents", event: "events" };

const audit = {
	title: "Audit", letter: "a", on: ["status", "incidents", "dead", "silences", "rules"], every: 3000,
	load: ({ query }) => api("audit" + params({ limit: PAGE / 2, before: query.get("before") })),
	draw({ audit: rows = [], next_before: next }, { query }) {
		return [head("Audit", h("p.dim", "Who did what, tocsin itself included.")),
			rows.length ? table("Audit, the newest first", [
				{ name: "When", cell: (a) => when(a.at, "at") },
				{ name: "Who", cell: (a) => or(a.who) },
				{ name: "Did", cell: (a) => code(a.action ?? "") },
				{ name: "To", cell: (a) => [word(a.resource_type), " ", RESOURCES[a.resource_type] && a.resource_id ?
					h("a", { href: `#/${RESOURCES[a.resource_type]}/${encodeURIComponent(a.resource_id.replace(/^local-/, ""))}` }, word(a.resource_id)) : word(a.resource_id)] },
				{ name: "Details", kind: "main", cell: (a) => details(a.details) },
			], rows, { key: (a) => a.id }) : empty("Nothing was done yet."),
			pager(next, query, "the audit")];
	},
};

/* ---- routes and drawing ---- */

const views = { health, incidents, events, held, dead, rules, charts, audit };
const inner = { incidents: incident, events: event, rules: team };
const viewOf = (route) => (route.arg && inner[route.view]) || views[route.view];

function parse(hash) {
	const [path, query] = hash.replace(/^#\/?/, "").split("?");
	const [view, ...rest] = path.split("/");
	let arg = rest.join("/");
	try {
		arg = decodeURIComponent(arg);
	} catch { /* as it stands */ }
	return { view: Object.hasOwn(views, view) ? view : "health", arg, query: new URLSearchParams(query ?? "") };
}

function failure(e) {
	return [head(viewOf(state.route).title),
		h("section.hero.bad", { "aria-label": "What went wrong" }, h("p.lead", mark("bad"), h("span", visible(e.message))),
			h("div.buttons", e.status === 401 ? h("button.primary", { type: "button", onclick: askToken }, "Sign in") :
				h("button", { type: "button", onclick: reload }, "Try again")))];
}

function draw() {
	const main = $("main"), next = document.createElement("main"), view = viewOf(state.route);
	const focused = main.contains(document.activeElement) && document.activeElement !== main;
	const told = !state.data || !state.status ? null : view.draw(state.data, state.route);
	if (told)
		fill(next, {}, [state.error && h("p.old", { role: "status" }, `Not refreshed: ${visible(state.error.message)}`), told]);
	else if (state.error)
		fill(next, {}, failure(state.error));
	else
		fill(next, {}, [head(view.title), h("p.loading", "Asking tocsin\u2026")]);
	morphChildren(main, next);
	if (told)
		view.drawn?.();
	if (focused && !main.contains(document.activeElement))
		main.querySelector("h1")?.focus({ preventScroll: true });
	document.body.dataset.view = state.route.view;
	frame();
}

// What stands around every view: counts, title, icon.
let sentenceTold = "";
function frame() {
	const s = state.status;
	for (const a of document.querySelectorAll("#nav a"))
		if (a.dataset.view === state.route.view)
			a.setAttribute("aria-current", "page");
		else
			a.removeAttribute("aria-current");
	if (!s)
		return;
	const [level, text] = sentence(s);
	const counts = { incidents: s.incidents_open, dead: s.dead_letters,
		held: (s.alarms_held_total ?? 0) + (s.alarms_waiting_total ?? 0), rules: staleFiles(s).length,
		health: troubles(s).length };
	for (const a of document.querySelectorAll("#nav a")) {
		const el = a.querySelector(".count"), n = counts[a.dataset.view];
		el.hidden = !n;
		el.textContent = n ? (n > 999 ? "999+" : String(n)) : "";
		el.classList.toggle("loud", ["dead", "rules", "health"].includes(a.dataset.view));
	}
	document.title = `${level === "ok" ? "" : "\u26a0 "}${viewOf(state.route).title}` +
		`${s.incidents_open ? `, ${s.incidents_open} open` : ""} \u00b7 tocsin`;
	const fillColour = { ok: "%2312805c", watch: "%23b45f06", bad: "%23c8102e" }[level];
	$("icon").href = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
		`%3Ccircle cx='8' cy='8' r='7' fill='${fillColour}'/%3E%3C/svg%3E`;
	if (sentenceTold && sentenceTold !== text.replace(/[\d,]+/g, "#"))
		say(text, false);
	sentenceTold = text.replace(/[\d,]+/g, "#");
}

async function reload() {
	const turn = ++state.turn, view = viewOf(state.route);
	state.loaded = Date.now();
	try {
		const data = await view.load(state.route);
		if (turn !== state.turn)
			return;
		state.data = data;
		state.error = null;
	} catch (e) {
		if (turn !== state.turn)
			return;
		state.error = e;
	}
	draw();
}

// Goes where the address says: focus on the heading, or back to where a list was left.
let first = true;
async function visit() {
	const was = state.route, route = parse(location.hash);
	const moved = first || was.view !== route.view || was.arg !== route.arg;
	const back = was.view === route.view && was.arg && !route.arg ? state.places.get(route.view) : null;
	if (moved && was.view && !was.arg && route.arg)
		state.places.set(was.view, { y: scrollY, key: document.activeElement?.closest("[data-key]")?.dataset.key ??
			route.arg });
	state.route = route;
	if (moved) {
		state.data = state.error = state.moment = null;
		$("main").replaceChildren();
		draw();
		$("nav").scrollLeft = document.querySelector("#nav [aria-current]").offsetLeft - 60;
		if (!first)
			scrollTo(0, 0);
	}
	const wasFirst = first;
	first = false;
	const heading = $("main").querySelector("h1");
	if (moved && !wasFirst && !$("dialog").open)
		heading?.focus({ preventScroll: true });
	await reload();
	if (!back)
		return;
	scrollTo(0, back.y);
	document.querySelector(`tr[data-key="${CSS.escape(back.key)}"] a`)?.focus({ preventScroll: true });
}

/* ---- live ---- */

let streaming = null;

function setLive(to) {
	const text = { live: "live", reconnecting: "reconnecting", connecting: "connecting",
		stale: `stale since ${state.fresh ? clock(new Date(state.fresh)) : "the start"}` }[to];
	const changed = state.live !== to;
	state.live = to;
	$("live").dataset.state = to;
	if ($("live-text").textContent !== text)
		$("live-text").textContent = text;
	if (changed && state.status)
		draw();
}

function setStatus(s) {
	const text = JSON.stringify(s), same = text === setStatus.last;
	state.fresh = Date.now();
	setStatus.last = text;
	if (same)
		return;
	const opened = (s.incidents_open ?? 0) - (state.status?.incidents_open ?? s.incidents_open ?? 0);
	state.status = s;
	locked = false;
	if (opened > 0)
		say(`${count(opened, "more incident")} open`, false);
	if (viewOf(state.route).on.includes("status") && state.data)
		draw();
	else
		frame();
}

async function fetchStatus() {
	setStatus(await api("status"));
}

// A view is asked for again when what it shows has changed, not more often than it says.
let again = 0;
function changed(what) {
	const view = viewOf(state.route);
	if (again || !view.on.some((x) => what.includes(x)))
		return;
	again = setTimeout(() => {
		again = 0;
		reload();
	}, Math.max(250, state.loaded + view.every - Date.now()));
}

function heard(event, data) {
	try {
		if (event === "status")
			setStatus(JSON.parse(data));
		else if (event === "changed")
			changed(JSON.parse(data).what ?? []);
	} catch { /* a line that isn't as agreed tells nothing */ }
}

// fetch() in place of EventSource: it can send the token, and a heartbeat that
// stays away is seen.
async function stream() {
	const stop = streaming = new AbortController();
	let text = "", beat = 0;
	const alive = () => {
		clearTimeout(beat);
		beat = setTimeout(() => stop.abort(), 40000);
	};
	try {
		alive();
		const answer = await fetch("api/v1/live", { headers: headers(), cache: "no-store", signal: stop.signal });
		if (!answer.ok)
			throw new Refusal(answer.status, "");
		const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
		if (state.live !== "connecting")
			changed(viewOf(state.route).on);
		fetchStatus().catch(() => {});
		setLive("live");
		for (;;) {
			const { value, done } = await reader.read();
			if (done)
				break;
			alive();
			state.fresh = Date.now();
			text = (text + value).replace(/\r\n?/g, "\n");
			const parts = text.split("\n\n");
			text = parts.pop();
			for (const part of parts) {
				const lines = part.split("\n");
				const of = (name) => lines.filter((l) => l.startsWith(name)).map((l) =>
					l.slice(name.length).replace(/^ /, "")).join("\n");
				heard(of("event:"), of("data:"));
			}
			if (text.length > 1 << 24)
				break;
		}
	} finally {
		clearTimeout(beat);
	}
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function live() {
	for (let wait = 500;; wait = Math.min(wait * 2, 15000)) {
		const began = Date.now();
		while (document.hidden)
			await sleep(1000);
		try {
			await stream();
		} catch { /* told by the state alone */ }
		if (Date.now() - began > 20000)
			wait = 500;
		setLive(Date.now() - state.fresh > 15000 ? "stale" : "reconnecting");
		await sleep(wait + Math.random() * 500);
	}
}

// While the stream is away: the same by asking.
async function poll() {
	if (state.live === "live" || document.hidden)
		return;
	try {
		await fetchStatus();
		if (state.live !== "live")
			setLive("reconnecting");
		if (!$("dialog").open && Date.now() - state.loaded > viewOf(state.route).every)
			reload();
	} catch {
		if (state.live !== "live" && Date.now() - state.fresh > 8000)
			setLive("stale");
	}
}

/* ---- keys, colours, start ---- */

const THEMES = [["", "Auto"], ["light", "Light"], ["dark", "Dark"]];

function setTheme(name) {
	const [value, label] = THEMES.find((t) => t[0] === name) ?? THEMES[0];
	if (value)
		document.documentElement.dataset.theme = value;
	else
		delete document.documentElement.dataset.theme;
	keep(localStorage, "tocsin-theme", value);
	$("theme").querySelector("span").textContent = label;
	$("theme").setAttribute("aria-label", `${label} colours`);
}

function help() {
	const keys = [...Object.entries(views).map(([, v]) => [`g ${v.letter}`, v.title]),
		["/", "Search"], ["Esc", "Close, or back to the list"], ["?", "This help"]];
	const box = h("input", { type: "checkbox", id: "keys-on", onchange: (e) => {
		state.quiet = !e.target.checked;
		keep(localStorage, "tocsin-keys", state.quiet ? "off" : "");
	} });
	box.checked = !state.quiet;
	ask({
		title: "Help and shortcuts", token: false,
		text: [h("p", "Everything is reached by Tab and Enter. Times are relative; point at one for UTC and local time. In a terminal ",
			code("tocsin status"), ", ", code("tocsin incidents"), " and ", code("tocsin top"), " tell the same."),
		h("dl.keys", keys.map(([k, t]) => h("div", h("dt", k.split(" ").map((x) => h("kbd", x))), h("dd", t)))),
		h("label.check", box, " Shortcuts of one key are on")],
	});
}

let leader = 0;
function onKey(e) {
	const typing = e.target.closest("input, textarea, select");
	if (e.ctrlKey || e.metaKey || e.altKey || $("dialog").open)
		return;
	if (e.key === "Escape") {
		if (typing)
			typing.blur();
		else if (state.route.arg)
			location.hash = `#/${state.route.view}`;
		return;
	}
	if (typing || state.quiet)
		return;
	const to = Date.now() - leader < 1500 && Object.entries(views).find(([, v]) => v.letter === e.key);
	leader = e.key === "g" ? Date.now() : 0;
	if (to)
		location.hash = `#/${to[0]}`;
	else if (e.key === "?")
		help();
	else if (e.key === "/" && $("search"))
		$("search").focus();
	else if (e.key === "/")
		location.hash = "#/events";
	else
		return;
	e.preventDefault();
}

function start() {
	$("place").textContent = location.host;
	signIn(state.token, state.user);
	setTheme(kept(localStorage, "tocsin-theme") ?? "");
	$("theme").onclick = () => setTheme(THEMES[(THEMES.findIndex((t) =>
		t[0] === (document.documentElement.dataset.theme ?? "")) + 1) % 3][0]);
	$("help").onclick = help;
	$("token").onclick = () => {
		if (!state.token)
			return askToken();
		signIn(null, state.user);
		say("The token is forgotten.");
	};
	$("skip").onclick = (e) => {
		e.preventDefault();
		$("main").focus();
	};
	$("dialog").addEventListener("close", () => $("dialog").replaceChildren());
	addEventListener("hashchange", visit);
	addEventListener("keydown", onKey);
	addEventListener("resize", () => {
		clearTimeout(start.resized);
		start.resized = setTimeout(() => state.route.view === "charts" && draw(), 200);
	});
	setInterval(tick, 1000);
	setInterval(poll, 5000);
	visit();
	fetchStatus().then(draw, (e) => {
		state.error = e;
		draw();
	});
	live();
}

start();
