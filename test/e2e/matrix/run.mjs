// The compatibility matrix: every client against every server, by every transport, feature by feature.
//
//   node test/e2e/matrix/run.mjs          a choice in which any two of client, transports and server meet
//     --all              every cell
//     --direct           the clients against the servers without the gateway: what fails here is the fixture's fault
//     --cell TEXT        only cells whose name has TEXT, like "raw-2026-07-28/http > sdk1"
//     --feature TEXT     only features whose name has TEXT
//     --write FILE       the results as markdown
//
// WEIR names the binary. Last line: "N passed, N failed", in cells.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { runCell } from './cell.mjs';
import { cells, direct, pairwise } from './cells.mjs';
import { Column } from './endpoints.mjs';
import { features } from './features/index.mjs';
import { label, markdown } from './report.mjs';

// An SDK's promise that nobody waits for must not end the run; it is seen all the same.
process.on('unhandledRejection', (error) => console.error(`unhandled: ${error?.stack ?? error}`));

const { values: options } = parseArgs({
  options: { all: { type: 'boolean' }, direct: { type: 'boolean' }, cell: { type: 'string', default: '' }, feature: { type: 'string', default: '' }, write: { type: 'string' } },
});
const pool = options.direct ? direct : options.all || options.cell ? cells : pairwise();
const chosen = pool.filter((cell) => cell.name.includes(options.cell));
const results = new Map();
const begun = Date.now();
let unclean = 0;

function show(cell, got, ms) {
  const failed = Object.entries(got).filter(([, one]) => one.fail);
  console.log(`${failed.length ? 'FAIL' : 'ok  '} ${cell.name}  ${label(got)}  ${ms} ms`);
  const reasons = new Map();
  for (const [name, { fail }] of failed) reasons.set(fail, [...(reasons.get(fail) ?? []), name]);
  for (const [reason, names] of reasons) console.log(`       ${names.length > 6 ? `${names.length} features` : names.join(', ')}: ${reason}`);
}

async function runColumn(name) {
  const mine = chosen.filter((cell) => cell.column.name === name);
  const column = await Column.start(mine[0].column, options.direct).catch((error) => error);
  for (const cell of mine) {
    const from = Date.now();
    const got = await runCell(cell, column, options.feature);
    results.set(cell.name, got);
    show(cell, got, Date.now() - from);
  }
  const how = column instanceof Column ? await column.stop() : undefined;
  if (!how || how.code === 0) return;
  console.log(`FAIL the gateway in front of ${name} ended with ${how.code ?? how.signal}\n${column.weir.log.slice(-2000)}`);
  ++unclean;
}

// Two columns at a time; the cells of one column follow each other, since they change their server's lists.
const waiting = [...new Set(chosen.map((cell) => cell.column.name))];
const worker = async () => {
  while (waiting.length) await runColumn(waiting.shift());
};
await Promise.all([worker(), worker()]);

const ordered = new Map(cells.filter((cell) => results.has(cell.name)).map((cell) => [cell.name, results.get(cell.name)]));
console.log(`\n${'feature'.padEnd(36)}   ok fail  n/a`);
for (const { name } of features) {
  const all = [...results.values()].map((one) => one[name]).filter(Boolean);
  if (all.length) console.log(`${name.padEnd(36)} ${[all.filter((one) => one.ok), all.filter((one) => one.fail), all.filter((one) => one.na)].map((some) => String(some.length).padStart(4)).join(' ')}`);
}
if (options.write) fs.writeFileSync(options.write, markdown(ordered, options.direct));
const bad = unclean + [...results.values()].filter((one) => Object.values(one).some((got) => got.fail)).length;
console.log(`${Math.round((Date.now() - begun) / 1000)} s`);
console.log(`${results.size + unclean - bad} passed, ${bad} failed`);
process.exit(bad ? 1 : 0);
