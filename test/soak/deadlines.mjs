// A client gives its calls a second: in every fault, of one replica of three and of all, with a tool that may be repeated and
// one that may not. Usage: node deadlines.mjs [--fault NAME,NAME] [--calls 15] [--era new|old] [--weir PATH] [--write FILE]. How
// long answers took at most; how late a timer of this process's own was meanwhile; and whether replicas that had a call and
// would never have answered in time were told. Exit code 1 if an answer took longer than 1.05 s, or a replica was not told.
import { last, ms, option, report, table, tally, worst } from './measure.mjs';
import { faults } from './faults.mjs';
import { call, endAll, now, startGateway, startReplicas, until } from '../e2e/replicas.mjs';

const [time, bound] = [1000, 1050];
const count = option('calls', 15);
const names = ['none', ...Object.keys(faults)].filter((name) => (option('fault') ?? name).split(',').includes(name));
// In these a replica keeps a call and its connection; in all others it answers, cuts, or can't hear.
const held = ['none', 'hang', 'hang_calls', 'gray_hang', 'trickle'];
// Without a fault the tool itself takes too long, which this one's annotations allow to repeat.
const tools = (name) => (name === 'none' ? ['slow'] : ['echo', 'write']);

// A call, and how late a timer was that began with it.
async function timed(url, tool, id) {
  let late;
  const timer = new Promise((done) => ((begun) => setTimeout(() => done((late = now() - begun - time)), time))(now()));
  const record = await call(url, { id, tool, args: { ms: 5000 }, wishes: { 'weir/timeoutMs': time }, from: `127.0.0.${10 + (count % 20)}` });
  await timer;
  return { ...record, late };
}
async function cell(name, replicas, bad) {
  const fault = faults[name];
  await Promise.all(replicas.map((one) => one.reset()));
  const weir = await startGateway(replicas);
  try {
    await Promise.all(bad.map((one) => fault?.begin(one)));
    const calls = [];
    for (let i = 0; i < count; ++i) {
      for (const tool of tools(name)) calls.push(timed(weir.url, tool, `${name}-${bad.length}-${tool}-${i}`));
      await last(100);
    }
    const records = await Promise.all(calls);
    const told = held.includes(name) ? await toldOf(bad, records) : undefined;
    await Promise.all(bad.map((one) => fault?.heal(one)));
    return { name, bad: bad.length, records, told };
  } finally {
    await weir.stop();
  }
}
// Of the calls that the bad ones hold: how many were given up by the gateway, and how long after they had begun at most.
async function toldOf(bad, records) {
  const begun = new Map(records.map((one) => [one.id, one.start]));
  const look = async () => (await Promise.all(bad.map((one) => one.counters()))).flatMap(({ calls }) => calls).filter((one) => one.met || one.tool === 'slow');
  const ended = (one) => one.cancelled ?? one.left;
  await until(async () => (await look()).every(ended), 1000, 'the last word').catch(() => {});
  const all = await look();
  return { all: all.length, ended: all.filter(ended).length, latest: worst(all.map((one) => (ended(one) ? ended(one) - begun.get(one.id) : null))) };
}

const replicas = await startReplicas(3, { latency: 10, era: option('era', 'new') });
const rows = [];
const raw = [];
let failed = 0;
try {
  for (const name of names)
    for (const bad of name === 'none' ? [replicas] : [[replicas[1]], replicas]) {
      const got = await cell(name, replicas, bad);
      raw.push({ ...got, records: got.records.map(({ tool, start, end, outcome, code, late }) => ({ tool, took: end - start, outcome, code, late })) });
      for (const tool of tools(name)) {
        const some = got.records.filter((one) => one.tool === tool);
        const slowest = some.reduce((a, b) => (b.end - b.start > a.end - a.start ? b : a));
        const wrong = [
          slowest.end - slowest.start > bound && `after ${(slowest.end - slowest.start).toFixed(0)} ms`,
          some.some((one) => !['ok', 'rpc_error', 'tool_error'].includes(one.outcome)) && 'not answered',
          tool === tools(name)[0] && got.told && got.told.ended < got.told.all && `${got.told.all - got.told.ended} not told`,
        ].filter(Boolean);
        failed += wrong.length;
        const told = got.told ? `${got.told.ended} of ${got.told.all}, ${ms(got.told.latest)}` : '-';
        rows.push([name, bad.length, tool, `${(slowest.end - slowest.start).toFixed(0)} ms`, `${slowest.late.toFixed(0)} ms (${Math.max(...some.map((one) => one.late)).toFixed(0)} ms)`, Object.entries(tally(some)).map(([kind, times]) => `${times} ${kind}`).join(', '), told, wrong.length ? `BROKEN: ${wrong.join(', ')}` : 'ok']);
        console.error(rows.at(-1).join('; '));
      }
    }
} finally {
  await endAll(replicas);
}
report([
  `Calls with \`weir/timeoutMs\` ${time}, ${count} of each tool in the first ${((count * 100) / 1000).toFixed(1)} s of a fault of one of three replicas and of all three: the slowest answer, from sending to its end (at most ${bound} ms); how late a timer of as long was that began with it (and at worst). Of calls that a replica held and would not have answered in time, of both tools: how many it saw given up, and how long after their start at most.`,
  '',
  table(['fault', 'bad of 3', 'tool', 'slowest', 'own timer late', 'answers', 'given up at the replica', ''], rows),
].join('\n'), raw);
process.exit(failed ? 1 : 0);
