// schema.mjs SCHEMA FILE...: is each YAML file valid? A line each: `ok FILE` or
// `bad FILE: why`. Ajv and yaml are independent of tocsin's loader.
import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import { parseDocument } from "yaml";

const [schema, ...files] = process.argv.slice(2);
const ajv = new Ajv2020.default({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
const check = ajv.compile(JSON.parse(readFileSync(schema, "utf8")));

for (const file of files) {
	// Integers stay exact: an account of 12 digits is text or a number alike.
	const doc = parseDocument(readFileSync(file, "utf8"), { version: "1.2", schema: "core" });
	const bad = doc.errors.length
		? doc.errors[0].message.split("\n")[0]
		: !check(doc.toJS()) && check.errors.slice(0, 3)
			.map((e) => `${e.instancePath} ${e.message}`).join("; ");
	console.log(bad ? `bad ${file}: ${bad}` : `ok ${file}`);
}
