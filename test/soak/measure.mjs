// What the measuring programs share: options, chance that a seed repeats, what figures are made of, tables. Imported before
// everything else: --weir PATH names the binary, as the environment's WEIR does.
import fs from 'node:fs';
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
// Prints, and with --write FILE keeps the text there and the raw figures in FILE.json.
export function report(text, raw) {
  console.log(text);
  const file = option('write');
  if (!file) return;
  fs.writeFileSync(file, text + '\n');
  fs.writeFileSync(file + '.json', JSON.stringify(raw, null, 1));
}
