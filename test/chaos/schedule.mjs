// What a seed stands for: servers, how the gateway is set up, who calls what and when, what befalls whom and when. The same
// seed gives the same schedule; times are in ms from its beginning.
import { kinds } from './gate.mjs';
import { numbers } from '../e2e/numbers.mjs';

export const most = { n: 3, o: 3 }; // endpoints over HTTP by server
const told = ['wrong_id', 's503', 's500']; // of the upstream itself
const process_faults = ['kill', 'stop', 'exhaust'];
const piped = ['kill', 'stop', 'spoil'];
const strategies = ['adaptive_latency', 'round_robin', 'least_connections', 'consistent_hash', 'random'];

// By their share of all calls.
const shares = { read: 24, same: 10, write: 20, bare: 8, slow: 9, resource: 6, prompt: 6, tools: 5, prompts: 2, templates: 2, cancel_read: 3, cancel_write: 3, patient: 2 };
const bag = Object.entries(shares).flatMap(([kind, share]) => Array(share).fill(kind));

// Faults of one target, one after the other: {at, until, server, place, kind, ...}.
function befalls(draw, target, lasts, likely) {
  const out = [];
  for (let at = 100 + draw(Math.floor(lasts / 3)); at < lasts - 200 && draw(100) < likely; ) {
    const names = target.by === 'stdio' ? piped : draw(10) < 6 ? kinds : draw(2) ? told : process_faults;
    const ends = Math.min(lasts, at + [150, 400, 900, 1600][draw(4)] + draw(200));
    out.push({ at, until: ends, server: target.server, place: target.place, kind: names[draw(names.length)], share: [1, 1, 0.5, 0.2][draw(4)], ms: [60, 200, 600][draw(3)], cut: draw(2) === 0, flush: draw(2) === 0, seed: draw(1e6) });
    at = ends + 100 + draw(Math.floor(lasts / 3));
  }
  return out;
}

export function schedule(seed, { lasts = 2500, rate = 80 } = {}) {
  const draw = numbers(seed * 7919 + 17);
  const servers = [{ name: 'n', era: 'new', by: 'http', count: 1 + draw(3) }, { name: 'o', era: 'old', by: 'http', count: 1 + draw(3) }];
  if (draw(3) === 0) servers.push({ name: 'p', era: draw(2) ? 'new' : 'old', by: 'stdio', count: 1 + draw(2) });
  const config = {
    threads: 1 + draw(3),
    timeout: { request: '2s', connect: '1s' },
    circuit_breaker: { timeout: '2s' }, // and not 30 s: a seed waits until all have come back
    outlier_detection: { max_ejection_time: '4s' },
    load_balancing: { strategy: strategies[draw(strategies.length)] },
    ...[{}, { hedge: { delay: 'p95', budget: '50%' } }, { hedge: { delay: '20ms', budget: '100%' } }][draw(3)],
    ...[{}, {}, { retry: { max_attempts: 1 } }, { retry: { max_attempts: 5, initial_delay: '1ms', budget: '100%' } }][draw(4)],
  };
  const callers = Array.from({ length: 8 }, (_, i) => ({ version: ['2026-07-28', '2025-11-25', '2026-07-28', '2025-06-18'][i % 4], from: `127.0.0.${10 + i}` }));
  const calls = [];
  for (let n = 0; n < (rate * lasts) / 1000; ++n) {
    const kind = bag[draw(bag.length)];
    calls.push({ n, at: Math.floor((n * 1000) / rate), caller: draw(callers.length), server: servers[draw(servers.length)].name, kind, sse: draw(4) === 0, ms: [0, 0, 5, 30, 120][draw(5)], abort: 1 + draw(60) });
  }
  const likely = 40 + draw(60);
  const faults = servers.flatMap((server) => Array.from({ length: server.count }, (_, place) => befalls(draw, { server: server.name, by: server.by, place }, lasts, likely))).flat();
  if (!faults.length) faults.push({ at: 200, until: 900, server: 'n', place: 0, kind: kinds[draw(kinds.length)], share: 1, ms: 200, cut: true, flush: true, seed });
  return { seed, lasts, servers, config, callers, calls, faults: faults.sort((a, b) => a.at - b.at) };
}
