// What faults_table.mjs measures of one fault: {name, through: targets, runs, random, hold, rate} gives figures of each run and target.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { at, last, shuffled, sorted, tally } from './measure.mjs';
import { faults } from './faults.mjs';
import { oneBad } from './one_bad.mjs';
import { targets } from './peers.mjs';
import { OpenLoop, endAll, now, startGateway, startReplicas, until } from '../e2e/replicas.mjs';

export const down = ['kill', 'refuse', 'stop', 'reset', 's503'];
const count = 3;
const hedged = (replicas) => startGateway(replicas, { server: { hedge: { delay: 'p95' } } });
const start = (target) => (target === 'weir' ? hedged : targets[target]);
const took = (records) => sorted(records.map((one) => one.end - one.due));

// Every run of every target, in shuffled order, before the same replicas. A run in which calls were not made when they were
// due says more of the machine than of what it measures: it is made again, twice at most.
export const tolerated = 100; // ms
async function each({ through, runs, random, name }, options, one) {
  const replicas = await startReplicas(count, { latency: 10, ...options });
  const all = [];
  try {
    for (let i = 0; i < runs; ++i)
      for (const target of shuffled(through, random)) {
        let got;
        for (let tries = 0; tries < 3 && !(got?.late < tolerated); ++tries) got = { name, target, run: i, tries, ...(await one(target, replicas, `${i}.${tries}`)) };
        all.push(got);
        console.error(`${name} ${target} #${i}: ${JSON.stringify({ ...got, name: undefined, target: undefined })}`);
      }
  } finally {
    await endAll(replicas);
  }
  return all;
}

export const reading = (of) =>
  each(of, {}, async (target, replicas) => {
    const { hold, rate, random, name } = of;
    const { during, records, healed, late, detect, recover } = await oneBad({ fault: faults[name], start: start(target), replicas, bad: replicas[random(count)], tool: 'echo', rate, hold, random });
    const errors = during.filter((one) => one.outcome !== 'ok');
    const times = took(during);
    return {
      calls: during.length, late, errors: errors.length / during.length, kinds: tally(errors), p50: at(times, 0.5), p99: at(times, 0.99), detect, recover,
      later: records.filter((one) => one.due >= healed && one.outcome !== 'ok').length,
    };
  });

// `untold`: calls that ran, or were cut, and whose client was told anything else than that they may have run; and those said
// never to have been sent that ran.
export async function writing(of) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-writes-'));
  const journal = path.join(folder, 'journal');
  fs.writeFileSync(journal, '');
  try {
    return await each(of, { journal }, async (target, replicas, i) => {
      const { hold, rate, random, name } = of;
      const prefix = `${target.replace(/\W+/g, '')}-${i}-`;
      const { records, late } = await oneBad({ fault: faults[name], start: start(target), replicas, bad: replicas[random(count)], tool: 'write', rate, hold, random, prefix });
      await Promise.all(replicas.map((one) => one.counters())); // what was sent before is in the journal
      const ran = {};
      for (const id of fs.readFileSync(journal, 'utf8').split('\n')) if (id.startsWith(prefix)) ran[id] = (ran[id] ?? 0) + 1;
      const errors = records.filter((one) => !['ok', 'timeout'].includes(one.outcome));
      const unknown = ({ code, sent }) => code === 1007 || sent === 'maybe';
      const untold = errors.filter((one) => (ran[one.id] ? !unknown(one) : !unknown(one) && one.sent !== 'no'));
      return {
        calls: records.length, late, errors: errors.length / records.length, kinds: tally(errors), left: records.filter((one) => one.outcome === 'timeout').length,
        doubled: Object.values(ran).filter((times) => times > 1).length, untold: untold.length, untold_kinds: tally(untold),
      };
    });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

// From 1.5 s on it may be known. `first`: from when the first of them is well again.
export const allDown = (of) =>
  each(of, {}, async (target, replicas) => {
    const { hold, rate, name, random } = of;
    const gateway = await start(target)(replicas);
    const loop = new OpenLoop(gateway.url, { rate });
    let records;
    try {
      await last(1000 + random(300));
      await Promise.all(replicas.map((one) => faults[name].begin(one)));
      const begun = now();
      await last(hold);
      const heal = async (one) => (await faults[name].heal(one), now());
      const healing = now();
      const well = name === 'stop' ? healing : await Promise.any(replicas.map(heal));
      if (name === 'stop') await Promise.all(replicas.map(heal));
      let good;
      await until(() => (good = loop.records.filter((one) => one.outcome === 'ok' && one.end >= well).map((one) => one.end)).length, 40000, 'a good answer').catch(() => {});
      await last(500);
      await until(async () => (await Promise.all(replicas.map((one) => one.counters().then(() => true, () => false)))).every(Boolean), 20000, 'all replicas');
      records = await loop.stop();
      const known = records.filter((one) => one.due >= begun + 1500 && one.end < healing);
      return {
        calls: known.length, late: Math.max(...records.map((one) => one.start - one.due)), p50: at(took(known), 0.5), said: known.filter((one) => one.code === 1005 && one.retry_after > 0).length / known.length,
        first: good.length ? Math.min(...good) - well : null, kinds: tally(known.filter((one) => one.outcome !== 'ok')),
        later: tally(records.filter((one) => one.start >= well + 500 && one.outcome !== 'ok')),
      };
    } finally {
      if (!records) await loop.stop();
      await gateway.stop();
    }
  });
