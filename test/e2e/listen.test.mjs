// subscriptions/listen: what many clients want of one server together, and a server or a client that is in the way.
import assert from 'node:assert/strict';
import { Lines } from './lines.mjs';
import { listen, subscribe, telling } from './telling.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, ask, between, meta, openSession, until } from './weir.mjs';

export const tests = {
  async 'what all want of one server is asked of it within bounds, the rest is left out'() {
    const spec = telling();
    await between(spec, async (weir) => {
      await weir.settled();
      // Shares are counted by address.
      const all = Array.from({ length: 9 }, (_, k) => listen(weir.url, { resourceSubscriptions: Array.from({ length: 3000 }, (_, i) => `x://${k}/${i}`) }, String(k), `127.0.0.${k + 2}`));
      const agreed = [];
      for (const one of all) agreed.push(((await one.acknowledged()).resourceSubscriptions ?? []).length);
      assert.equal(agreed.reduce((a, b) => a + b), 20000);
      assert.equal(Math.max(...spec.state.filters.map((one) => one.resourceSubscriptions?.length ?? 0)), 20000);
      for (const one of all) one.leave();
    }, { limits: { body: '4MB' } });
  },

  async 'a long URI is refused, and many that are long together'() {
    const spec = telling();
    await between(spec, async (weir) => {
      await weir.settled();
      const [greedy, modest] = [await openSession(weir.url), await openSession(weir.url)];
      const long = (i, size) => `x://${i}/`.padEnd(size, 'z');
      assert.equal((await subscribe(greedy, long(0, 8193))).error.code, -32602);
      const refused = await ask(weir.url, 'subscriptions/listen', `"notifications":{"resourceSubscriptions":["${long(0, 8193)}"]}`);
      assert.equal(JSON.parse(refused.text).error.code, -32602);
      const many = listen(weir.url, { resourceSubscriptions: Array.from({ length: 10 }, (_, i) => long(i, 8192)) });
      assert.equal((await many.acknowledged()).resourceSubscriptions.length, 10);
      const codes = [];
      for (let i = 10; i < 70; ++i) codes.push((await subscribe(greedy, long(i, 8192))).error?.code);
      assert.equal(codes.indexOf(-32602), 63 - 10, 'half a megabyte');
      const other = listen(weir.url, { resourceSubscriptions: [long(70, 8192)] }, '"other"', '127.0.0.2');
      assert.equal((await other.acknowledged()).resourceSubscriptions.length, 1, 'another client has a share of its own');
      other.leave();
      assert.ok(codes.slice(63 - 10).every((code) => code === -32602));
      await greedy.end();
      many.leave();
      await until(() => spec.state.filters.at(-1).resourceSubscriptions === undefined, 30000, 'the subscriptions to go');
      assert.ok((await subscribe(modest, long(0, 8192))).result, 'there is room again');
      await modest.end();
    });
  },

  async 'what a server refuses with a whole filter is refused to whom it was for'() {
    const spec = telling({ refuses: (filter) => filter.resourceSubscriptions?.some((uri) => uri.includes('bad')) });
    await between(spec, async (weir) => {
      await weir.settled();
      const [good, bad] = [await openSession(weir.url), await openSession(weir.url)];
      await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        const answers = await Promise.all([subscribe(bad, `x://bad${i}`), subscribe(good, `x://good${i}`)]);
        assert.deepEqual(answers.map((one) => one.error?.code), [-32601, undefined]);
      }));
      const mixed = listen(weir.url, { resourceSubscriptions: ['x://1', 'x://bad', 'x://2', 'x://good3'] });
      assert.deepEqual(await mixed.acknowledged(), { resourceSubscriptions: ['x://1', 'x://2', 'x://good3'] });
      // Nobody has lost what it had.
      await until(() => spec.state.open.size === 1, 10000, 'one stream');
      const [stream] = spec.state.open;
      assert.equal(stream.wanted.resourceSubscriptions.length, 22);
      stream.tell('notifications/resources/updated', { uri: 'x://2' });
      await mixed.came('notifications/resources/updated');
      mixed.leave();
    });
  },

  async 'a resource that is refused when the server is asked anew takes no other along'() {
    let gone = false;
    const spec = telling({ refuses: (filter) => gone && filter.resourceSubscriptions?.includes('x://2') });
    await between(spec, async (weir) => {
      await weir.settled();
      const one = listen(weir.url, { resourceSubscriptions: ['x://1', 'x://2', 'x://3'] });
      await one.acknowledged();
      gone = true;
      for (const { response } of spec.state.open) response.destroy();
      await until(() => spec.state.open.size === 1 && spec.state.filters.at(-1).resourceSubscriptions?.join() === 'x://1,x://3', 20000, 'the others');
      [...spec.state.open][0].tell('notifications/resources/updated', { uri: 'x://3' });
      await one.came('notifications/resources/updated');
      one.leave();
    });
  },

  async 'a listener on a channel that falls behind is told that it has'() {
    const spec = telling();
    const upstream = await Upstream.start(spec);
    const lines = Lines.start({ servers: { a: { url: upstream.url } } });
    try {
      lines.send(`{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["x://1"]},"_meta":{${meta}}}}`);
      await lines.find((one) => one.method === 'notifications/subscriptions/acknowledged', 'the acknowledgement');
      lines.child.stdout.pause();
      // More than all the buffers on the way hold.
      const [stream] = spec.state.open;
      for (let i = 0; i < 100 && !stream.response.destroyed; ++i) {
        let free = true;
        for (let k = 0; k < 1000; ++k) free = stream.tell('notifications/resources/updated', { uri: 'x://1' });
        await until(() => free || stream.response.destroyed || !stream.response.writableNeedDrain, 20000, 'the gateway to read on');
      }
      lines.child.stdout.resume();
      assert.equal((await lines.answer('L')).error.code, -32603);
      lines.send(`{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"_meta":{${meta}}}}`);
      assert.ok((await lines.answer(5)).result, 'the channel goes on');
    } finally {
      lines.child.kill('SIGKILL');
      await lines.exit;
      await upstream.stop();
    }
  },

  async 'a server that does not answer for its list holds up no other\'s announcement'() {
    let mute = false;
    const [a, b] = [telling({ before: (parsed) => mute && /\/list$/.test(parsed.method) }), telling()];
    await between([a, b], async (weir, asked, other) => {
      await weir.settled();
      const one = listen(weir.url, { toolsListChanged: true, resourcesListChanged: true });
      await one.acknowledged();
      await until(() => a.state.open.size === 1 && b.state.open.size === 1, 10000, 'both streams');
      mute = true;
      asked.seen.length = other.seen.length = 0;
      [...a.state.open][0].tell('notifications/resources/list_changed');
      await until(() => asked.seen.some((seen) => seen.method === 'resources/list'), 10000, 'the question');
      one.messages.length = 0;
      [...b.state.open][0].tell('notifications/tools/list_changed');
      await until(() => other.seen.some((seen) => seen.method === 'tools/list'), 20000, 'the question to the other');
      await one.came('notifications/tools/list_changed');
      assert.equal(asked.closed, 0, 'the first one is still being waited for');
      one.leave();
    }, { timeout: { list: '60s' } });
  },

  async 'who listens while a server is down hears of its return'() {
    const before = await Upstream.start({});
    await before.stop();
    const weir = await Weir.start({ servers: { a: { url: before.url } } });
    let upstream;
    try {
      await until(async () => (await weir.servers())[0].state !== 'starting', 20000, 'the failure');
      const one = listen(weir.url, { toolsListChanged: true });
      assert.deepEqual(await one.acknowledged(), { toolsListChanged: true });
      upstream = await Upstream.start({ ...telling(), port: before.port });
      await one.came('notifications/tools/list_changed');
      one.leave();
    } finally {
      assert.equal((await weir.stop()).code, 0, 'exit code');
      await upstream?.stop();
    }
  },
};
