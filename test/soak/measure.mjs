// What the measuring programs share: options, chance that a seed repeats, what figures are made of, tables. Imported before
// everything else: --weir PATH names the binary, as the environment's WEIR does.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export { numbers } from '../e2e/numbers.mjs';

export function option(name, otherwise) {
  const place = process.argv.indexOf(`--${name}`);
  if (place < 0) return otherwise;
  return typeof otherwise === 'number' ? Number(process.argv[place + 1]) : process.argv[place + 1];
}
export const flag = (name) => process.argv.includes(`--${name}`);
if (option('weir')) process.env.WEIR = path.resolve(option('weir'));

export function shuffled(list, random) {
  const out = [...list];
  for (let i = out.length - 1; i > 0; --i) {
    const j = random(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
// Outcomes that were not as wished, by kind.
export function tally(records) {
  const kinds = {};
  for (const { outcome, code, reason } of records) {
    const kind = [outcome, code, reason].filter((one) => one !== undefined).join(' ');
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}
// The time that a measurement lasts; never a wait for something to become true.
export const last = (ms) => new Promise((done) => setTimeout(done, ms));

export const sorted = (values) => [...values].sort((a, b) => a - b);
export const at = (values, share) => (values.length ? values[Math.min(values.length - 1, Math.floor(values.length * share))] : NaN);
export const median = (values) => at(sorted(values), 0.5);
export const within = (times, from, to) => times.filter((t) => t >= from && t < to).length;

// How many ms after `healed` a replica has had, within the second before, half of its fair share of all calls; null: not
// until `end`. Half a second is the least that one which is back at once can show. `times`: when it got calls, `all`: when
// any replica did.
export function back(times, all, healed, end, fair) {
  for (let to = healed; to <= end; to += 20) {
    const calls = within(all, to - 1000, to);
    if (calls && within(times, to - 1000, to) >= (calls * fair) / 2) return to - healed;
  }
  return null;
}
// From when on, after `begun`, a replica got less than a tenth of its fair share; null: never before `end`. 0 where it
// got nothing at all. Looked at in windows of half a second.
export function deserted(times, all, begun, end, fair) {
  let since = null;
  for (let from = begun; from + 500 <= end; from += 20) {
    const few = within(times, from, from + 500) < (within(all, from, from + 500) * fair) / 10;
    if (!few) since = null;
    else since ??= from - begun;
  }
  return since;
}

// What the system knows of a process: KiB that it has in memory, and its open descriptors.
export const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
export const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;
// The straight line through points [x, y]: how much y grows by each x, and the standard error of that.
export function slope(points) {
  const n = points.length;
  const [mx, my] = [0, 1].map((k) => points.reduce((sum, one) => sum + one[k], 0) / n);
  const spread = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const by = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / spread;
  const off = points.reduce((sum, [x, y]) => sum + (y - my - by * (x - mx)) ** 2, 0);
  return { by, error: Math.sqrt(off / (n - 2) / spread) };
}
// The same by the median of the slopes between all pairs: some steps, of a burst that was larger than all before, don't move it.
export const usualSlope = (points) => median(points.flatMap(([x, y], i) => points.slice(i + 1).map(([u, v]) => (v - y) / (u - x))));

// null is "never"; undefined "not looked at".
export const ms = (value) => (value === undefined ? '-' : value === null ? 'never' : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`);
export const percent = (value, digits = 1) => (value === undefined || Number.isNaN(value) ? '-' : `${(value * 100).toFixed(digits)} %`);
// The worst of several: never is worse than all.
export const worst = (values) => {
  const seen = values.filter((one) => one !== undefined);
  if (!seen.length) return undefined;
  return seen.includes(null) ? null : Math.max(...seen);
};
export const over = (value, bound) => bound !== undefined && (value === null || value > bound);

export const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
// The page's heading: what was run, without what is of this machine.
function heading() {
  const name = path.basename(process.argv[1]);
  const words = process.argv.slice(2).filter((word, i, all) => !['--write', '--weir', '--stub'].some((one) => word === one || all[i - 1] === one));
  return `# ${name.replace(/\.mjs$/, '').replaceAll('_', ' ')}\n\nWhat \`${['node test/soak/' + name, ...words].join(' ')}\` printed on ${os.cpus().length} cores.`;
}
// Prints, and with --write FILE keeps the text there and the raw figures in FILE.json.
export function report(text, raw) {
  console.log(text);
  const file = option('write');
  if (!file) return;
  fs.writeFileSync(file, `${heading()}\n\n${text}\n`);
  fs.writeFileSync(file + '.json', JSON.stringify(raw, null, 1));
}
