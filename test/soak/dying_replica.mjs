// What clients of a read-only tool see while one of three replicas goes bad for 4 s, in each way, at 150 calls/s: through
// Weir with its defaults, and through nginx and HAProxy, with their own retries and without. Same replicas, in shuffled
// order; each gateway is fresh. Usage: node dying_replica.mjs [--runs 1] [--fault NAME,NAME] [--target PART,PART] [--tool echo]
// [--hold 4000] [--seed 1] [--weir PATH] [--write FILE]. detect: from when on the bad one got less than a tenth of its share;
// errors: of the calls made meanwhile, answers that were not the right one and those not there after 5.5 s; late: these and
// those that took over a second; recover: when it had half of its share again over a second, so 0.5 s is at once. With
// --tool write: how many calls ran twice, too.
import { at, median, ms, numbers, option, percent, report, shuffled, sorted, table, tally, worst } from './measure.mjs';
import { faults } from './faults.mjs';
import { oneBad } from './one_bad.mjs';
import { targets } from './peers.mjs';
import { doubled, endAll, startReplicas } from '../e2e/replicas.mjs';

const runs = option('runs', 1);
const tool = option('tool', 'echo');
const hold = option('hold', 4000);
const rate = option('rate', 150);
const random = numbers(option('seed', 1));
const count = 3;
const names = Object.keys(faults).filter((name) => (option('fault') ?? name).split(',').includes(name));
const through = Object.keys(targets).filter((name) => option('target', name).split(',').some((part) => name.includes(part)));

async function run(name, target, replicas, bad) {
  const got = await oneBad({ fault: faults[name], start: targets[target], replicas, bad, tool, rate, hold, random });
  const { during, records, healed, detect, recover } = got;
  const errors = during.filter((one) => one.outcome !== 'ok');
  return {
    name, target, replica: bad.id, calls: during.length, errors: errors.length / during.length, kinds: tally(errors), detect, recover,
    late: during.filter((one) => one.outcome !== 'ok' || one.end - one.due > 1000).length / during.length,
    p99: at(sorted(during.map((one) => one.end - one.due)), 0.99),
    later: records.filter((one) => one.due >= healed && one.outcome !== 'ok').length,
    doubled: tool === 'write' ? (await doubled(replicas)).length : undefined,
  };
}

const replicas = await startReplicas(count, { latency: 10 });
const all = [];
try {
  for (const name of names) {
    for (let i = 0; i < runs; ++i) {
      const bad = replicas[random(count)];
      for (const target of shuffled(through, random)) {
        const got = await run(name, target, replicas, bad);
        all.push(got);
        console.error(`${name} ${target}: ${ms(got.detect)} / ${percent(got.errors, 2)} / ${percent(got.late, 2)} ${JSON.stringify(got.kinds)} / ${ms(got.recover)}`);
      }
    }
  }
} finally {
  await endAll(replicas);
}
const cell = (name, target, say) => say(all.filter((one) => one.name === name && one.target === target));
const rows = (say) => names.map((name) => [name, ...through.map((target) => cell(name, target, say))]);
const middle = (of, key) => median(of.map((one) => one[key] ?? Infinity));
const figure = (value) => (value === Infinity ? 'never' : ms(value));
// Who was never deserted has nothing to come back from.
const recovery = (of) => (of.every((one) => one.detect === null) ? '-' : figure(middle(of, 'recover')));
const kinds = (of) => tally(of.flatMap((one) => Object.entries(one.kinds).flatMap(([outcome, times]) => Array(times).fill({ outcome }))));
report([
  `${rate} calls/s of \`${tool}\`, one of ${count} replicas bad for ${hold / 1000} s, medians of ${runs}: detect / errors / late / recover.`, '',
  table(['fault', ...through], rows((of) => `${figure(middle(of, 'detect'))} / ${percent(middle(of, 'errors'), 2)} / ${percent(middle(of, 'late'), 2)} / ${recovery(of)}`)), '',
  `The 99th percentile of all answers meanwhile, the worst; errors after it was well; what the errors were${tool === 'write' ? '; calls that ran twice' : ''}.`, '',
  table(['fault', ...through], rows((of) => [ms(worst(of.map((one) => one.p99))), worst(of.map((one) => one.later)), Object.entries(kinds(of)).map(([kind, n]) => `${n} ${kind}`).join(', ') || 'none', ...(tool === 'write' ? [`${worst(of.map((one) => one.doubled))} doubled`] : [])].join('; '))),
].join('\n'), all);
