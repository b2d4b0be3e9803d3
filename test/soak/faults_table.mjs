// The table of faults: one of three replicas bad in each way, 150 calls/s, hedging on; errors that clients see, times to the
// answer, detection, recovery, through Weir and beside it nginx and HAProxy. Usage: node faults_table.mjs [--writes |
// --all-down] [--alone: without the others] [--fault NAME,NAME] [--runs 1] [--seed 1] [--jobs 1: faults at the same time]
// [--hold 4000] [--rate 150] [--weir PATH] [--write FILE]. --writes: a tool that must not run twice: what ran is counted at the
// replicas, and what was cut must be told so. --all-down: all three bad: how fast that is said, and how fast it is over.
// Exit code 1 where Weir breaks a bound; the others are held to none.
import { fork } from 'node:child_process';
import { flag, median, ms, numbers, option, over, percent, report, table, tally, worst } from './measure.mjs';
import { faults } from './faults.mjs';
import { allDown, down, reading, tolerated, writing } from './table_runs.mjs';
import { targets } from './peers.mjs';

const mode = flag('all-down') ? 'all-down' : flag('writes') ? 'writes' : 'reads';
const runs = option('runs', 1);
const seed = option('seed', 1);
const jobs = option('jobs', 1);
const peers = Object.keys(targets).filter((name) => /defaults|MCP/.test(name));
const through = ['weir', ...(flag('alone') ? [] : peers)];
const known = mode === 'all-down' ? down : Object.keys(faults);
const names = known.filter((name) => (option('fault') ?? name).split(',').includes(name));

// Bounds: errors as a share of the calls, times in ms.
const [none, few, back] = [{ errors: 0, recover: 5000 }, { errors: 0.002, p99: 500, recover: 5000 }, { recover: 5000 }];
const bounds = {
  kill: none, refuse: none, reset: none, reset_calls: none, reset_mid: none, s500: none, s503: none, s500_calls: none, s503_calls: none,
  gray_503: none, garbage: none, badjson: none, wrong_id: none, stop: few, blackhole: few, hang: few, hang_calls: few, gray_hang: few,
  slow: back, trickle: back, flap: {},
};
const never = (of) => of.every((one) => one.detect === null);
const most = (of, key) => worst(of.map((one) => one[key]));
const figure = (value) => (value === Infinity ? 'never' : ms(value));
const middle = (of, key) => figure(median(of.map((one) => one[key] ?? Infinity)));

// By mode: what a run measures, its columns, and which bounds of Weir's runs are broken. Each run counts.
const modes = {
  reads: {
    measure: reading,
    title: (hold, rate) => `${rate} calls/s of a read-only tool, one of 3 replicas bad for ${hold / 1000} s, hedging at p95 (Weir), ${runs} runs, seed ${seed}: errors / p50 / p99 (the worst) / detected / half its share again (medians).`,
    cell: (of) => `${percent(most(of, 'errors'), 2)} / ${middle(of, 'p50')} / ${ms(most(of, 'p99'))} / ${middle(of, 'detect')} / ${never(of) ? '-' : middle(of, 'recover')}`,
    broken: (of, bound) => ['errors', 'p99', 'recover'].filter((key) => over(most(of, key), key === 'recover' && never(of) ? undefined : bound[key])).map((key) => `${key} ${key === 'errors' ? percent(most(of, key), 2) : ms(most(of, key))}`),
  },
  writes: {
    measure: writing,
    title: (hold, rate) => `${rate} calls/s of a tool that is not idempotent, one of 3 replicas bad for ${hold / 1000} s, ${runs} runs, seed ${seed}: errors / left by the client after 5.5 s / run twice / run or cut without its client being told.`,
    cell: (of) => `${percent(most(of, 'errors'), 2)} / ${most(of, 'left')} / ${most(of, 'doubled')} / ${most(of, 'untold')}`,
    broken: (of) => ['doubled', 'untold'].filter((key) => most(of, key)).map((key) => `${most(of, key)} ${key}`),
  },
  'all-down': {
    measure: allDown,
    title: (hold, rate) => `${rate} calls/s of a read-only tool, all 3 replicas bad for ${hold / 1000} s, ${runs} runs, seed ${seed}, from 1.5 s on: median time to the answer / answers that are 1005 with retry_after_ms / from being well again to the first good answer (the worst).`,
    cell: (of) => `${ms(most(of, 'p50'))} / ${percent(Math.min(...of.map((one) => one.said)), 1)} / ${ms(most(of, 'first'))}`,
    // Those that are there and answer badly may be asked again and again.
    broken: (of, bound, name) => [over(most(of, 'first'), 500) && `back after ${ms(most(of, 'first'))}`, ...(['reset', 's503'].includes(name) ? [] : [over(most(of, 'p50'), 20) && `median ${ms(most(of, 'p50'))}`, of.some((one) => one.said < 0.99) && 'not 1005 with retry_after_ms'])].filter(Boolean),
  },
};
const { measure, title, cell, broken } = modes[mode];
const setting = { hold: option('hold', 4000), rate: option('rate', 150) };

// All runs of one fault, in a process of its own.
if (flag('cell')) {
  const got = await measure({ ...setting, name: names[0], through, runs, random: numbers(seed * 1000 + known.indexOf(names[0])) });
  process.send(got, () => process.exit());
} else {
  const results = {};
  const queue = [...names];
  const apart = (name) =>
    new Promise((done) => {
      const child = fork(process.argv[1], ['--cell', '--fault', name, ...process.argv.slice(2)], { serialization: 'advanced' });
      child.on('message', (got) => (results[name] = got));
      child.on('exit', done);
    });
  const work = async () => {
    for (let name; (name = queue.shift()); ) await apart(name);
  };
  await Promise.all(Array.from({ length: jobs }, work));
  let failed = 0;
  const told = [];
  const rows = names.map((name) => {
    const of = (target) => (results[name] ?? []).filter((one) => one.target === target);
    const wrong = of('weir').length < runs ? ['not measured'] : broken(of('weir'), bounds[name] ?? {}, name);
    failed += wrong.length;
    const late = most(of('weir'), 'late');
    if (wrong.length && late > tolerated) wrong.push(`but calls were made up to ${ms(late)} late: measure it on a machine that has time`);
    for (const target of through) {
      const kinds = tally(of(target).flatMap((one) => Object.entries(one.kinds).flatMap(([outcome, times]) => Array(times).fill({ outcome }))));
      if (Object.keys(kinds).length) told.push(`- ${name}, ${target}: ${Object.entries(kinds).map(([kind, times]) => `${times} ${kind}`).join(', ')}`);
    }
    return [name, ...through.map((target) => (of(target).length ? cell(of(target)) : '-')), wrong.length ? `BROKEN: ${wrong.join(', ')}` : 'ok'];
  });
  report([title(setting.hold, setting.rate), '', table(['fault', ...through, 'verdict on Weir'], rows), '', 'What the errors were:', '', ...told].join('\n'), Object.values(results).flat());
  process.exit(failed ? 1 : 0);
}
