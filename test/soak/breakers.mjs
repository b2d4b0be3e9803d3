// What breakers do, at real replicas: when they open, how few calls try an endpoint that is half open, how often one that flaps
// changes its state, how soon one that is well again is closed. Usage: node breakers.mjs [--only PART,PART] [--seconds 60: of
// flapping] [--weir PATH] [--write FILE]. A table of what is expected and what was measured; exit code 1 if a bound is broken.
import { last, ms, option, report, table, worst } from './measure.mjs';
import { faults } from './faults.mjs';
import { OpenLoop, call, endAll, now, startGateway, startReplicas, stateOf, until } from '../e2e/replicas.mjs';

const seconds = option('seconds', 60);
const rows = [];
function say(part, what, expected, measured, good) {
  rows.push([part, what, expected, measured, good ? 'ok' : 'BROKEN']);
  console.error(rows.at(-1).join('; '));
}
async function before(count, server, work, { latency = 0 } = {}) {
  const replicas = await startReplicas(count, { latency });
  let weir;
  try {
    weir = await startGateway(replicas, { server });
    await Promise.all(replicas.map((one) => one.reset()));
    await work(weir, replicas);
  } finally {
    await weir?.stop();
    await endAll(replicas);
  }
}
let number = 0;
async function inTurn(weir, count) {
  const records = [];
  for (let i = 0; i < count; ++i) records.push(await call(weir.url, { id: `t${++number}` }));
  return records;
}
const breaker = async (weir, replica) => (await stateOf(weir, replica))?.breaker;
const becomes = (weir, replica, state, time = 20000) => until(async () => (await breaker(weir, replica)) === state, time, state);
const got = async (replica) => (await replica.counters()).calls.length;
const lines = (weir, replica) => weir.log.split('\n').filter((line) => line.includes('"module":"health"')).map((line) => JSON.parse(line)).filter((one) => one.endpoint === replica.url);
const opened = (weir) => weir.log.includes('circuit breaker open');
// One whose calls fail is not asked by chance meanwhile: it stays open for long.
const long = { outlier_detection: { base_ejection_time: '1h', max_ejection_time: '1h' } };

const parts = {
  in_a_row: async () => {
    for (const [failure_threshold, kind] of [[1, 's503'], [2, 'reset'], [undefined, 's503'], [8, 'garbage']]) {
      const most = failure_threshold ?? 5;
      await before(1, { retry: false, ...long, circuit_breaker: { ...(failure_threshold ? { failure_threshold } : {}), timeout: '1h' } }, async (weir, [one]) => {
        await inTurn(weir, 10);
        await one.fault(kind, { only: 'calls' });
        await one.reset();
        await inTurn(weir, most - 1);
        const early = opened(weir);
        await inTurn(weir, 1);
        const open = await becomes(weir, one, 'open', 5000).then(() => true, () => false);
        await inTurn(weir, 50);
        const calls = await got(one);
        say('in a row', `failure_threshold ${failure_threshold ?? '5, the default'}, ${kind}: calls that the server had of ${most + 50}`, `${most}, then open`, `${calls}, ${open ? 'open' : 'not open'}${early ? ', early' : ''}`, open && !early && calls === most);
      });
    }
  },
  share: async () => {
    for (const [threshold, share, opens] of [['20%', 0.5, true], ['30%', 0.1, false], [0, 0.5, false]])
      await before(1, { retry: false, outlier_detection: { ...long.outlier_detection, min_requests: 20 }, circuit_breaker: { error_rate_threshold: threshold, failure_threshold: 1000, timeout: '1h' } }, async (weir, [one]) => {
        await one.fault('s503', { only: 'calls', share });
        const calls = await inTurn(weir, 200);
        const failed = calls.filter((some) => some.outcome !== 'ok').length;
        say('share', `error_rate_threshold ${threshold}, ${share * 100} % of 200 calls fail`, opens ? 'opens once it knows about 20 (lists that Weir asks for count)' : 'stays closed', `${opened(weir) ? 'opened' : 'closed'}, the server had ${await got(one)} calls, ${failed} failed`, opened(weir) === opens && (opens ? (await got(one)) >= 15 && (await got(one)) < 60 : (await got(one)) === 200));
      });
  },
  permits: async () => {
    for (const [count, most] of [[1, 1], [1, undefined], [1, 7], [3, undefined]])
      await before(count, { retry: false, load_balancing: { strategy: 'round_robin', slow_start: '0s' }, circuit_breaker: { success_threshold: 10000, ...(most ? { half_open_max_requests: most } : {}) } }, async (weir, replicas) => {
        const [one] = replicas;
        // Refused connections: with several endpoints that alone opens it at once.
        await one.fault(count > 1 ? 'refuse' : 'reset', count > 1 ? {} : { only: 'calls' });
        await inTurn(weir, 6);
        await becomes(weir, one, 'open');
        await one.latency(50);
        await one.heal();
        const loop = new OpenLoop(weir.url, { rate: 300 });
        const half = await becomes(weir, one, 'half_open').then(() => true, () => false);
        await last(4000);
        const { most_in_flight, calls } = await one.counters();
        const still = await breaker(weir, one);
        await loop.stop();
        say('permits', `half_open_max_requests ${most ?? '3, the default'}, 300 calls/s of 50 ms, one of ${count}: most under way at it, of ${calls.length}`, `${most ?? 3}, half open all the time`, `${most_in_flight}, ${half ? still : 'not half open'}`, half && still === 'half_open' && calls.length > 20 && most_in_flight === (most ?? 3));
      });
  },
  flapping: async () => {
    const bound = Math.ceil((12 * seconds) / 60);
    const ways = [['port closed and open, 300 ms each', ['flap', { period: 300 }]], ['port closed and open, 2 s each', ['flap', { period: 2000 }]], ['half of its calls fail', ['s503', { only: 'calls', share: 0.5 }]], ['well and 503 by turns of 1 s', null]];
    await Promise.all(ways.map(([what, fault]) => before(2, { load_balancing: { strategy: 'round_robin' } }, async (weir, [one]) => {
      const loop = new OpenLoop(weir.url, { rate: 60 });
      let turns;
      if (fault) await one.fault(...fault);
      else turns = setInterval(() => void (Math.round(now() / 1000) % 2 ? one.heal() : one.fault('s503')), 1000);
      await last(seconds * 1000);
      clearInterval(turns);
      await one.heal();
      const records = await loop.stop();
      const told = lines(weir, one).map((line) => line.message);
      const changes = (list) => list.filter((line, i) => i && line !== list[i - 1]).length;
      const states = changes(told.filter((line) => ['healthy', 'degraded', 'unhealthy', 'unreachable'].includes(line)));
      const moves = told.filter((line) => line.startsWith('circuit breaker'));
      // A trial that fails leaves it as it was: open.
      const breaks = changes(['circuit breaker closed', ...moves.filter((line) => !line.endsWith('half_open'))]);
      const failed = records.filter((some) => some.outcome !== 'ok').length;
      say('flapping', `one of two, ${what}, ${seconds} s: changes of its state / of its breaker between closed and open`, `at most ${bound} each`, `${states} / ${breaks} (${moves.length} with trials, half open; ${told.length} lines of log; ${failed} of ${records.length} calls failed)`, states <= bound && breaks <= bound);
    })));
  },
  recovery: async () => {
    const cases = [[3, 's503_calls', 60], [3, 'stop', 60], [3, 'kill', 60], [1, 's503_calls', 60], [3, 'hang', 60], [1, 'reset_calls', 5], [1, 'kill', 5]];
    await Promise.all(cases.map(([count, name, rate]) => before(count, {}, async (weir, replicas) => {
      const [one] = replicas;
      const loop = new OpenLoop(weir.url, { rate, make: () => ({ patience: 20000 }) });
      await last(1000);
      await faults[name].begin(one);
      await becomes(weir, one, 'open').catch(() => {});
      await last(10000);
      const opens = opened(weir);
      await faults[name].heal(one);
      const well = now();
      const closed = await becomes(weir, one, 'closed', 40000).then(() => now() - well, () => null);
      await loop.stop();
      say('recovery', `one of ${count}, ${name} for 10 s, ${rate} calls/s: closed after it is well`, 'opened; < 30 s', `${opens ? '' : 'not opened; '}${ms(worst([closed]))}`, opens && closed !== null && closed < 30000);
    }, { latency: 10 })));
  },
};

for (const [name, run] of Object.entries(parts)) {
  if (!(option('only') ?? name).split(',').includes(name)) continue;
  await run().catch((error) => (console.error(error.stack), say(name, 'the measurement itself', 'no error', error.message, false)));
}
report(table(['part', 'what', 'expected', 'measured', ''], rows), rows);
process.exit(rows.some((row) => row.at(-1) !== 'ok') ? 1 : 0);
