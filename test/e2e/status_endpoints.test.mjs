// `weir status` of a server with several endpoints: once, again and again during a fault, and as JSON.
import assert from 'node:assert/strict';
import { allOk, calls, pool, served, turns } from './crowd.mjs';
import { own, until } from './replicas.mjs';
import { binary } from './weir.mjs';

const use = pool();
const clear = '\x1b[H\x1b[2J';

function status(weir, ...flags) {
  const child = own(binary, ['status', '--admin', new URL(weir.admin).host, ...flags]);
  child.out = child.err = '';
  child.stdout.on('data', (data) => (child.out += data));
  child.stderr.on('data', (data) => (child.err += data));
  return child;
}
async function once(weir, ...flags) {
  const child = status(weir, ...flags);
  const { code } = await child.ended;
  await until(() => child.stdout.destroyed || child.stdout.readableEnded, 5000, 'its output');
  assert.deepEqual([code, child.err], [0, '']);
  return child.out;
}
// The rows of endpoints in a table: {address: [state, the rest]}.
const rowsOf = (text) => Object.fromEntries([...text.matchAll(/^ +endpoint +(\w+) +\d+ +(\S+) *(.*)$/gm)].map(([, state, address, rest]) => [address, [state, rest]]));

export const tests = {
  async 'status shows every endpoint, and what is wrong with it since when'() {
    const replicas = await use(3);
    await served(replicas, { weather: { load_balancing: { strategy: 'weighted_round_robin' } } }, async (weir) => {
      const well = await once(weir);
      assert.match(well, /^SERVER +STATE +TOOLS +IN FLIGHT +ADDRESS\nweather +ready +6 +0 +3 endpoints, weighted_round_robin\n/);
      assert.deepEqual(rowsOf(well), { [replicas[0].url]: ['healthy', 'weight 2'], [replicas[1].url]: ['healthy', ''], [replicas[2].url]: ['healthy', 'priority 1'] });
      await replicas[1].fault('s503');
      await turns(weir, replicas[1], 'unhealthy');
      const ill = await once(weir);
      assert.match(ill, /\nweather +degraded +6 /);
      const [state, rest] = rowsOf(ill)[replicas[1].url];
      assert.equal(state, 'unhealthy');
      assert.match(rest, /503.* \(since \d\d:\d\d:\d\dZ\)$/);

      const json = JSON.parse(await once(weir, '--json'));
      assert.equal(json.status, 'degraded');
      assert.deepEqual(json.servers.weather.endpoints.map((one) => [one.address, one.state, one.weight, one.priority, typeof one.in_flight]), [
        [replicas[0].url, 'healthy', 2, 0, 'number'], [replicas[1].url, 'unhealthy', 1, 0, 'number'], [replicas[2].url, 'healthy', 1, 1, 'number'],
      ]);
      const sick = json.servers.weather.endpoints[1];
      assert.match(sick.reason, /503/);
      assert.ok(Math.abs(Date.now() - Date.parse(sick.since)) < 60000 && Math.abs(Date.now() - Date.parse(json.since)) < 120000);
    }, { each: (i) => [{ weight: 2 }, {}, { priority: 1 }][i] });
  },

  async 'status --watch goes on until it is killed, and shows a fault as it comes and goes'() {
    const replicas = await use(2);
    await served(replicas, { weather: {} }, async (weir) => {
      const watch = status(weir, '--watch');
      const lines = status(weir, '--watch', '--json');
      const shown = (state) => until(() => rowsOf(watch.out.split(clear).at(-1))[replicas[0].url]?.[0] === state, 20000, `${state}: ${watch.out.slice(-500)} ${watch.err}`);
      await shown('healthy');
      await replicas[0].fault('hang');
      await shown('unhealthy');
      allOk(await calls(weir.url, 10));
      await replicas[0].heal();
      await shown('healthy');
      assert.equal(watch.exitCode, null, 'it still runs');
      assert.ok(watch.out.split(clear).length >= 4);
      await until(() => lines.out.split('\n').length >= 5, 20000, 'JSON');
      const told = lines.out.split('\n').slice(0, -1).map((line) => JSON.parse(line).servers.weather.endpoints[0].state);
      assert.ok(told.includes('healthy') && told.includes('unhealthy'), String(told));
      for (const one of [watch, lines]) {
        one.kill('SIGTERM');
        assert.equal((await one.ended).signal, 'SIGTERM');
        assert.equal(one.err, '');
      }
    });
  },

  async 'status --watch ends with an error when the gateway ends'() {
    const replicas = await use(1);
    let watch;
    await served(replicas, { weather: {} }, async (weir) => {
      watch = status(weir, '--watch');
      await until(() => watch.out.includes('weather'), 10000, 'a table');
    });
    const { code } = await watch.ended;
    assert.equal(code, 1);
    assert.match(watch.err, /^weir: /);
  },

  async 'panic is said'() {
    const replicas = await use(3);
    await served(replicas, { weather: { load_balancing: { strategy: 'random' } } }, async (weir) => {
      for (const one of replicas.slice(0, 2)) await one.fault('refuse');
      for (const one of replicas.slice(0, 2)) await turns(weir, one, 'unhealthy');
      assert.match(await once(weir), /3 endpoints, random, panic: too few are healthy, all are tried\n/);
    });
  },
};
