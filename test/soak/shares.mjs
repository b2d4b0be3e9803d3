// Who gets which share of the calls, strategy by strategy, on real replicas. Usage: node shares.mjs [--only NAME] [--calls
// 600] [--keys 2000] [--seed 1] [--era new|old] [--weir PATH] [--write FILE]. A table of what is expected and what was measured;
// exit code 1 if a bound is broken. What is a matter of chance has bounds of four standard deviations.
import http from 'node:http';
import { back, last, ms, numbers, option, percent, report, table, within } from './measure.mjs';
import { OpenLoop, call, endAll, healthy, now, shares, startGateway, startReplicas, unhealthy, until } from '../e2e/replicas.mjs';

const calls = option('calls', 600);
const keys = option('keys', 2000) | 1; // odd: a mere rotation is not to look like stickiness
const random = numbers(option('seed', 1));
const rows = [];
function say(strategy, what, expected, measured, good) {
  rows.push([strategy, what, expected, measured, good ? 'ok' : 'BROKEN']);
  console.error(rows.at(-1).join('; '));
}

// Calls made by `workers` side by side, the n-th as make(n) has it: their records in the order of n.
async function closedLoop(url, total, workers, make = () => ({})) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: workers });
  const records = [];
  let next = 0;
  const worker = async () => {
    for (let n; (n = next++) < total; ) records[n] = await call(url, { id: `k${n}`, agent, patience: 10000, ...make(n) });
  };
  await Promise.all(Array.from({ length: workers }, worker));
  agent.destroy();
  const ill = records.filter((one) => one.outcome !== 'ok');
  if (ill.length) console.error(`${ill.length} calls failed: ${JSON.stringify(ill[0])}`);
  return records;
}
async function balanced(count, load_balancing, work, { latency = 0, endpoints } = {}) {
  const replicas = await startReplicas(count, { latency, era: option('era', 'new') });
  let weir;
  try {
    weir = await startGateway(replicas, { server: { load_balancing }, endpoints });
    await Promise.all(replicas.map((one) => one.reset()));
    await work(weir, replicas);
  } finally {
    await weir?.stop();
    await endAll(replicas);
  }
}
const listed = (some) => Object.values(some).map((one) => percent(one)).join(' ');
// The greatest distance of a share from its weight's.
const off = (some, weights) => Math.max(...Object.values(some).map((one, i) => Math.abs(one - weights[i] / weights.reduce((a, b) => a + b))));
const longest = (ids) => ids.reduce(([most, run, before], id) => ((run = id === before ? run + 1 : 1), [Math.max(most, run), run, id]), [0, 0])[0];
// The longest run of one place in a smooth rotation, all around.
function smooth(weights) {
  const all = weights.reduce((a, b) => a + b);
  const current = weights.map(() => 0);
  return longest(Array.from({ length: 2 * all }, () => {
    current.forEach((_, i) => (current[i] += weights[i]));
    const best = current.indexOf(Math.max(...current));
    current[best] -= all;
    return best;
  }));
}

const parts = {
  round_robin: () => balanced(3, { strategy: 'round_robin' }, async (weir, replicas) => {
    const ids = (await closedLoop(weir.url, calls, 1)).map((one) => one.replica);
    const got = await shares(replicas);
    say('round_robin', 'shares of 3, one caller', '33.3 % each, 1 % off at most', listed(got), off(got, [1, 1, 1]) <= 0.01);
    say('round_robin', 'longest run of one', '1 (2 where something else took a turn)', longest(ids), longest(ids) <= 2);
    await Promise.all(replicas.map((one) => one.reset()));
    await closedLoop(weir.url, calls, 16);
    const many = await shares(replicas);
    say('round_robin', 'shares of 3, 16 callers', '33.3 % each, 1 % off at most', listed(many), off(many, [1, 1, 1]) <= 0.01);
  }),
  weighted_round_robin: async () => {
    for (const [weights, way] of [[[5, 3, 1], 'weight'], [[6, 1, 1], 'weights'], [[10, 1, 1], 'weight']]) {
      const replicas = await startReplicas(3, { era: option('era', 'new') });
      const load_balancing = { strategy: 'weighted_round_robin', ...(way === 'weights' ? { weights: Object.fromEntries(replicas.map((one, i) => [one.url, weights[i]])) } : {}) };
      const weir = await startGateway(replicas, { server: { load_balancing }, endpoints: (i) => (way === 'weight' ? { weight: weights[i] } : {}) }).catch(async (error) => (await endAll(replicas), Promise.reject(error)));
      await Promise.all(replicas.map((one) => one.reset()));
      const ids = (await closedLoop(weir.url, calls, 1)).map((one) => one.replica);
      const got = await shares(replicas);
      await weir.stop();
      await endAll(replicas);
      const most = smooth(weights);
      say('weighted_round_robin', `shares by ${way} ${weights.join(':')}`, weights.map((one) => percent(one / weights.reduce((a, b) => a + b))).join(' ') + ', 1 % off at most', listed(got), off(got, weights) <= 0.01);
      say('weighted_round_robin', `longest run of one, ${weights.join(':')}`, `${most} (smooth; one more at most)`, longest(ids), longest(ids) <= most + 1);
    }
  },
  random: () => balanced(3, { strategy: 'random' }, async (weir, replicas) => {
    const ids = (await closedLoop(weir.url, calls, 1)).map((one) => one.replica);
    await Promise.all(replicas.map((one) => one.reset()));
    // Of so many, four standard deviations are 2 %.
    await closedLoop(weir.url, 9000, 16);
    const got = await shares(replicas);
    say('random', 'shares of 3, 9,000 calls', '33.3 % each, 2 % off at most', listed(got), off(got, [1, 1, 1]) <= 0.02);
    say('random', 'longest run of one: no rotation', '3 to 16', longest(ids), longest(ids) >= 3 && longest(ids) <= 16);
  }),
  least_connections: () => balanced(3, { strategy: 'least_connections' }, async (weir, replicas) => {
    await closedLoop(weir.url, calls, 12);
    const even = await shares(replicas);
    say('least_connections', 'shares of 3 equal ones, 12 callers', '33.3 % each, 5 % off at most', listed(even), off(even, [1, 1, 1]) <= 0.05);
    await replicas[0].latency(100);
    await Promise.all(replicas.map((one) => one.reset()));
    await closedLoop(weir.url, calls, 12);
    const got = await shares(replicas);
    say('least_connections', 'share of one 10x slower (100 ms), 12 callers', '4.8 % (1 to 10 + 10 + 1), 10 % at most', listed(got), got.r0 <= 0.1 && got.r0 > 0);
  }, { latency: 10 }),
  consistent_hash: () => balanced(10, { strategy: 'consistent_hash', hash_key: 'header:X-Key', slow_start: '0s' }, async (weir, replicas) => {
    // One at a time: the bound of load is not to move a key.
    const where = async () => (await closedLoop(weir.url, keys, 1, (n) => ({ headers: { 'X-Key': `key-${n}` } }))).map((one) => one.replica);
    const first = await where();
    const got = Object.values(await shares(replicas)).map((one) => one * 10);
    say('consistent_hash', `evenness of ${keys} keys on 10`, 'least / most of the mean: >= 0.65 / <= 1.25', `${Math.min(...got).toFixed(2)} / ${Math.max(...got).toFixed(2)}`, Math.min(...got) >= 0.65 && Math.max(...got) <= 1.25);
    const again = await where();
    say('consistent_hash', 'keys that moved though nothing changed', '0', again.filter((id, n) => id !== first[n]).length, again.every((id, n) => id === first[n]));
    const bad = replicas[random(10)];
    await bad.kill();
    await unhealthy(weir, bad);
    const without = await where();
    const its = first.filter((id) => id === bad.id).length;
    const moved = without.filter((id, n) => id !== first[n]).length;
    say('consistent_hash', 'keys that moved as one of 10 left', `its own ${its} (${percent(its / keys)}), no other`, moved, moved === its);
    const heirs = new Set(without.filter((_, n) => first[n] === bad.id)).size;
    say('consistent_hash', 'how many of the 9 inherited its keys', '>= 6', heirs, heirs >= 6);
    await bad.restart();
    await healthy(weir, replicas);
    const back_again = (await where()).filter((id, n) => id !== first[n]).length;
    say('consistent_hash', 'keys that are elsewhere after its return', '0', back_again, back_again === 0);
  }),
  hash_keys: async () => {
    const stays = async (hash_key, what, make) => balanced(4, { strategy: 'consistent_hash', hash_key }, async (weir) => {
      const kinds = 41; // no multiple of 4, likewise
      const seen = new Map();
      const records = await closedLoop(weir.url, kinds * 8, 1, (n) => make(n % kinds, n));
      records.forEach((one, n) => seen.set(n % kinds, (seen.get(n % kinds) ?? new Set()).add(one.replica)));
      const torn = [...seen.values()].filter((ids) => ids.size > 1).length;
      const used = new Set(records.map((one) => one.replica)).size;
      say('consistent_hash', `${kinds} ${what}: torn ones, replicas of 4 in use`, '0, 4', `${torn}, ${used}`, torn === 0 && used === 4);
    });
    await stays('client', 'clients (addresses)', (k) => ({ from: `127.0.0.${k + 10}` }));
    await stays('client', 'clients (bearer tokens)', (k) => ({ headers: { Authorization: `Bearer client-${k}` } }));
    // The same arguments in full, without the id and the time that calls carry otherwise; of a tool that nobody may remember.
    await stays('arguments', 'arguments', (k) => ({ tool: 'write', args: { id: k, sent: undefined, city: `city ${k}` } }));
    await stays('header:X-Key', 'values of a header', (k, n) => ({ headers: { 'X-Key': `v${k}`, Authorization: `Bearer any-${n}` } }));
  },
  bounded_load: () => balanced(10, { strategy: 'consistent_hash', hash_key: 'header:X-Key' }, async (weir, replicas) => {
    const workers = 40;
    await closedLoop(weir.url, calls, workers, () => ({ tool: 'slow', args: { ms: 50 }, headers: { 'X-Key': 'hot' } }));
    const most = Math.max(...(await Promise.all(replicas.map((one) => one.counters()))).map((one) => one.most_in_flight));
    const bound = Math.ceil((1.25 * workers) / replicas.length);
    say('consistent_hash', `one hot key, ${workers} at once on 10: most in flight of one`, `${bound} (1.25 of the fair share; one more at most)`, most, most <= bound + 1);
  }),
  adaptive_latency: () => balanced(3, { strategy: 'adaptive_latency' }, async (weir, replicas) => {
    const loop = new OpenLoop(weir.url, { rate: 150 });
    try {
      await last(3000);
      const got = await shares(replicas, now() - 2500);
      say('adaptive_latency', 'shares of 3 equal ones', '33.3 % each, 15 % off at most', listed(got), off(got, [1, 1, 1]) <= 0.15);
      const times = async () => (await Promise.all(replicas.map((one) => one.counters()))).map(({ calls: some }) => some.map((one) => one.at));
      await replicas[0].latency(100);
      const begun = now();
      await last(6000);
      const [slow, ...others] = await times();
      const share = within(slow, begun + 3000, begun + 6000) / within([slow, ...others].flat(), begun + 3000, begun + 6000);
      say('adaptive_latency', 'share of one 10x slower (100 ms), from 3 s to 6 s', '<= 10 %, more than none', percent(share), share <= 0.1 && share > 0);
      await replicas[0].latency(10);
      const healed = now();
      let took = null;
      await until(async () => {
        const all = await times();
        return (took = back(all[0], all.flat(), healed, now(), 1 / 3)) !== null || (await last(200), false);
      }, 30000, 'its return').catch(() => {});
      say('adaptive_latency', 'half of its share again, after it is quick again', '<= 5 s', ms(took), took !== null && took <= 5000);
    } finally {
      const ill = (await loop.stop()).filter((one) => one.outcome !== 'ok').length;
      say('adaptive_latency', 'calls that failed meanwhile', '0', ill, ill === 0);
    }
  }, { latency: 10 }),
  priority: () => balanced(3, { strategy: 'round_robin' }, async (weir, replicas) => {
    await closedLoop(weir.url, calls / 2, 4);
    const got = await shares(replicas);
    say('priority', 'share of a backup while the others are well', '0 %', percent(got.r2), got.r2 === 0);
    await Promise.all([replicas[0].kill(), replicas[1].kill()]);
    await unhealthy(weir, replicas[0]);
    await unhealthy(weir, replicas[1]);
    const records = await closedLoop(weir.url, calls / 2, 4);
    const good = records.filter((one) => one.outcome === 'ok' && one.replica === 'r2').length;
    say('priority', 'calls that the backup answers once they are gone', `${calls / 2}`, good, good === calls / 2);
  }, { endpoints: (i) => ({ priority: i === 2 ? 1 : 0 }) }),
};

for (const [name, run] of Object.entries(parts)) {
  if (!(option('only') ?? name).split(',').includes(name)) continue;
  await run().catch((error) => (console.error(error.stack), say(name, 'the measurement itself', 'no error', error.message, false)));
}
report(table(['strategy', 'what', 'expected', 'measured', ''], rows), rows);
process.exit(rows.some((row) => row.at(-1) !== 'ok') ? 1 : 0);
