// How many calls a server has at a time, who waits and who is refused, as the server itself counts them.
import assert from 'node:assert/strict';
import { allOk, calls, outcomes, pool, row, served } from './crowd.mjs';
import { call, change, metric, until } from './replicas.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, accept, messages, openSession, request } from './weir.mjs';

const use = pool();
// Of one client any number, unless it says otherwise.
const view = (bulkhead, more = {}) => ({ bulkhead: { client_share: 1, max_queue: 100, queue_timeout: '60s', ...bulkhead }, ...more });
let number = 0;
const slow = (url, ms, more = {}) => call(url, { id: `s${++number}`, tool: 'slow', args: { ms }, patience: 60000, ...more });
const echo = (url, more = {}) => call(url, { id: `e${++number}`, patience: 60000, ...more });
const busy = (replica, count) => until(async () => (await replica.counters()).in_flight === count, 20000, `${count} calls at the server`);
const queued = (weir, server, count) => until(async () => (await row(weir, server)).queued === count, 20000, `${count} calls to wait`);
const rejected = async (weir, server) => Object.fromEntries((await metric(weir, 'weir_rejected_total', { server })).map(({ labels, value }) => [labels.reason, value]).filter(([, value]) => value));
const limit = async (weir, server) => (await metric(weir, 'weir_concurrency_limit', { server }))[0]?.value;
function refused(record, hint, least) {
  assert.deepEqual([record.outcome, record.code, record.data?.reason, record.data?.retryable, record.data?.sent], ['rpc_error', 1004, 'overloaded', true, 'no'], JSON.stringify(record));
  assert.ok(record.data.retry_after_ms >= least && record.data.retry_after_ms <= 10000, JSON.stringify(record.data));
  assert.match(record.message, hint);
}

const form = '{"message":"?","requestedSchema":{"type":"object","properties":{}}}';
// A server whose tool asks its client once, and counts whom it has asked.
async function asking(era) {
  const state = { asked: 0, open: [] };
  const done = '{"content":[{"type":"text","text":"done"}]}';
  const upstream = await Upstream.start({
    era,
    before(parsed, send, http) {
      if (http.method === 'DELETE') return send(200, '{}'), true;
      if (parsed.method !== undefined || http.method !== 'POST') return false;
      state.open.shift()?.();
      return send(202, ''), true;
    },
    call(parsed, respond) {
      if (era === 'new') {
        if (parsed.params.requestState) return respond.result(done.replace('{', '{"resultType":"complete",'));
        ++state.asked;
        return respond.result(`{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":${form}}},"requestState":"s"}`);
      }
      ++state.asked;
      respond.events();
      respond.event(`{"jsonrpc":"2.0","id":"q${state.asked}","method":"elicitation/create","params":${form}}`);
      state.open.push(() => respond.end(done));
    },
  });
  return Object.assign(upstream, { state });
}
async function ask(url, more = '') {
  const meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}';
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},${more}${meta}}}`;
  const answer = await request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, body);
  return JSON.parse(messages(answer).at(-1));
}
// A call of an old client: when it is asked, and what comes in the end.
async function oldCall(session, id) {
  let asked;
  const question = new Promise((done) => (asked = done));
  const answer = session.post(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{}}}`, (response) => {
    let text = '';
    response.on('data', (part) => {
      const found = /data: (\{.*elicitation\/create.*\})/.exec((text += part));
      if (found) asked(JSON.parse(found[1]).id);
    });
  });
  const reply = (raw) => session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(raw)},"result":{"action":"accept","content":{}}}`);
  return { question, reply, end: async () => JSON.parse(messages(await answer).at(-1)) };
}

export const tests = {
  async 'where refusals come by the hundred their lines are few, and none is left uncounted'() {
    const replicas = await use(1);
    await served(replicas, { weather: view({ max_concurrent: 1, max_queue: 0 }) }, async (weir) => {
      const kept = slow(weir.url, 3000);
      await busy(replicas[0], 1);
      const all = (await Promise.all(Array.from({ length: 300 }, () => echo(weir.url)))).filter((one) => one.code === 1004).length;
      assert.ok(all >= 290, `${all} refused`);
      const lines = () => weir.log.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)).filter((one) => one.module === 'access');
      const told = () => lines().filter((one) => one.outcome === 'overloaded').length;
      const counted = () => lines().filter((one) => one.message === 'more calls were refused than have a line').reduce((sum, one) => sum + one.count, 0);
      // Any later call brings what is left.
      await kept;
      await until(async () => ((await echo(weir.url)).outcome, told() + counted() >= all), 20000, `${all} calls in ${told()} lines and counts of ${counted()}`);
      assert.ok(told() + counted() === all && told() < all / 2, `${told()} lines, ${counted()} more, ${all} refused`);
    }, { config: { threads: 1, log: { format: 'json' } } });
  },

  async 'a server never has more than max_concurrent; the others wait for their turn'() {
    const [replica] = await use(1);
    await served([replica], { three: view({ max_concurrent: 3 }), any: { bulkhead: false } }, async (weir) => {
      const all = calls(weir.at('three'), 30, { width: 30, patience: 60000, make: () => ({ tool: 'slow', args: { ms: 100 } }) });
      await until(async () => (await row(weir, 'three')).queued > 0, 20000, 'calls to wait');
      assert.equal((await row(weir, 'three')).limit, 3);
      allOk(await all);
      assert.equal((await replica.counters()).most_in_flight, 3);
      assert.equal(await limit(weir, 'three'), 3);
      assert.equal((await row(weir, 'three')).queued, 0);
      assert.deepEqual(await rejected(weir, 'three'), {});
      // Switched off there is no limit.
      await replica.reset();
      allOk(await calls(weir.at('any'), 40, { width: 40, patience: 60000, make: () => ({ tool: 'slow', args: { ms: 1500 } }) }));
      assert.ok((await replica.counters()).most_in_flight > 20);
      assert.equal(await limit(weir, 'any'), undefined);
      assert.equal((await row(weir, 'any')).limit, undefined);
    });
  },

  async 'a full queue refuses at once, one that waits in vain after queue_timeout, both with when to try again'() {
    const [replica] = await use(1);
    await served([replica], { one: view({ max_concurrent: 1, max_queue: 1, queue_timeout: '3s' }) }, async (weir) => {
      const url = weir.at('one');
      const first = slow(url, 9000);
      await busy(replica, 1);
      const second = slow(url, 1);
      await queued(weir, 'one', 1);
      assert.equal((await metric(weir, 'weir_queued', { server: 'one' }))[0].value, 1);
      refused(await slow(url, 1), /1 at a time \(bulkhead.max_concurrent\), and 1 calls wait already \(bulkhead.max_queue\)/, 3000);
      refused(await second, /all the 3s that a call may wait \(bulkhead.queue_timeout\)/, 3000);
      // Who leaves the queue leaves nothing behind.
      const gone = slow(url, 1, { abort: 1500 });
      await queued(weir, 'one', 1);
      assert.equal((await gone).outcome, 'aborted');
      await queued(weir, 'one', 0);
      assert.equal((await first).outcome, 'ok');
      assert.equal((await slow(url, 1)).outcome, 'ok');
      assert.equal((await replica.counters()).by_tool.slow, 2, 'no other was sent');
      assert.deepEqual(await rejected(weir, 'one'), { queue_full: 1, queue_timeout: 1 });
    });
  },

  async 'one greedy client leaves another client served'() {
    const [replica] = await use(1);
    await served([replica], { eight: view({ max_concurrent: 8, client_share: '25%', queue_timeout: '3s' }) }, async (weir) => {
      const url = weir.at('eight');
      const greedy = calls(url, 12, { width: 12, patience: 60000, make: () => ({ tool: 'slow', args: { ms: 7000 }, from: '127.0.0.10' }) });
      await busy(replica, 2);
      await queued(weir, 'eight', 10);
      allOk(await calls(url, 10, { width: 2, make: () => ({ from: '127.0.0.11' }) }), 'the other one');
      const records = await greedy;
      assert.deepEqual(outcomes(records), { ok: 2, rpc_error: 10 });
      refused(records.find((one) => one.outcome !== 'ok'), /as one may have, 2 \(bulkhead.client_share\)/, 3000);
      assert.deepEqual(await rejected(weir, 'eight'), { client_share: 10 });
    });
  },

  async 'a tool has a limit of its own; calls of others pass those that wait'() {
    const [replica] = await use(1);
    await served([replica], { tool: view({ queue_timeout: '3s' }, { tools: { slow: { max_concurrent: 1 } } }), alone: { bulkhead: false, tools: { slow: { max_concurrent: 2 } } } }, async (weir) => {
      const first = slow(weir.at('tool'), 7000);
      await busy(replica, 1);
      const second = slow(weir.at('tool'), 1);
      await queued(weir, 'tool', 1);
      allOk(await calls(weir.at('tool'), 10));
      refused(await second, /calls of this tool are under way as may be, 1 \(its max_concurrent\)/, 3000);
      assert.equal((await first).outcome, 'ok');
      assert.equal((await slow(weir.at('tool'), 1)).outcome, 'ok');
      assert.deepEqual(await rejected(weir, 'tool'), { tool_limit: 1 });
      await replica.reset();
      const all = await calls(weir.at('alone'), 8, { width: 8, make: () => ({ tool: 'slow', args: { ms: 2000 } }) });
      assert.equal((await replica.counters()).most_in_flight, 2);
      assert.equal((await replica.counters()).by_tool.slow, outcomes(all).ok);
    });
  },

  async 'a call that is tried again has one permit all the time: who waits goes after its last attempt'() {
    const [replica] = await use(1);
    await served([replica], { one: view({ max_concurrent: 1, max_queue: 1 }, { retry: { max_attempts: 10, initial_delay: '1s', max_delay: '1s', jitter: 'equal' } }) }, async (weir) => {
      const url = weir.at('one');
      await replica.fault('reset', { only: 'calls' });
      const first = echo(url);
      await until(async () => (await replica.counters()).faulted > 0, 20000, 'the first attempt');
      const second = echo(url);
      await queued(weir, 'one', 1);
      refused(await echo(url), /max_concurrent/, 1);
      await until(async () => (await replica.counters()).faulted > 2, 20000, 'more attempts');
      await replica.heal();
      allOk([await first, await second]);
      const ids = (await replica.counters()).calls.map((one) => one.id);
      assert.ok(ids.length > 3);
      assert.equal(ids.indexOf(ids.at(-1)), ids.length - 1, ids.join());
      assert.equal(new Set(ids).size, 2, ids.join());
    });
  },

  async 'a reload changes the limits under the calls that wait'() {
    const [replica] = await use(1);
    const config = (bulkhead, more = {}) => ({ servers: { weather: { endpoints: [{ url: replica.url }], ...view(bulkhead, more) } } });
    await served([replica], { weather: view({ max_concurrent: 1 }) }, async (weir) => {
      const held = Array.from({ length: 6 }, () => slow(weir.at('weather'), 6000));
      await busy(replica, 1);
      await queued(weir, 'weather', 5);
      await change(weir, config({ max_concurrent: 3 }));
      await busy(replica, 3);
      await change(weir, config({ max_concurrent: 2, max_queue: 0 }));
      assert.equal(await limit(weir, 'weather'), 2);
      refused(await slow(weir.at('weather'), 1), /2 at a time/, 1);
      await change(weir, { servers: { weather: { endpoints: [{ url: replica.url }], bulkhead: false } } });
      allOk(await Promise.all(held));
      // The same again: the counts have come back to nothing.
      await change(weir, config({ max_concurrent: 2, max_queue: 0 }, { tools: { echo: { max_concurrent: 1 } } }));
      const two = [slow(weir.at('weather'), 3000), slow(weir.at('weather'), 3000)];
      await busy(replica, 2);
      refused(await slow(weir.at('weather'), 1), /2 at a time/, 1);
      allOk(await Promise.all(two));
      assert.equal((await replica.counters()).by_tool.slow, 8);
    });
  },

  async 'the end of the process waits for nobody in a queue beyond drain_timeout, and sends none of them'() {
    const [replica] = await use(1);
    await served([replica], { weather: view({ max_concurrent: 4, client_share: 1, max_queue: 32, queue_timeout: '1h' }) }, async (weir) => {
      // On connections of all shards: whoever is ended gives its permit to one elsewhere.
      const all = Array.from({ length: 4 }, () => slow(weir.url, 60000, { patience: 100000 }));
      await busy(replica, 4);
      for (let i = 0; i < 24; i++) all.push(slow(weir.url, 1, { patience: 100000 }));
      await queued(weir, 'weather', 24);
      weir.child.kill('SIGTERM');
      assert.ok((await Promise.all(all)).every((one) => one.outcome !== 'ok'));
      assert.equal((await weir.exit).code, 0);
      assert.equal((await replica.counters()).by_tool.slow, 4);
    }, { config: { threads: 8, drain_timeout: '300ms' } });
  },

  async 'what stands at the top is for all servers, and a server says otherwise'() {
    const [replica] = await use(1);
    await served([replica], { top: {}, own: { bulkhead: { max_concurrent: 7 } } }, async (weir) => {
      assert.deepEqual([await limit(weir, 'top'), await limit(weir, 'own')], [5, 7]);
      const usual = await Weir.start({ servers: { demo: { builtin: 'demo' } } });
      try {
        assert.equal(await limit(usual, 'demo'), 256);
      } finally {
        await usual.stop();
      }
    }, { config: { bulkhead: { max_concurrent: 5 } } });
  },

  async 'adaptive: the limit begins low and grows while calls are quick and it is needed'() {
    const [replica] = await use(1, { latency: 20 });
    await served([replica], { weather: view({ max_concurrent: 60, adaptive: true, max_queue: 1000 }) }, async (weir) => {
      assert.equal(await limit(weir, 'weather'), 20);
      allOk(await calls(weir.at('weather'), 40, { width: 40, make: () => ({ tool: 'slow', args: { ms: 1000 } }) }));
      assert.ok((await replica.counters()).most_in_flight <= 22);
      await until(async () => {
        allOk(await calls(weir.at('weather'), 200, { width: 60 }));
        return (await limit(weir, 'weather')) > 22;
      }, 60000, 'the limit to grow');
    });
  },

  async 'a call that waits for its client holds no permit, whoever asks whom'() {
    for (const era of ['old', 'new']) {
      const server = await asking(era);
      const weir = await Weir.start({ servers: { a: { url: server.url, bulkhead: { max_concurrent: 1, max_queue: 0 } } } });
      try {
        await weir.settled();
        // Old clients, each asked on its own stream.
        const open = [];
        for (let i = 0; i < 3; ++i) {
          const session = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
          const one = await oldCall(session, i + 1);
          open.push(Object.assign(one, { session, id: await one.question }));
        }
        assert.equal(server.state.asked, 3, era);
        for (const one of open) {
          await one.reply(one.id);
          assert.equal((await one.end()).result?.content[0].text, 'done', era);
          await one.session.end();
        }
        // New clients, whose calls are put aside.
        const asked = [];
        for (let i = 0; i < 3; ++i) asked.push((await ask(weir.url)).result);
        assert.deepEqual(asked.map((one) => one?.resultType), Array(3).fill('input_required'), era);
        for (const { requestState, inputRequests } of asked) {
          const key = Object.keys(inputRequests)[0];
          const answer = await ask(weir.url, `"inputResponses":{"${key}":{"action":"accept","content":{}}},"requestState":${JSON.stringify(requestState)},`);
          assert.equal(answer.result?.content[0].text, 'done', JSON.stringify(answer));
        }
        assert.equal(server.state.asked, 6, era);
        assert.deepEqual(await rejected(weir, 'a'), {});
      } finally {
        assert.equal((await weir.stop()).code, 0);
        await server.stop();
      }
    }
  },
};
