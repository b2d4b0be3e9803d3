// Replicas that all tests of a file share, a gateway whose servers are several views of them, and crowds of calls: what the
// tests of balancing, health and affinity have in common. A file's replicas live until the process ends; between two tests
// they are well, awake and have forgotten what they were asked.
import assert from 'node:assert/strict';
import http from 'node:http';
import { Weir, request } from './weir.mjs';
import { call, metric, startReplicas, until } from './replicas.mjs';

// use(count, options): so many replicas with these options, as new.
export function pool() {
  const kept = new Map();
  return async (count, options = {}) => {
    const key = JSON.stringify(options);
    const have = kept.get(key) ?? [];
    kept.set(key, have);
    if (have.length < count) have.push(...(await startReplicas(count - have.length, options, (i) => ({ id: `r${i + have.length}` }))));
    const used = have.slice(0, count);
    await Promise.all(used.map(async (one) => {
      if (one.child.exitCode !== null || one.child.signalCode !== null) await one.restart();
      one.thaw();
      await one.heal();
      await one.latency(options.latency ?? 0);
      await one.reset();
    }));
    return used;
  };
}

// One gateway before `views`: {name: keys of a server}, each with all replicas as its endpoints. `each(i)`: more of each.
export async function gateway(replicas, views, { each = () => ({}), config = {}, ready = true } = {}) {
  const list = replicas.map((one, i) => ({ url: one.url, ...each(i) }));
  const weir = await Weir.start({ servers: Object.fromEntries(Object.entries(views).map(([name, keys]) => [name, { endpoints: list, ...keys }])), ...config });
  weir.at = (name) => `${weir.url}/${name}`;
  if (!ready) return weir;
  try {
    await until(async () => (await rows(weir)).every((one) => one.endpoints.every(({ state }) => state === 'healthy') && one.tools !== undefined), 30000, 'all healthy');
  } catch (error) {
    await weir.stop();
    throw error;
  }
  return weir;
}
// Runs `work` with it, and ends it.
export async function served(replicas, views, work, options = {}) {
  const weir = await gateway(replicas, views, options);
  let how;
  try {
    await work(weir);
  } finally {
    for (const one of replicas) one.thaw();
    how = await weir.stop();
  }
  assert.equal(how.code, 0, `exit code; ${weir.log.slice(-2000)}`);
}

export const rows = (weir) => weir.servers();
export const row = async (weir, server = 'weather') => (await rows(weir)).find((one) => one.name === server);
// An endpoint in /health of the admin address.
export async function endpoint(weir, replica, server = 'weather') {
  const { servers } = JSON.parse((await request('GET', weir.admin + '/health')).text);
  return servers[server].endpoints.find((one) => one.address === (replica.url ?? replica));
}
export const turns = (weir, replica, state, { server = 'weather', ms = 30000 } = {}) =>
  until(async () => ((one) => one?.state === state && one)(await endpoint(weir, replica, server)), ms, `${replica.id ?? replica} to be ${state}`);

// So many calls, `width` at a time; `make(n)`: the options of the n-th.
let batch = 0;
export async function calls(url, count, { width = 8, make = () => ({}), patience = 20000 } = {}) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: width });
  const records = [];
  const prefix = `b${++batch}`;
  let next = 0;
  const worker = async () => {
    for (let n; (n = next++) < count; ) records[n] = await call(url, { id: `${prefix}-${n}`, agent, patience, ...make(n) });
  };
  await Promise.all(Array.from({ length: width }, worker));
  agent.destroy();
  return records;
}
export function outcomes(records) {
  const out = {};
  for (const one of records) out[one.outcome] = (out[one.outcome] ?? 0) + 1;
  return out;
}
export const allOk = (records, what = '') => assert.deepEqual(outcomes(records), { ok: records.length }, `${what} ${JSON.stringify(records.find((one) => one.outcome !== 'ok'))}`);
// How many calls each replica has had since it forgot.
export const counted = async (replicas) => Promise.all(replicas.map(async (one) => Object.values((await one.counters(Infinity)).by_tool).reduce((a, b) => a + b, 0)));
export const forget = (replicas) => Promise.all(replicas.map((one) => one.reset()));

export const even = { load_balancing: { strategy: 'round_robin' } };
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const both = (work) => Promise.all(['new', 'old'].map(work));
// Options of calls. Old clients stay where they are: there are many; newcomers have no session anywhere yet.
export const crowd = (n) => ({ from: `127.0.0.${10 + (n % 20)}` });
let newcomers = 0;
export const newcomer = () => ({ from: `127.1.${(newcomers >> 8) & 255}.${newcomers++ & 255 || 1}` });
export const events = (weir) => weir.log.split('\n').filter((line) => line.includes('"module":"health"')).map((line) => JSON.parse(line));

// What operators see of one that is unhealthy: the same everywhere.
export async function seen(weir, replica, reason) {
  const address = replica.url ?? replica;
  const one = await endpoint(weir, replica);
  assert.match(one.reason, reason);
  assert.ok(Math.abs(Date.now() - Date.parse(one.since)) < 60000, one.since);
  // The endpoint knows it a moment before its server does.
  await until(async () => (await row(weir)).health !== 'healthy', 5000, 'its server to know');
  const server = await row(weir);
  const listed = server.endpoints.find(({ address: at }) => at === address);
  assert.deepEqual([listed.state, listed.reason, listed.since], ['unhealthy', one.reason, one.since]);
  assert.deepEqual([server.state, server.health], ['ready', 'degraded']);
  const whole = await request('GET', weir.admin + '/health');
  assert.deepEqual([whole.status, JSON.parse(whole.text).status], [200, 'degraded']);
  const outside = await request('GET', new URL('/health', weir.url).href);
  assert.equal(outside.status, 200, 'for balancers in front');
  const states = await metric(weir, 'weir_endpoint_state', { server: 'weather', endpoint: address });
  assert.deepEqual(states.filter(({ value }) => value === 1).map(({ labels }) => labels.state), ['unhealthy']);
  await until(() => events(weir).some((line) => ['unhealthy', 'unreachable'].includes(line.message) && line.endpoint === address && reason.test(line.reason)), 5000, 'the log to say so: ' + weir.log);
}
