// The replicas that other tests rely on do what they are told: seen directly, then through the shipped binary.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { Replica, call, doubled, endAll, now, startChildren, startGateway, told, until } from './replicas.mjs';

// How a client sees each fault that has no connection yet; outcome, code or reason.
const seen = {
  refuse: ['closed', 'ECONNREFUSED'], hang: ['timeout'], reset: ['closed', 'ECONNRESET'], reset_mid: ['closed', 'ECONNRESET'], s500: ['http', 500],
  s503: ['http', 503], garbage: ['closed', 'HPE_INVALID_CONSTANT'], badjson: ['wrong'], wrong_id: ['wrong', 'id "of another"'], trickle: ['timeout'],
};

// Whether a connection is accepted within 300 ms.
const accepts = (replica) => new Promise((done) => {
  const socket = net.connect(new URL(replica.url).port, '127.0.0.1', () => (socket.destroy(), done(true))).on('error', () => done(false));
  socket.setTimeout(300, () => (socket.destroy(), done(false)));
});

export const tests = {
  async 'a replica has the fault that it is told, on old connections and new ones, and heals'() {
    const replica = await Replica.start({ id: 'r7', latency: 5 });
    const agent = new http.Agent({ keepAlive: true });
    try {
      for (const [kind, [outcome, why]] of Object.entries(seen)) {
        await replica.fault(kind);
        const one = await call(replica.url, { id: kind, agent, patience: 300 });
        assert.equal(one.outcome, outcome, `${kind}: ${JSON.stringify(one)}`);
        if (why) assert.equal(one.code ?? one.reason, why, kind);
        await replica.heal();
        const after = await call(replica.url, { id: `${kind} healed` });
        assert.deepEqual([after.outcome, after.replica], ['ok', 'r7'], `${kind} healed: ${JSON.stringify(after)}`);
        await call(replica.url, { id: 'held', agent }); // the next fault meets an open connection
      }
      await replica.blackhole();
      assert.equal((await call(replica.url, { id: 'black', agent, patience: 300 })).outcome, 'timeout', 'an old connection');
      assert.equal((await call(replica.url, { id: 'hole', patience: 300 })).outcome, 'timeout', 'a new connection');
      assert.ok(!(await accepts(replica)), 'it accepts');
      replica.thaw();
      assert.equal((await call(replica.url, { id: 'thawed' })).outcome, 'ok');
      await replica.fault('s503', { only: 'calls', share: 0.5 });
      let half = 0;
      for (let i = 0; i < 100; ++i) half += (await call(replica.url, { id: i })).outcome === 'ok';
      assert.ok(half > 30 && half < 70, `${half} of 100 were good`); // the same each time: a seed decides
      assert.equal((await fetch(replica.url.replace('/mcp', '/health'))).status, 200, 'probes pass');
      await replica.fault('slow', { factor: 20 });
      const slow = await call(replica.url, { id: 'slow' });
      assert.ok(slow.end - slow.start >= 99, `${slow.end - slow.start} ms`);
      await replica.fault('flap', { period: 30 });
      for (const wanted of ['closed', 'ok', 'closed', 'ok']) await until(async () => (await call(replica.url, { id: 'flap' })).outcome === wanted, 5000, wanted);
    } finally {
      agent.destroy();
      await replica.kill();
    }
  },

  async 'a replica books what it was asked: calls by time, probes, doubled writes, bare connections'() {
    const replica = await Replica.start({ id: 'r1' });
    try {
      const before = now();
      for (const id of ['a', 'b', 'a']) await call(replica.url, { id, tool: 'write' });
      assert.equal((await call(replica.url, { id: 'f', tool: 'fail' })).outcome, 'tool_error');
      assert.deepEqual(await call(replica.url, { id: 'e', tool: 'rpc_error' }).then((one) => [one.outcome, one.code]), ['rpc_error', -32603]);
      await fetch(replica.url.replace('/mcp', '/health'));
      const socket = net.connect(new URL(replica.url).port, '127.0.0.1');
      await new Promise((done) => socket.on('connect', done));
      socket.destroy();
      const book = await until(async () => ((book) => book.probes.connects && book)(await replica.counters()), 5000, 'the connection');
      assert.deepEqual(book.by_tool, { write: 3, fail: 1, rpc_error: 1 });
      assert.deepEqual([book.doubles, book.probes.health, book.probes.connects, book.in_flight], [['a'], 1, 1, 0]);
      assert.deepEqual(await doubled([replica]), ['a']);
      assert.ok(book.calls.every((one) => one.at > before && one.at < now() && one.sent <= one.at), 'times');
    } finally {
      await replica.kill();
    }
  },

  async 'a replica serves the gateway in both eras, dies, and comes back where it was'() {
    for (const era of ['new', 'old']) {
      const replica = await Replica.start({ id: era, era });
      const weir = await startGateway([replica]);
      try {
        const one = await call(weir.url, { id: 1, tool: 'whoami' });
        assert.deepEqual([one.outcome, one.replica], ['ok', era], JSON.stringify(one));
        const book = await replica.counters();
        assert.equal(book.by_tool.whoami, 1);
        assert.equal(book.sessions_made > 0, era === 'old');
        assert.equal(typeof one.said.session, era === 'old' ? 'string' : 'object');
        const url = replica.url;
        await replica.kill();
        assert.notEqual((await call(weir.url, { id: 2 })).outcome, 'ok');
        await replica.restart();
        assert.equal(replica.url, url);
        await until(async () => (await call(weir.url, { id: 3 })).outcome === 'ok', 10000, 'its return');
      } finally {
        await weir.stop();
        await endAll([replica]);
      }
    }
  },

  async 'a replica on pipes serves the gateway, and its control port makes it end'() {
    const { weir, children, stop } = await startChildren(1, { options: ['--era', 'old'] });
    try {
      const [child] = children();
      assert.equal((await call(weir.url, { id: 1 })).replica, child.id);
      assert.equal((await told(child.control, 'GET', '/counters')).by_tool.echo, 1);
      await told(child.control, 'POST', '/fault', { kind: 'exit', only: 'calls' });
      assert.equal((await call(weir.url, { id: 2, tool: 'write' })).outcome, 'rpc_error');
      const other = await until(async () => ((one) => one.outcome === 'ok' && one.replica)(await call(weir.url, { id: 3 })), 20000, 'another child');
      assert.notEqual(other, child.id);
    } finally {
      await stop();
    }
  },
};
