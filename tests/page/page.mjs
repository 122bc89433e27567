// page.mjs JSON: the checks of the status page, each a line `ok NAME` or
// `FAILED NAME: why`. The argument says where the page, the intake and the
// sandbox's truth are; tests/page/run makes them.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const peers = createRequire(new URL("../peers/package.json", import.meta.url));
const { chromium } = peers("playwright-core");
const axe = readFileSync(peers.resolve("axe-core/axe.min.js"), "utf8");
const told = JSON.parse(process.argv[2]);
const slow = Number(process.env.TOCSIN_TEST_SLOW ?? 1);
const origin = new URL(told.page).origin;

const MODES = {
	light: { viewport: { width: 1360, height: 900 }, colorScheme: "light" },
	dark: { viewport: { width: 1360, height: 900 }, colorScheme: "dark" },
	phone: { viewport: { width: 360, height: 740 }, colorScheme: "light", deviceScaleFactor: 2, hasTouch: true },
};

/* ---- what every check uses ---- */

let passed = 0, failed = 0;

async function check(name, run) {
	if (told.only && !name.includes(told.only))
		return;
	const began = Date.now();

	try {
		await run();
		passed++;
		console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
	} catch (e) {
		failed++;
		console.log(`FAILED ${name}: ${String(e.stack ?? e).slice(0, 3000)}`);
	}
}

async function until(what, test, seconds = 15) {
	const end = Date.now() + seconds * 1000 * slow;

	for (;;) {
		const value = await test();

		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`waited ${seconds} s for ${what}`);
		await new Promise((done) => setTimeout(done, 50));
	}
}

// A page whose console, policy and requests are watched: `bad` holds what may not be.
async function open(browser, mode, { expected = null, stay = false } = {}) {
	const context = await browser.newContext(MODES[mode]);
	const page = await context.newPage();
	const bad = [];

	context.setDefaultTimeout(10000 * slow);
	page.on("pageerror", (e) => bad.push(`error: ${e.stack}`));
	page.on("console", (m) => {
		if (["error", "warning"].includes(m.type()) && !expected?.test(m.text()))
			bad.push(`console: ${m.text()} ${m.location().url}`);
	});
	page.on("request", (r) => {
		if (new URL(r.url()).origin !== origin && !r.url().startsWith("data:"))
			bad.push(`outside request: ${r.url()}`);
	});
	page.on("dialog", (d) => {
		bad.push(`a dialog of the browser: ${d.message()}`);
		d.dismiss();
	});
	await page.addInitScript(() => addEventListener("securitypolicyviolation", (e) =>
		console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`)));
	if (!stay)
		await page.goto(told.page);
	return { page, bad, close: async () => {
		await context.close();
		assert.deepEqual(bad, []);
	} };
}

async function withPage(browser, mode, run, options) {
	const p = await open(browser, mode, options);

	try {
		await run(p.page, p.bad);
	} catch (e) {
		await p.page.screenshot({ path: `${told.pictures}/failed.png` }).catch(() => {});
		await p.close().catch(() => {});
		throw e;
	}
	await p.close();
}

// Shows a view, by its address, and waits until it is drawn.
async function show(page, hash, title) {
	await page.evaluate((h) => { location.hash = h; }, hash);
	await page.waitForFunction(([h, t]) => location.hash === h && !document.querySelector("main .loading") &&
		document.querySelector("main h1")?.textContent.includes(t), [hash, title]);
}

const api = async (path) => (await fetch(`${origin}/api/v1/${path}`)).json();
const truth = async () => (await (await fetch(`${told.sandbox}/truth`)).json()).incidents;
const remote = async (name) => (await truth()).find((i) => i.short_description.includes(name));

async function fire(name, state = "ALARM") {
	const answer = await fetch(told.hook, { method: "POST",
		headers: { Authorization: `Bearer ${told.hook_token}`, "Content-Type": "application/json" },
		body: JSON.stringify({ AlarmName: name, NewStateValue: state, StateChangeTime: new Date().toISOString() }) });

	assert.equal(answer.status, 200);
}

async function incidentOf(alarm) {
	const { incidents } = await api("incidents?limit=1000");

	return incidents.find((i) => i.alarm === alarm);
}

async function violations(page, where) {
	if (!await page.evaluate(() => "axe" in window))
		await page.evaluate(axe);
	// Rows are made alike: a dozen of each table speak for all.
	const found = await page.evaluate(() => window.axe.run({ exclude: [["main tbody tr:nth-child(n + 13)"]] },
		{ resultTypes: ["violations"] }));

	return found.violations.map((v) => `${where}: ${v.id}: ${v.help}: ` +
		v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 200)} ${n.any[0]?.message ?? ""}`).join(" | "));
}

// What sticks out of the window, but for what scrolls by itself.
async function overflow(page, where) {
	const wide = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth ? [] :
		[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 &&
			!e.closest("#nav ul")).map((e) => e.outerHTML.slice(0, 120)).slice(0, 3));

	return wide.map((e) => `${where} is too wide: ${e}`);
}

// The whole page, as far as anybody would print it.
async function picture(page, name) {
	const { width, height } = page.viewportSize();
	const whole = await page.evaluate(() => document.querySelector("dialog[open]") ? 0 : document.documentElement.scrollHeight);

	await page.screenshot({ path: `${told.pictures}/${name}.png`, fullPage: true, timeout: 60000,
		clip: { x: 0, y: 0, width, height: Math.min(Math.max(height, whole), 2400) } });
}

/* ---- looking on ---- */

async function allViews() {
	const i = await incidentOf("pay-db-cpu");
	const { events } = await api("events?alarm=pay-db-cpu");

	return [["health", "#/health", "Health"], ["incidents", "#/incidents", "Incidents"],
		["incident", `#/incidents/${i.id}`, "pay-db-cpu"], ["events", "#/events", "Events"],
		["event", `#/events/${events[0].id}`, "pay-db-cpu"], ["event-all", `#/events/${events.at(-1).id}?rules=all`, "pay-db-cpu"],
		["held", "#/held", "Held"], ["dead", "#/dead", "Dead letters"], ["rules", "#/rules", "Rules"],
		["team", "#/rules/pay", "pay"], ["charts", "#/charts", "Charts"], ["charts-table", "#/charts?table=alarms", "Charts"],
		["audit", "#/audit", "Audit"]];
}

async function looks(browser, mode) {
	const views = await allViews(), found = [];
	const look = async (page, name) => {
		found.push(...await violations(page, `${name}, ${mode}`), ...await overflow(page, `${name}, ${mode}`));
		await picture(page, `${name}-${mode}`);
	};

	await withPage(browser, mode, async (page) => {
		for (const [name, hash, title] of views) {
			await show(page, hash, title);
			await page.evaluate(() => scrollTo(0, 0));
			await look(page, name);
		}
		await page.keyboard.press("?");
		await look(page, "help");
		await page.keyboard.press("Escape");
		await show(page, "#/held", "Held");
		await page.getByRole("button", { name: "New silence" }).click();
		await look(page, "silence");
		assert.deepEqual(found, []);
	});
}

async function tellsHealth(browser) {
	await withPage(browser, "light", async (page) => {
		await show(page, "#/health", "Health");
		const text = await page.locator("main").innerText();

		for (const part of ["2 dead letters wait", "20-search.yaml", "only dead letters wait", "answers", "closed", "plain HTTP", "Last alarm"])
			assert.ok(text.includes(part), `"${part}" in: ${text}`);
		const s = await api("status");

		assert.ok(text.includes(s.version) && text.includes(s.rules.hash.slice(0, 12)));
		assert.equal(await page.locator('#nav a[data-view="dead"] .count').innerText(), "2");
		assert.match(await page.title(), /Health/);
	});
}

async function filters(browser) {
	await withPage(browser, "light", async (page) => {
		await show(page, "#/incidents", "Incidents");
		const names = () => page.locator("main tbody .name").allInnerTexts();

		assert.deepEqual((await page.locator("main tbody .prio").allInnerTexts()).slice(0, 2), ["P1", "P2"]);
		await page.getByLabel("Priority").selectOption("P4");
		await until("P4 alone", async () => (await names()).join() === "search-queue-age");
		await page.getByLabel("Priority").selectOption("");
		await page.getByLabel("Team").selectOption("web");
		await until("a team", async () => (await names()).join() === "web-latency-p99");
		await page.getByLabel("State").selectOption("resolved");
		await until("the resolved one", async () => (await names()).includes("web-cert-expiry"));
		await show(page, "#/incidents", "Incidents");
		await page.keyboard.press("/");
		await page.keyboard.type("db-cpu");
		await until("the text", async () => (await names()).join() === "pay-db-cpu");
		await page.waitForFunction(() => /q=db-cpu/.test(location.hash) && document.querySelectorAll("tbody tr").length === 1);
		assert.equal(await page.locator("main tbody tr").first().locator("td").nth(7).innerText(), "3");
		await page.locator("main tbody tr").first().click();
		await page.waitForFunction(() => /#\/incidents\/\d+/.test(location.hash));
		await page.waitForSelector(".facts");
		assert.match(await page.locator("main").innerText(), /CI0001002/);
		const link = page.getByRole("link", { name: /INC\d+ in StackFlow/ });

		assert.match(await link.getAttribute("href"), /^https:\/\/stackflow\.example\/incident\/INC\d{7}$/);
	});
}

async function tellsOfAnEvent(browser) {
	const { events } = await api("events?alarm=pay-db-cpu");

	await withPage(browser, "light", async (page) => {
		await show(page, "#/events", "Events");
		await page.getByRole("searchbox").fill("pay-db-cpu");
		await until("the search", async () => (await page.locator("main tbody tr").count()) === 4);
		await page.getByRole("searchbox").fill(events[0].id);
		await until("the id", async () => (await page.locator("main tbody tr").count()) === 1);
		await page.locator("main tbody .name").click();
		await page.waitForSelector(".timeline li");
		assert.ok(await page.locator(".timeline li").count() >= 3);
		const text = await page.locator("main").innerText();

		assert.match(text, /20-pay\.yaml:\d+/);
		assert.doesNotMatch(text, /nobody-fires-this/);
		await page.getByRole("link", { name: /passed over too/ }).click();
		await until("those passed over", async () =>
			await page.locator("main tbody tr").filter({ hasText: "passed over" }).count() > 0);
		assert.match(await page.locator("main pre").first().innerText(), /"AlarmName": "pay-db-cpu"/);
	});
}

async function tellsOfRules(browser) {
	await withPage(browser, "light", async (page) => {
		await show(page, "#/rules", "Rules");
		const row = page.locator("main tbody tr").filter({ hasText: "20-search.yaml" });

		assert.match(await row.innerText(), /stale/);
		await page.locator("main tbody .name", { hasText: /^pay$/ }).click();
		await page.waitForFunction(() => location.hash === "#/rules/pay" && document.querySelector("tbody tr"));
		assert.match(await page.locator("tr", { hasText: "nobody-fires-this" }).innerText(), /never hit/);
		assert.match(await page.locator("tr", { hasText: "data" }).innerText(), /\b4\b/);
	});
}

async function tellsOfHolds(browser) {
	await withPage(browser, "light", async (page) => {
		await show(page, "#/held", "Held");
		const row = page.locator("tr", { hasText: "batch-import-late" });

		assert.match(await row.innerText(), /left/);
		assert.match(await page.locator("tr", { has: page.getByRole("button") }).innerText(), /data platform.*Moving to the new cluster/s);
		assert.match(await page.locator("main").innerText(), /escalates/);
		const before = await row.locator("time").first().getAttribute("title");

		assert.match(before, /UTC, .* here$/);
	});
}

async function chartsAreRead(browser) {
	await withPage(browser, "light", async (page) => {
		await show(page, "#/charts", "Charts");
		assert.equal(await page.locator("svg.chart[role=img]").count(), 5);
		for (const svg of await page.locator("svg.chart").all()) {
			assert.ok((await svg.locator("title").textContent()).length > 3);
			assert.ok((await svg.locator("desc").textContent()).length > 3);
		}
		assert.match(await page.locator("#alarms-d").textContent(), /alarms: \d+ in all/);
		await page.getByRole("button", { name: "Alarms as a table" }).press("Enter");
		await page.waitForSelector("#table-alarms tbody tr");
		assert.equal(await page.locator("#table-alarms tbody tr").count(), 144);
		await page.locator("#moment").focus();
		await page.keyboard.press("Home");
		assert.match(await page.locator("#moment").getAttribute("aria-valuetext"), /\d\d:\d\d/);
		assert.equal(await page.locator("[data-series=alarms]").innerText(), "0");
		await page.getByLabel("Over").selectOption("7d");
		await page.waitForFunction(() => document.querySelector("#moment").max === "167");
	});
}

/* ---- by the keyboard alone ---- */

const focused = (page) => page.evaluate(() => {
	const el = document.activeElement, style = getComputedStyle(el);

	return { id: el.id, tag: el.localName, text: (el.getAttribute("aria-label") ?? el.textContent ?? "").trim(),
		seen: el.matches("h1, main, body, dialog") || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) };
});

async function tabTo(page, test, most = 60) {
	for (let n = 0; n < most; n++) {
		await page.keyboard.press("Tab");
		const f = await focused(page);

		assert.ok(f.seen, `focus can't be seen on ${f.tag} ${f.text}`);
		if (test(f))
			return f;
	}
	throw new Error("Tab never came there");
}

async function keyboard(browser) {
	const i = await incidentOf("web-latency-p99");

	await withPage(browser, "light", async (page) => {
		const k = page.keyboard;

		await show(page, "#/health", "Health");
		await k.press("Tab");
		assert.equal((await focused(page)).id, "skip");
		await k.press("Enter");
		assert.equal((await focused(page)).tag, "main");
		await k.press("g");
		await k.press("i");
		await page.waitForSelector("main tbody tr");
		assert.deepEqual([(await focused(page)).tag, (await focused(page)).text], ["h1", "Incidents"]);
		assert.equal(await page.locator("#nav a[aria-current=page]").innerText().then((t) => t.split("\n")[0]), "Incidents");
		await k.press("/");
		assert.equal((await focused(page)).id, "search");
		await k.type("web-latency");
		await until("one row", async () => (await page.locator("main tbody tr").count()) === 1);
		assert.equal((await focused(page)).id, "search", "a refresh leaves the focus alone");
		await tabTo(page, (f) => f.text === "web-latency-p99");
		await k.press("Enter");
		await page.waitForFunction((id) => location.hash === `#/incidents/${id}` && document.querySelector(".facts"), i.id);
		assert.equal((await focused(page)).tag, "h1");
		await tabTo(page, (f) => f.text === "Add note");
		await k.press("Enter");
		assert.ok(await page.locator("dialog[open]").isVisible());
		assert.equal((await focused(page)).tag, "textarea");
		for (let n = 0; n < 12; n++) {
			await k.press("Tab");
			assert.ok(await page.evaluate(() => document.activeElement === document.body ||
				document.querySelector("dialog").contains(document.activeElement)), "the dialog keeps the focus");
		}
		await k.press("Escape");
		await page.waitForFunction(() => !document.querySelector("dialog[open]"));
		assert.equal((await focused(page)).text, "Add note", "back on what opened it");
		await k.press("Escape");
		await page.waitForFunction(() => location.hash.startsWith("#/incidents") && !/\d/.test(location.hash));
		await until("the row again", async () => (await focused(page)).text === "web-latency-p99");
		await k.press("?");
		assert.match(await page.locator("dialog h2").innerText(), /Help/);
		await k.press("Escape");
		for (const [letter, title] of [["e", "Events"], ["l", "Held"], ["d", "Dead letters"], ["r", "Rules"],
			["c", "Charts"], ["a", "Audit"], ["h", "Health"]]) {
			await k.press("g");
			await k.press(letter);
			await page.waitForFunction((t) => document.querySelector("main h1").textContent === t &&
				!document.querySelector("main .loading"), title);
			assert.equal((await focused(page)).tag, "h1");
		}
	});
}

async function keysCanBeOff(browser) {
	await withPage(browser, "light", async (page) => {
		await show(page, "#/health", "Health");
		await page.keyboard.press("?");
		await page.locator("#keys-on").uncheck();
		await page.keyboard.press("Escape");
		await page.locator("main").focus();
		await page.keyboard.press("g");
		await page.keyboard.press("i");
		await page.keyboard.press("?");
		assert.equal(await page.evaluate(() => location.hash), "#/health");
		assert.equal(await page.locator("dialog[open]").count(), 0);
	});
}

/* ---- acting ---- */

async function submit(page, button, fields = {}) {
	for (const [label, value] of Object.entries(fields)) {
		const field = page.locator("dialog").getByLabel(label, { exact: true });

		if (await field.evaluate((e) => e.localName) === "select")
			await field.selectOption(value);
		else
			await field.fill(value);
	}
	await page.locator("dialog").getByRole("button", { name: button, exact: true }).click();
}

const closed = (page) => page.waitForFunction(() => !document.querySelector("dialog[open]"));
const words = (page, text) => page.waitForFunction((t) =>
	document.querySelector("dialog .error")?.textContent.includes(t), text);

// The first action of a tab: asked for the token, refused with a wrong one, then done.
async function note(browser) {
	const i = await incidentOf("pay-api-5xx"), text = "Restarted the pods <b>twice</b> \u05e9";

	await withPage(browser, "light", async (page) => {
		await show(page, `#/incidents/${i.id}`, "pay-api-5xx");
		await page.getByRole("button", { name: "Add note" }).click();
		await submit(page, "Add note", { Note: text });
		await words(page, "Admin token");
		await submit(page, "Add note", { "Admin token": "wrong", "Your name": "Ada L." });
		await words(page, "isn't the one");
		assert.equal(await page.locator("dialog").getByLabel("Note", { exact: true }).inputValue(), text, "what was typed stays");
		await submit(page, "Add note", { "Admin token": told.token });
		await closed(page);
		assert.equal(await page.evaluate(() => sessionStorage.getItem("tocsin-token")), told.token);
		assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("admin-token")), false);
		await until("the note in StackFlow", async () => (await remote("pay-api-5xx")).notes.some((n) => n.body.includes(text)));
		await page.waitForFunction(() => document.querySelector(".notes")?.innerText.includes("by a person"));

		// Asked once: the next action of this tab goes through.
		await page.getByRole("button", { name: "Add note" }).click();
		assert.equal(await page.locator("dialog").getByLabel("Admin token").count(), 0);
		await page.keyboard.press("Escape");
		await show(page, "#/audit", "Audit");
		await until("the audit", async () => /Ada L\..*incident\.note/s.test(await page.locator("main").innerText()));
		await page.getByRole("button", { name: "Sign out" }).click();
		assert.equal(await page.evaluate(() => sessionStorage.getItem("tocsin-token")), null);
	}, { expected: /401/ });
}

async function signIn(page) {
	await page.getByRole("button", { name: "Sign in" }).first().click();
	await submit(page, "Sign in", { "Admin token": told.token });
	await closed(page);
}

async function resolves(browser) {
	await fire("pay-to-resolve");
	const i = await until("the incident", async () => {
		const x = await incidentOf("pay-to-resolve");

		return x?.incident && x;
	});

	await withPage(browser, "phone", async (page) => {
		await signIn(page);
		await show(page, `#/incidents/${i.id}`, "pay-to-resolve");
		await page.getByRole("button", { name: "Resolve" }).click();
		await submit(page, "Resolve", { "What was done": "Failed over" });
		await closed(page);
		await until("the resolve in StackFlow", async () => ["resolved", "closed"].includes((await remote("pay-to-resolve")).state));
		await until("the state on the page", async () => /closed|resolved/.test(await page.locator(".facts").first().innerText()));
		assert.ok(await page.getByRole("button", { name: "Resolve" }).isDisabled());
		// Somebody else was faster: the server's words are shown.
		const again = await page.evaluate(async ([id, token]) => (await fetch(`api/v1/incidents/${id}/resolve`, { method: "POST",
			headers: { Authorization: `Bearer ${token}` }, body: '{"text":"again"}' })).status, [i.id, told.token]);

		assert.equal(again, 409);
	}, { expected: /409/ });
}

async function silences(browser) {
	const i = await incidentOf("nas-1-disk");

	await withPage(browser, "light", async (page) => {
		await signIn(page);
		await show(page, `#/incidents/${i.id}`, "nas-1-disk");
		await page.getByRole("button", { name: "Silence this alarm" }).click();
		await submit(page, "Silence", { "For how long": "1h", Owner: "storage", Reason: "New disks" });
		await closed(page);
		await show(page, "#/held", "Held");
		const row = page.locator("tr", { hasText: "New disks" });

		await until("the silence on the page", async () => (await row.count()) === 1);
		assert.match(await row.innerText(), /nas-1-disk/);
		const { silences: list } = await api("silences");

		assert.deepEqual(list.find((s) => s.owner === "storage").match,
			{ alarm: "nas-1-disk", account: "111122223333", region: "us-east-1" });
		await row.getByRole("button", { name: "End now the silence of storage" }).click();
		await submit(page, "End it");
		await closed(page);
		await until("its end", async () => (await row.count()) === 0);
		assert.equal((await api("silences")).silences.some((s) => s.owner === "storage"), false);
		await page.getByRole("button", { name: "New silence" }).click();
		await submit(page, "Silence", { Matching: "pay-*", Owner: "x", Reason: "y" });
		await words(page, "no JSON");
		await submit(page, "Silence", { Matching: '{"alrm": "pay-*"}' });
		await words(page, "alrm");
	}, { expected: /400/ });
}

async function deadLetters(browser) {
	await withPage(browser, "light", async (page) => {
		await signIn(page);
		await show(page, "#/dead", "Dead letters");
		const letters = page.locator(".letter");

		assert.equal(await letters.count(), 2);
		assert.match(await letters.first().innerText(), /StackFlow said 400/);
		await page.locator(".letter:has(.prio.p2)").getByRole("button", { name: /Retry/ }).click();
		await submit(page, "Retry");
		await closed(page);
		await until("the incident after all", () => remote("search-refused-1"));
		await until("one letter", async () => (await letters.count()) === 1);
		await letters.getByRole("button", { name: /Drop/ }).click();
		assert.equal((await focused(page)).text, "Cancel", "the harmless button has the focus");
		await page.keyboard.press("Escape");
		assert.equal((await api("dead")).dead.length, 1);
		await letters.getByRole("button", { name: /Drop/ }).click();
		await submit(page, "Drop it");
		await closed(page);
		await until("none", async () => (await letters.count()) === 0);
		assert.equal((await api("dead")).dead.length, 0);
		assert.equal(await remote("search-refused-2"), undefined);
		assert.notEqual((await focused(page)).tag, "body", "the focus isn't lost with the letter");
	});
}

/* ---- live ---- */

async function isLive(browser) {
	await withPage(browser, "light", async (page) => {
		await page.waitForFunction(() => document.querySelector("#live").textContent === "live");
		await show(page, "#/incidents", "Incidents");
		await page.evaluate(() => { window.same = true; });
		await page.locator("main tbody .name").first().focus();
		const before = (await focused(page)).text;

		await fire("pay-appears-live");
		await page.waitForSelector("text=pay-appears-live");
		assert.equal(await page.evaluate(() => window.same), true, "no reload");
		assert.equal((await focused(page)).text, before, "the focus stays where it was");
		const head = page.locator("#live");

		assert.equal(await head.innerText(), "live");
	});
}

async function fallsBack(browser) {
	await withPage(browser, "light", async (page) => {
		let streams = false, answers = true;

		await page.route("**/api/v1/live", (r) => streams ? r.continue() : r.abort());
		await page.route(/api\/v1\/(?!live)/, (r) => answers ? r.continue() : r.abort());
		await page.reload();
		await show(page, "#/incidents", "Incidents");
		await page.waitForFunction(() => document.querySelector("#live").textContent === "reconnecting");
		await fire("pay-appears-polled");
		await page.waitForSelector("text=pay-appears-polled", { timeout: 15000 * slow });
		answers = false;
		await page.waitForFunction(() => /^stale since \d\d:\d\d$/.test(document.querySelector("#live").textContent), null, { timeout: 30000 * slow });
		await page.evaluate(() => { location.hash = "#/health"; });
		await until("words", async () => /No answer from tocsin since/.test(await page.locator("main").innerText()));
		streams = answers = true;
		await page.waitForFunction(() => document.querySelector("#live").textContent === "live", null, { timeout: 30000 * slow });
		await until("health again", async () => /How|dead letter|healthy/.test(await page.locator("main").innerText()));
	}, { expected: /ERR_FAILED/ });
}

// Beyond loopback nothing is told without the token: as the agent answers there.
async function beyondLoopback(browser) {
	await withPage(browser, "light", async (page) => {
		const unsigned = [];

		await page.route("**/api/v1/**", (r) => {
			if (r.request().headers().authorization === `Bearer ${told.token}`)
				return r.continue();
			unsigned.push(r.request().url());
			return r.fulfill({ status: 401, contentType: "application/json", body: '{"error":"the admin token is needed"}' });
		});
		await page.goto(told.page);
		await page.waitForSelector("dialog[open]");
		await submit(page, "Sign in", { "Admin token": "wrong" });
		await words(page, "isn't the one");
		await submit(page, "Sign in", { "Admin token": told.token });
		await closed(page);
		await page.waitForSelector(".hero .lead");
		await page.waitForFunction(() => document.querySelector("#live").textContent === "live", null, { timeout: 20000 * slow });
		const n = unsigned.length;

		await show(page, "#/events", "Events");
		assert.equal(unsigned.length, n);
	}, { expected: /401/, stay: true });
}

/* ---- hostile and large ---- */

async function hostile(browser) {
	const { events } = await api("events?limit=1000");
	const e = events.find((x) => x.alarm.includes("<img"));

	assert.equal(e.alarm, told.hostile);
	for (const mode of ["light", "phone"])
		await withPage(browser, mode, async (page) => {
			for (const [hash, title] of [["#/incidents", "Incidents"], ["#/events", "Events"], [`#/incidents/${e.incident_id}`, "<img"],
				[`#/events/${e.id}`, "<img"], ["#/health", "Health"]]) {
				await show(page, hash, title);
				assert.deepEqual(await overflow(page, `${hash}, ${mode}`), []);
				assert.equal(await page.locator("main img, main script").count(), 0);
			}
			await show(page, `#/events/${e.id}`, "<img");
			assert.match(await page.locator("h1").innerText(), /\u27e8U\+202E\u27e9/);
			assert.equal(await page.evaluate(() => /[\u202a-\u202e]/.test(document.body.textContent)), false);
			assert.equal(await page.evaluate(() => window.harm), undefined);
			await picture(page, `hostile-${mode}`);
			// To silence it takes it as it is, with nothing of it read as a pattern.
			await page.getByRole("button", { name: "Silence this alarm" }).click();
			assert.match(await page.getByLabel("Matching").inputValue(), /<img src=x/);
		});
}

async function manyRows(browser) {
	const row = (id) => ({ id, incident: `INC${String(id).padStart(7, "0")}`, link: null, state: "open", priority: `P${1 + id % 4}`,
		severity: "high", short_description: `Alarm ${id}`, alarm: `alarm-${id}`, team: `team-${id % 50}`, ci_id: null,
		opened_at: "2026-01-01T00:00:00.000Z", changed_at: "2026-01-01T00:00:00.000Z", events: 3, repeats: 2, notes: 2 });

	await withPage(browser, "light", async (page) => {
		await page.route("**/api/v1/incidents?*", (r) => {
			const q = new URL(r.request().url()).searchParams;
			const top = Number(q.get("before") || 10001), limit = Math.min(top - 1, Number(q.get("limit") ?? 100));
			const list = Array.from({ length: limit }, (_, n) => row(top - 1 - n));

			return r.fulfill({ json: { incidents: list, ...(top - limit > 1 && { next_before: top - limit }) } });
		});
		await page.evaluate(() => {
			window.longest = 0;
			new PerformanceObserver((l) => l.getEntries().forEach((e) => {
				window.longest = Math.max(window.longest, e.duration);
			})).observe({ type: "longtask" });
		});
		await show(page, "#/incidents", "Incidents");
		for (let n = 0; n < 4; n++) {
			const top = await page.locator("main tbody .name").first().innerText();

			await page.getByRole("link", { name: "Older" }).click();
			await until("older ones", async () => (await page.locator("main tbody .name").first().innerText()) !== top);
			assert.ok(await page.locator("main tbody tr").count() <= 100);
		}
		await page.getByLabel("Priority").selectOption("P3");
		await until("P3 alone", async () => (await page.locator("main tbody .prio").allInnerTexts()).every((t) => t === "P3"));
		const longest = await page.evaluate(() => window.longest);

		assert.ok(longest < 2000 * slow, `the page stood still for ${longest} ms`);
	});
}

async function manners(browser) {
	await withPage(browser, "light", async (page) => {
		await show(page, "#/health", "Health");
		const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		const bright = await background();

		await page.locator("#theme").click();
		assert.equal(await page.locator("#theme").innerText(), "Light");
		await page.locator("#theme").click();
		assert.notEqual(await background(), bright);
		await page.reload();
		assert.equal(await page.locator("#theme").innerText(), "Dark");
		await page.emulateMedia({ reducedMotion: "reduce" });
		assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("*")].filter((e) => {
			const s = getComputedStyle(e);

			return s.animationName !== "none" || parseFloat(s.transitionDuration) > 0;
		}).map((e) => e.outerHTML.slice(0, 80))), []);
		// A refresh moves nothing: the same boxes where they were.
		const boxes = () => page.evaluate(() => [...document.querySelectorAll("main .card, main .hero, #nav, .top")]
			.map((e) => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width].map(Math.round).join(); }));
		const before = await boxes();

		await new Promise((done) => setTimeout(done, 2500));
		assert.deepEqual(await boxes(), before);
		const answer = await page.request.get(told.page);

		assert.match(answer.headers()["content-security-policy"], /default-src 'none'.*script-src 'self'/);
		assert.doesNotMatch(await answer.text(), /\bstyle=|<style|onclick|<script>/);
	});
}

// The hygiene report is a page of its own: it needs neither a server nor a script.
async function hygiene(browser) {
	const html = readFileSync(told.report, "utf8");

	for (const mode of Object.keys(MODES))
		await withPage(browser, mode, async (page) => {
			await page.setContent(html);
			assert.match(await page.title(), /^Alarm hygiene, /);
			assert.ok(await page.locator("h3").count() > 3);
			assert.deepEqual([...await violations(page, `report, ${mode}`), ...await overflow(page, `report, ${mode}`)], []);
			await picture(page, `report-${mode}`);
			await page.emulateMedia({ media: "print" });
			assert.deepEqual(await overflow(page, `report on paper, ${mode}`), []);
			assert.equal(await page.evaluate(() => window.harm), undefined);
		}, { stay: true });
}

// Side by side, and one after another in each: they wait as much as they work.
const lanes = (...all) => Promise.all(all.map(async (lane) => {
	for (const [name, run] of lane)
		await check(name, run);
}));

const browser = await chromium.launch({ executablePath: told.chromium,
	args: ["--disable-gpu", ...process.getuid() === 0 ? ["--no-sandbox"] : []] });

try {
	// Those that only look on, before anybody acts.
	await lanes([
		["every view, light", () => looks(browser, "light")],
		["every view, dark", () => looks(browser, "dark")],
		["every view, 360 px", () => looks(browser, "phone")],
	], [
		["health in one sentence and why", () => tellsHealth(browser)],
		["incidents are filtered and opened", () => filters(browser)],
		["an event from bytes to note", () => tellsOfAnEvent(browser)],
		["rules by team", () => tellsOfRules(browser)],
		["what is held and until when", () => tellsOfHolds(browser)],
		["charts can be read", () => chartsAreRead(browser)],
		["by the keyboard alone", () => keyboard(browser)],
		["shortcuts can be turned off", () => keysCanBeOff(browser)],
		["hostile names do nothing", () => hostile(browser)],
		["ten thousand rows", () => manyRows(browser)],
		["colours, motion, policy", () => manners(browser)],
		["beyond loopback", () => beyondLoopback(browser)],
		["the hygiene report", () => hygiene(browser)],
	]);
	await lanes([
		["dead letters", () => deadLetters(browser)],
		["a silence and its end", () => silences(browser)],
		["polling while the stream is away", () => fallsBack(browser)],
	], [
		["a note, and the token", () => note(browser)],
		["a resolve", () => resolves(browser)],
		["live without a reload", () => isLive(browser)],
	]);
} finally {
	await browser.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
