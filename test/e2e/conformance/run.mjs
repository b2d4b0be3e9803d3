// Runs the official conformance suite through the gateway. Usage: node run.mjs [--all | --leg PATTERN] [--table FILE]
// [--keep DIR]; without them a pairwise choice of legs. PATTERN is words of legs' names ("server 0.2 http"). A leg
// passes when its failures are exactly those that expected.json has for it. WEIR names the binary. Last line:
// "N passed, N failed".
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runLeg } from './leg.mjs';
import * as legs from './legs.mjs';
import { table } from './table.mjs';

const { values: options } = parseArgs({ options: { all: { type: 'boolean' }, leg: { type: 'string' }, table: { type: 'string' }, keep: { type: 'string' } } });
const expected = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, 'expected.json')));
const matches = (pattern, leg) => pattern.split(' ').every((word) => word === '*' || leg.name.split(' ').includes(word));
const chosen = options.leg ? legs.all.filter((leg) => matches(options.leg, leg)) : options.all ? legs.all : [...legs.pairwise(legs.server), ...legs.pairwise(legs.client)];

if (!chosen.length) throw new Error(`no leg is called "${options.leg}"`);

// An entry of expected.json: {scenario, check, name?, legs: [PATTERN], but?: [PATTERN], why}. "server" is a word of
// direct legs too.
const concerns = (entry, leg) => entry.legs.some((pattern) => matches(pattern, leg)) && !entry.but?.some((pattern) => matches(pattern, leg));
const same = (entry, failure) => entry.scenario === failure.scenario && entry.check === failure.check && (entry.name ?? failure.name) === failure.name;

for (const entry of expected) if (!entry.why || !legs.all.some((leg) => concerns(entry, leg))) throw new Error(`expected.json: no reason or no leg: ${JSON.stringify(entry)}`);

function judge(result) {
  const entries = expected.filter((entry) => concerns(entry, result.leg));
  for (const failure of result.failures) failure.why = entries.find((entry) => same(entry, failure))?.why;
  result.surprises = result.failures.filter((failure) => !entries.some((entry) => same(entry, failure)));
  result.stale = entries.filter((entry) => !result.failures.some((failure) => same(entry, failure)));
  result.ok = !result.surprises.length && !result.stale.length;
  return result;
}

const describe = ({ scenario, check, name, status, message }) => `${scenario}: ${check}${name && name !== check ? ` (${name})` : ''} ${status}: ${message.replace(/\s+/g, ' ').slice(0, 300)}`;
function print({ leg, ok, run, passed, failures, surprises, stale, seconds }) {
  const known = failures.length - surprises.length;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${leg.name}: ${passed} of ${run} scenarios${known ? `, ${known} expected failures` : ''} (${seconds.toFixed(1)} s)`);
  for (const failure of surprises) console.log('       ' + describe(failure));
  for (const entry of stale) console.log(`       ${entry.scenario}: ${entry.check} was expected to fail and did not`);
}

// Two at a time: much of a leg is waiting.
const results = [];
const queue = [...chosen];
await Promise.all([1, 2].map(async () => {
  for (let leg; (leg = queue.shift()); ) {
    const result = judge(await runLeg(leg, options.keep));
    print(result);
    results.push(result);
  }
}));

if (options.table) {
  results.sort((a, b) => chosen.indexOf(a.leg) - chosen.indexOf(b.leg));
  fs.writeFileSync(options.table, table(results));
}
const passed = results.filter(({ ok }) => ok).length;
console.log(`${passed} passed, ${results.length - passed} failed`);
process.exit(passed === results.length ? 0 : 1);
