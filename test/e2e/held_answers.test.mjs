// Answers that have to be held until their client reads them: they take a share of limits.buffers, whichever way they came and
// go, and small calls are served all the time.
import assert from 'node:assert/strict';
import path from 'node:path';
import { Wire, callBody, headLines, post, readLarge, sendAndHold } from './raw.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, ask, between, openSession, request, until } from './weir.mjs';

const size = 12 << 20;
const text = '.'.repeat(size);
const large = JSON.stringify({ resultType: 'complete', content: [{ type: 'text', text }] });
const limits = { limits: { buffers: '64MB' } }; // of which 32 MB are for these, 16 MB of one client

export const tests = {
  async 'large answers that come whole and are not read have so much room, and one client half of it'() {
    await between({ call: (parsed, respond) => respond.result(JSON.stringify({ resultType: 'complete', content: [{ type: 'text', text: parsed.params.arguments?.small ? '' : text }] })) }, async (weir, upstream) => {
      await weir.settled();
      let calls = 0;
      // Under a key, or over HTTP/1.0, an answer is not passed on while it comes.
      const forms = {
        key: (id) => post(callBody(`"${id}"`, '{}', `,"weir/idempotencyKey":"${id}"`)),
        old: (id) => post(callBody(`"${id}"`), { version: 'HTTP/1.0' }),
      };
      const begin = async (form, id, from) => {
        const wire = await sendAndHold(weir, forms[form](id), from);
        ++calls;
        return wire;
      };
      const outcome = async (form, id, from) => {
        const wire = await begin(form, id, from);
        const answer = await readLarge(wire);
        wire.destroy();
        return answer;
      };
      const refused = async (form, id, from) => {
        const { status, body } = await outcome(form, id, from);
        const { error } = JSON.parse(body);
        assert.deepEqual([status, error?.code, error?.data.reason, error?.data.sent], [200, 1004, 'overloaded', 'maybe'], body.slice(0, 300));
        assert.match(error.message, /limits\.buffers/);
      };
      const small = async (from) => {
        const answer = await ask(weir.url, 'tools/call', '"name":"echo","arguments":{"small":true}', { name: 'echo', from });
        ++calls;
        assert.equal(answer.status, 200);
        assert.ok(JSON.parse(answer.text).result);
      };
      for (const form of ['key', 'old']) {
        const first = await begin(form, `${form} first`, '127.0.0.1');
        for (const again of ['key', 'old']) await refused(again, `${form} second ${again}`, '127.0.0.1');
        // Another client has room, up to what there is for all.
        const other = await begin(form, `${form} other`, '127.0.0.2');
        await refused(form, `${form} third`, '127.0.0.3');
        for (const from of ['127.0.0.1', '127.0.0.3']) await small(from);
        for (const one of [first, other]) {
          const { status, body } = await readLarge(one);
          assert.deepEqual([status, JSON.parse(body).result.content[0].text.length], [200, text.length]);
          one.destroy();
        }
        // Read, they take no room any more.
        let last;
        await until(async () => !(last = JSON.parse((await outcome(form, `${form} last ${calls}`, '127.0.0.3')).body)).error);
        assert.equal(last.result.content[0].text.length, text.length);
      }
      await small('127.0.0.1');
      assert.equal(upstream.calls().length, calls);
    }, limits);
  },

  async 'large answers of a child take room until they are read'() {
    const args = [path.join(import.meta.dirname, 'lying_child.mjs'), 'new'];
    const weir = await Weir.start({ servers: { c: { command: process.execPath, args } }, ...limits });
    await weir.settled();
    // It does as it is told while another call waits.
    const waits = ask(weir.url, 'tools/call', '"name":"wait","arguments":{"marker":"w"}', { name: 'wait', from: '127.0.0.9' });
    const steps = [{ out: '{"jsonrpc":"2.0","id":@ID@,"result":{"resultType":"complete","content":[{"type":"text","text":"' }, { out: 'x'.repeat(1024), times: size / 1024 }, { out: '"}]}}\n' }];
    const call = post(callBody('1', JSON.stringify({ marker: 'm', steps })).replace('"echo"', '"lie"'), { lines: { 'Mcp-Name': 'lie' } });
    const error = async (from) => {
      const wire = await sendAndHold(weir, call, from);
      const { body } = await readLarge(wire);
      wire.destroy();
      return JSON.parse(body).error?.code;
    };
    const first = await sendAndHold(weir, call, '127.0.0.1');
    assert.equal(await error('127.0.0.1'), 1004);
    const other = await sendAndHold(weir, call, '127.0.0.2');
    assert.equal(await error('127.0.0.3'), 1004);
    for (const one of [first, other]) {
      assert.equal(JSON.parse((await readLarge(one)).body).result.content[0].text.length, size);
      one.destroy();
    }
    await until(async () => (await error('127.0.0.1')) === undefined, 20000);
    await ask(weir.url, 'tools/call', '"name":"release","arguments":{"marker":"r","of":"w"}', { name: 'release' });
    assert.equal((await waits).status, 200);
    assert.equal((await weir.stop()).code, 0);
  },
  async 'a batch holds what all its answers hold'() {
    await between({ call: (parsed, respond) => respond.result(large) }, async (weir, upstream) => {
      await weir.settled();
      const session = await openSession(weir.url, '2025-03-26');
      const one = (id) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{}}}`;
      const body = `[${[1, 2, 3, 4].map(one)}]`;
      const send = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n${headLines({ ...session.headers, 'Content-Length': body.length })}\r\n${body}`;
      const wire = await sendAndHold(weir, send);
      assert.equal(upstream.calls().length, 4);
      // As long as it is not read, there is no room for another one of this client, nor for two of others.
      const again = await sendAndHold(weir, post(callBody('1', '{}', ',"weir/idempotencyKey":"k"')));
      assert.equal(JSON.parse((await readLarge(again)).body).error?.code, 1004);
      const answers = JSON.parse((await readLarge(wire)).body);
      assert.deepEqual(answers.map((answer) => [answer.id, answer.result?.content[0].text.length ?? answer.error.code]), [[1, size], [2, 1004], [3, 1004], [4, 1004]]);
      [wire, again].forEach((each) => each.destroy());
      await until(async () => {
        const last = await sendAndHold(weir, post(callBody('1', '{}', ',"weir/idempotencyKey":"l"')));
        const { body: got } = await readLarge(last);
        last.destroy();
        return JSON.parse(got).result;
      });
    }, limits);
  },

  async 'what waits for a client of /sse takes room until it is read'() {
    await between({ call: (parsed, respond) => respond.result(large) }, async (weir, upstream) => {
      await weir.settled();
      const stream = await Wire.open(weir.url);
      stream.send('GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n');
      const where = /data: (\S+)/.exec(await stream.comes(/data: \S+/))[1];
      const send = async (body) => {
        const wire = await Wire.open(weir.url);
        wire.send(post(body, { path: where }));
        assert.equal((await wire.answer()).status, 202);
        wire.destroy();
      };
      await send('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"e2e","version":"1"}}}');
      await stream.comes(/"id":0/);
      // The first has come whole when it begins, and no more of it is read.
      stream.socket.on('data', () => /"id":1,/.test(stream.text.slice(0, 10000)) && stream.socket.pause());
      for (const id of [1, 2, 3]) {
        await send(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{}}}`);
        await until(() => upstream.calls().length === id);
        if (id === 1) await stream.comes(/"id":1,/);
      }
      stream.socket.removeAllListeners('data');
      // Then come the whole of it and the word that there was no room for the others.
      let bytes = stream.text.length;
      let tail = '';
      for await (const part of stream.socket.iterator({ destroyOnReturn: false })) {
        bytes += part.length;
        tail = (tail + part.toString('latin1')).slice(-3000);
        if (bytes > size && tail.match(/"code":1004/g)?.length === 2) break;
      }
      stream.destroy();
    }, limits);
  },

  async 'an event that has to come whole takes room while it comes'() {
    let begun = 0;
    const call = (parsed, { raw }) => {
      raw.writeHead(200, { 'Content-Type': 'text/event-stream' });
      raw.write(`data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${text}`, () => ++begun);
    };
    await between({ call }, async (weir, upstream) => {
      await weir.settled();
      const wires = [];
      for (let i = 0; i < 4; ++i) wires.push((await Wire.open(weir.url)).send(post(callBody(`"${i}"`))));
      await until(() => upstream.calls().length === 4);
      // There is room for one.
      const over = () => wires.filter((one) => /"code":1004/.test(one.text)).length;
      await until(() => over() >= 3);
      wires.forEach((one) => one.destroy());
    }, limits);
  },

  async 'what a child reports and nobody reads takes its client\'s room, and no other\'s'() {
    const args = [path.join(import.meta.dirname, 'lying_child.mjs'), 'new'];
    const weir = await Weir.start({ servers: { c: { command: process.execPath, args }, demo: { builtin: 'demo' } }, threads: 2, ...limits });
    await weir.settled();
    const waits = ask(weir.url, 'tools/call', '"name":"c__wait","arguments":{"marker":"w"}', { name: 'c__wait', from: '127.0.0.9' });
    // 40 calls of one client, 12 MB of reports for each.
    const report = [{ out: '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":@TOKEN@,"progress":1,"message":"' }, { out: 'x'.repeat(1024), times: 1024 }, { out: '"}}\n' }];
    const steps = Array.from({ length: 12 }, () => report).flat();
    const wires = [];
    for (let i = 0; i < 40; ++i) {
      const body = callBody('1', JSON.stringify({ marker: `m${i}`, steps }), `,"progressToken":"t${i}"`).replace('"echo"', '"c__lie"');
      wires.push(await sendAndHold(weir, post(body, { lines: { 'Mcp-Name': 'c__lie' } }), '127.0.0.1'));
    }
    let most = 0;
    for (let i = 0; i < 60; ++i) {
      const answer = await ask(weir.url, 'tools/call', '"name":"demo__echo","arguments":{}', { name: 'demo__echo', from: '127.0.0.2' });
      assert.equal(answer.status, 200, answer.text);
      most = Math.max(most, Number(/^weir_buffer_bytes (\d+)/m.exec((await request('GET', weir.admin + '/metrics')).text)[1]));
    }
    wires.forEach((one) => one.destroy());
    await ask(weir.url, 'tools/call', '"name":"c__release","arguments":{"marker":"r","of":"w"}', { name: 'c__release' });
    await waits;
    assert.equal((await weir.stop()).code, 0);
    return `${most >> 20} MB at most`;
  },

  async 'the end of the process does not wait for a client that does not read'() {
    const upstream = await Upstream.start({ call: (parsed, respond) => respond.result(large) });
    const weir = await Weir.start({ drain_timeout: '300ms', servers: { a: { url: upstream.url } } });
    await weir.settled();
    const wire = await sendAndHold(weir, post(callBody('1', '{}', ',"weir/idempotencyKey":"k"')));
    const begun = Date.now();
    assert.equal((await weir.stop()).code, 0);
    // A write may take 10 s else.
    assert.ok(Date.now() - begun < 8000, `${Date.now() - begun} ms`);
    wire.destroy();
    await upstream.stop();
  },
};
